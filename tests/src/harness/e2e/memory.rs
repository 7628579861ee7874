//! How much memory a container uses, as its node sees it.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

/// In KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its own: heap and stacks.
    pub own: u64,
    /// Pages of its program's file, on disk or in a file system in memory, which all containers of one image share.
    pub file: u64,
    /// Both at their most.
    pub peak: u64,
    /// What its limit is held against.
    pub charged: u64,
}

impl Memory {
    /// Of a process by its id, and of the cgroup it is in.
    pub(super) fn of(id: &str) -> anyhow::Result<Self> {
        ensure!(!id.is_empty(), "the container has no process");
        let process = Path::new("/proc").join(id);
        let status = fs::read_to_string(process.join("status"))?;
        let of = |name: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
            Ok(line.trim().trim_end_matches(" kB").parse()?)
        };
        let charged = charged(&fs::read_to_string(process.join("cgroup"))?)?;
        let file = of("RssFile:")? + of("RssShmem:")?;
        Ok(Self { own: of("RssAnon:")?, file, peak: of("VmHWM:")?, charged: charged / 1024 })
    }
}

/// In bytes, by the lines of `/proc/ID/cgroup`: `0::/PATH` in version 2, `NUMBER:memory:/PATH` in version 1.
fn charged(lines: &str) -> anyhow::Result<u64> {
    let file = lines.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        match (parts.next()?, parts.next()?.trim_start_matches('/')) {
            ("memory", path) => Some(format!("/sys/fs/cgroup/memory/{path}/memory.usage_in_bytes")),
            ("", path) => {
                Some(format!("/sys/fs/cgroup/{path}/memory.current")).filter(|file| Path::new(file).exists())
            }
            _ => None,
        }
    });
    let file = file.context("no cgroup counts memory")?;
    Ok(fs::read_to_string(&file).context(file)?.trim().parse()?)
}

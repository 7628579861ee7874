//! A process under measurement: started on its own core, its CPU time and memory read from `/proc`, and never left behind.

use std::{
    collections::HashMap,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

/// `/proc` counts CPU time in these; the kernel's ABI fixes them at 100 a second.
const TICK: Duration = Duration::from_millis(10);

/// A child, in a process group of its own that ends with it.
pub(crate) struct Process {
    child: Child,
    name: &'static str,
}

impl Process {
    /// Starts `program` on one core, its output going to the files given. Should this process die without a word,
    /// the kernel ends the child.
    pub(crate) fn start(
        name: &'static str,
        core: usize,
        program: &Path,
        arguments: &[&str],
        stdout: &Path,
        stderr: &Path,
    ) -> Result<Self> {
        let child = Command::new("taskset")
            .args(["--cpu-list", &core.to_string(), "setpriv", "--pdeathsig", "TERM"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(stdout)?)
            .stderr(File::create(stderr)?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name} ({})", program.display()))?;
        Ok(Self { child, name })
    }

    /// Fails when the process is gone.
    pub(crate) fn ensure_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended by itself: {status}", self.name),
            None => Ok(()),
        }
    }

    /// Asks it to end and waits; after `patience` it is killed, which is an error.
    pub(crate) async fn stop(mut self, patience: Duration) -> Result<()> {
        self.signal("TERM", &self.child.id().to_string());
        let deadline = Instant::now() + patience;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("{} did not end within {patience:?} of SIGTERM", self.name);
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// CPU time and memory of the process and all that it started.
    pub(crate) fn usage(&self) -> Usage {
        Usage::read(self.child.id())
    }

    fn signal(&self, signal: &str, target: &str) {
        // The shell's own `kill`: no package is needed, and no unsafe code.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -s {signal} -- {target}")])
            .stderr(Stdio::null())
            .status();
        if let Err(error) = sent {
            crate::note(&format!("cannot signal {}: {error}", self.name));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal("KILL", &format!("-{}", self.child.id()));
        // Reaped or not, there is nothing more to do about it.
        let _ = self.child.wait();
    }
}

/// What a process tree has used so far.
#[derive(Default)]
pub(crate) struct Usage {
    /// Nanoseconds on a CPU, by thread.
    threads: HashMap<u32, u64>,
    /// User and system time of whole processes, ended threads included; in steps of [`TICK`].
    coarse: Duration,
    /// Resident memory of the largest process now, in KiB. (nginx's master shares most of its worker's.)
    pub(crate) resident_kib: u64,
    /// The most that it ever was.
    pub(crate) peak_kib: u64,
}

impl Usage {
    fn read(root: u32) -> Self {
        let mut usage = Self::default();
        let mut waiting = vec![root];
        while let Some(pid) = waiting.pop() {
            usage.add(pid);
            for thread in threads(pid) {
                let children =
                    fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
                waiting.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            }
        }
        usage
    }

    /// This process's own.
    pub(crate) fn own() -> Self {
        let mut usage = Self::default();
        usage.add(std::process::id());
        usage
    }

    fn add(&mut self, pid: u32) {
        self.coarse += stat_time(pid);
        for thread in threads(pid) {
            let on_cpu = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok();
            let on_cpu = on_cpu.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
            self.threads.insert(thread, on_cpu.unwrap_or_default());
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        self.resident_kib = self.resident_kib.max(kib(&status, "VmRSS:"));
        self.peak_kib = self.peak_kib.max(kib(&status, "VmHWM:"));
    }

    /// CPU time spent since `earlier`: of every thread by the scheduler's fine clock, or the coarse one of the whole
    /// processes should it show more (threads that ended meanwhile).
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let before = |thread| earlier.threads.get(thread).copied().unwrap_or_default();
        let fine = self.threads.iter().map(|(thread, now)| now.saturating_sub(before(thread))).sum();
        let coarse = self.coarse.saturating_sub(earlier.coarse);
        Duration::from_nanos(fine).max(coarse.saturating_sub(TICK * 2))
    }
}

fn threads(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn stat_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces and parentheses; fields are counted from behind it. utime and stime are 14 and 15.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
    TICK * fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum()
}

fn kib(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Moves this process, and what it will start, to one core.
pub(crate) fn pin_self(core: usize) -> Result<()> {
    let status = Command::new("taskset")
        .args(["--cpu-list", "--pid", &core.to_string(), &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status()
        .context("taskset (package util-linux) is needed")?;
    if status.success() { Ok(()) } else { bail!("cannot pin to core {core}: {status}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_work_shows_in_the_counters() {
        let before = Usage::own();
        let until = std::time::Instant::now() + Duration::from_millis(120);
        while std::time::Instant::now() < until {
            std::hint::spin_loop();
        }
        let spent = Usage::own().since(&before);
        assert!(spent > Duration::from_millis(20), "{spent:?}");
        assert!(before.resident_kib > 500 && before.peak_kib >= before.resident_kib);
    }

    #[test]
    fn an_ended_thread_is_covered_by_the_coarse_clock() {
        let earlier = Usage { coarse: TICK * 10, ..Usage::default() };
        let later = Usage { threads: HashMap::from([(1, 1_000)]), coarse: TICK * 40, ..Usage::default() };
        assert_eq!(later.since(&earlier), TICK * 28);
    }

    #[test]
    fn a_dropped_process_is_gone() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (out, err) = (folder.path().join("out"), folder.path().join("err"));
        let process = Process::start("sleep", 0, Path::new("sleep"), &["60"], &out, &err)?;
        let pid = process.child.id();
        drop(process);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        Ok(())
    }
}

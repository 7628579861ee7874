//! Where Postgres is, and who may run it.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// The version that is preferred.
const VERSION: &str = "15";

/// Each program's path.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

impl Programs {
    /// The version that we are tested with where Debian puts it, else what is on `PATH`, else Debian's newest.
    pub(super) fn find() -> anyhow::Result<Self> {
        let debian = Path::new("/usr/lib/postgresql");
        let mut versions: Vec<u32> = std::fs::read_dir(debian)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        versions.sort_unstable();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folder = std::iter::once(debian.join(VERSION).join("bin"))
            .chain(std::env::split_paths(&path))
            .chain(versions.into_iter().rev().map(|version| debian.join(version.to_string()).join("bin")))
            .find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
            .context("Postgres is missing: apt-get install postgresql (or tests/postgres/setup)")?;
        Ok(Self { initdb: folder.join("initdb"), postgres: folder.join("postgres") })
    }
}

/// Who runs it. It refuses root.
#[derive(Clone, Copy, Debug)]
pub(super) enum User {
    /// Whoever runs the test.
    Same,
    /// The user `postgres`, as this one is root.
    Postgres { user: u32, group: u32 },
}

impl User {
    pub(super) fn that_may_run_it() -> anyhow::Result<Self> {
        // A file that this process has made belongs to who runs it.
        if tempfile::tempdir()?.path().metadata()?.uid() != 0 {
            return Ok(Self::Same);
        }
        let users = std::fs::read_to_string("/etc/passwd")?;
        let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
        let line = line.context(
            "root may not run Postgres, and there is no user postgres: apt-get install postgresql",
        )?;
        let mut ids = line.split(':').skip(1).map(str::parse);
        let (Some(Ok(user)), Some(Ok(group))) = (ids.next(), ids.next()) else {
            anyhow::bail!("/etc/passwd: postgres:{line}")
        };
        Ok(Self::Postgres { user, group })
    }

    /// Gives a file to who runs it.
    pub(super) fn own(self, path: &Path) -> anyhow::Result<()> {
        match self {
            Self::Same => Ok(()),
            Self::Postgres { user, group } => Ok(chown(path, Some(user), Some(group))?),
        }
    }

    /// A program as this user.
    pub(super) fn command(self, program: impl AsRef<OsStr>) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        if let Self::Postgres { user, group } = self {
            command.uid(user).gid(group);
        }
        command
    }
}

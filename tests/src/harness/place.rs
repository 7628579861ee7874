//! A temporary folder with the programs that run in it. Both go when this process ends, whichever way it ends.
//!
//! A guard (a shell in a process group of its own) waits for the end of a pipe that only this process holds. The kernel closes
//! it even after SIGKILL; then the guard ends the programs by their ids in the folder (Postgres cleans up after itself if it is
//! asked to quit), and removes the folder.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};

const GUARD: &str = r#"
trap '' HUP INT TERM
cat >/dev/null
each() {
  for file in "$1"/*.pid; do
    [ -e "$file" ] && pid=$(cat "$file") && "$2" "$pid"
  done
}
ask() { kill -CONT "$1" $(cat /proc/"$1"/task/*/children); kill -QUIT "$1"; }
end() { kill -KILL "$1"; }
each "$1" ask 2>/dev/null
set -- "$1" "$1"/*.pid; [ -e "$2" ] && sleep 0.5
each "$1" end 2>/dev/null
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"#;

/// Longer than any program takes to end, even on a busy machine.
const END: Duration = Duration::from_mins(1);

/// A temporary folder. What runs in it is dropped before it.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    guard: Child,
}

impl Place {
    pub(super) fn new(what: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix(&format!("aigne-hub-{what}-")).tempdir()?.keep();
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { folder, guard })
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file and says where.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Starts a program that writes `NAME.log`.
    pub(super) fn spawn(&self, name: &str, mut command: Command) -> anyhow::Result<Process> {
        let log = self.join(&format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log)?;
        command.current_dir(&self.folder).process_group(0);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let process = Process { name: name.to_owned(), mark: self.join(&format!("{name}.pid")), log, child };
        std::fs::write(&process.mark, process.id().to_string())?;
        Ok(process)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// A program that runs in a [`Place`]. It ends when dropped. It belongs to no runtime.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    mark: PathBuf,
    log: PathBuf,
    child: Child,
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name.
    pub(super) fn signal(&self, name: &str) -> anyhow::Result<()> {
        signal(name, self.id())
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let what = format!("{} ends", self.name);
        let status = super::eventually_within(END, &what, async || Ok(self.child.try_wait()?)).await?;
        std::fs::remove_file(&self.mark)?;
        Ok(status)
    }

    /// An error, with the end of its log, where it does not run any more.
    pub(super) fn runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(anyhow!("{} ended: {status}\n{}", self.name, self.log_tail())),
        }
    }

    pub(super) fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Postgres cleans up after itself if it is asked to quit; the others just end.
        let _ = self.signal("CONT").and_then(|()| self.signal("QUIT"));
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.mark);
    }
}

/// Sends a signal by name, for example `STOP`.
pub(super) fn signal(name: &str, id: u32) -> anyhow::Result<()> {
    let output = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).output()?;
    ensure!(output.status.success(), "kill -{name}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Random lower-case hexadecimal digits, two a byte.
pub(super) fn random(bytes: usize) -> anyhow::Result<String> {
    use std::io::Read;
    let mut random = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(hex::encode(random))
}

/// A free port of loopback, below those that the kernel gives to outgoing connections: a server that is stopped finds
/// it free when it starts again.
pub fn free_port() -> anyhow::Result<u16> {
    for _ in 0..100 {
        let port = 20_000 + u16::from_str_radix(&random(2)?, 16)? % 12_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(anyhow!("no free port between 20000 and 32000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_and_its_folder_end_with_their_place() -> anyhow::Result<()> {
        let place = Place::new("test")?;
        let folder = place.path().to_owned();
        let mut sleep = Command::new("sleep");
        sleep.arg("1000");
        let mut process = place.spawn("sleep", sleep)?;
        process.runs()?;
        let of_process = PathBuf::from(format!("/proc/{}", process.id()));
        assert!(of_process.exists());
        // As if this process were gone: nobody but the guard ends the program.
        drop(place);
        assert!(!folder.exists(), "the folder is left");
        assert!(process.child.wait()?.code().is_none(), "a signal ends it");
        Ok(())
    }
}

//! A private Postgres for the tests of this process: in a folder of its own, and gone with the process however that
//! ends. Each test has a database of its own; what stops or pauses the server starts one for itself.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, net, thread};

use tempfile::TempDir;

use super::{DatabaseUrl, Options, Postgres};
use crate::secret::SecretValue;

/// Debian's folders, newest first; `AIGNE_HUB_POSTGRES_BIN` names another.
const VERSIONS: [u32; 4] = [18, 17, 16, 15];

/// A running server.
pub(crate) struct Server {
    folder: TempDir,
    pub(crate) port: u16,
    process: Option<Child>,
}

impl Server {
    /// One for all tests that leave it alone.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        // The server runs as another user where we are root, which it refuses to be.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let data = folder.path().join("data");
        let made = command("initdb")
            .args([
                "--auth=scram-sha-256",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(password_file(folder.path()))
            .arg("--pgdata")
            .arg(&data)
            .output();
        check("initdb", &made.unwrap());
        let port = net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, port, process: None };
        server.resume_service();
        server
    }

    /// Starts it (again), and waits until it answers.
    pub(crate) fn resume_service(&mut self) {
        let mut supervised = command("sh");
        supervised
            .args(["-c", SUPERVISE])
            .arg(self.folder.path().join("data"))
            .args(["setpriv", "--pdeathsig", "KILL", "--"])
            .arg(bin("postgres"))
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-h", "127.0.0.1", "-k", "", "-p", &self.port.to_string()])
            .args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB"])
            .args(["-c", "max_connections=150"])
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.folder.path().join("log")).unwrap());
        // Signalled when the thread ends that started it: that has to be one that ends with the process.
        let (sender, started) = std::sync::mpsc::channel();
        thread::spawn(move || {
            sender.send(supervised.spawn()).unwrap();
            loop {
                thread::park();
            }
        });
        self.process = Some(started.recv().unwrap().unwrap());
        for _ in 0..600 {
            let ready =
                command("pg_isready").args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).output();
            if ready.unwrap().status.success() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("Postgres does not start: {}", fs::read_to_string(self.folder.path().join("log")).unwrap());
    }

    /// Ends it at once, as a lost machine does.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            self.signal("QUIT");
            process.wait().unwrap();
        }
    }

    /// Its processes are told; `STOP` pauses them, `CONT` lets them go on.
    pub(crate) fn signal(&self, name: &str) {
        let pid = fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let told = Command::new("kill").args([&format!("-{name}"), &pid]).output().unwrap();
        assert!(told.status.success(), "{told:?}");
        if name != "QUIT" {
            // Of these some may be gone by now.
            let _ = Command::new("kill").arg(format!("-{name}")).args(children.split_whitespace()).output();
        }
    }

    /// As the superuser; returns what it printed.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        let done = Command::new(bin("psql"))
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url("postgres", PASSWORD, database))
            .output()
            .unwrap();
        check(sql, &done);
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// A new, empty database.
    pub(crate) fn database(&self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        Database { url: self.url("postgres", PASSWORD, &name), name }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            // Who is paused hears nothing.
            self.signal("CONT");
            self.stop();
        }
    }
}

/// A database of one test.
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) url: String,
}

impl Database {
    pub(crate) fn options(&self) -> Options {
        Options::new(DatabaseUrl::Value(SecretValue::new(self.url.clone())))
    }

    pub(crate) fn store(&self) -> Postgres {
        Postgres::new(self.options())
    }
}

pub(crate) const PASSWORD: &str = "correct-horse";

fn password_file(folder: &Path) -> PathBuf {
    let path = folder.join("password");
    fs::write(&path, PASSWORD).unwrap();
    path
}

fn bin(program: &str) -> PathBuf {
    let named = std::env::var_os("AIGNE_HUB_POSTGRES_BIN").map(PathBuf::from);
    let debian = VERSIONS.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let folders = named.into_iter().chain(debian).chain(path);
    folders.map(|folder| folder.join(program)).find(|file| file.exists()).unwrap_or_else(|| {
        panic!("{program} is missing: install postgresql, or set AIGNE_HUB_POSTGRES_BIN to its folder")
    })
}

/// Runs the server; told to end, as it is when the test's process is gone, it takes the data along.
const SUPERVISE: &str = r#"
    trap 'kill -QUIT $!; wait; rm -rf "$0"; exit' TERM
    "$@" &
    wait
"#;

/// Not as root, and told when whoever started it is gone.
fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if root {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.arg("--").arg(if program == "sh" { "sh".into() } else { bin(program) });
    command
}

fn check(what: &str, done: &Output) {
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{what}: {said}");
}

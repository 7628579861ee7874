//! A real Postgres in a folder of its own.
//!
//! ```text
//! shared() ─► one for all tests of the process ─► database() ─► URL of an empty database
//! Postgres::start() ─► one of the test's own, which it may stop, pause and start again
//! ```

mod programs;

use std::fmt::Write;
use std::process::Command;

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use super::eventually;
use super::place::{Place, Process, free_port, random, signal};
use programs::{Programs, User};

/// How to stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Cuts connections, writes everything down, ends.
    Fast,
    /// Cuts connections and ends; the next start recovers. What was committed is there.
    Immediate,
}

/// A running Postgres, reached by TCP on loopback (and a Unix socket in its folder) with a password. It ends when
/// dropped, or with the process.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    programs: Programs,
    user: User,
    port: u16,
    password: String,
    place: Place,
}

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// The one that tests share. A test takes a [database](Postgres::database) of its own in it.
pub async fn shared() -> anyhow::Result<&'static Postgres> {
    SHARED.get_or_try_init(Postgres::start).await
}

/// The role that owns each database: no superuser, as the hub's role is none.
const OWNER: &str = "hub";

impl Postgres {
    /// Starts one that belongs to the caller alone.
    pub async fn start() -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let place = Place::new("postgres")?;
        let user = User::that_may_run_it()?;
        let password = random(16)?;
        let secret = place.write("password", &password)?;
        user.own(place.path())?;
        user.own(&secret)?;
        let mut initdb = user.command(&programs.initdb);
        initdb.arg("--pgdata").arg(place.join("data")).arg("--pwfile").arg(secret);
        initdb.args(["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]);
        let mut initdb = place.spawn("initdb", initdb)?;
        let made = initdb.ended().await?;
        anyhow::ensure!(made.success(), "initdb: {made}: {}", initdb.log_tail());
        let mut postgres = Self { process: None, programs, user, port: free_port()?, password, place };
        postgres.start_again().await?;
        let role = format!("CREATE ROLE {OWNER} LOGIN PASSWORD '{}'", postgres.password);
        postgres.execute(&role).await?;
        Ok(postgres)
    }

    /// The URL of a new, empty database, whose owner is the role in the URL. It is no superuser.
    pub async fn database(&self) -> anyhow::Result<String> {
        let name = format!("test_{}", random(6)?);
        self.execute(&format!("CREATE DATABASE {name} OWNER {OWNER}")).await?;
        Ok(self.url(OWNER, &name))
    }

    /// The same database as its superuser sees it.
    pub fn as_superuser(&self, url: &str) -> String {
        self.url("postgres", url.rsplit('/').next().unwrap_or_default())
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Ends it. It is gone when this returns.
    pub async fn stop(&mut self, how: Stop) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.signal(match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        })?;
        process.ended().await.map(drop)
    }

    /// Starts it again after [`stop`](Self::stop), on the same port and data.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        let mut process = self.place.spawn("postgres", self.server())?;
        eventually("Postgres is ready", async || {
            process.runs()?;
            Ok(self.connect().await.ok().map(drop))
        })
        .await
        .with_context(|| process.log_tail())?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it and starts it again.
    pub async fn restart(&mut self, how: Stop) -> anyhow::Result<()> {
        self.stop(how).await?;
        self.start_again().await
    }

    /// Makes it hang: connections stay open, new ones are taken by the kernel, and nobody answers.
    pub fn pause(&self) -> anyhow::Result<()> {
        let main = self.process.as_ref().context("it is stopped")?.id();
        // The main process first: then it starts no further ones.
        signal("STOP", main)?;
        for child in children(main)? {
            // One that has ended meanwhile needs no stopping.
            let _ = signal("STOP", child);
        }
        Ok(())
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) -> anyhow::Result<()> {
        let main = self.process.as_ref().context("it is stopped")?.id();
        for child in children(main)? {
            let _ = signal("CONT", child);
        }
        signal("CONT", main)
    }

    fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    async fn connect(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect(&self.url("postgres", "postgres")).await?)
    }

    async fn execute(&self, statement: &str) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        connection.execute(AssertSqlSafe(statement)).await?;
        Ok(connection.close().await?)
    }

    fn server(&self) -> Command {
        let mut command = self.user.command(&self.programs.postgres);
        command.arg("-D").arg(self.place.join("data"));
        command.arg("-k").arg(self.place.path());
        command.args(["-h", "127.0.0.1", "-p"]).arg(self.port.to_string());
        let settings = [
            // What the disk promises is of no use to a test: the page cache outlives every process.
            "fsync=off",
            "full_page_writes=off",
            "max_connections=300",
            "shared_buffers=64MB",
            "max_wal_size=256MB",
            "log_min_messages=warning",
        ];
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        command
    }
}

/// The processes that a process has started.
fn children(of: u32) -> anyhow::Result<Vec<u32>> {
    let mut text = String::new();
    for task in std::fs::read_dir(format!("/proc/{of}/task"))? {
        write!(text, "{} ", std::fs::read_to_string(task?.path().join("children"))?)?;
    }
    Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
}

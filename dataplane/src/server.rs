//! Threads and listeners: one current-thread runtime a core, each with its own listener on the same port, so that
//! a request never leaves its core.

pub mod tls;

pub(crate) mod connection;
pub(crate) mod listen;

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::JoinHandle,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::LocalSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    gateway,
    ledger::journal::Journals,
    percore::{Core, Live, Shared},
    telemetry::{
        Telemetry,
        access::{AccessLog, AccessWriter, FLUSH_EVERY},
    },
    upstream::{Pool, SWEEP_EVERY},
};

/// How the gateway listens and ends.
#[derive(Clone, Debug)]
pub struct Options {
    /// For plain HTTP; port 0 picks a free one.
    pub listen: Option<SocketAddr>,
    /// For TLS.
    pub tls: Option<tls::Options>,
    /// Runtimes; one a core.
    pub threads: usize,
    /// After SIGTERM: how long connections are still accepted, until everyone knows that they should not come.
    pub drain_delay: Duration,
    /// After that: how long open requests may take.
    pub grace: Duration,
}

/// The running threads.
pub struct Server {
    /// Where it listens for plain HTTP.
    pub plain: Option<SocketAddr>,
    /// Where it listens for TLS.
    pub tls: Option<SocketAddr>,
    /// What TLS shows; to be followed while it serves.
    pub certificate: Option<tls::Certificate>,
    shared: Arc<Shared>,
    options: Options,
    closing: watch::Sender<Option<Ending>>,
    threads: Vec<JoinHandle<()>>,
}

/// No further connection is accepted, and those that are open come to an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// When requests that are open then are cut off.
    pub deadline: Instant,
    /// Idle connections are left to their clients, who may be about to use them: the next answer tells them to go, or their
    /// idle time ends as always. Else they are closed at once.
    pub patient: bool,
}

/// What a thread takes with it and makes a [`Core`] of.
struct Seed {
    shared: Arc<Shared>,
    doors: Vec<Door>,
    journal: crate::ledger::journal::Journal,
    metrics: crate::telemetry::Recorder,
    access: AccessLog,
    closing: watch::Receiver<Option<Ending>>,
}

/// A listener, and whether TLS is spoken there.
struct Door {
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Server {
    /// Opens listeners and journals, and starts the threads.
    pub fn start(
        options: Options,
        shared: Arc<Shared>,
        journals: &Journals,
        telemetry: &Telemetry,
        access: &AccessWriter,
    ) -> io::Result<Self> {
        let (closing, closed) = watch::channel(None);
        let metrics = &telemetry.shared().tls;
        let load = |tls| tls::Certificate::load(tls, shared.clock, metrics.clone()).map_err(io::Error::other);
        let certificate = options.tls.as_ref().map(load).transpose()?;
        let acceptor = certificate.as_ref().map(tls::Certificate::acceptor).transpose();
        let acceptor = acceptor.map_err(io::Error::other)?;
        let count = options.threads.max(1);
        let plain = options.listen.map(|address| listen::open(address, count)).transpose()?;
        let tls = options.tls.as_ref().map(|tls| listen::open(tls.listen, count)).transpose()?;
        let address = |listeners: &Option<Vec<std::net::TcpListener>>| {
            listeners.iter().flatten().next().map(std::net::TcpListener::local_addr).transpose()
        };
        let (plain_address, tls_address) = (address(&plain)?, address(&tls)?);
        if plain.is_none() && tls.is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is nowhere to listen"));
        }
        let mut plain = plain.into_iter().flatten();
        let mut tls = tls.into_iter().flatten();
        let mut threads = Vec::new();
        for number in 0..count {
            let doors = [
                plain.next().map(|listener| Door { listener, tls: None }),
                tls.next().map(|listener| Door { listener, tls: acceptor.clone() }),
            ];
            let seed = Seed {
                shared: Arc::clone(&shared),
                doors: doors.into_iter().flatten().collect(),
                journal: journals.open(number)?,
                metrics: telemetry.recorder(),
                access: access.log(),
                closing: closed.clone(),
            };
            threads.push(std::thread::Builder::new().name(format!("core-{number}")).spawn(|| seed.run())?);
        }
        Ok(Self { plain: plain_address, tls: tls_address, certificate, shared, options, closing, threads })
    }

    /// Ends without losing anything that was begun: readiness is off by now; goes on accepting for the drain delay
    /// and asks clients to reconnect elsewhere, then takes what is in the backlog, lets open requests finish within
    /// the grace period, and settles the rest. After a drain delay idle connections are not closed under their clients.
    pub async fn drain(self) {
        self.shared.draining.store(true, Relaxed);
        tokio::time::sleep(self.options.drain_delay).await;
        // Where nobody is waited for before, nobody is after.
        let patient = !self.options.drain_delay.is_zero();
        let _ = self.closing.send(Some(Ending { deadline: Instant::now() + self.options.grace, patient }));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in self.threads {
                if thread.join().is_err() {
                    tracing::error!("a core ended by a panic");
                }
            }
        });
        if let Err(error) = joined.await {
            tracing::error!(%error, "the cores could not be waited for");
        }
    }
}

impl Seed {
    fn run(self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "a core has no runtime"),
        };
        let local = LocalSet::new();
        let result = local.block_on(&runtime, self.serve());
        if let Err(error) = result {
            tracing::error!(%error, "a core could not serve");
        }
    }

    async fn serve(self) -> io::Result<()> {
        let Self { shared, doors, journal, metrics, access, closing } = self;
        let core = Rc::new(Core {
            shared,
            pool: Pool::new()?,
            journal: journal.into(),
            metrics,
            access: access.into(),
            known: RefCell::default(),
            live: Live::default(),
        });
        let ticks = tokio::task::spawn_local(tick(Rc::clone(&core)));
        let looks = tokio::task::spawn_local(gateway::look_at_jobs(Rc::clone(&core)));
        let accepting = doors
            .into_iter()
            .map(|door| {
                let listener = TcpListener::from_std(door.listener)?;
                let (core, closing) = (Rc::clone(&core), closing.clone());
                Ok(tokio::task::spawn_local(async move {
                    connection::accept(&core, listener, door.tls.as_ref(), closing).await
                }))
            })
            .collect::<io::Result<Vec<_>>>()?;
        let mut deadline = Instant::now();
        for accepted in accepting {
            deadline = accepted.await.map_err(io::Error::other)?;
        }
        if tokio::time::timeout_at(deadline, core.live.none_left()).await.is_err() {
            tracing::warn!(
                "the grace period has ended with requests still open; they are settled as they are"
            );
        }
        core.live.end();
        ticks.abort();
        looks.abort();
        core.access.borrow_mut().flush();
        Ok(())
    }
}

async fn tick(core: Rc<Core>) {
    let mut flush = tokio::time::interval(FLUSH_EVERY);
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = flush.tick() => core.access.borrow_mut().flush(),
            _ = sweep.tick() => core.pool.sweep(),
        }
    }
}

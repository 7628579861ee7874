//! Threads and listeners: one current-thread runtime a core, each with its own listener on the same port, so that
//! a request never leaves its core.

mod connection;
mod listen;

use std::{
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

use crate::{
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
    /// Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Runtimes; one a core.
    pub threads: usize,
    /// After SIGTERM: how long connections are still accepted, until everyone knows that they should not come.
    pub drain_delay: Duration,
    /// After that: how long open requests may take.
    pub grace: Duration,
}

/// The running threads.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    options: Options,
    closing: watch::Sender<Option<Instant>>,
    threads: Vec<JoinHandle<()>>,
}

/// What a thread takes with it and makes a [`Core`] of.
struct Seed {
    shared: Arc<Shared>,
    listener: std::net::TcpListener,
    journal: crate::ledger::journal::Journal,
    metrics: crate::telemetry::Recorder,
    access: AccessLog,
    closing: watch::Receiver<Option<Instant>>,
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
        let mut address = options.listen;
        listen::claim(address)?;
        let mut threads = Vec::new();
        for number in 0..options.threads.max(1) {
            let listener = listen::open(address)?;
            address = listener.local_addr()?;
            let seed = Seed {
                shared: Arc::clone(&shared),
                listener,
                journal: journals.open(number)?,
                metrics: telemetry.recorder(),
                access: access.log(),
                closing: closed.clone(),
            };
            threads.push(std::thread::Builder::new().name(format!("core-{number}")).spawn(|| seed.run())?);
        }
        Ok(Self { address, shared, options, closing, threads })
    }

    /// Ends without losing anything that was begun: readiness is off by now; goes on accepting for the drain delay
    /// and asks clients to reconnect elsewhere, then takes what is in the backlog, lets open requests finish within
    /// the grace period, and settles the rest.
    pub async fn drain(self) {
        self.shared.draining.store(true, Relaxed);
        tokio::time::sleep(self.options.drain_delay).await;
        let _ = self.closing.send(Some(Instant::now() + self.options.grace));
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
        let Self { shared, listener, journal, metrics, access, closing } = self;
        let listener = TcpListener::from_std(listener)?;
        let core = Rc::new(Core {
            shared,
            pool: Pool::new()?,
            journal: journal.into(),
            metrics,
            access: access.into(),
            live: Live::default(),
        });
        let ticks = tokio::task::spawn_local(tick(Rc::clone(&core)));
        let deadline = connection::accept(&core, listener, closing).await;
        if tokio::time::timeout_at(deadline, core.live.none_left()).await.is_err() {
            tracing::warn!(
                "the grace period has ended with requests still open; they are settled as they are"
            );
        }
        core.live.end();
        ticks.abort();
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

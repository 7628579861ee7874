//! The wiring of a gateway, from its source to its end. Reads top to bottom.

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use prometheus_client::metrics::counter::Counter;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};
use tracing::field::display;

use crate::{
    admin::{self, Admin, Readiness, accounts::Money, token::TokenFile},
    allowance::{self, Allowances},
    clock::Clock,
    environment::Environment,
    export::{self, Sink},
    health::Registry,
    identity::{self, KeySource, Trust},
    jobs,
    ledger::{
        accounts,
        journal::{self, Journals},
        leases,
        place::{Ledger, LedgerPlace},
        store::Store as _,
        writer::{self, Writer},
    },
    percore::Shared,
    server::{self, Server},
    snapshot::Snapshot,
    source::{Loaded, Source},
    telemetry::{
        Telemetry,
        access::{AccessWriter, Destination},
    },
    upstream::Workload,
};

/// How often numbers that others keep are copied into the metrics.
const COPY_EVERY: Duration = Duration::from_secs(1);

/// Until price sheets are offered again to a ledger that did not take them.
const RECORD_AGAIN: Duration = Duration::from_secs(5);

/// How long the last word on leases may take: the journal says the same once more.
const LEASES_WITHIN: Duration = Duration::from_secs(3);

/// How a gateway runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Listeners, threads, and how long the end may take.
    pub server: server::Options,
    /// Health and metrics; port 0 picks a free one.
    pub admin: SocketAddr,
    /// Opens the money API there.
    pub admin_token: Option<TokenFile>,
    /// Holds the journal; made where it does not exist.
    pub data: PathBuf,
    /// Where the journal is moved to.
    pub ledger: LedgerPlace,
    /// Who is told of entries.
    pub export: Vec<Sink>,
    /// Where the access log goes.
    pub access_log: Destination,
    /// Bytes; a larger request body is refused.
    pub max_body: usize,
    /// Whose `ServiceAccount` tokens stand for keys; none: nobody's.
    pub identity: Option<identity::Options>,
    /// The time of day.
    pub clock: Clock,
}

/// Serves until `stop` resolves, then ends without losing anything that was begun.
pub async fn run(
    options: Options,
    source: Source,
    telemetry: Arc<Telemetry>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();

    // The ledger first: what an earlier process left behind is replayed while requests are served already.
    let journals = Journals::create(&options.data.join(journal::FOLDER), journal::Options::default())
        .with_context(|| format!("the journal in {} cannot be made", options.data.display()))?;
    let store = Ledger::open(options.ledger).await.context("the ledger cannot be opened")?;
    let (ledger_writer, ledger) = Writer::new(journals.clone(), store.clone(), writer::Options::default());
    let writing = tokio::spawn(ledger_writer.run());

    // Our own listener, which says what the others wait for.
    let readiness = Readiness::default();
    let listener = TcpListener::bind(options.admin)
        .await
        .with_context(|| format!("cannot listen on {} for health and metrics", options.admin))?;
    let admin_address = listener.local_addr()?;
    tracing::info!(admin = %admin_address, "started");
    let (stop_admin, admin_stopped) = oneshot::channel();
    let money = |token| Money::new(token, store.clone(), options.clock);
    let admin = Admin {
        telemetry: Arc::clone(&telemetry),
        readiness: readiness.clone(),
        source: source.clone(),
        money: options.admin_token.map(money),
    };
    let admin = tokio::spawn(admin::serve(listener, admin, async {
        let _ = admin_stopped.await;
    }));

    // Configuration, now and as it changes.
    let mut stop = std::pin::pin!(stop);
    let loaded = tokio::select! {
        loaded = source.first() => Some(loaded),
        () = &mut stop => None,
    };
    let access = AccessWriter::start(&options.access_log, &telemetry)
        .with_context(|| format!("the access log {:?} cannot be opened", options.access_log))?;
    if let Some(loaded) = loaded {
        let (allowances, leaser) =
            Allowances::new(allowance::Options { clock: options.clock, ..allowance::Options::default() });
        let leasing = tokio::spawn(leaser.run(store.clone(), journals.holder()));
        let workload = Arc::new(Workload::new(&Environment::Process, options.clock));
        tasks.spawn(Arc::clone(&workload).follow());
        let registry = Registry::new(allowances.clone(), workload);
        tasks.spawn(copy_metrics(ledger.clone(), allowances.clone(), Arc::clone(&telemetry)));
        tasks.spawn(leases::keep_tidy(store.clone()));
        tasks.spawn(record_prices(source.clone(), store.clone()));
        let promises = accounts::Promises::default();
        tasks.spawn(accounts::follow(source.clone(), store.clone(), options.clock, promises.clone()));
        let jobs = jobs::start(&mut tasks, &store, options.clock, &telemetry.shared().jobs);
        let told = telemetry.shared().export.clone();
        tasks.spawn(export::follow(options.export, source.clone(), store, options.clock, told));
        let identity = match options.identity {
            Some(options) => Some(trust(options, &telemetry, &mut tasks).await?),
            None => None,
        };
        let first = Arc::new(prepare(&Snapshot::default(), &loaded, &registry, identity.as_deref()));
        let shared = Arc::new(Shared {
            clock: options.clock,
            snapshot: ArcSwap::new(Arc::clone(&first)),
            max_body: options.max_body,
            allowances: allowances.clone(),
            promises,
            jobs,
            identity,
            draining: false.into(),
            journal_full: telemetry.shared().journal.full.clone(),
        });
        source.served.send_replace(loaded.sequence);
        tasks.spawn(follow(source, first, Arc::clone(&shared), registry));

        // Clients.
        let mut server = Server::start(options.server.clone(), shared, &journals, &telemetry, &access)?;
        if let Some(certificate) = server.certificate.take() {
            tasks.spawn(certificate.follow());
        }
        readiness.ready();
        let (gateway, tls) = (server.plain.map(display), server.tls.map(display));
        tracing::info!(gateway, tls, admin = %admin_address, threads = options.server.threads, "ready");

        stop.await;

        // The end, in the order in which things depend on each other.
        tracing::info!("draining");
        readiness.drain();
        server.drain().await;
        allowances.close();
        if tokio::time::timeout(LEASES_WITHIN, leasing).await.is_err() {
            tracing::warn!("the ledger was not told what is left of the leases; its writer is");
        }
    }
    let written = async {
        ledger.close().await;
        writing.await
    };
    match tokio::time::timeout(options.server.grace, written).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "the ledger's writer ended badly; its journal is replayed at the next start");
        }
        Err(_) => tracing::error!("the ledger's store is away; the journal is replayed at the next start"),
    }
    access.finish();
    tasks.shutdown().await;
    let _ = stop_admin.send(());
    if let Ok(Err(error)) = admin.await {
        tracing::warn!(%error, "the admin listener ended badly");
    }
    tracing::info!("ended");
    Ok(())
}

fn prepare(former: &Snapshot, loaded: &Loaded, registry: &Registry, identity: Option<&Trust>) -> Snapshot {
    let snapshot = former.next(&loaded.config, &loaded.secrets, registry, loaded.revision.clone());
    if identity.is_none() && snapshot.has_identities() {
        tracing::warn!(
            "workloadIdentities of Tenants do nothing here: this gateway trusts no cluster (--identity-jwks)"
        );
    }
    snapshot
}

/// The first keys. A file that cannot be used is a mistake; an API server that is away is not waited for.
async fn trust(
    options: identity::Options,
    telemetry: &Telemetry,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Arc<Trust>> {
    let is_file = matches!(options.source, KeySource::File { .. });
    let trust = Arc::new(Trust::new(options, telemetry.shared().identity.clone()));
    let following = Arc::clone(&trust);
    if is_file {
        trust.refresh().await.context("no ServiceAccount token could be verified")?;
        tasks.spawn(following.follow());
    } else {
        tasks.spawn(async move {
            if let Err(error) = following.refresh().await {
                tracing::warn!(%error, "no ServiceAccount token can be verified until the API server answers");
            }
            following.follow().await;
        });
    }
    Ok(trust)
}

/// Each new revision becomes the snapshot of the requests that come after it; those under way keep theirs.
async fn follow(mut source: Source, mut current: Arc<Snapshot>, shared: Arc<Shared>, registry: Registry) {
    while source.loaded.changed().await.is_ok() {
        let loaded = Arc::clone(&source.loaded.borrow_and_update());
        if current.revision != loaded.revision {
            current = Arc::new(prepare(&current, &loaded, &registry, shared.identity.as_deref()));
            shared.snapshot.store(Arc::clone(&current));
        }
        // Only now: whoever is told that a key works finds that it does.
        source.served.send_replace(loaded.sequence);
    }
}

/// Keeps every sheet that requests can be priced by, so that a row's revision can be explained. A change is in use
/// meanwhile: a ledger that is away must not hold up a revoked key.
async fn record_prices(mut source: Source, store: Ledger) {
    let mut pending = BTreeMap::new();
    loop {
        let loaded = Arc::clone(&source.loaded.borrow_and_update());
        let sheets = loaded.config.shared.prices.values().flatten();
        pending.extend(sheets.map(|sheet| (sheet.revision.clone(), sheet.clone())));
        let mut failed = false;
        while let Err(error) = store.record_sheets(&pending.values().cloned().collect::<Vec<_>>()).await {
            if !failed {
                tracing::error!(%error, "the price sheets cannot be recorded yet; usage is, with their revisions");
            }
            failed = true;
            tokio::time::sleep(RECORD_AGAIN).await;
        }
        pending.clear();
        if source.loaded.changed().await.is_err() {
            return;
        }
    }
}

async fn copy_metrics(ledger: writer::Handle, allowances: Allowances, telemetry: Arc<Telemetry>) {
    let copy = |counter: &Counter, counted: &AtomicU64| {
        let new = counted.load(Relaxed).saturating_sub(counter.get());
        counter.inc_by(new);
    };
    let mut ticks = tokio::time::interval(COPY_EVERY);
    loop {
        ticks.tick().await;
        let (counted, shown) = (ledger.metrics(), telemetry.shared());
        shown.journal.pending_bytes.set(i64::try_from(ledger.lag_bytes()).unwrap_or(i64::MAX));
        copy(&shown.journal.interrupted, &counted.interrupted);
        copy(&shown.journal.unmatched, &counted.unmatched);
        copy(&shown.ledger.rows, &counted.rows);
        copy(&shown.ledger.failed_batches, &counted.errors);
        shown.ledger.away.set(counted.away.load(Relaxed).into());
        let (counted, shown) = (allowances.metrics(), &shown.allowances);
        copy(&shown.waits, &counted.waits);
        copy(&shown.refused, &counted.refused);
        copy(&shown.unanswered, &counted.unanswered);
        copy(&shown.exchanges, &counted.exchanges);
        copy(&shown.failures, &counted.failures);
        copy(&shown.asks, &counted.asks);
        copy(&shown.voided, &counted.voided);
        shown.tracked.set(counted.tracked.load(Relaxed));
    }
}

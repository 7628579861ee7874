//! The wiring, from the command line to the end; reads top to bottom.

use std::sync::Arc;

use anyhow::Context as _;
use kube::{Client, Config};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch as channel,
};

use crate::{
    admin::{self, Health},
    apply::{Cluster, events::Events},
    cli::Cli,
    database::{self, Database},
    lead::{self, Candidate},
    ledger::{DatabaseUrl, Ledger, months},
    metrics::Metrics,
    session::{Books, Ended, Session},
    watch::{self, Scope},
};

/// Runs until SIGTERM or Ctrl-C. Errors are for people: they are of the start.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let mut stop = stopped()?;
    // A second call, in tests, finds one there.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = Config::infer().await.context("there is no kubeconfig, and this is no pod")?;
    let client =
        Client::try_from(config).context("the API server's address or certificate cannot be used")?;

    let (health, metrics) = (Health::default(), Metrics::default());
    let listener = TcpListener::bind(cli.admin_listen)
        .await
        .with_context(|| format!("{} (--admin-listen) cannot be listened on", cli.admin_listen))?;
    let listening = listener.local_addr()?;
    tokio::spawn(admin::serve(listener, health.clone(), metrics.clone()));
    tracing::info!(namespace = cli.namespace, identity = cli.identity, admin = %listening, "started");

    let cluster =
        Cluster { client: client.clone(), hub: cli.namespace.clone(), address: cli.address.clone(), metrics };
    let database = cli.database_secret.clone().zip(cli.database_host.clone());
    if let Some((secret, host)) = database {
        tokio::spawn(database::ensure(cluster.clone(), Database { secret, host }));
    }
    let books = books(&cli);
    let events = Events::new(client.clone(), &cli.identity);
    let scope = Scope { hub: cli.namespace.clone(), tenants: cli.tenant_namespaces.clone() };

    loop {
        cluster.metrics.forget();
        let watches = watch::start(&client, &scope, &cluster.metrics);
        let candidate = Candidate::new(client.clone(), &cli.namespace, &cli.identity, cli.lease_duration);
        let (sender, leads) = channel::channel(false);
        let election = tokio::spawn(candidate.run(sender));
        let upkeep = books.clone().map(|Books { ledger, .. }| {
            tokio::spawn(months::keep(ledger, cli.usage_retention, cluster.metrics.clone(), leads.clone()))
        });
        let session = Session::new(cluster.clone(), events.clone(), health.clone(), books.clone());
        let ended = session.run(watches, leads, &mut stop).await;
        // Whatever it was writing has stopped with it. No renewal may follow the release.
        if let Some(upkeep) = upkeep {
            upkeep.abort();
        }
        election.abort();
        let _ = election.await;
        cluster.metrics.leads(false);
        match ended {
            Ended::Stopped => break,
            Ended::Deposed => tracing::warn!("not leading any more; everything is looked at anew"),
        }
    }
    lead::release(client, &cli.namespace, &cli.identity).await;
    tracing::info!("ended");
    Ok(())
}

/// The ledger, where one is given.
fn books(cli: &Cli) -> Option<Books> {
    let file = cli.database_url_file.clone().map(DatabaseUrl::File);
    let value = || Some(DatabaseUrl::Value(cli.database_url.clone()?.0));
    let Some(url) = file.or_else(value) else {
        tracing::info!("no database is given: statuses say nothing of balances and spend");
        return None;
    };
    Some(Books { ledger: Arc::new(Ledger::new(url)), every: cli.ledger_interval })
}

/// Turns true when the process is told to end.
fn stopped() -> anyhow::Result<channel::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be awaited")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be awaited")?;
    let (sender, receiver) = channel::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = sender.send(true);
        // Held until the process ends, or the loop would believe that nobody can tell it any more.
        sender.closed().await;
    });
    Ok(receiver)
}

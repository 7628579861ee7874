//! Telling others what is in the ledger: Stripe, whoever takes CloudEvents, a webhook.
//!
//! ```text
//! entry ─► outbox (the database's trigger) ─► claim ─► encode ─► send ─► judge ─► settle
//! balance ─► balances: a line was crossed ─► outbox ─┘
//! ```
//!
//! Each message is told at least once; its id is the same each time, so that the receiver counts it once. What a
//! message says and what an answer means are pure functions of the sinks; only `client` talks to anybody.

mod backoff;
mod balances;
mod client;
pub mod cloudevents;
mod deliver;
mod payload;
pub mod secret;
mod sink;
pub mod stripe;
#[cfg(test)]
mod tests;
pub mod webhook;

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use self::backoff::Backoff;
use self::client::Client;
use self::deliver::{Next, round};
pub use self::sink::Sink;
use crate::clock::Clock;
use crate::ledger::outbox::Outbox;
use crate::source::Source;
use crate::telemetry::ExportMetrics;

/// How often an outbox that was empty is looked at again.
const POLL: Duration = Duration::from_secs(1);

/// How often it is counted what waits.
const COUNT: Duration = Duration::from_secs(15);

/// Tells every sink for as long as the gateway lives. Nothing waits for this: a sink that is away has its messages kept.
pub async fn follow(
    sinks: Vec<Sink>,
    source: Source,
    outbox: impl Outbox + Clone,
    clock: Clock,
    metrics: ExportMetrics,
) {
    if sinks.is_empty() {
        return;
    }
    let client = match Client::new() {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "nothing can be exported"),
    };
    let told: Vec<_> = sinks.iter().filter(|sink| sink.takes_events()).map(Sink::name).collect();
    let mut tasks = JoinSet::new();
    for sink in sinks {
        tasks.spawn(tell(sink, outbox.clone(), client.clone(), clock, metrics.clone()));
    }
    if !told.is_empty() {
        tasks.spawn(balances::follow(source, outbox.clone(), told, clock));
    }
    tasks.spawn(count(outbox, metrics, clock));
    tasks.join_all().await;
}

async fn register(sink: &Sink, outbox: &impl Outbox) {
    let mut backoff = Backoff::default();
    while let Err(error) = outbox.register(sink.name()).await {
        if backoff.is_fresh() {
            tracing::error!(%error, sink = sink.name(), "the ledger does not take this sink yet");
        }
        sleep(backoff.next()).await;
    }
    tracing::info!(sink = sink.name(), to = sink.origin(), "entries are exported");
}

async fn tell(sink: Sink, outbox: impl Outbox, client: Client, clock: Clock, metrics: ExportMetrics) {
    // First of all: what is entered from now on is for it too.
    register(&sink, &outbox).await;
    let mut backoff = Backoff::default();
    loop {
        let (wait, trouble) = match round(&sink, &outbox, &client, clock, &backoff, &metrics).await {
            Ok(Next::More) => (Duration::ZERO, None),
            Ok(Next::Nothing) => (POLL, None),
            Ok(Next::Wait(wait, why)) => (wait, Some(why)),
            Err(error) => (backoff.peek(), Some(format!("the ledger: {error}"))),
        };
        match trouble {
            Some(why) => {
                if backoff.is_fresh() {
                    tracing::error!(sink = sink.name(), why, "exporting is held up; it is tried again");
                }
                backoff.next();
            }
            None if !backoff.is_fresh() => {
                backoff = Backoff::default();
                tracing::info!(sink = sink.name(), "exporting goes on");
            }
            None => {}
        }
        sleep(wait).await;
    }
}

async fn count(outbox: impl Outbox, metrics: ExportMetrics, clock: Clock) {
    // By then the sinks are known, if the ledger is there.
    sleep(POLL).await;
    loop {
        // An error was said by those who send.
        if let Ok(sinks) = outbox.sinks().await {
            let now = clock.now().as_millisecond();
            for state in &sinks {
                metrics.waiting(&state.sink, state.waiting, state.oldest.map_or(0, |oldest| now - oldest));
                metrics.parked(&state.sink, state.parked);
            }
        }
        sleep(COUNT).await;
    }
}

//! One round: claim, send, settle.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::client::{Client, TIMEOUT};
use super::sink::{Encoded, Sink, Verdict, is_event};
use super::stripe::Customers;
use crate::clock::Clock;
use crate::ledger::outbox::{Fate, Message, Outbox};
use crate::ledger::store::StoreError;
use crate::telemetry::ExportMetrics;

/// How long a claim holds. Who was killed has its messages sent by others after that.
const HOLD: Duration = Duration::from_secs(30);

/// For so long requests are begun; the rest of the claim is for their answers.
const BEGIN: Duration = Duration::from_secs(15);

/// Messages a round.
const MOST: u32 = 256;

/// Requests at the same time.
const AT_ONCE: usize = 8;

/// How often a message may be refused before it is parked.
pub(super) const TRIES: i64 = 5;

/// What to do after a round.
pub(super) enum Next {
    /// There may be more.
    More,
    /// That was all.
    Nothing,
    /// The sink takes nothing for now, and why.
    Wait(Duration, String),
}

/// Tells what waits, as far as the sink takes it.
pub(super) async fn round(
    sink: &Sink,
    outbox: &impl Outbox,
    client: &Client,
    clock: Clock,
    backoff: &Backoff,
    metrics: &ExportMetrics,
) -> Result<Next, StoreError> {
    let until = Instant::now() + BEGIN;
    let messages = outbox.claim(sink.name(), MOST, HOLD).await?;
    if messages.is_empty() {
        return Ok(Next::Nothing);
    }
    let (customers, missing) = match sink.customers() {
        Ok(customers) => (customers, None),
        Err(why) => (None, Some(why)),
    };
    let sending =
        Sending { sink, client, clock, customers, until, stopped: AtomicBool::new(missing.is_some()) };
    let batches = messages.chunks(sink.batch()).map(|batch| sending.batch(batch).boxed());
    let batches: Vec<_> = batches.collect();
    let verdicts: Vec<_> = stream::iter(batches).buffered(AT_ONCE).concat().await;
    let trouble = missing.map(|why| (why, None)).or_else(|| {
        verdicts.iter().find_map(|verdict| match verdict {
            Some(Verdict::Trouble(why, after)) => Some((why.clone(), *after)),
            _ => None,
        })
    });
    let wait =
        trouble.as_ref().map_or(Duration::ZERO, |(_, after)| after.unwrap_or_default().max(backoff.peek()));
    let fates: Vec<_> = messages
        .iter()
        .zip(verdicts)
        .map(|(message, verdict)| (message.sequence, fate(message, verdict, wait, trouble.as_ref())))
        .collect();
    outbox.settle(&fates).await?;
    for (message, (_, fate)) in messages.iter().zip(&fates) {
        count(sink, message, fate, metrics);
    }
    Ok(match trouble {
        Some((why, _)) => Next::Wait(wait, why),
        None if u32::try_from(messages.len()).is_ok_and(|count| count == MOST) => Next::More,
        None => Next::Nothing,
    })
}

/// What a round's requests share.
struct Sending<'a> {
    sink: &'a Sink,
    client: &'a Client,
    clock: Clock,
    customers: Option<Customers>,
    until: Instant,
    /// The sink takes nothing: the rest waits.
    stopped: AtomicBool,
}

impl Sending<'_> {
    /// A verdict for each message; none where it was not sent.
    async fn batch(&self, messages: &[Message]) -> Vec<Option<Verdict>> {
        let all: Vec<_> = messages.iter().collect();
        let together = self.post(&all).await;
        if let (Some(Verdict::Refused(_)), true) = (&together, all.len() > 1) {
            // One of them is the reason: each alone.
            let mut each = Vec::with_capacity(all.len());
            for message in &all {
                each.push(self.post(&[*message]).await);
            }
            return each;
        }
        vec![together; messages.len()]
    }

    async fn post(&self, messages: &[&Message]) -> Option<Verdict> {
        if self.stopped.load(Relaxed) || Instant::now() >= self.until {
            return None;
        }
        let verdict = match self.sink.encode(messages, self.customers.as_ref(), self.clock.now()) {
            Encoded::Post(post) => self.client.post(self.sink, post).await,
            Encoded::Needless => Verdict::Accepted,
            Encoded::Never(why) => Verdict::Never(why),
            Encoded::Trouble(why) => Verdict::Trouble(why, None),
        };
        if matches!(verdict, Verdict::Trouble(..)) {
            self.stopped.store(true, Relaxed);
        }
        Some(verdict)
    }
}

fn fate(
    message: &Message,
    verdict: Option<Verdict>,
    wait: Duration,
    trouble: Option<&(String, Option<Duration>)>,
) -> Fate {
    match verdict {
        Some(Verdict::Accepted) => Fate::Accepted,
        Some(Verdict::Never(why)) => Fate::Parked(why),
        Some(Verdict::Refused(why)) if message.tries + 1 >= TRIES => Fate::Parked(why),
        Some(Verdict::Refused(why)) => Fate::Refused(Backoff::after(message.tries).peek(), why),
        Some(Verdict::Trouble(why, _)) => Fate::Later(wait, why),
        None => Fate::Later(wait, trouble.map(|(why, _)| why.clone()).unwrap_or_default()),
    }
}

fn count(sink: &Sink, message: &Message, fate: &Fate, metrics: &ExportMetrics) {
    let result = match fate {
        Fate::Accepted => "accepted",
        Fate::Later(..) => "delayed",
        Fate::Refused(..) => "refused",
        Fate::Parked(why) => {
            let (sink, id, event) = (sink.name(), &message.id, is_event(message));
            tracing::error!(sink, id, event, why, "a message is parked: `aigne-hub export status` shows it");
            "parked"
        }
    };
    metrics.settled(sink.name(), result);
}

const _: () = assert!(HOLD.as_secs() > BEGIN.as_secs() + TIMEOUT.as_secs());

//! What is to be told to others, until they have accepted it.
//!
//! The database itself puts an entry's message into the outbox, in the transaction of the entry, once for each sink
//! that is registered. Messages are claimed for a while, sent, and settled; a claim that nobody settles lapses. So each
//! is told at least once, by whichever gateway, and its id tells repetitions apart.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::StoreError;

/// What a sink is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the outbox.
    pub sequence: i64,
    /// `ID/ATTEMPT`: the same whenever it is told again.
    pub id: String,
    /// How often the sink has refused it as such.
    pub tries: i64,
    /// What it says.
    pub what: What,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An amount moved.
    Entry(Box<Told>),
    /// A balance crossed a line.
    Event(Alert),
}

/// An entry, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose.
    pub account: String,
    /// [`Kind`](super::accounts::Kind) by name.
    pub kind: String,
    /// Nano-dollars, seen from the account: usage is negative.
    pub amount: i64,
    /// Unix milliseconds; of usage its admission.
    pub at: i64,
    /// Unique within the account; none for usage.
    pub reference: Option<String>,
    /// For people.
    pub note: Option<String>,
    /// Of usage, for as long as its row is there.
    pub usage: Option<Used>,
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "as in UsageRow")]
pub struct Used {
    pub tenant: String,
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    pub provider: String,
    pub model: String,
    pub status: String,
    pub source: String,
    pub input_tokens: i64,
    pub cached_input_tokens: i64,
    pub cache_write_tokens: i64,
    pub output_tokens: i64,
    pub reasoning_tokens: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub images: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_quality: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub media_ms: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub characters: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// A balance crossed a line on its way down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Whose.
    pub account: String,
    /// `namespace/name` of the Tenant whose configuration drew the line.
    pub tenant: String,
    /// Which line.
    pub level: Level,
    /// Nano-dollars, when it was looked at.
    pub balance_nanos: i64,
    /// Nano-dollars of `billing.lowBalance`, where it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub low_balance_nanos: Option<i64>,
    /// Unix milliseconds.
    pub at: i64,
}

/// Where a balance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Above every line.
    #[default]
    Fine,
    /// At `billing.lowBalance` or below it.
    Low,
    /// Nothing is left.
    Exhausted,
}

impl Level {
    /// Of a balance. `low` is in nano-dollars too.
    pub fn of(balance: i64, low: Option<i64>) -> Self {
        if balance <= 0 {
            Self::Exhausted
        } else if low.is_some_and(|low| balance <= low) {
            Self::Low
        } else {
            Self::Fine
        }
    }

    /// As stores write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "Fine",
            Self::Low => "Low",
            Self::Exhausted => "Exhausted",
        }
    }

    /// From a store; what it cannot say is `Fine`.
    pub(super) fn named(name: &str) -> Self {
        [Self::Low, Self::Exhausted].into_iter().find(|level| level.name() == name).unwrap_or_default()
    }
}

/// What became of a message that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The sink has it, or needs it not.
    Accepted,
    /// Nobody could say yet; it is free again after a while.
    Later(Duration, String),
    /// The sink refused it as such; it is free again after a while, and a try is counted.
    Refused(Duration, String),
    /// It is not sent again unless a person says so.
    Parked(String),
}

/// A sink's part of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SinkState {
    /// Which.
    pub sink: String,
    /// Unix milliseconds: entries since then are told.
    pub since: i64,
    /// Messages that are not accepted yet.
    pub waiting: i64,
    /// Unix milliseconds of the oldest of them.
    pub oldest: Option<i64>,
    /// Why one of them is still here, where somebody tried.
    pub trouble: Option<String>,
    /// Messages that are not sent again by themselves.
    pub parked: i64,
}

/// A message that is not sent again by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// Which sink's.
    pub sink: String,
    /// `ID/ATTEMPT`.
    pub id: String,
    /// Unix milliseconds.
    pub parked_at: i64,
    /// What the sink said.
    pub why: String,
}

/// An account, as the one who watches balances sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its name.
    pub account: String,
    /// Nano-dollars.
    pub balance: i64,
    /// What was last said of it.
    pub level: Level,
}

/// What can be done with an outbox. Times are the store's own: gateways' clocks may differ.
pub trait Outbox: Send + Sync + 'static {
    /// Entries from now on are told to this sink too. It may have been before.
    fn register(&self, sink: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes this many messages at most, the oldest first, so that nobody else takes them for as long as `hold`.
    fn claim(
        &self,
        sink: &str,
        most: u32,
        hold: Duration,
    ) -> impl Future<Output = Result<Vec<Message>, StoreError>> + Send;

    /// What became of messages, by sequence.
    fn settle(&self, fates: &[(i64, Fate)]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Every sink, by name.
    fn sinks(&self) -> impl Future<Output = Result<Vec<SinkState>, StoreError>> + Send;

    /// The first of those that are parked.
    fn parked(&self, most: u32) -> impl Future<Output = Result<Vec<Parked>, StoreError>> + Send;

    /// Has what is parked sent again, and what waits at once; returns how much that is.
    fn retry(&self, sink: &str) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Tells a sink nothing any more and forgets what it has not accepted; returns how much that is, or none where there
    /// is no such sink.
    fn forget(&self, sink: &str) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Those of these accounts that exist.
    fn watched(&self, accounts: &[&str]) -> impl Future<Output = Result<Vec<Watched>, StoreError>> + Send;

    /// Looks at a balance once more, under lock, keeps where it is, and puts the event into the outbox for each of these
    /// sinks if it has crossed a line on its way down. `alert` is what is to be told, but for level and balance.
    fn alert(
        &self,
        alert: &Alert,
        sinks: &[&str],
    ) -> impl Future<Output = Result<Option<Level>, StoreError>> + Send;
}

/// How messages are told apart.
pub(super) fn id(entry: Uuid, attempt: i64) -> String {
    format!("{entry}/{attempt}")
}

/// In whole milliseconds, as databases take it.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_crossed_downwards() {
        let levels = [11, 10, 1, 0, -5].map(|balance| Level::of(balance, Some(10)));
        assert_eq!(levels, [Level::Fine, Level::Low, Level::Low, Level::Exhausted, Level::Exhausted]);
        assert_eq!(Level::of(1, None), Level::Fine);
        for level in [Level::Fine, Level::Low, Level::Exhausted] {
            assert_eq!(Level::named(level.name()), level);
        }
    }
}

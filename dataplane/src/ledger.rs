//! What was used, by whom, and what it costs.
//!
//! Every attempt is an [`Intent`] in its core's journal segment before the first upstream byte, and an
//! [`Outcome`] after its last. A writer reads the segments and moves them into the store in batches; the same
//! reader replays what a killed process left behind. `(request_id, attempt)` is the key everywhere.

pub mod accounts;
pub mod audit;
pub mod jobs;
pub mod journal;
pub mod journaled;
pub mod leases;
pub mod outbox;
pub mod place;
pub mod postgres;
pub mod price;
pub mod provider_usage;
pub mod rerate;
pub mod sqlite;
pub mod store;
pub mod writer;

#[cfg(test)]
pub(crate) mod figures;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::leases::Draws;
use crate::usage::{Source, Usage};

/// Billionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub i64);

impl std::fmt::Display for Nanos {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "${}", dollars(self.0.into()))
    }
}

/// At least cents, at most nano-dollars: `1.50`, `0.00125`, `-0.000000001`.
pub fn dollars(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    let decimals = format!("{rest:09}");
    let (cents, more) = decimals.split_at(2);
    format!("{sign}{whole}.{cents}{}", more.trim_end_matches('0'))
}

/// Cost (what the provider charges) and price (what the tenant pays) of one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// What the provider charges.
    pub cost: Nanos,
    /// What the tenant pays.
    pub price: Nanos,
}

/// Written before the first upstream byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// `UUIDv7`, made by the hub.
    pub request_id: Uuid,
    /// From 1.
    pub attempt: u32,
    /// Unix milliseconds at admission.
    pub at: i64,
    /// `namespace/name` of the Tenant.
    pub tenant: Arc<str>,
    /// The ledger account.
    pub account: Arc<str>,
    /// The key's name.
    pub key: Arc<str>,
    /// The end user that the client named, bounded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// The project that the client named, bounded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub project: Option<String>,
    /// `namespace/name` of the `AIProvider`.
    pub provider: Arc<str>,
    /// The model's name in the hub.
    pub model: Arc<str>,
    /// The revision of the price sheet that was pinned at admission; absent where none applies.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price_revision: Option<Arc<str>>,
    /// The most that this attempt can use.
    pub bound: Usage,
    /// What that would cost.
    pub bound_charge: Charge,
    /// What its price is counted against.
    #[serde(skip_serializing_if = "no_draws", default)]
    pub draws: Draws,
}

fn no_draws(draws: &Draws) -> bool {
    draws.is_empty()
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// The whole answer was read.
    Completed,
    /// The client left; the rest was cancelled.
    ClientGone,
    /// The provider answered with an error before any content.
    Failed,
    /// The provider failed after it had begun to answer.
    Broken,
    /// No connection, or no answer in time.
    Unreachable,
    /// The process ended before the outcome was known (found by replay).
    Interrupted,
}

impl Status {
    /// As stores and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::ClientGone => "ClientGone",
            Self::Failed => "Failed",
            Self::Broken => "Broken",
            Self::Unreachable => "Unreachable",
            Self::Interrupted => "Interrupted",
        }
    }
}

/// Written after the last upstream byte, before the client's last byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// As in the intent.
    pub request_id: Uuid,
    /// As in the intent.
    pub attempt: u32,
    /// Unix milliseconds at the end.
    pub at: i64,
    /// How it ended.
    pub status: Status,
    /// The provider's HTTP status, 0 where there was none.
    pub http_status: u16,
    /// Where the numbers come from.
    pub source: Source,
    /// What was used.
    pub usage: Usage,
    /// What it costs.
    pub charge: Charge,
    /// Milliseconds to the first body byte, where one came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_byte_ms: Option<u32>,
    /// The id, as the client has it, of the job that was made and charged for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job: Option<Arc<str>>,
}

/// An attempt with its end: what becomes one row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// How it began.
    pub intent: Intent,
    /// How it ended.
    pub outcome: Outcome,
}

impl Row {
    /// The row of an attempt whose outcome is not known and never will be: charged at its bound, in suspense.
    pub fn interrupted(intent: Intent) -> Self {
        let outcome = Outcome {
            request_id: intent.request_id,
            attempt: intent.attempt,
            at: intent.at,
            status: Status::Interrupted,
            http_status: 0,
            source: Source::Bound,
            usage: intent.bound,
            charge: intent.bound_charge,
            first_byte_ms: None,
            job: None,
        };
        Self { intent, outcome }
    }

    /// Milliseconds from admission to the end; none where the end was not seen.
    pub fn duration_ms(&self) -> Option<i64> {
        let seen = self.outcome.status != Status::Interrupted;
        seen.then(|| self.outcome.at.saturating_sub(self.intent.at).max(0))
    }
}

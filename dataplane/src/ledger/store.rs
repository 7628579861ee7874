//! Where usage is kept for good, and what can be asked of it.
//!
//! One behaviour suite (`store/suite.rs`) runs on every store.

mod error;

use std::collections::BTreeMap;
use std::future::Future;

use aigne_hub_crds::config::PriceSheet;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

pub use self::error::StoreError;
use super::Row;
use super::leases::Holding;
use crate::usage::{ImageKind, Usage, Word};

/// Where the writer moves usage to.
pub trait Store: Send + Sync + 'static {
    /// Adds the rows and their hourly sums in one transaction, settles what `holder` (whose journal they are from) drew for
    /// them, and returns how many were new. A row whose (`request_id`, attempt) is already there changes nothing.
    fn insert(&self, holder: Uuid, rows: &[Row]) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Keeps price sheets for ever, so that a row's revision can be explained.
    fn record_sheets(&self, sheets: &[PriceSheet]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What can be asked of a ledger.
pub trait Report: Send + Sync + 'static {
    /// The sheet of a revision, as JSON.
    fn sheet(&self, revision: &str) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Single rows, oldest first.
    fn rows(&self, filter: &Filter) -> BoxStream<'_, Result<UsageRow, StoreError>>;

    /// The rows of these requests, in no order.
    fn rows_of(&self, requests: &[Uuid]) -> impl Future<Output = Result<Vec<UsageRow>, StoreError>> + Send;

    /// Sums by some dimensions, in the order of their values.
    fn totals(
        &self,
        filter: &Filter,
        by: &[Dimension],
    ) -> impl Future<Output = Result<BTreeMap<Group, Totals>, StoreError>> + Send;

    /// Who holds what, by allowance, window and holder; of one allowance, or of all.
    fn holdings(
        &self,
        allowance: Option<&str>,
    ) -> impl Future<Output = Result<Vec<Holding>, StoreError>> + Send;
}

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Admitted at this time or later, in Unix milliseconds.
    pub since: Option<i64>,
    /// Admitted before this time, in Unix milliseconds.
    pub until: Option<i64>,
    /// Of this tenant (`namespace/name`).
    pub tenant: Option<String>,
}

/// What a question is answered from: the coarsest that tells enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// Daily sums, which know no key, user and project.
    Days,
    /// Hourly sums.
    Hours,
    /// The rows.
    Rows,
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

impl Filter {
    pub(super) fn grain(&self, by: &[Dimension]) -> Grain {
        let fine = |by: &Dimension| matches!(by, Dimension::Key | Dimension::User | Dimension::Project);
        let whole = |of: i64| [self.since, self.until].iter().flatten().all(|bound| bound % of == 0);
        if whole(DAY_MS) && !by.iter().any(fine) {
            Grain::Days
        } else if whole(HOUR_MS) {
            Grain::Hours
        } else {
            Grain::Rows
        }
    }
}

/// What sums can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Dimension {
    /// `namespace/name` of the Tenant.
    Tenant,
    /// The ledger account.
    Account,
    /// The key's name.
    Key,
    /// The end user that the client named.
    User,
    /// The project that the client named.
    Project,
    /// `namespace/name` of the `AIProvider`.
    Provider,
    /// The model's name in the hub.
    Model,
    /// The day of admission in UTC, as `2026-03-31`.
    Day,
}

/// The value of each dimension, in the order asked for; empty where a client named no user or project.
pub type Group = Vec<String>;

/// Sums of one group, exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What is known: counted by the provider or estimated.
    pub known: Sums,
    /// Attempts whose outcome was never learned, at the most that they can have used.
    pub suspense: Sums,
}

/// Sums of counts and of nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in UsageRow")]
pub struct Sums {
    /// First attempts.
    pub requests: i128,
    /// All attempts.
    pub attempts: i128,
    pub input_tokens: i128,
    pub cached_input_tokens: i128,
    pub cache_write_tokens: i128,
    pub output_tokens: i128,
    pub reasoning_tokens: i128,
    pub images: i128,
    pub media_ms: i128,
    pub characters: i128,
    pub cost_nanos: i128,
    pub price_nanos: i128,
}

impl Totals {
    /// Adds another group's.
    pub fn add(&mut self, other: &Self) {
        self.known.add(&other.known);
        self.suspense.add(&other.suspense);
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.attempts += other.attempts;
        self.input_tokens += other.input_tokens;
        self.cached_input_tokens += other.cached_input_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
        self.output_tokens += other.output_tokens;
        self.reasoning_tokens += other.reasoning_tokens;
        self.images += other.images;
        self.media_ms += other.media_ms;
        self.characters += other.characters;
        self.cost_nanos += other.cost_nanos;
        self.price_nanos += other.price_nanos;
    }
}

/// One attempt, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// `UUIDv7`, made by the hub.
    pub request_id: Uuid,
    /// From 1.
    pub attempt: i64,
    /// Of admission.
    pub at: Timestamp,
    /// `namespace/name` of the Tenant.
    pub tenant: String,
    /// The ledger account.
    pub account: String,
    /// The key's name.
    pub key: String,
    /// The end user that the client named.
    pub user: Option<String>,
    /// The project that the client named.
    pub project: Option<String>,
    /// `namespace/name` of the `AIProvider`.
    pub provider: String,
    /// The model's name in the hub.
    pub model: String,
    /// [`Status`](super::Status) by name.
    pub status: String,
    /// The provider's, 0 where there was none.
    pub http_status: i64,
    /// [`Source`](crate::usage::Source) by name.
    pub source: String,
    /// Uncached prompt tokens.
    pub input_tokens: i64,
    /// Prompt tokens read from the provider's cache.
    pub cached_input_tokens: i64,
    /// Prompt tokens written to the provider's cache.
    pub cache_write_tokens: i64,
    /// Generated tokens, reasoning included.
    pub output_tokens: i64,
    /// The part of them that was reasoning.
    pub reasoning_tokens: i64,
    /// The part of `input_tokens` that was audio.
    pub audio_input_tokens: i64,
    /// The part of `output_tokens` that was audio.
    pub audio_output_tokens: i64,
    /// The part of `input_tokens` that was images.
    pub image_input_tokens: i64,
    /// The part of `output_tokens` that was images.
    pub image_output_tokens: i64,
    /// Images that were made.
    pub images: i64,
    /// Their size, where it is known.
    pub image_size: Option<String>,
    /// Their quality, where it is known.
    pub image_quality: Option<String>,
    /// Milliseconds of audio or video.
    pub media_ms: i64,
    /// Characters of text that were spoken.
    pub characters: i64,
    /// What the provider charges.
    pub cost_nanos: i64,
    /// What the tenant pays.
    pub price_nanos: i64,
    /// The price sheet that was pinned at admission.
    pub price_revision: Option<String>,
    /// What the provider itself says that it charged.
    pub reported_cost_nanos: Option<i64>,
    /// From admission to the first body byte.
    pub first_byte_ms: Option<i64>,
    /// From admission to the end; none where the end was not seen.
    pub duration_ms: Option<i64>,
}

impl UsageRow {
    /// What was used, as it was when the row was written.
    pub fn usage(&self) -> Usage {
        let count = |count: i64| count.max(0).unsigned_abs();
        let word = |text: &Option<String>| text.as_deref().map(Word::new).unwrap_or_default();
        Usage {
            input: count(self.input_tokens),
            cached_input: count(self.cached_input_tokens),
            cache_write: count(self.cache_write_tokens),
            output: count(self.output_tokens),
            reasoning: count(self.reasoning_tokens),
            audio_input: count(self.audio_input_tokens),
            audio_output: count(self.audio_output_tokens),
            image_input: count(self.image_input_tokens),
            image_output: count(self.image_output_tokens),
            images: count(self.images),
            image: ImageKind { size: word(&self.image_size), quality: word(&self.image_quality) },
            millis: count(self.media_ms),
            characters: count(self.characters),
            reported_cost_nanos: self.reported_cost_nanos,
        }
    }
}

#[cfg(test)]
pub(crate) mod suite;

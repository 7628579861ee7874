//! The texts of multi-row inserts, made once.
//!
//! Each statement is a journey to the database's thread and back, so a batch takes few: a statement has room for
//! more rows than it is given. What is not bound is NULL, and `OR IGNORE` passes over rows of NULLs, as no
//! column of a key may be NULL.

use std::fmt::Write as _;
use std::sync::Arc;

/// Rows that one statement has room for; few, so that few texts are ever prepared.
const SIZES: [usize; 3] = [4, 32, 256];

/// The columns of `usage`, in the order in which they are bound.
pub(super) const USAGE: [&str; 33] = [
    "request_id",
    "attempt",
    "at",
    "tenant",
    "account",
    "\"key\"",
    "\"user\"",
    "project",
    "provider",
    "model",
    "status",
    "http_status",
    "source",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "images",
    "image_size",
    "image_quality",
    "media_ms",
    "characters",
    "cost_nanos",
    "price_nanos",
    "price_revision",
    "reported_cost_nanos",
    "first_byte_ms",
    "duration_ms",
];

/// The key of `usage_hourly`.
const HOURLY_KEY: [&str; 9] =
    ["hour", "tenant", "account", "\"key\"", "\"user\"", "project", "provider", "model", "source"];

/// What `usage_hourly` adds up.
pub(super) const SUMS: [&str; 12] = [
    "requests",
    "attempts",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "images",
    "media_ms",
    "characters",
    "cost_nanos",
    "price_nanos",
];

/// What `spending` adds up.
const SPENT: [&str; 3] = ["spent", "unreserved", "suspense"];

/// One text for each size.
#[derive(Clone, Debug)]
pub(super) struct Sized([(usize, Arc<str>); SIZES.len()]);

/// All of them.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    /// Inserts rows; tells only how many were new.
    pub(super) usage: Sized,
    /// Inserts rows; returns the keys of the new ones.
    pub(super) usage_returning: Sized,
    /// Adds to the hourly sums.
    pub(super) hourly: Sized,
    /// Adds to what a holder spent.
    pub(super) spending: Sized,
}

impl Statements {
    pub(super) fn new() -> Self {
        // A sum beyond 64 bits becomes a float in SQLite, and the cast its largest integer again.
        let add = |table: &str, sums: &[&str]| {
            let add = |sum| format!("{sum} = CAST({table}.{sum} + excluded.{sum} AS INTEGER)");
            format!("ON CONFLICT DO UPDATE SET {}", sums.iter().map(add).collect::<Vec<_>>().join(", "))
        };
        let hourly = [HOURLY_KEY.as_slice(), SUMS.as_slice()].concat();
        let spending = [["allowance", "\"window\"", "holder"], SPENT].concat();
        Self {
            usage: Sized::new("usage", &USAGE, ""),
            usage_returning: Sized::new("usage", &USAGE, "RETURNING request_id, attempt"),
            hourly: Sized::new("usage_hourly", &hourly, &add("usage_hourly", &SUMS)),
            spending: Sized::new("spending", &spending, &add("spending", &SPENT)),
        }
    }
}

impl Sized {
    fn new(table: &str, columns: &[&str], end: &str) -> Self {
        Self(SIZES.map(|rows| (rows, insert(table, columns, rows, end).into())))
    }

    /// The smallest with room for all of these rows, or else the largest; and how many it takes.
    pub(super) fn covering(&self, rows: usize) -> (usize, Arc<str>) {
        let [.., largest] = &self.0;
        let (room, text) = self.0.iter().find(|(room, _)| *room >= rows).unwrap_or(largest);
        (rows.min(*room), text.clone())
    }
}

fn insert(table: &str, columns: &[&str], rows: usize, end: &str) -> String {
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let mut text = format!("INSERT OR IGNORE INTO {table} ({}) VALUES ", columns.join(","));
    for number in 0..rows {
        let separator = if number == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{row}");
    }
    text.push(' ');
    text.push_str(end);
    text
}

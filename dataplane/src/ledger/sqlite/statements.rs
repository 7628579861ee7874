//! The texts of multi-row inserts, made once.

use std::fmt::Write as _;
use std::sync::Arc;

/// Rows of one statement; a batch is cut into these, largest first, so that few texts are ever prepared.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// The columns of `usage`, in the order in which they are bound.
pub(super) const USAGE: [&str; 26] = [
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
pub(super) const SUMS: [&str; 9] = [
    "requests",
    "attempts",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_nanos",
    "price_nanos",
];

/// One text for each size.
#[derive(Clone, Debug)]
pub(super) struct Sized([(usize, Arc<str>); 4]);

/// All of them.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    /// Inserts rows; tells only how many were new.
    pub(super) usage: Sized,
    /// Inserts rows; returns the keys of the new ones.
    pub(super) usage_returning: Sized,
    /// Adds to the hourly sums.
    pub(super) hourly: Sized,
}

impl Statements {
    pub(super) fn new() -> Self {
        let once = "ON CONFLICT DO NOTHING";
        // A sum beyond 64 bits becomes a float in SQLite, and the cast its largest integer again.
        let add = SUMS.map(|sum| format!("{sum} = CAST(usage_hourly.{sum} + excluded.{sum} AS INTEGER)"));
        let add = format!("ON CONFLICT DO UPDATE SET {}", add.join(", "));
        let hourly = [HOURLY_KEY.as_slice(), SUMS.as_slice()].concat();
        Self {
            usage: Sized::new("usage", &USAGE, once),
            usage_returning: Sized::new("usage", &USAGE, &format!("{once} RETURNING request_id, attempt")),
            hourly: Sized::new("usage_hourly", &hourly, &add),
        }
    }
}

impl Sized {
    fn new(table: &str, columns: &[&str], conflict: &str) -> Self {
        Self(SIZES.map(|rows| (rows, insert(table, columns, rows, conflict).into())))
    }

    /// The largest that takes no more than this many rows, and how many it takes.
    pub(super) fn fitting(&self, rows: usize) -> (usize, Arc<str>) {
        let [.., one] = &self.0;
        self.0.iter().find(|(size, _)| *size <= rows).unwrap_or(one).clone()
    }
}

fn insert(table: &str, columns: &[&str], rows: usize, conflict: &str) -> String {
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let mut text = format!("INSERT INTO {table} ({}) VALUES ", columns.join(","));
    for number in 0..rows {
        let separator = if number == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{row}");
    }
    text.push(' ');
    text.push_str(conflict);
    text
}

//! The provider's own count, in a file or in memory: one line of JSON for each request that carries a `marker`, written when
//! it ends.
//!
//! The marker is a directive like any other (`[[marker=x1 chunks=3]]`), so it arrives whatever wire is between; attempts of
//! one request carry the same and are told apart by their order. A directive may be for one of them: `2:status=500`.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::ask::Ask;
use super::journal::Outcome;
use super::usage::Tokens;

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What its client called it.
    pub marker: String,
    /// Counts the requests with this marker, from 1.
    pub ordinal: u32,
    /// Counts all, in the order of arrival.
    pub number: u64,
    /// With its query.
    pub path: String,
    /// Of the answer; 0 where none was decided on.
    pub status: u16,
    /// What a complete answer uses; nothing for an error.
    pub tokens: Tokens,
    /// Events (or plain bodies) written whole.
    pub events: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// Reads a file that a provider has written.
pub fn records(path: &Path) -> anyhow::Result<Vec<Record>> {
    records_in(&std::fs::read_to_string(path)?)
}

/// Reads what a provider answers at `/__scripted/records`. A last line that is not whole is left out.
pub fn records_in(text: &str) -> anyhow::Result<Vec<Record>> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    Ok(whole.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// Where lines are kept.
#[derive(Debug)]
enum Lines {
    /// They outlive this process.
    File(File),
    /// They do not.
    Memory(String),
}

impl Lines {
    fn push(&mut self, line: &str) {
        match self {
            // What cannot be written is missed by whoever compares.
            Self::File(file) => drop(file.write_all(format!("{line}\n").as_bytes())),
            Self::Memory(text) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
}

/// Writes the lines.
#[derive(Debug)]
pub(super) struct Recorder {
    lines: Arc<Mutex<Lines>>,
    arrivals: Mutex<HashMap<String, u32>>,
    count: AtomicU64,
}

impl Recorder {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self::keeping(Lines::File(File::create(path)?)))
    }

    pub(super) fn in_memory() -> Self {
        Self::keeping(Lines::Memory(String::new()))
    }

    fn keeping(lines: Lines) -> Self {
        Self { lines: Arc::new(Mutex::new(lines)), arrivals: Mutex::default(), count: AtomicU64::new(0) }
    }

    /// Those that were written so far; of a file, nothing.
    pub(super) fn text(&self) -> String {
        match &*self.lines.lock().unwrap_or_else(PoisonError::into_inner) {
            Lines::File(_) => String::new(),
            Lines::Memory(text) => text.clone(),
        }
    }

    /// Begins a line, if the request has a marker, and leaves of its directives those that are for this attempt.
    pub(super) fn arrived(&self, path: &str, ask: &mut Ask) -> Option<Recording> {
        let marker =
            ask.directives.split_whitespace().find_map(|word| word.strip_prefix("marker="))?.to_owned();
        let ordinal = {
            let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            let count = arrivals.entry(marker.clone()).or_default();
            *count += 1;
            *count
        };
        ask.directives = addressed(&ask.directives, ordinal);
        let record = Record {
            marker,
            ordinal,
            number: self.count.fetch_add(1, Ordering::Relaxed),
            path: path.to_owned(),
            status: 0,
            tokens: Tokens::default(),
            events: 0,
            outcome: Outcome::Running,
        };
        Some(Recording { lines: Arc::clone(&self.lines), record: Mutex::new(record) })
    }
}

/// The words that are for all attempts, and those for this one without its number.
fn addressed(directives: &str, ordinal: u32) -> String {
    let word = |word: &str| match word.split_once(':').map(|(number, rest)| (number.parse::<u32>(), rest)) {
        Some((Ok(number), rest)) => (number == ordinal).then(|| rest.to_owned()),
        _ => Some(word.to_owned()),
    };
    let words: Vec<_> = directives.split_whitespace().filter_map(word).collect();
    words.join(" ")
}

/// A line that is not written yet.
#[derive(Debug)]
pub(super) struct Recording {
    lines: Arc<Mutex<Lines>>,
    record: Mutex<Record>,
}

impl Recording {
    pub(super) fn answering(&self, status: u16, tokens: Option<Tokens>) {
        self.with(|record| (record.status, record.tokens) = (status, tokens.unwrap_or_default()));
    }

    pub(super) fn served(&self) {
        self.with(|record| record.events += 1);
    }

    /// Only the first end counts.
    pub(super) fn end(&self, outcome: Outcome) {
        let line = self.with(|record| {
            if record.outcome != Outcome::Running {
                return None;
            }
            record.outcome = outcome;
            serde_json::to_string(record).ok()
        });
        if let Some(line) = line {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(&line);
        }
    }

    fn with<R>(&self, act: impl FnOnce(&mut Record) -> R) -> R {
        act(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_may_be_for_one_attempt() {
        assert_eq!(
            addressed("marker=a 1:status=500 2:cut_after=3 chunks=2", 2),
            "marker=a cut_after=3 chunks=2"
        );
        assert_eq!(addressed("header=x:y 1:status=500", 3), "header=x:y");
    }
}

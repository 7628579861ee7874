//! What the provider received and served, by its own count.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::Recording;
use super::usage::Tokens;

/// Entries beyond this many are forgotten, oldest first; the totals go on counting.
const KEPT: usize = 1000;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The answer is not complete yet.
    Running,
    /// The whole answer was handed to the socket.
    Complete,
    /// Broken off as scripted.
    Broken,
    /// An error came in the place of an answer, or in the midst of one.
    Failed,
    /// The client went away first.
    ClientLeft,
}

/// One request, as it arrived, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Counts from 0 in the order of arrival.
    pub number: u64,
    /// Requests on the same connection share it.
    pub connection: u64,
    /// In capitals.
    pub method: String,
    /// With its query.
    pub path: String,
    /// In order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    /// As received.
    #[serde(serialize_with = "lossy")]
    pub body: Bytes,
    /// Of the answer; 0 until it is decided.
    pub status: u16,
    /// The usage that a complete answer reports; absent for errors and for other endpoints.
    pub tokens: Option<Tokens>,
    /// Events (or plain bodies) written whole.
    pub events: u64,
    /// How it ended.
    pub outcome: Outcome,
}

impl Entry {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sums over everything ever served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests of any kind.
    pub requests: u64,
    /// Chat and message requests answered in full with status 200.
    pub answers: u64,
    /// Input tokens of those, cached ones included.
    pub input_tokens: u64,
    /// Output tokens of those, reasoning included.
    pub output_tokens: u64,
}

/// Shared between the connections and the handle.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    entries: VecDeque<Entry>,
    totals: Totals,
}

impl Journal {
    /// Opens an entry. It ends as `ClientLeft` unless the ticket hears otherwise.
    pub(super) fn open(&self, mut entry: Entry, recording: Option<Recording>) -> Ticket {
        self.with(|pages| {
            entry.number = pages.totals.requests;
            pages.totals.requests += 1;
            let number = entry.number;
            pages.entries.push_back(entry);
            if pages.entries.len() > KEPT {
                pages.entries.pop_front();
            }
            Ticket { journal: self.clone(), number, recording }
        })
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.with(|pages| pages.entries.iter().cloned().collect())
    }

    pub(super) fn after(&self, count: u64) -> Vec<Entry> {
        self.with(|pages| pages.entries.iter().filter(|entry| entry.number >= count).cloned().collect())
    }

    pub(super) fn totals(&self) -> Totals {
        self.with(|pages| pages.totals)
    }

    pub(super) fn forget(&self) {
        self.with(|pages| pages.entries.clear());
    }

    fn with<R>(&self, act: impl FnOnce(&mut Pages) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes the rest of one entry.
#[derive(Debug)]
pub(super) struct Ticket {
    journal: Journal,
    number: u64,
    recording: Option<Recording>,
}

impl Ticket {
    pub(super) fn answering(&self, status: u16, tokens: Option<Tokens>) {
        if let Some(recording) = &self.recording {
            recording.answering(status, tokens.clone());
        }
        self.entry(|entry| (entry.status, entry.tokens) = (status, tokens));
    }

    pub(super) fn served(&self) {
        if let Some(recording) = &self.recording {
            recording.served();
        }
        self.entry(|entry| entry.events += 1);
    }

    /// Nothing is charged for an error.
    pub(super) fn failing(&self) {
        if let Some(recording) = &self.recording {
            recording.end(Outcome::Failed);
        }
    }

    /// Only the first end counts.
    pub(super) fn end(&self, outcome: Outcome) {
        if let Some(recording) = &self.recording {
            recording.end(outcome);
        }
        self.journal.with(|pages| {
            let entry = pages.entries.iter_mut().find(|entry| entry.number == self.number);
            let Some(entry) = entry.filter(|entry| entry.outcome == Outcome::Running) else { return };
            entry.outcome = outcome;
            if let (Outcome::Complete, 200, Some(tokens)) = (outcome, entry.status, &entry.tokens) {
                pages.totals.answers += 1;
                pages.totals.input_tokens += tokens.input + tokens.cached + tokens.cache_write;
                pages.totals.output_tokens += tokens.output;
            }
        });
    }

    fn entry(&self, act: impl FnOnce(&mut Entry)) {
        self.journal.with(|pages| {
            if let Some(entry) = pages.entries.iter_mut().find(|entry| entry.number == self.number) {
                act(entry);
            }
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(Outcome::ClientLeft);
    }
}

fn lossy<S: serde::Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

//! The lines that a process writes, kept and awaited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The lines of one stream so far.
#[derive(Clone, Debug, Default)]
pub struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl Output {
    /// Collects until the stream ends.
    pub(super) fn collect(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let output = Self::default();
        let kept = output.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(stream).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                kept.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
            kept.ended.store(true, Ordering::Release);
        });
        output
    }

    /// All lines.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process wrote its last line.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// All lines as one text.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// Those that are JSON objects.
    pub fn json(&self) -> Vec<Value> {
        self.lines().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The value of a field that stands at the top or under `fields`.
    pub(super) fn field<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
        line[name].as_str().or(line["fields"][name].as_str())
    }

    /// The first event with this message.
    pub(super) fn event(&self, message: &str) -> Option<Value> {
        self.json().into_iter().find(|line| Self::field(line, "message") == Some(message))
    }
}

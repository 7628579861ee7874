//! What an answer is and how it is delivered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::usage::{Dialect, Tokens};

/// One scripted answer. The default is a short friendly text, delivered at once.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Status of the answer; 200 when absent. 400 and above answer an error body of the wire's own shape.
    pub status: Option<u16>,
    /// Further headers of the answer; they replace those of the same name.
    pub headers: Vec<(String, String)>,
    /// The exact body, whatever was asked.
    pub body: Option<Bytes>,
    /// Message of the error body.
    pub message: Option<String>,
    /// Pieces of text, one a chunk; a default text when empty and no tool is called.
    pub text: Vec<String>,
    /// Sends the second event of a stream so many more times: a flood that costs nothing to make.
    pub repeat: usize,
    /// Pieces of reasoning, sent before the text.
    pub reasoning: Vec<String>,
    /// The model declines in these words, in the place of a text.
    pub refusal: Option<String>,
    /// The text is cited from a source of this title.
    pub citation: Option<String>,
    /// Tool calls, sent after the text.
    pub calls: Vec<Call>,
    /// Calls the first so many tools of the request, with arguments made up from their schemas.
    pub call_offered: usize,
    /// The finish reason in the wire's own words, instead of the one that follows from the content.
    pub finish: Option<String>,
    /// Reported usage; counted from request and answer when absent.
    pub usage: Option<Tokens>,
    /// So much of the input, where it is counted, was read from the cache.
    pub reused: u64,
    /// How usage is worded.
    pub dialect: Dialect,
    /// No usage is reported, even if asked for.
    pub mute_usage: bool,
    /// Before the first byte of the answer.
    pub before: Duration,
    /// Sends the answer's head one byte at a time, with this pause between them.
    pub drip: Option<Duration>,
    /// Between two events.
    pub pace: Duration,
    /// Writes pieces of so many bytes, wherever that cuts.
    pub split: Option<usize>,
    /// Each event waits for a permit, and so does an improper ending.
    pub gate: Option<Gate>,
    /// How the answer ends.
    pub ending: Ending,
    /// Of a job: what looks at it see, one after another; the last stays. OpenAI's words (`queued`, `in_progress`, `completed`,
    /// `failed`) for Google's operations too, `filtered` for these alone; `cut` breaks that answer off, a number is its status.
    pub job: Vec<String>,
}

/// How an answer ends. `after` counts events of a stream that are sent before; a plain answer is cut in half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// As the wire has it.
    #[default]
    Proper,
    /// The HTTP body ends, but the terminator (`[DONE]`, `message_stop`) is missing.
    Unterminated {
        /// Events sent before.
        after: usize,
    },
    /// The connection is closed in mid-body.
    Cut {
        /// Events sent before.
        after: usize,
    },
    /// The connection is reset (RST).
    Reset {
        /// Events sent before.
        after: usize,
    },
    /// Nothing more comes, the connection stays open.
    Stall {
        /// Events sent before.
        after: usize,
    },
    /// A line that never ends.
    Endless {
        /// Events sent before.
        after: usize,
    },
    /// An error in the stream, in the wire's own shape.
    Error {
        /// Events sent before.
        after: usize,
    },
}

/// One tool call.
#[derive(Clone, Debug)]
pub struct Call {
    /// As the provider made it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// An object.
    pub arguments: Value,
}

/// Lets events through one by one, so that a test proves an order instead of measuring time.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// Lets so many events through at first. A gateway tells a client of an answer when its first piece is
    /// there, so a test that waits for the answer's head lets that piece through before.
    pub fn admitting(events: usize) -> Self {
        Self(Arc::new(Semaphore::new(events)))
    }

    /// Lets so many more events through.
    pub fn admit(&self, events: usize) {
        self.0.add_permits(events);
    }

    /// Lets all events through from now on.
    pub fn open(&self) {
        self.0.close();
    }

    /// Waits for a permit.
    pub(super) async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

impl Script {
    /// Answers this text, cut into pieces of one word each.
    pub fn text(text: &str) -> Self {
        Self { text: words(text), ..Self::default() }
    }

    /// Answers so many numbered pieces.
    pub fn chunks(count: usize) -> Self {
        Self { text: numbered(count), ..Self::default() }
    }

    /// Answers an error of this status in the wire's own shape.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Answers exactly this, with status 200 and `application/json` unless set otherwise.
    pub fn raw(body: impl Into<Bytes>) -> Self {
        Self { body: Some(body.into()), ..Self::default() }
    }

    /// Calls a tool.
    #[must_use]
    pub fn call(mut self, id: &str, name: &str, arguments: Value) -> Self {
        self.calls.push(Call { id: id.into(), name: name.into(), arguments });
        self
    }

    /// Reasons first.
    #[must_use]
    pub fn reasoning(mut self, text: &str) -> Self {
        self.reasoning = words(text);
        self
    }

    /// Reports this usage in this provider's words.
    #[must_use]
    pub fn usage(mut self, dialect: Dialect, tokens: Tokens) -> Self {
        self.dialect = dialect;
        self.usage = Some(tokens);
        self
    }

    /// Adds or replaces a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the ending.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Holds every event back until the gate admits it.
    #[must_use]
    pub fn gate(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Applies directives `key=value`, separated by `&` or white space. Durations are milliseconds, `+`
    /// stands for a space. Unknown keys are ignored, as the text may be anyone's.
    ///
    /// `status`, `retry_after`, `header` (`name:value`), `html`, `message`, `text`, `chunks`, `reasoning`
    /// (count), `refusal`, `citation`, `tools` (count), `finish`, `dialect`, `input`, `cached`, `cache_write`, `output`,
    /// `reasoning_tokens`, `cost`, `reused`, `usage=none`, `job` (states, with commas), `before`, `drip`, `pace`, `split`, `surrogate`,
    /// `unterminated_after`, `cut_after`, `reset_after`, `stall_after`, `endless_after`, `error_after`.
    #[must_use]
    pub fn direct(mut self, directives: &str) -> Self {
        for (key, value) in directives.split(['&', ' ', '\n']).filter_map(|word| word.split_once('=')) {
            self.apply(key, value);
        }
        self
    }

    fn apply(&mut self, key: &str, value: &str) {
        let number = value.parse::<usize>().unwrap_or_default();
        let count = value.parse::<u64>().unwrap_or_default();
        let time = Duration::from_millis(count);
        let text = value.replace('+', " ");
        match key {
            "status" => self.status = value.parse().ok(),
            "retry_after" => self.headers.push(("retry-after".into(), value.into())),
            "header" => {
                if let Some((name, value)) = text.split_once(':') {
                    self.headers.push((name.into(), value.into()));
                }
            }
            "html" => {
                self.headers.push(("content-type".into(), "text/html".into()));
                self.body =
                    Some(Bytes::from_static(b"<!doctype html><title>Bad gateway</title><h1>Oops</h1>"));
            }
            "message" => self.message = Some(text),
            "text" => self.text = words(&text),
            "chunks" => self.text = numbered(number),
            "reasoning" => self.reasoning = (0..number).map(|n| format!("thought {n} ")).collect(),
            "refusal" => self.refusal = Some(text),
            "citation" => self.citation = Some(text),
            "tools" => self.call_offered = number,
            "finish" => self.finish = Some(text),
            "dialect" => self.dialect = Dialect::named(value),
            "input" => self.tokens().input = count,
            "cached" => self.tokens().cached = count,
            "cache_write" => self.tokens().cache_write = count,
            "output" => self.tokens().output = count,
            "reasoning_tokens" => self.tokens().reasoning = count,
            "cost" => self.tokens().cost = Some(text),
            "reused" => self.reused = count,
            "usage" => self.mute_usage = value == "none",
            "job" => self.job = value.split(',').map(str::to_owned).collect(),
            "before" => self.before = time,
            "drip" => self.drip = Some(time),
            "pace" => self.pace = time,
            "split" => self.split = Some(number.max(1)),
            "surrogate" => self.text = surrogates(),
            "unterminated_after" => self.ending = Ending::Unterminated { after: number },
            "cut_after" => self.ending = Ending::Cut { after: number },
            "reset_after" => self.ending = Ending::Reset { after: number },
            "stall_after" => self.ending = Ending::Stall { after: number },
            "endless_after" => self.ending = Ending::Endless { after: number },
            "error_after" => self.ending = Ending::Error { after: number },
            _ => {}
        }
    }

    fn tokens(&mut self) -> &mut Tokens {
        self.usage.get_or_insert_default()
    }
}

/// Stands for a lone high surrogate, which no Rust string can hold; the wire writes it as `\ud83d`.
pub(super) const HIGH: char = '\u{e001}';
/// Stands for the low surrogate that completes it, written as `\ude00`.
pub(super) const LOW: char = '\u{e002}';

/// Text in which an emoji is cut in two between chunks.
fn surrogates() -> Vec<String> {
    vec!["Smile ".into(), HIGH.into(), LOW.into(), " done".into()]
}

/// Words with the space that precedes them.
fn words(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for word in text.split_inclusive(' ') {
        pieces.push(word.to_owned());
    }
    pieces
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("piece {n} ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_shape_the_answer() {
        let script = Script::default().direct("status=429&retry_after=7 message=slow+down bogus=1 cached=5");
        assert_eq!(script.status, Some(429));
        assert_eq!(script.headers, [("retry-after".to_owned(), "7".to_owned())]);
        assert_eq!(script.message.as_deref(), Some("slow down"));
        assert_eq!(script.usage.map(|tokens| tokens.cached), Some(5));
    }

    #[test]
    fn words_keep_every_character() {
        assert_eq!(words("a  b ").concat(), "a  b ");
    }
}

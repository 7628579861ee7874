//! How long an answer is waited for, and how it is read.

use std::time::Duration;

use aigne_hub_crds::config::Timeouts;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::gateway::{pieces::Pieces, respond::Pump};

/// How long an attempt is waited for.
pub(super) struct Patience {
    /// When the first byte of the answer's body must have come.
    pub(super) first: Instant,
    first_ms: u64,
    /// Between two pieces.
    pub(super) idle: Duration,
    /// When all of it must have come.
    pub(super) last: Instant,
    last_ms: u64,
}

impl Patience {
    /// A whole answer begins when its last token is there, so only a stream must begin early.
    pub(super) fn new(timeouts: Timeouts, stream: bool) -> Self {
        let now = Instant::now();
        let last_ms = timeouts.request;
        let first_ms = if stream { timeouts.first_token.min(last_ms) } else { last_ms };
        let after = |ms| now + Duration::from_millis(ms);
        let idle = Duration::from_millis(timeouts.idle);
        Self { first: after(first_ms), first_ms, idle, last: after(last_ms), last_ms }
    }

    /// All of it within this time from now.
    pub(super) fn hurried(&self, within: Duration) -> Self {
        let last = self.last.min(Instant::now() + within);
        Self { first: last, last, ..*self }
    }

    pub(super) fn no_answer(&self) -> String {
        format!("did not answer within {} ms", self.first_ms)
    }
}

/// Reads until the provider has said something. Comments that keep a connection alive while a request waits are no
/// answer yet: what fails after them can still be tried again.
pub(super) async fn begin(body: &mut Incoming, pump: &mut Pump) -> Result<(), String> {
    while !pump.has_begun() {
        let pushed = match body.frame().await {
            Some(Ok(frame)) => pump.push(frame.into_data().unwrap_or_default()),
            Some(Err(error)) => return Err(error.to_string()),
            None => {
                pump.finish(false).map_err(|error| error.to_string())?;
                let ended = || "the stream ended before it began".to_owned();
                return pump.has_begun().then_some(()).ok_or_else(ended);
            }
        };
        pushed.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A body that could not be read to its end.
pub(super) struct Cut {
    pub(super) so_far: Bytes,
    pub(super) reason: String,
    pub(super) timed_out: bool,
}

pub(super) async fn read(body: &mut Incoming, longest: usize, patience: &Patience) -> Result<Bytes, Cut> {
    let mut pieces = Pieces::default();
    let mut by = patience.first;
    loop {
        let (reason, timed_out) = match tokio::time::timeout_at(by, body.frame()).await {
            Ok(None) => return Ok(pieces.join()),
            Ok(Some(Ok(frame))) => {
                pieces.push(frame.into_data().unwrap_or_default());
                if pieces.len() <= longest {
                    by = patience.last.min(Instant::now() + patience.idle);
                    continue;
                }
                (format!("it is longer than {longest} bytes"), false)
            }
            Ok(Some(Err(error))) => (error.to_string(), false),
            Err(_) if Instant::now() >= patience.last => {
                (format!("did not answer within {} ms", patience.last_ms), true)
            }
            Err(_) if pieces.len() > 0 => {
                (format!("stood still for {} ms in its answer", patience.idle.as_millis()), true)
            }
            Err(_) => (patience.no_answer(), true),
        };
        return Err(Cut { so_far: pieces.join(), reason, timed_out });
    }
}

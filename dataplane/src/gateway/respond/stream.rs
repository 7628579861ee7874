//! A stream on its way to the client. It owns the provider's body and the attempt, so that whatever ends it
//! (the provider, the client, a timeout) also settles it: exactly once, and before the client's last byte.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::{Pump, error::in_stream};
use crate::{
    error::{GatewayError, Kind},
    gateway::{
        exchange::Exchange,
        settle::{Attempt, Ending},
    },
    health::Held,
    ledger::Status,
    upstream::Connection,
};

/// How long the provider's body may go on after its format's own end: some keep the connection open.
const LINGER: Duration = Duration::from_secs(1);

/// A stream that has begun.
pub(in crate::gateway) struct Stream {
    pub(in crate::gateway) status: StatusCode,
    /// The provider's, before the allow-list.
    pub(in crate::gateway) headers: HeaderMap,
    pub(in crate::gateway) upstream: Incoming,
    pub(in crate::gateway) connection: Option<Connection>,
    pub(in crate::gateway) pump: Pump,
    /// Where it is metered.
    pub(in crate::gateway) attempt: Option<Attempt>,
    pub(in crate::gateway) first_byte_ms: u32,
    /// Between two frames.
    pub(in crate::gateway) idle: Duration,
    /// Of the whole attempt.
    pub(in crate::gateway) deadline: Instant,
    /// Read to the end though the client has left.
    pub(in crate::gateway) finish: bool,
    pub(in crate::gateway) held: Option<Held>,
}

/// The body of a streamed answer.
pub struct StreamBody(Option<Box<Flow>>);

struct Flow {
    stream: Stream,
    exchange: Box<Exchange>,
    /// Fires at the earliest moment at which the stream can have stood still for too long.
    alarm: Pin<Box<Sleep>>,
    last_frame: Instant,
    /// The terminator or the provider's error was seen: what follows changes nothing.
    told: bool,
    ended: bool,
    /// Ended where nobody could be told so: the connection is cut, so that the client does not take it for the end.
    cut: bool,
}

/// The answer broke off, and its format has no place for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer broke off")]
pub struct CutOff;

impl StreamBody {
    pub(super) fn new(stream: Stream, exchange: Box<Exchange>) -> Self {
        exchange.core.metrics.stream_opened();
        let now = Instant::now();
        let alarm = Box::pin(tokio::time::sleep_until(stream.deadline.min(now + stream.idle)));
        let mut flow = Box::new(Flow {
            stream,
            exchange,
            alarm,
            last_frame: now,
            told: false,
            ended: false,
            cut: false,
        });
        flow.settle_if_told();
        Self(Some(flow))
    }

    /// The next frame for the client; `None` at the end.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutOff>>> {
        match &mut self.0 {
            Some(flow) => flow.poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        let Some(flow) = self.0.take() else { return };
        // Many clients leave at the terminator: what little follows it is read, so that the connection to the
        // provider can be used again.
        let read_on = (flow.stream.finish || flow.told) && !flow.ended;
        if read_on && !flow.exchange.core.live.is_over() {
            tokio::task::spawn_local(flow.read_on());
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if !self.ended {
            self.client_gone();
        }
    }
}

impl Flow {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutOff>>> {
        loop {
            if let Some(frame) = self.stream.pump.take() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.ended {
                if std::mem::take(&mut self.cut) {
                    return Poll::Ready(Some(Err(CutOff)));
                }
                return Poll::Ready(self.stream.pump.close().map(Ok));
            }
            match Pin::new(&mut self.stream.upstream).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.last_frame = Instant::now();
                    let Ok(data) = frame.into_data() else { continue };
                    match self.stream.pump.push(data) {
                        Ok(()) => self.settle_if_told(),
                        Err(_) if self.told => self.cut_off(),
                        Err(error) => self.broken(Kind::UpstreamFailed, &error.to_string()),
                    }
                }
                Poll::Ready(Some(Err(_))) if self.told => self.cut_off(),
                Poll::Ready(Some(Err(error))) => self.broken(Kind::UpstreamFailed, &error.to_string()),
                Poll::Ready(None) => self.upstream_ended(),
                Poll::Pending => match self.alarm.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.alarmed(),
                },
            }
        }
    }

    /// The provider's body has ended: well, if its format says so.
    fn upstream_ended(&mut self) {
        let observed = self.stream.pump.observed();
        // Some providers end without the terminator but not without a reason.
        let well = observed.terminated || observed.finish_reason.is_some() || self.stream.pump.is_bytes();
        let said_why = observed.error.is_some();
        if let Err(error) = self.stream.pump.finish(well && !said_why) {
            return self.broken(Kind::UpstreamFailed, &error.to_string());
        }
        self.settle_if_told();
        if !well && !self.told {
            return self.broken(Kind::UpstreamFailed, "it ended before the answer was complete");
        }
        self.settle(Status::Completed);
        self.end();
        if let Some(connection) = self.stream.connection.take() {
            self.exchange.core.pool.give_back(connection);
        }
    }

    /// Everything was said, and the connection is of no more use.
    fn cut_off(&mut self) {
        self.stream.connection = None;
        self.upstream_ended();
    }

    /// The alarm is set once a while and not at each frame, so it may find that all is well.
    fn alarmed(&mut self) {
        if self.told {
            return self.cut_off();
        }
        let now = Instant::now();
        let idle_until = self.last_frame + self.stream.idle;
        if now >= self.stream.deadline {
            self.broken(Kind::UpstreamTimeout, "it took longer than timeouts.request");
        } else if now >= idle_until {
            let reason = format!("it stood still for {} ms", self.stream.idle.as_millis());
            self.broken(Kind::UpstreamTimeout, &reason);
        } else {
            self.alarm.as_mut().reset(idle_until.min(self.stream.deadline));
        }
    }

    /// The stream cannot go on; its last frame says why.
    fn broken(&mut self, kind: Kind, reason: &str) {
        let error = GatewayError::new(kind, format!("the provider's answer broke off: {reason}"));
        self.exchange.error = Some(error.label());
        self.settle(Status::Broken);
        self.end();
        if self.stream.pump.is_bytes() {
            self.cut = true;
            return;
        }
        let last = in_stream(self.exchange.wire, &error, &self.exchange.id.to_string());
        self.stream.pump.say(last);
    }

    /// Before the terminator reaches the client, its usage is in the journal. An error event of the provider's,
    /// which was relayed or translated, settles the rest too.
    fn settle_if_told(&mut self) {
        if self.told {
            return;
        }
        let observed = self.stream.pump.observed();
        if let Some(error) = &observed.error {
            self.exchange.error = Some(GatewayError::upstream(error, "").label());
            self.settle(Status::Broken);
        } else if observed.terminated {
            self.settle(Status::Completed);
        } else {
            return;
        }
        self.told = true;
        self.alarm.as_mut().reset(self.stream.deadline.min(Instant::now() + LINGER));
    }

    fn settle(&mut self, status: Status) {
        let ending = Ending {
            status,
            http_status: self.stream.status.as_u16(),
            observed: self.stream.pump.observed(),
        };
        if let Some(attempt) = &mut self.stream.attempt {
            attempt.settle(ending, Some(self.stream.first_byte_ms));
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.stream.held = None;
        self.exchange.core.metrics.stream_closed();
    }

    fn client_gone(&mut self) {
        self.note_that_client_is_gone();
        self.settle(Status::ClientGone);
        self.end();
    }

    /// Unless it had been told everything.
    fn note_that_client_is_gone(&mut self) {
        if !self.told {
            self.exchange.error.get_or_insert("client_gone");
        }
    }

    /// The client has left, and its tenant pays for exact numbers: the answer is read to its end.
    async fn read_on(mut self: Box<Self>) {
        self.note_that_client_is_gone();
        std::future::poll_fn(|context| {
            loop {
                match self.poll_next(context) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }
}

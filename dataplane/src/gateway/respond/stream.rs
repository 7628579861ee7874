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

/// A stream that has begun.
pub(in crate::gateway) struct Stream {
    pub(in crate::gateway) status: StatusCode,
    /// The provider's, before the allow-list.
    pub(in crate::gateway) headers: HeaderMap,
    pub(in crate::gateway) upstream: Incoming,
    pub(in crate::gateway) connection: Option<Connection>,
    pub(in crate::gateway) pump: Pump,
    pub(in crate::gateway) attempt: Attempt,
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
    ended: bool,
}

impl StreamBody {
    pub(super) fn new(stream: Stream, exchange: Box<Exchange>) -> Self {
        exchange.core.metrics.stream_opened();
        let now = Instant::now();
        let alarm = Box::pin(tokio::time::sleep_until(stream.deadline.min(now + stream.idle)));
        let mut flow = Box::new(Flow { stream, exchange, alarm, last_frame: now, ended: false });
        flow.settle_if_terminated();
        Self(Some(flow))
    }

    /// The next frame for the client; `None` at the end.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.0 {
            Some(flow) => flow.poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        let Some(mut flow) = self.0.take() else { return };
        if flow.ended {
            return;
        }
        if flow.stream.finish && !flow.exchange.core.live.is_over() {
            tokio::task::spawn_local(async move { flow.read_on().await });
        } else {
            flow.client_gone();
        }
    }
}

impl Flow {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(frame) = self.stream.pump.take() {
                return Poll::Ready(Some(frame));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match Pin::new(&mut self.stream.upstream).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.last_frame = Instant::now();
                    let Ok(data) = frame.into_data() else { continue };
                    if let Err(error) = self.stream.pump.push(data) {
                        return Poll::Ready(Some(self.broken(Kind::UpstreamFailed, error.to_string())));
                    }
                    if let Some(error) = &self.stream.pump.observed().error {
                        // The provider's own error event has been relayed or translated; the rest is settled.
                        self.exchange.error = Some(GatewayError::upstream(error, "").label());
                        self.settle(Status::Broken);
                    }
                    self.settle_if_terminated();
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(self.broken(Kind::UpstreamFailed, error.to_string())));
                }
                Poll::Ready(None) => {
                    if let Some(last) = self.upstream_ended() {
                        return Poll::Ready(Some(last));
                    }
                }
                Poll::Pending => match self.alarm.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => {
                        if let Some(last) = self.alarmed() {
                            return Poll::Ready(Some(last));
                        }
                    }
                },
            }
        }
    }

    /// The provider's body has ended: well, if its format says so.
    fn upstream_ended(&mut self) -> Option<Bytes> {
        let observed = self.stream.pump.observed();
        // Some providers end without the terminator but not without a reason.
        let well = observed.terminated || observed.finish_reason.is_some();
        let said_why = observed.error.is_some();
        if let Err(error) = self.stream.pump.finish(well && !said_why) {
            return Some(self.broken(Kind::UpstreamFailed, error.to_string()));
        }
        if !well && !said_why {
            return Some(self.broken(Kind::UpstreamFailed, "it ended before the answer was complete".into()));
        }
        self.settle(Status::Completed);
        self.end();
        if let Some(connection) = self.stream.connection.take() {
            self.exchange.core.pool.give_back(connection);
        }
        None
    }

    /// The alarm is set once a while and not at each frame, so it may find that all is well.
    fn alarmed(&mut self) -> Option<Bytes> {
        let now = Instant::now();
        let idle_until = self.last_frame + self.stream.idle;
        if now >= self.stream.deadline {
            return Some(self.broken(Kind::UpstreamTimeout, "it took longer than timeouts.request".into()));
        }
        if now >= idle_until {
            let message = format!("it stood still for {} ms", self.stream.idle.as_millis());
            return Some(self.broken(Kind::UpstreamTimeout, message));
        }
        self.alarm.as_mut().reset(idle_until.min(self.stream.deadline));
        None
    }

    /// The last frame of a stream that cannot go on.
    fn broken(&mut self, kind: Kind, reason: String) -> Bytes {
        let error = GatewayError::new(kind, format!("the provider's answer broke off: {reason}"));
        self.exchange.error = Some(error.label());
        self.settle(Status::Broken);
        self.end();
        in_stream(self.exchange.wire, &error, &self.exchange.id.to_string())
    }

    /// Before the terminator reaches the client, its usage is in the journal.
    fn settle_if_terminated(&mut self) {
        if self.stream.pump.observed().terminated {
            self.settle(Status::Completed);
        }
    }

    fn settle(&mut self, status: Status) {
        let ending = Ending {
            status,
            http_status: self.stream.status.as_u16(),
            observed: self.stream.pump.observed(),
        };
        self.exchange.settle(&mut self.stream.attempt, ending, Some(self.stream.first_byte_ms));
    }

    fn end(&mut self) {
        self.ended = true;
        self.stream.held = None;
        self.exchange.core.metrics.stream_closed();
    }

    fn client_gone(&mut self) {
        self.exchange.error.get_or_insert("client_gone");
        self.settle(Status::ClientGone);
        self.end();
    }

    /// The client has left, and its tenant pays for exact numbers: the answer is read to its end.
    async fn read_on(mut self: Box<Self>) {
        self.exchange.error.get_or_insert("client_gone");
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

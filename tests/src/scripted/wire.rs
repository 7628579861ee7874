//! Bytes and sockets: events, and a connection that can drip and reset.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::script::{HIGH, LOW};

/// A streamed answer before it is delivered.
#[derive(Clone, Debug)]
pub(super) struct Events {
    pub(super) events: Vec<Bytes>,
    pub(super) terminator: Bytes,
}

/// JSON text in which the stand-ins for lone surrogates have become what no Rust string can hold.
pub(super) fn escape(value: &Value) -> Bytes {
    let text = value.to_string();
    if text.contains([HIGH, LOW]) {
        text.replace(HIGH, "\\ud83d").replace(LOW, "\\ude00").into()
    } else {
        text.into()
    }
}

/// What a request may do to the connection that it came on.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Arc<Mutex<Shape>>);

#[derive(Debug, Default)]
struct Shape {
    /// Write one byte, then rest.
    drip: Option<Duration>,
    /// Another handle of the socket, to set options while hyper owns the stream.
    socket: Option<socket2::Socket>,
}

impl Line {
    pub(super) fn of(stream: &TcpStream) -> Self {
        let socket = socket2::SockRef::from(stream).try_clone().ok();
        Self(Arc::new(Mutex::new(Shape { drip: None, socket })))
    }

    pub(super) fn drip(&self, pause: Option<Duration>) {
        self.shape(|shape| shape.drip = pause);
    }

    /// The head is still dripping.
    pub(super) fn dripping(&self) -> Option<Duration> {
        self.shape(|shape| shape.drip)
    }

    /// The next close sends RST.
    pub(super) fn reset_on_close(&self) {
        self.shape(|shape| {
            if let Some(socket) = &shape.socket {
                // A socket that is gone already needs no reset.
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
        });
    }

    fn shape<R>(&self, act: impl FnOnce(&mut Shape) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A TCP stream that obeys its [`Line`]. Closing it lets go of the line's socket too.
#[derive(Debug)]
pub(super) struct Shaped {
    stream: TcpStream,
    line: Line,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Shaped {
    pub(super) fn new(stream: TcpStream, line: Line) -> Self {
        Self { stream, line, rest: None }
    }
}

impl Drop for Shaped {
    fn drop(&mut self) {
        self.line.shape(|shape| shape.socket = None);
    }
}

impl AsyncRead for Shaped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Shaped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let Some(pause) = self.line.shape(|shape| shape.drip) else {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        };
        if let Some(rest) = self.rest.as_mut() {
            std::task::ready!(rest.as_mut().poll(cx));
        }
        self.rest = Some(Box::pin(sleep_until(Instant::now() + pause)));
        Pin::new(&mut self.stream).poll_write(cx, buf.get(..1).unwrap_or(buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        // Flushed when everything is written: the head, as no body comes before that.
        self.line.drip(None);
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stand_ins_become_lone_surrogates() {
        assert_eq!(escape(&json!([HIGH.to_string()])), r#"["\ud83d"]"#);
        assert_eq!(escape(&json!("é")), r#""é""#);
    }
}

//! One keepalive connection of the load client: sends a request, reads its answer to the end and checks it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::{http1::Head, script::marks};

/// What a correct answer looks like.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    /// Whether it is a stream.
    pub(crate) stream: bool,
    /// Pieces of text in it.
    pub(crate) pieces: usize,
}

/// When things happened, from the moment the request was written.
#[derive(Clone, Copy)]
pub(crate) struct Timing {
    /// To the first piece of text.
    pub(crate) first_piece: Duration,
    /// To the end of the answer.
    pub(crate) whole: Duration,
}

/// A connection that is reused until an error or the server's wish ends it.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    payload: Vec<u8>,
    /// The server said that it closes after the last answer.
    pub(crate) closing: bool,
}

impl Connection {
    /// Connects, without delay on small writes.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connect")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16384),
            payload: Vec::with_capacity(32768),
            closing: false,
        })
    }

    /// Sends `request` and reads the answer to its end; `on_pieces` hears of every read that brought text.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        expected: Expected,
        mut on_pieces: impl FnMut(usize),
    ) -> Result<Timing> {
        self.payload.clear();
        self.buffer.clear();
        let start = Instant::now();
        self.stream.write_all(request).await.context("send")?;
        let (status, mut body) = loop {
            self.read().await?;
            if let Some(head) = Head::parse(&self.buffer)? {
                let parts = (head.status(), head.body()?);
                self.closing = head.closes();
                let length = head.len;
                self.buffer.drain(..length);
                break parts;
            }
        };
        let (mut pieces, mut first_piece) = (0, None);
        loop {
            let before = self.payload.len();
            let taken = body.feed(&self.buffer, &mut self.payload)?;
            ensure!(taken == self.buffer.len(), "bytes after the end of the answer");
            self.buffer.clear();
            let fresh = marks(&self.payload[before..]);
            if fresh > 0 {
                first_piece.get_or_insert_with(|| start.elapsed());
                pieces += fresh;
                on_pieces(fresh);
            }
            if body.is_complete() {
                break;
            }
            self.read().await?;
        }
        let whole = start.elapsed();
        check(status, &self.payload, pieces, expected)?;
        Ok(Timing { first_piece: first_piece.unwrap_or(whole), whole })
    }

    async fn read(&mut self) -> Result<()> {
        ensure!(
            self.stream.read_buf(&mut self.buffer).await.context("receive")? > 0,
            "closed within an answer"
        );
        Ok(())
    }
}

/// Whether an answer is complete: status 200, every piece, its usage and, for streams, the terminator.
fn check(status: Option<u16>, payload: &[u8], pieces: usize, expected: Expected) -> Result<()> {
    if status != Some(200) {
        let text = String::from_utf8_lossy(&payload[..payload.len().min(300)]);
        bail!("status {}: {text}", status.unwrap_or_default());
    }
    ensure!(pieces == expected.pieces, "{pieces} of {} pieces of text", expected.pieces);
    // Usage stands at the end of everything that the upstream says; 1 KB covers it.
    let tail = &payload[payload.len().saturating_sub(1024)..];
    ensure!(contains(tail, b"\"prompt_tokens\""), "an answer without usage");
    if expected.stream {
        ensure!(payload.trim_ascii_end().ends_with(b"data: [DONE]"), "a stream without [DONE]");
    }
    Ok(())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Expected = Expected { stream: true, pieces: 2 };

    #[test]
    fn a_complete_stream_passes() {
        let payload = b"data: ~\n\ndata: ~\n\ndata: {\"prompt_tokens\":1}\n\ndata: [DONE]\n\n";
        assert!(check(Some(200), payload, 2, STREAM).is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        let usage = b"data: {\"prompt_tokens\":1}\n\n".as_slice();
        let reason = |status, payload: &[u8], pieces| {
            check(Some(status), payload, pieces, STREAM).err().map(|error| error.to_string())
        };
        assert_eq!(reason(200, usage, 1).as_deref(), Some("1 of 2 pieces of text"));
        assert_eq!(reason(200, usage, 2).as_deref(), Some("a stream without [DONE]"));
        assert_eq!(reason(200, b"data: [DONE]", 2).as_deref(), Some("an answer without usage"));
        assert_eq!(reason(429, b"slow down", 0).as_deref(), Some("status 429: slow down"));
    }
}

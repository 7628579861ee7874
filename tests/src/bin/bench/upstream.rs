//! The scripted upstream: speaks `OpenAI` chat and Anthropic messages, plain and streamed, from prepared bytes.
//! It lives on the load side's thread and is told by [`Pace`] how to stream.

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{Result, anyhow};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::spawn_local,
    time::{Instant, sleep_until},
};

use crate::{
    http1::Head,
    script::{Answers, PROVIDER_KEY, Wire, refusal},
};

/// How streams run, from the next request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Pieces of content in a stream.
    pub(crate) pieces: u32,
    /// Time from one piece to the next; zero: as fast as the socket takes them.
    pub(crate) interval: Duration,
}

impl Pace {
    /// How long a stream lasts if nobody slows it down.
    pub(crate) fn duration(self) -> Duration {
        self.interval * self.pieces.saturating_sub(1)
    }
}

/// A running upstream.
pub(crate) struct Upstream {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Rc<Shared>,
}

struct Shared {
    pace: Cell<Pace>,
    served: Cell<u64>,
    openai: Answers,
    anthropic: Answers,
}

impl Upstream {
    /// Starts serving on a free loopback port; stops with the `LocalSet` it runs on.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Rc::new(Shared {
            pace: Cell::new(Pace { pieces: 1, interval: Duration::ZERO }),
            served: Cell::new(0),
            openai: Answers::new(Wire::OpenAi),
            anthropic: Answers::new(Wire::Anthropic),
        });
        spawn_local(accept(listener, shared.clone()));
        Ok(Self { address, shared })
    }

    /// Sets how streams run from the next request on.
    pub(crate) fn set_pace(&self, pace: Pace) {
        self.shared.pace.set(pace);
    }

    /// How many requests it has answered as asked, since it started.
    pub(crate) fn served(&self) -> u64 {
        self.shared.served.get()
    }
}

async fn accept(listener: TcpListener, shared: Rc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A peer that goes away shows as an error on the client's side, which is where errors are counted.
        spawn_local({
            let shared = shared.clone();
            async move { serve(stream, &shared).await }
        });
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut body) = (Vec::with_capacity(8192), Vec::with_capacity(4096));
    while let Some(asked) = receive(&mut stream, &mut buffer, &mut body).await? {
        let Some(wire) = asked.wire else {
            stream.write_all(&refusal("404 Not Found")).await?;
            continue;
        };
        if !asked.authorised {
            stream.write_all(&refusal("401 Unauthorized")).await?;
            continue;
        }
        let answers = match wire {
            Wire::OpenAi => &shared.openai,
            Wire::Anthropic => &shared.anthropic,
        };
        shared.served.set(shared.served.get() + 1);
        if wants_stream(&body) {
            relay(&mut stream, answers, shared.pace.get()).await?;
        } else {
            stream.write_all(&answers.plain).await?;
        }
    }
    Ok(())
}

async fn relay(stream: &mut TcpStream, answers: &Answers, pace: Pace) -> Result<()> {
    stream.write_all(&answers.opening).await?;
    let start = Instant::now();
    for piece in 0..pace.pieces {
        if piece > 0 && !pace.interval.is_zero() {
            sleep_until(start + pace.interval * piece).await;
        }
        stream.write_all(&answers.piece).await?;
    }
    Ok(stream.write_all(&answers.closing).await?)
}

/// What a request's head says.
struct Asked {
    wire: Option<Wire>,
    authorised: bool,
}

/// Reads one request; `None` when the peer closed between requests. The body is left in `body`.
async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>, body: &mut Vec<u8>) -> Result<Option<Asked>> {
    body.clear();
    loop {
        if let Some(head) = Head::parse(buffer)? {
            let bearer = head.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
            let key = bearer.or_else(|| head.header("x-api-key"));
            let asked = Asked { wire: head.path().and_then(wire_of), authorised: key == Some(PROVIDER_KEY) };
            let (mut framing, consumed) = (head.body()?, head.len);
            buffer.drain(..consumed);
            loop {
                let taken = framing.feed(buffer, body)?;
                buffer.drain(..taken);
                if framing.is_complete() {
                    return Ok(Some(asked));
                }
                if stream.read_buf(buffer).await? == 0 {
                    return Err(anyhow!("closed within a request"));
                }
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn wire_of(path: &str) -> Option<Wire> {
    match path {
        _ if path.ends_with("/chat/completions") => Some(Wire::OpenAi),
        _ if path.ends_with("/messages") => Some(Wire::Anthropic),
        _ => None,
    }
}

/// Whether the body asks for a stream. The prompts never hold that text, so no parser is needed.
fn wants_stream(body: &[u8]) -> bool {
    const MEMBER: &[u8] = b"\"stream\":";
    body.windows(MEMBER.len())
        .position(|window| window == MEMBER)
        .is_some_and(|at| body[at + MEMBER.len()..].trim_ascii_start().starts_with(b"true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_asked_for_by_true_only() {
        assert!(wants_stream(br#"{"model":"m","stream":true}"#));
        assert!(wants_stream(br#"{"stream": true,"model":"m"}"#));
        assert!(!wants_stream(br#"{"stream":false}"#));
        assert!(!wants_stream(br#"{"stream_options":{}}"#));
    }

    #[test]
    fn wires_are_told_by_their_path() {
        assert_eq!(wire_of("/v1/chat/completions"), Some(Wire::OpenAi));
        assert_eq!(wire_of("/v1/messages"), Some(Wire::Anthropic));
        assert_eq!(wire_of("/v1/models"), None);
    }
}

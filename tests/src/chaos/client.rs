//! A client that leaves at the byte where its script says so.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::deed::{Deed, Leave};
use super::tenants::bound;

/// Nothing that a gateway answers takes longer.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a client got.
#[derive(Clone, Debug)]
pub(super) struct Got {
    /// Of the deed.
    pub(super) marker: String,
    /// Whose key it used.
    pub(super) tenant: usize,
    /// The most that an attempt can use: input and output tokens.
    pub(super) bound: (i64, i64),
    /// How far it came.
    pub(super) end: End,
}

/// How far a request came, as its client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A whole answer with status 200.
    Whole {
        /// The hub's.
        request_id: String,
    },
    /// An answer with another status.
    Refused {
        /// HTTP's.
        status: u16,
        /// The error's code, or its type.
        kind: String,
    },
    /// The answer began and did not end well.
    Partial,
    /// No answer.
    Nothing,
    /// No connection: the gateway does not run.
    Closed,
    /// Something that no gateway may do.
    Wrong(String),
}

/// A client with its connection, if that can be used again.
#[derive(Default)]
pub(super) struct Asking(Option<(SocketAddr, SendRequest<Full<Bytes>>)>);

impl Asking {
    /// Does it.
    pub(super) async fn act(&mut self, deed: &Deed, address: SocketAddr, key: &str) -> Got {
        let acting = tokio::time::timeout(PATIENCE, self.ask(deed, address, key)).await;
        let end = acting.unwrap_or_else(|_| {
            self.0 = None;
            End::Wrong(format!("no answer within {PATIENCE:?}"))
        });
        let bound = bound(deed.body.to_string().len(), &deed.body);
        Got { marker: deed.marker.clone(), tenant: deed.tenant, bound, end }
    }

    async fn ask(&mut self, deed: &Deed, address: SocketAddr, key: &str) -> End {
        let kept =
            self.0.take().filter(|(to, sender)| *to == address && sender.is_ready() && deed.leaves.is_none());
        let mut sender = match kept {
            Some((_, sender)) => sender,
            None => match connect(address, deed.leaves).await {
                Ok(sender) => sender,
                Err(_) => return End::Closed,
            },
        };
        let request = http::Request::post(deed.path)
            .header("host", address.to_string())
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("x-aigne-hub-user", &deed.marker)
            .body(Full::new(Bytes::from(deed.body.to_string())));
        let Ok(request) = request else { return End::Wrong("the request cannot be made".to_owned()) };
        let Ok(answer) = sender.send_request(request).await else { return End::Nothing };
        let (head, body) = answer.into_parts();
        let text = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return End::Partial,
        };
        if deed.leaves.is_none() {
            self.0 = Some((address, sender));
        }
        let request_id = head.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        judge(deed, head.status.as_u16(), request_id, &String::from_utf8_lossy(&text))
    }
}

fn judge(deed: &Deed, status: u16, request_id: &str, text: &str) -> End {
    if request_id.is_empty() {
        return End::Wrong(format!("{status} without x-request-id: {text}"));
    }
    let json = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    let error = &json["error"];
    if status != 200 {
        let kind = error["code"].as_str().or(error["type"].as_str()).unwrap_or("?");
        // What the provider itself has answered is passed on with its words.
        let whose = if text.contains("scripted failure") { " of the provider" } else { "" };
        return End::Refused { status, kind: format!("{kind}{whose}") };
    }
    let streamed = deed.body["stream"] == true;
    let ended =
        if streamed { text.contains("[DONE]") || text.contains("message_stop") } else { json.is_object() };
    if ended && !text.contains("\"error\"") {
        End::Whole { request_id: request_id.to_owned() }
    } else {
        End::Partial
    }
}

async fn connect(address: SocketAddr, leave: Option<Leave>) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(Leaving { stream, leave })).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// A connection that its client closes at the byte that its script names.
struct Leaving {
    stream: TcpStream,
    leave: Option<Leave>,
}

impl Leaving {
    fn gone(&self) -> io::Error {
        if self.leave.is_some_and(|leave| leave.reset) {
            // A connection that is gone already needs no reset.
            let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
        io::Error::other("the client leaves")
    }
}

impl AsyncRead for Leaving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(leave) = self.leave else { return Pin::new(&mut self.stream).poll_read(cx, buf) };
        if leave.read == 0 {
            return Poll::Ready(Err(self.gone()));
        }
        let mut piece = [0; 4096];
        let most = leave.read.min(buf.remaining()).min(piece.len());
        let mut part = ReadBuf::new(piece.get_mut(..most).unwrap_or_default());
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        let read = part.filled().len();
        self.leave = Some(Leave { read: leave.read - read, ..leave });
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Leaving {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Some(leave) = self.leave else { return Pin::new(&mut self.stream).poll_write(cx, buf) };
        if leave.sent == 0 {
            return Poll::Ready(Err(self.gone()));
        }
        let part = buf.get(..leave.sent.min(buf.len())).unwrap_or(buf);
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        self.leave = Some(Leave { sent: leave.sent - written, ..leave });
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

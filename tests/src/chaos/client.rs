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
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::deed::{Deed, Leave};
use super::tenants::bound;

/// Nothing that a gateway answers takes longer: half a minute for the ledger, two attempts of 20 seconds.
const PATIENCE: Duration = Duration::from_secs(75);

/// What a client got.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Got {
    /// Names the request: in the prompt for the provider, as the user for the ledger.
    pub marker: String,
    /// Whose key it used: the number of one.
    pub tenant: usize,
    /// The most that an attempt can use: input and output tokens.
    pub bound: (i64, i64),
    /// How far it came.
    pub end: End,
}

/// How far a request came, as its client saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
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
pub(crate) struct Asking(Option<(SocketAddr, SendRequest<Full<Bytes>>)>);

/// A request as it goes over the wire.
pub(crate) struct Ask<'a> {
    /// Where.
    pub(crate) path: &'a str,
    /// What.
    pub(crate) body: Bytes,
    /// Whose.
    pub(crate) key: &'a str,
    /// The user that the ledger is to name.
    pub(crate) marker: &'a str,
    /// The client leaves there.
    pub(crate) leaves: Option<Leave>,
}

/// How far an exchange came.
#[derive(Debug)]
pub(crate) enum Reached {
    /// No connection.
    Nowhere(io::Error),
    /// It broke before the first byte of an answer.
    Sent(hyper::Error),
    /// It broke in the midst of the body.
    Head(http::response::Parts, hyper::Error),
    /// All of it.
    End(http::response::Parts),
}

impl Asking {
    /// Does it.
    pub(super) async fn act(&mut self, deed: &Deed, address: SocketAddr, key: &str) -> Got {
        let acting = tokio::time::timeout(PATIENCE, self.ask(deed, address, key)).await;
        let end = acting.unwrap_or_else(|_| End::Wrong(format!("no answer within {PATIENCE:?}")));
        let bound = bound(deed.body.to_string().len(), &deed.body);
        Got { marker: deed.marker.clone(), tenant: deed.tenant, bound, end }
    }

    async fn ask(&mut self, deed: &Deed, address: SocketAddr, key: &str) -> End {
        let body = Bytes::from(deed.body.to_string());
        let ask = Ask { path: deed.path, body, key, marker: &deed.marker, leaves: deed.leaves };
        let mut text = Vec::new();
        match self.exchange(ask, address, |_, piece| text.extend_from_slice(piece)).await {
            Reached::Nowhere(_) => End::Closed,
            Reached::Sent(_) => End::Nothing,
            Reached::Head(..) => End::Partial,
            Reached::End(head) => {
                let id = head.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
                judge(deed, head.status.as_u16(), id, &String::from_utf8_lossy(&text))
            }
        }
    }

    /// There is a connection that the next exchange with this address goes over.
    pub(crate) fn is_kept(&self, address: SocketAddr) -> bool {
        self.0.as_ref().is_some_and(|(to, sender)| *to == address && sender.is_ready())
    }

    /// Asks once, and hears the head and each piece of the body as it comes. A connection that has carried a whole answer is
    /// kept.
    pub(crate) async fn exchange(
        &mut self,
        ask: Ask<'_>,
        address: SocketAddr,
        mut on_piece: impl FnMut(&http::response::Parts, &[u8]),
    ) -> Reached {
        let kept = self.is_kept(address) && ask.leaves.is_none();
        let mut sender = match self.0.take().filter(|_| kept) {
            Some((_, sender)) => sender,
            None => match connect(address, ask.leaves).await {
                Ok(sender) => sender,
                Err(error) => return Reached::Nowhere(error),
            },
        };
        let mut request = http::Request::new(Full::new(ask.body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = ask.path.parse().unwrap_or_default();
        for (name, value) in [
            ("host", address.to_string()),
            ("authorization", format!("Bearer {}", ask.key)),
            ("content-type", "application/json".to_owned()),
            ("x-aigne-hub-user", ask.marker.to_owned()),
        ] {
            if let Ok(value) = value.parse() {
                request.headers_mut().insert(name, value);
            }
        }
        let answer = match sender.send_request(request).await {
            Ok(answer) => answer,
            Err(error) => return Reached::Sent(error),
        };
        let (head, mut body) = answer.into_parts();
        on_piece(&head, &[]);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => on_piece(&head, frame.data_ref().map_or(&[], |data| &data[..])),
                Err(error) => return Reached::Head(head, error),
            }
        }
        if ask.leaves.is_none() {
            self.0 = Some((address, sender));
        }
        Reached::End(head)
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

async fn connect(address: SocketAddr, leave: Option<Leave>) -> io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) =
        handshake(TokioIo::new(Leaving { stream, leave })).await.map_err(io::Error::other)?;
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

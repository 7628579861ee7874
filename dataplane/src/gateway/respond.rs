//! What the client gets. The only place that builds error bodies, and the only one that sees both directions.

mod array;
mod error;
pub(super) mod models;
mod pump;
mod quotas;
mod stream;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use uuid::Uuid;

pub use self::stream::CutOff;
use self::stream::StreamBody;
pub(super) use self::{
    error::{error, error_before},
    pump::Pump,
    stream::Stream,
};
use super::{
    crossing::{self, ESTIMATED},
    exchange::Exchange,
    ingress::Arrival,
};
use crate::{
    chat,
    error::GatewayError,
    health::Held,
    wire::{self, Family, Meta, Wire},
};

/// An answer that can be given.
pub(super) enum Answer {
    Plain(Plain),
    Stream(Box<Stream>),
}

/// A whole answer.
pub(super) struct Plain {
    pub(super) status: StatusCode,
    /// The provider's, before the allow-list.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// Keeps a place at the provider until a stream has ended; a plain answer has ended already.
    pub(super) fn hold(&mut self, held: Option<Held>) {
        if let Self::Stream(stream) = self {
            stream.held = held;
        }
    }
}

/// Writes the answer.
pub(super) fn respond(answer: Answer, mut exchange: Box<Exchange>) -> Response<ReplyBody> {
    let mut stream = match answer {
        Answer::Plain(plain) => {
            exchange.status = plain.status.as_u16();
            let mut response = reply(plain.status, &exchange, ReplyBody::whole(plain.body));
            cross(&exchange, &plain.headers, response.headers_mut());
            response.headers_mut().entry(header::CONTENT_TYPE).or_insert(JSON);
            return response;
        }
        Answer::Stream(stream) => stream,
    };
    exchange.status = stream.status.as_u16();
    let mut response = reply(stream.status, &exchange, ReplyBody::Empty);
    let written = response.headers_mut();
    let upstream = std::mem::take(&mut stream.headers);
    cross(&exchange, &upstream, written);
    if stream.pump.is_bytes() {
        crossing::extent_of_provider(&upstream, written);
        *response.body_mut() = ReplyBody::Stream(Box::new(StreamBody::new(*stream, exchange)));
        return response;
    }
    written.insert(header::CONTENT_TYPE, if stream.pump.is_array() { JSON } else { EVENT_STREAM });
    written.insert(header::CACHE_CONTROL, NO_CACHE);
    // Asks proxies in between (nginx and its kin) not to hold pieces back.
    written.insert("x-accel-buffering", HeaderValue::from_static("no"));
    *response.body_mut() = ReplyBody::Stream(Box::new(StreamBody::new(*stream, exchange)));
    response
}

fn cross(exchange: &Exchange, upstream: &HeaderMap, client: &mut HeaderMap) {
    crossing::of_provider(exchange.wire.family(), exchange.operation, upstream, client);
}

/// The client has left meanwhile: nothing is written, but a stream is read to its end.
pub(super) fn to_nobody(answer: Result<Answer, GatewayError>, mut exchange: Box<Exchange>) {
    match answer {
        Ok(Answer::Stream(stream)) => drop(StreamBody::new(*stream, exchange)),
        Ok(Answer::Plain(_)) => {}
        Err(error) => exchange.error = Some(error.label()),
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// A response with what every one of ours has.
fn reply(status: StatusCode, exchange: &Exchange, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(8);
    identify(exchange.wire, exchange.id, headers);
    quotas::write(exchange.wire, &exchange.quotas, exchange.at_ms, headers);
    if exchange.core.shared.is_draining() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Says which request it was.
fn identify(wire: Wire, id: Uuid, headers: &mut HeaderMap) {
    let mut text = [0; 36];
    if let Ok(id) = HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)) {
        // Anthropic's SDKs read this name.
        if wire.family() == Family::Anthropic {
            headers.insert("request-id", id.clone());
        }
        headers.insert("x-request-id", id);
    }
}

/// A whole answer in the client's wire.
pub(super) fn encode(arrival: &Arrival, exchange: &Exchange, response: &chat::Response) -> Bytes {
    arrival.wire.encode(response, &meta(arrival, exchange))
}

/// What an encoded answer says of itself.
pub(super) fn meta(arrival: &Arrival, exchange: &Exchange) -> Meta {
    let prefix = match arrival.wire {
        Wire::OpenAiChat => "chatcmpl-",
        Wire::OpenAiCompletions => "cmpl-",
        Wire::OpenAiResponses => "resp_",
        Wire::AnthropicMessages => "msg_",
        Wire::Gemini => "",
    };
    Meta {
        model: arrival.model.clone(),
        id: format!("{prefix}{}", exchange.id.simple()),
        created: exchange.at_ms / 1000,
        include_usage: arrival.include_usage,
    }
}

/// A count that no provider has made, marked as an estimate.
pub(super) fn estimated_count(wire: Wire, body: &crate::body::Body) -> Answer {
    let tokens = chat::estimate::request(body);
    let mut headers = HeaderMap::new();
    headers.insert(ESTIMATED, HeaderValue::from_static("true"));
    let body = wire::count_tokens::encode(wire, tokens).into();
    Answer::Plain(Plain { status: StatusCode::OK, headers, body })
}

/// The body of an answer.
pub enum ReplyBody {
    /// Nothing, or nothing more.
    Empty,
    /// In one piece.
    Whole(Bytes),
    /// As it comes.
    Stream(Box<StreamBody>),
}

impl ReplyBody {
    fn whole(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(_) => match std::mem::replace(&mut *self, Self::Empty) {
                Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Self::Stream(stream) => {
                stream.poll_next(context).map(|bytes| bytes.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

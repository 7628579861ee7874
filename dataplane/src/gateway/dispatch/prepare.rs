//! The provider's request body: the client's own with a few members changed, or a translation.

use bytes::Bytes;
use http::HeaderValue;
use uuid::Uuid;

use crate::{
    body::{self, Body},
    error::{GatewayError, Kind},
    gateway::{
        admit::Candidate,
        ingress::{Arrival, Content},
    },
    media,
    payload::Payload,
    provider::{
        Asked,
        endpoints::{How, relay},
    },
    upstream::Outgoing,
    wire::max_output,
};

/// A body for one candidate; every attempt against it sends the same.
pub(super) struct Prepared {
    pub(super) body: Outgoing,
    pub(super) content_type: HeaderValue,
    pub(super) way: Way,
    /// Headers of the client that may cross.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// How the two sides understand each other.
#[derive(Clone, Copy)]
pub(in crate::gateway) enum Way {
    /// The provider speaks the client's own wire; this is what the hub asked for and the client did not.
    Verbatim(Asked),
    /// It speaks its own.
    Translated,
    /// Beside chat, the one or the other.
    Media(How),
}

impl Way {
    /// Whether a chat is relayed verbatim.
    pub(in crate::gateway) fn is_verbatim(self) -> bool {
        matches!(self, Self::Verbatim(_))
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn prepare(arrival: &Arrival, candidate: &Candidate, id: Uuid) -> Result<Prepared, GatewayError> {
    match &arrival.content {
        Content::Chat(body) => chat(arrival, body, candidate),
        Content::Media(payload, request) => beside_chat(arrival, payload, request, candidate, id),
    }
}

fn chat(arrival: &Arrival, body: &Body, candidate: &Candidate) -> Result<Prepared, GatewayError> {
    let Candidate { served, cut, .. } = candidate;
    let body = lowered(arrival, body, *cut)?;
    let provider = &served.provider;
    let target = provider.adapter_target(served.model());
    let verbatim = provider.adapter.relays(arrival.wire);
    if !verbatim {
        let mut request = arrival.wire.decode(&body)?;
        request.model.clone_from(&arrival.model);
        request.stream = arrival.stream;
        let encoded = provider.adapter.encode(&request, target);
        let encoded = Bytes::from(encoded.map_err(|refusal| refusal.in_words_of(arrival.wire))?);
        return Ok(Prepared {
            body: encoded.into(),
            content_type: JSON,
            way: Way::Translated,
            headers: Vec::new(),
        });
    }
    let (edits, asked) = provider.adapter.relay(arrival.wire, &body, target)?;
    let mut headers = Vec::new();
    for (name, value) in &arrival.headers {
        if let Some(value) = provider.adapter.cross_header(name, value)? {
            headers.push((*name, value));
        }
    }
    let body = body::apply(&body, &edits).into();
    Ok(Prepared { body, content_type: JSON, way: Way::Verbatim(asked), headers })
}

/// The boundary of a form is the request's own id, which nobody can have known who wrote it.
fn beside_chat(
    arrival: &Arrival,
    payload: &Payload,
    request: &media::Request,
    candidate: &Candidate,
    id: Uuid,
) -> Result<Prepared, GatewayError> {
    let served = &candidate.served;
    let provider = &served.provider;
    let target = provider.adapter_target(served.model());
    let Some((how, _)) = served.model().endpoint(arrival.operation) else {
        return Err(super::send::no_endpoint(served, arrival.operation));
    };
    let (body, content_type) = match how {
        How::Relayed(checked) => {
            let edits = relay(checked, request, payload, target)?;
            let (pieces, kind) = payload.write(&edits, &id.simple().to_string());
            (Outgoing::pieces(&pieces), HeaderValue::try_from(kind).unwrap_or(JSON))
        }
        How::Translated(translation) => (Bytes::from(translation.encode(request, target)?).into(), JSON),
    };
    Ok(Prepared { body, content_type, way: Way::Media(how), headers: Vec::new() })
}

/// The client's body, with fewer tokens to generate where more cannot be paid for.
fn lowered(arrival: &Arrival, body: &Body, cut: Option<u64>) -> Result<Body, GatewayError> {
    let Some(most) = cut else { return Ok(body.clone()) };
    body::scan(max_output::lower(arrival.wire, body, most))
        .map_err(|error| GatewayError::new(Kind::Malformed, error.to_string()))
}

/// A prepared body that could not be sent, as a header value was not one.
pub(super) fn bad_header(name: &str) -> GatewayError {
    GatewayError::new(Kind::Malformed, format!("the header {name:?} has characters that no header may have"))
        .with_param(name)
}

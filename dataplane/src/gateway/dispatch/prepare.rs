//! The provider's request body: the client's own with a few members changed, or a translation.

use bytes::Bytes;

use crate::{
    body::{self, Body},
    error::{GatewayError, Kind},
    gateway::{admit::Candidate, ingress::Arrival},
    provider::Asked,
    wire::max_output,
};

/// A body for one candidate; every attempt against it sends the same.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) body: Bytes,
    /// The provider speaks the client's own wire.
    pub(super) verbatim: bool,
    /// What the hub asked for and the client did not.
    pub(super) asked: Asked,
    /// Headers of the client that may cross.
    pub(super) headers: Vec<(&'static str, String)>,
}

pub(super) fn prepare(arrival: &Arrival, candidate: &Candidate) -> Result<Prepared, GatewayError> {
    let Candidate { served, cut, .. } = candidate;
    let body = lowered(arrival, *cut)?;
    let provider = &served.provider;
    let target = provider.adapter_target(served.model());
    let verbatim = provider.adapter.relays(arrival.wire);
    if !verbatim {
        let mut request = arrival.wire.decode(&body)?;
        request.model.clone_from(&arrival.model);
        let encoded = provider.adapter.encode(&request, target)?;
        return Ok(Prepared { body: encoded.into(), verbatim, asked: Asked::default(), headers: Vec::new() });
    }
    let (edits, asked) = provider.adapter.relay(arrival.wire, &body, target)?;
    let mut headers = Vec::new();
    for (name, value) in &arrival.headers {
        if let Some(value) = provider.adapter.cross_header(name, value)? {
            headers.push((*name, value));
        }
    }
    Ok(Prepared { body: body::apply(&body, &edits), verbatim, asked, headers })
}

/// The client's body, with fewer tokens to generate where more cannot be paid for.
fn lowered(arrival: &Arrival, cut: Option<u64>) -> Result<Body, GatewayError> {
    let Some(most) = cut else { return Ok(arrival.body.clone()) };
    body::scan(max_output::lower(arrival.wire, &arrival.body, most))
        .map_err(|error| GatewayError::new(Kind::Malformed, error.to_string()))
}

/// A prepared body that could not be sent, as a header value was not one.
pub(super) fn bad_header(name: &str) -> GatewayError {
    GatewayError::new(Kind::Malformed, format!("the header {name:?} has characters that no header may have"))
        .with_param(name)
}

//! The provider's request body: the client's own with a few members changed, or a translation.

use bytes::Bytes;

use crate::{
    body,
    error::{GatewayError, Kind},
    gateway::ingress::Arrival,
    provider::Asked,
    snapshot::Served,
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

pub(super) fn prepare(arrival: &Arrival, served: &Served) -> Result<Prepared, GatewayError> {
    let provider = &served.provider;
    let target = provider.adapter_target(served.model());
    let verbatim = provider.adapter.wire() == arrival.wire;
    if !verbatim {
        let mut request = arrival.wire.decode(&arrival.body)?;
        request.model.clone_from(&arrival.model);
        let encoded = provider.adapter.encode(&request, target)?;
        return Ok(Prepared { body: encoded.into(), verbatim, asked: Asked::default(), headers: Vec::new() });
    }
    let (edits, asked) = provider.adapter.relay(&arrival.body, target)?;
    let mut headers = Vec::new();
    for (name, value) in &arrival.headers {
        if let Some(value) = provider.adapter.cross_header(name, value)? {
            headers.push((*name, value));
        }
    }
    Ok(Prepared { body: body::apply(&arrival.body, &edits), verbatim, asked, headers })
}

/// A prepared body that could not be sent, as a header value was not one.
pub(super) fn bad_header(name: &str) -> GatewayError {
    GatewayError::new(Kind::Malformed, format!("the header {name:?} has characters that no header may have"))
        .with_param(name)
}

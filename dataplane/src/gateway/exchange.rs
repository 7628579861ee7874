//! One request and its answer, as it will be logged: filled in by the stages, written once when it ends.

use std::{cell::Cell, rc::Rc, sync::Arc};

use http::Request;
use hyper::body::Incoming;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    authenticate::Principal,
    ingress::Arrival,
    settle::{self, Totals},
};
use crate::{
    allowance::{Quotas, Reservation},
    percore::Core,
    snapshot::{Key, Provider, Tenant},
    wire::{Operation, Wire},
};

/// What nginx made the usual status for "the client left before it was answered".
pub(super) const CLIENT_GONE: u16 = 499;

/// One request and its answer.
pub(super) struct Exchange {
    pub(super) core: Rc<Core>,
    /// `request_id`, always made by the hub.
    pub(super) id: Uuid,
    /// Unix milliseconds.
    pub(super) at_ms: i64,
    pub(super) started: Instant,
    /// The format of errors.
    pub(super) wire: Wire,
    pub(super) method: http::Method,
    pub(super) path: Box<str>,
    /// The client's own id, kept beside ours; keys nothing.
    pub(super) client_request_id: Option<Box<str>>,
    pub(super) tenant: Option<Arc<Tenant>>,
    pub(super) key: Option<Arc<Key>>,
    pub(super) user: Option<String>,
    pub(super) project: Option<String>,
    /// As the client wrote it, until a provider is chosen.
    pub(super) model: Option<Arc<str>>,
    pub(super) provider: Option<Arc<Provider>>,
    pub(super) operation: Operation,
    pub(super) stream: bool,
    pub(super) attempts: u32,
    /// What the client was told; [`CLIENT_GONE`] until it was told anything.
    pub(super) status: u16,
    /// A constant that says what went wrong.
    pub(super) error: Option<&'static str>,
    pub(super) first_byte_ms: Option<u32>,
    /// What was reserved for it, until its end is known.
    pub(super) reservation: Option<Reservation>,
    /// What its tenant's and key's limits leave, as of its admission.
    pub(super) quotas: Quotas,
    /// What its attempts came to; each adds to it when it is settled, also one that is dropped.
    pub(super) totals: Rc<Cell<Totals>>,
}

impl Exchange {
    /// A request has come.
    pub(super) fn begin(core: &Rc<Core>, request: &Request<Incoming>) -> Self {
        let at_ms = core.shared.clock.now_ms();
        core.live.enter();
        Self {
            core: Rc::clone(core),
            id: new_id(at_ms),
            at_ms,
            started: Instant::now(),
            wire: super::ingress::wire(request.uri().path(), request.headers()),
            method: request.method().clone(),
            path: bounded(request.uri().path(), 256).into(),
            client_request_id: super::ingress::client_request_id(request.headers()),
            tenant: None,
            key: None,
            user: None,
            project: None,
            model: None,
            provider: None,
            operation: Operation::Chat,
            stream: false,
            attempts: 0,
            status: CLIENT_GONE,
            error: None,
            first_byte_ms: None,
            reservation: None,
            quotas: Quotas::default(),
            totals: Rc::default(),
        }
    }

    pub(super) fn identified(&mut self, principal: &Principal) {
        self.tenant = Some(Arc::clone(&principal.tenant));
        self.key = Some(Arc::clone(&principal.key));
    }

    pub(super) fn arrived(&mut self, arrival: &Arrival) {
        self.model = Some(arrival.model.as_str().into());
        self.operation = arrival.operation;
        self.stream = arrival.stream;
        self.user.clone_from(&arrival.user);
        self.project.clone_from(&arrival.project);
    }

    /// Milliseconds since the request came.
    pub(super) fn elapsed_ms(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        settle::finish(self);
        self.core.live.leave();
    }
}

/// A UUIDv7 of the hub's own clock.
fn new_id(at_ms: i64) -> Uuid {
    let at_ms = u64::try_from(at_ms).unwrap_or_default();
    let nanos = u32::try_from(at_ms % 1000).unwrap_or_default() * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, at_ms / 1000, nanos))
}

/// The longest prefix of at most `most` bytes that ends at a character.
pub(super) fn bounded(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

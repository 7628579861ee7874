//! The life of a request: one way through named stages, with one snapshot taken at the door.

mod admit;
mod authenticate;
mod dispatch;
mod exchange;
mod ingress;
mod pieces;
mod respond;
mod route;
mod settle;

use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;

pub use respond::ReplyBody;

use crate::{error::GatewayError, percore::Core, snapshot::Snapshot};
use exchange::Exchange;
use ingress::Endpoint;

/// Answers a request. Never fails: what goes wrong is an answer too, in the client's own format.
pub async fn handle(core: Rc<Core>, request: Request<Incoming>) -> Response<ReplyBody> {
    let snapshot = core.shared.snapshot.load_full();
    let mut exchange = Box::new(Exchange::begin(&core, &request));
    let (head, body) = request.into_parts();
    match serve(&snapshot, &mut exchange, &head, body).await {
        Ok(answer) => respond::respond(answer, exchange),
        Err(error) => respond::error(&error, exchange),
    }
}

async fn serve(
    snapshot: &Snapshot,
    exchange: &mut Exchange,
    head: &http::request::Parts,
    body: Incoming,
) -> Result<respond::Answer, GatewayError> {
    // A stranger's body is never read: the key comes first.
    let endpoint = ingress::endpoint(head)?;
    let principal = authenticate::authenticate(snapshot, &head.headers, exchange.at_ms)?;
    exchange.identified(&principal);
    let (wire, operation) = match endpoint {
        Endpoint::Generate(wire, operation) => (wire, operation),
        Endpoint::Models(wire) => return Ok(respond::models::list(snapshot, &principal, wire)),
        Endpoint::Model(wire, name) => return respond::models::one(snapshot, &principal, wire, &name),
    };
    let arrival = ingress::read(head, body, wire, operation, exchange.core.shared.max_body).await?;
    exchange.arrived(&arrival);
    let candidates = route::route(snapshot, &principal, &arrival.model, exchange.id)?;
    let permit = admit::admit(&principal, &arrival, candidates, exchange.at_ms)?;
    dispatch::dispatch(arrival, principal, permit, exchange).await
}

//! The life of a request: one way through named stages, with one snapshot taken at the door.

mod admit;
mod authenticate;
mod crossing;
mod dispatch;
mod exchange;
mod ingress;
mod pieces;
mod respond;
mod route;
mod settle;

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use uuid::Uuid;

pub use respond::{CutOff, ReplyBody};

use crate::{error::GatewayError, jobs::Look, percore::Core, snapshot::Snapshot, wire::Wire};
use exchange::Exchange;
use ingress::Endpoint;

/// Answers a request. Never fails: what goes wrong is an answer too, in the client's own format.
pub async fn handle(core: Rc<Core>, request: Request<Incoming>) -> Response<ReplyBody> {
    let snapshot = core.shared.snapshot.load_full();
    let mut exchange = Box::new(Exchange::begin(&core, &request));
    let (head, mut body) = request.into_parts();
    let answer = match admitted(&snapshot, &mut exchange, &head, &mut body).await {
        Ok(Next::Send(order)) if order.finish => {
            return dispatch::dispatch_to_the_end(*order, exchange).await;
        }
        Ok(Next::Send(order)) => dispatch::dispatch(*order, &mut exchange, None).await,
        Ok(Next::Answer(answer)) => Ok(answer),
        Err(error) => {
            ingress::discard(&head, &mut body).await;
            Err(error)
        }
    };
    match answer {
        Ok(answer) => respond::respond(answer, exchange),
        Err(error) => respond::error(&error, exchange),
    }
}

/// Looks at jobs whose clients do not, as long as any are to be looked at.
pub async fn look_at_jobs(core: Rc<Core>) {
    while let Some(Look { id, told }) = core.shared.jobs.looks.next().await {
        let core = Rc::clone(&core);
        tokio::task::spawn_local(async move {
            let snapshot = core.shared.snapshot.load_full();
            // Whoever asked may have given up.
            let _ = told.send(dispatch::jobs::look(&core, &snapshot, &id).await);
        });
    }
}

/// Which wire a request speaks, for somebody who stands before the gateway (a sidecar).
pub fn wire(path: &str, headers: &HeaderMap) -> Wire {
    ingress::wire(path, headers)
}

/// What a client of this wire is told by such a one.
pub fn refuse_before(wire: Wire, error: &GatewayError, id: Uuid) -> Response<Bytes> {
    respond::error_before(wire, error, id)
}

/// What follows once a request was looked at.
enum Next {
    Answer(respond::Answer),
    Send(Box<dispatch::Order>),
}

async fn admitted(
    snapshot: &Snapshot,
    exchange: &mut Exchange,
    head: &http::request::Parts,
    body: &mut Incoming,
) -> Result<Next, GatewayError> {
    // A stranger's body is never kept: the key comes first.
    let endpoint = ingress::endpoint(head)?;
    let principal = authenticate::authenticate(&exchange.core, snapshot, head, exchange.at_ms).await?;
    exchange.identified(&principal);
    let asked = match endpoint {
        Endpoint::Generate(asked) => asked,
        Endpoint::Job(errand) => {
            let answer = dispatch::jobs::serve(exchange, snapshot, &principal, &errand).await;
            return answer.map(Next::Answer);
        }
        Endpoint::Models(wire) => {
            return Ok(Next::Answer(respond::models::list(snapshot, &principal, wire)));
        }
        Endpoint::Model(wire, name) => {
            return respond::models::one(snapshot, &principal, wire, &name).map(Next::Answer);
        }
    };
    let arrival = ingress::read(head, body, asked, exchange.core.shared.max_body).await?;
    exchange.arrived(&arrival);
    let candidates = route::route(snapshot, &principal, &arrival.model, arrival.operation, exchange.id)?;
    let permit = admit::admit(exchange, &principal, &arrival, candidates).await?;
    Ok(Next::Send(Box::new(dispatch::Order::new(arrival, &principal, permit))))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

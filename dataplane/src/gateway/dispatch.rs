//! Candidate after candidate, attempt after attempt, until one answers: before the first client byte only.

mod attempt;
pub(super) mod jobs;
mod media;
mod plan;
mod prepare;
mod reading;
mod send;

use std::{
    rc::{Rc, Weak},
    time::Duration,
};

use aigne_hub_crds::config::ClientGone;
use http::Response;

use self::plan::{Plan, Step};
pub(super) use self::prepare::Way;
use super::{
    admit::Permit,
    authenticate::Principal,
    exchange::Exchange,
    ingress::Arrival,
    respond::{self, Answer, ReplyBody},
};
use crate::{
    error::{GatewayError, Kind},
    health::Held,
    wire::Operation,
};

/// A request that may be sent.
pub(super) struct Order {
    pub(super) arrival: Arrival,
    pub(super) permit: Permit,
    /// Read the answer to its end though the client has left.
    pub(super) finish: bool,
}

impl Order {
    pub(super) fn new(arrival: Arrival, principal: &Principal, permit: Permit) -> Self {
        let policy = principal.tenant.config.policy.client_gone;
        let finish = match arrival.operation {
            // Counting tokens costs nothing.
            Operation::CountTokens => false,
            // What the provider has begun, it makes.
            Operation::Videos => true,
            _ => policy == ClientGone::Finish,
        };
        Self { arrival, permit, finish }
    }
}

/// What every attempt of a request needs.
struct Call {
    arrival: Arrival,
    finish: bool,
}

/// Goes on to its end though the client leaves meanwhile: its tenant pays for exact numbers, so what the provider
/// does and charges is read and settled as it is. The request has a task of its own for that.
pub(super) async fn dispatch_to_the_end(order: Order, mut exchange: Box<Exchange>) -> Response<ReplyBody> {
    let client = Rc::new(());
    let waiting = Rc::downgrade(&client);
    let task = tokio::task::spawn_local(async move {
        let answer = dispatch(order, &mut exchange, Some(&waiting)).await;
        if has_left(&waiting) {
            respond::to_nobody(answer, exchange);
            return None;
        }
        Some(match answer {
            Ok(answer) => respond::respond(answer, exchange),
            Err(error) => respond::error(&error, exchange),
        })
    });
    let response = match task.await {
        Ok(Some(response)) => response,
        Ok(None) => std::future::pending().await,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    };
    drop(client);
    response
}

fn has_left(waiting: &Weak<()>) -> bool {
    waiting.strong_count() == 0
}

/// Sends the request to one candidate after the other until one answers. Nothing further is begun once nobody is
/// `waiting`; where that is not given, the client's leaving drops the whole.
pub(super) async fn dispatch(
    order: Order,
    exchange: &mut Exchange,
    waiting: Option<&Weak<()>>,
) -> Result<Answer, GatewayError> {
    let Order { arrival, permit, finish } = order;
    let call = Rc::new(Call { arrival, finish });
    if call.arrival.operation == Operation::CountTokens {
        return send::count_tokens(&call, &permit, exchange).await;
    }
    let now_ms = exchange.at_ms;
    let mut candidates = permit.candidates;
    // What is well goes first; the order is otherwise kept.
    candidates.sort_by_key(|candidate| !attempt::is_well(&candidate.served, now_ms));
    let mut last: Option<GatewayError> = None;
    let mut remaining = candidates.iter().peekable();
    while let Some(candidate) = remaining.next() {
        let provider = &candidate.served.provider;
        let Some(held) = Held::take(&provider.in_flight, provider.config.concurrency) else {
            let message = format!("provider {:?} is at its concurrency limit", provider.config.name);
            let error =
                GatewayError { retry_after_ms: Some(1_000), ..GatewayError::new(Kind::Saturated, message) };
            last.get_or_insert(error);
            continue;
        };
        exchange.provider = Some(provider.clone());
        exchange.model = Some(candidate.served.model().name.clone());
        let prepared = match prepare::prepare(&call.arrival, candidate, exchange.id) {
            Ok(prepared) => prepared,
            // Another candidate may be able to serve it; if none is, the first says why.
            Err(error) => {
                last.get_or_insert(error);
                continue;
            }
        };
        let mut plan = Plan::new(
            provider.config.retry,
            remaining.peek().is_some(),
            candidate.served.provider.credentials.len(),
        );
        let mut held = Some(held);
        loop {
            let failure = match attempt::attempt(&call, candidate, &prepared, &plan, exchange).await {
                Ok(mut answer) => {
                    answer.hold(held.take());
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            let step = plan.next(failure.verdict);
            last = Some(failure.error);
            if waiting.is_some_and(has_left) {
                return Err(last.unwrap_or_else(no_candidate));
            }
            match step {
                Step::Again { wait_ms } => {
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    if waiting.is_some_and(has_left) {
                        return Err(last.unwrap_or_else(no_candidate));
                    }
                }
                Step::NextCandidate => break,
                Step::Stop => return Err(last.unwrap_or_else(no_candidate)),
            }
        }
    }
    Err(last.unwrap_or_else(no_candidate))
}

fn no_candidate() -> GatewayError {
    GatewayError::new(Kind::Saturated, "no provider could be tried")
}

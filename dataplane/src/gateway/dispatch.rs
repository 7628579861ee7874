//! Candidate after candidate, attempt after attempt, until one answers: before the first client byte only.

mod attempt;
mod plan;
mod prepare;
mod send;

use std::{rc::Rc, time::Duration};

use aigne_hub_crds::config::ClientGone;

use self::plan::{Plan, Step};
use super::{admit::Permit, authenticate::Principal, exchange::Exchange, ingress::Arrival, respond::Answer};
use crate::{
    error::{GatewayError, Kind},
    health::Held,
    wire::Operation,
};

/// What every attempt of a request needs.
struct Call {
    arrival: Arrival,
    /// Read the answer to its end though the client has left.
    finish: bool,
}

/// Sends the request to one candidate after the other until one answers.
pub(super) async fn dispatch(
    arrival: Arrival,
    principal: Principal,
    permit: Permit,
    exchange: &mut Exchange,
) -> Result<Answer, GatewayError> {
    let finish = principal.tenant.config.policy.client_gone == ClientGone::Finish;
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
        let prepared = match prepare::prepare(&call.arrival, &candidate.served) {
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
            match step {
                Step::Again { wait_ms } => tokio::time::sleep(Duration::from_millis(wait_ms)).await,
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

//! From candidates to a permit: what each may cost at most, with the price pinned.

use std::sync::Arc;

use aigne_hub_crds::config::BillingMode;

use super::{authenticate::Principal, ingress::Arrival};
use crate::{
    error::{GatewayError, Kind},
    ledger::{Charge, price::Rate},
    snapshot::{Model, Served},
    usage::Usage,
    wire::Operation,
};

/// A candidate that may be tried, with the most that it can use and cost.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) served: Served,
    /// Pinned at admission, whatever the configuration does meanwhile.
    pub(super) rate: Option<Arc<Rate>>,
    pub(super) bound: Usage,
    pub(super) bound_charge: Charge,
}

/// Leave to dispatch: at least one candidate.
#[derive(Debug)]
pub(super) struct Permit {
    pub(super) candidates: Vec<Candidate>,
}

/// Tokens that a provider may add around a request of its own accord.
const ENVELOPE_TOKENS: u64 = 64;

/// Pins prices and bounds. A tenant on credits is refused what has no price or no bound: never a free call.
pub(super) fn admit(
    principal: &Principal,
    arrival: &Arrival,
    candidates: Vec<Served>,
    at_ms: i64,
) -> Result<Permit, GatewayError> {
    let shape = Shape::of(arrival);
    let on_credits =
        principal.tenant.config.billing.mode == BillingMode::Credits && arrival.operation == Operation::Chat;
    let mut refused = None;
    let mut permitted = Vec::with_capacity(candidates.len());
    for served in candidates {
        let rate = served.provider.rates.pin(&served.model().name, at_ms).cloned();
        let bound = shape.bound(served.model());
        if on_credits && let Err(message) = payable(served.model(), rate.as_deref(), bound.as_ref()) {
            refused.get_or_insert(GatewayError::new(Kind::NotPriced, message).with_param("model"));
            continue;
        }
        let bound = bound.unwrap_or_else(|| shape.least());
        let bound_charge = rate.as_ref().map_or_else(Charge::default, |rate| rate.bound(&bound, None));
        permitted.push(Candidate { served, rate, bound, bound_charge });
    }
    match refused {
        Some(error) if permitted.is_empty() => Err(error),
        _ => Ok(Permit { candidates: permitted }),
    }
}

fn payable(model: &Model, rate: Option<&Rate>, bound: Option<&Usage>) -> Result<(), String> {
    let name = &model.qualified;
    let Some(rate) = rate else {
        return Err(format!("the model {name:?} has no price, so it cannot be paid for with credits"));
    };
    let Some(bound) = bound else {
        return Err(format!(
            "the model {name:?} states no contextWindow or maxOutputTokens, so its cost cannot be bounded"
        ));
    };
    if rate.covers(bound) {
        Ok(())
    } else {
        Err(format!("the model {name:?} has no price for its input or its output"))
    }
}

/// What a request's own bytes say of how much it can use.
#[derive(Clone, Copy, Debug)]
struct Shape {
    bytes: u64,
    /// No image, audio, file or document: a token is at least a byte then.
    text_only: bool,
    /// What the client allows.
    max_output: Option<u64>,
    /// Answers asked for.
    n: u64,
}

impl Shape {
    fn of(arrival: &Arrival) -> Self {
        let body = &arrival.body;
        // Where a client gives both, which one counts is the provider's choice.
        let max_output = body.get::<u64>("max_completion_tokens").max(body.get::<u64>("max_tokens"));
        Self {
            bytes: body.bytes().len() as u64,
            text_only: arrival.text_only,
            max_output,
            n: body.get::<u64>("n").unwrap_or(1).max(1),
        }
    }

    /// The most that a model can use for this; `None` where its numbers are not known.
    fn bound(self, model: &Model) -> Option<Usage> {
        let window = model.config.context_window;
        let by_bytes = self.bytes.saturating_add(ENVELOPE_TOKENS);
        let input = match window {
            Some(window) if self.text_only => by_bytes.min(window),
            None if self.text_only => by_bytes,
            Some(window) => window,
            None => return None,
        };
        let output = match (self.max_output, model.config.max_output_tokens) {
            (Some(asked), Some(most)) => asked.min(most),
            (Some(tokens), None) | (None, Some(tokens)) => tokens,
            (None, None) => return None,
        };
        Some(Usage { input, output: output.saturating_mul(self.n), ..Usage::default() })
    }

    /// What is known where a model's numbers are not: for attribution only.
    fn least(self) -> Usage {
        let output = self.max_output.unwrap_or_default().saturating_mul(self.n);
        Usage { input: self.bytes, output, ..Usage::default() }
    }
}

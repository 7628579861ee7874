//! From candidates to a permit: what each may cost at most, with the price pinned, and the most that any can cost
//! reserved from every cap.

mod cut;
mod refusal;
mod shape;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aigne_hub_crds::config::BillingMode;

use self::shape::Shape;
use super::{authenticate::Principal, exchange::Exchange, ingress::Arrival};
use crate::{
    allowance::Need,
    error::{GatewayError, Kind},
    ledger::{Charge, price::Rate},
    provider::Refusal,
    snapshot::{Served, Tenant},
    usage::{Usage, Word},
    wire::{Operation, tier::Tier},
};

/// A candidate that may be tried, with the most that it can use and cost.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) served: Served,
    /// Pinned at admission, whatever the configuration does meanwhile.
    pub(super) rate: Option<Arc<Rate>>,
    pub(super) bound: Usage,
    pub(super) bound_charge: Charge,
    /// The service tier that it is to serve from; `None` where the provider may choose.
    pub(super) tier: Option<Word>,
    /// The most tokens that an answer may have, where the balance pays for no more.
    pub(super) cut: Option<u64>,
}

/// Leave to dispatch: at least one candidate.
#[derive(Debug)]
pub(super) struct Permit {
    pub(super) candidates: Vec<Candidate>,
}

/// Pins prices and bounds, and reserves. Waits only for a lease that does not suffice.
pub(super) async fn admit(
    exchange: &mut Exchange,
    principal: &Principal,
    arrival: &Arrival,
    candidates: Vec<Served>,
) -> Result<Permit, GatewayError> {
    let shape = Shape::of(arrival);
    let tenant = &*principal.tenant;
    let caps = [&tenant.caps, &principal.key.caps];
    let counted = arrival.operation != Operation::CountTokens;
    let strictness = Strictness {
        priced: counted && tenant.config.billing.mode == BillingMode::Credits,
        bounded: counted && caps.iter().any(|caps| caps.of_money()),
    };
    let mut candidates = pin(shape, strictness, candidates, exchange.at_ms)?;
    if counted {
        let need = need(shape, tenant, arrival, &candidates);
        let allowances = &exchange.core.shared.allowances;
        let reserved = allowances.reserve(caps, &need).await;
        exchange.quotas = match &reserved {
            Ok(reservation) => reservation.quotas(),
            Err(refused) => refused.quotas(),
        };
        let pending = || exchange.core.shared.promises.is_pending(&tenant.config, exchange.at_ms);
        let reservation =
            reserved.map_err(|refused| refusal::error(&refused, tenant, need.money, pending))?;
        if let Some(money) = reservation.money().filter(|money| *money < need.money) {
            let least = shape.fewest(tenant.config.billing.minimum_max_tokens);
            candidates.retain_mut(|candidate| fit(candidate, shape, money, least));
        }
        exchange.reservation = Some(reservation);
    }
    Ok(Permit { candidates })
}

/// What every candidate must have.
#[derive(Clone, Copy)]
struct Strictness {
    /// A price: never a free call for who prepays.
    priced: bool,
    /// A bound where there is a price: what cannot be bounded cannot be kept under a cap.
    bounded: bool,
}

fn pin(
    shape: Shape,
    strictness: Strictness,
    candidates: Vec<Served>,
    at_ms: i64,
) -> Result<Vec<Candidate>, GatewayError> {
    let mut refused = None;
    let mut permitted = Vec::with_capacity(candidates.len());
    for served in candidates {
        let rate = served.provider.rates.pin(&served.model().name, at_ms).cloned();
        let tier = match tier(shape.tier, &served, rate.as_deref()) {
            Ok(tier) => tier,
            Err(refusal) => {
                refused.get_or_insert(refusal.into());
                continue;
            }
        };
        let bound = shape.bound(&served, rate.as_deref());
        if let Err(message) = payable(&served.model().qualified, strictness, rate.as_deref(), bound.as_ref())
        {
            refused.get_or_insert(GatewayError::new(Kind::NotPriced, message).with_param("model"));
            continue;
        }
        let bound = bound.unwrap_or_else(|| shape.least(&served));
        let charge = |rate: &Arc<Rate>| rate.bound(&bound, tier.as_ref().map(Word::as_str));
        let bound_charge = rate.as_ref().map_or_else(Charge::default, charge);
        permitted.push(Candidate { served, rate, bound, bound_charge, tier, cut: None });
    }
    match refused {
        Some(error) if permitted.is_empty() => Err(error),
        _ => Ok(permitted),
    }
}

/// Which service tier the bound and the charge are for. Whoever asks for one with a price of its own needs that in the
/// price sheet.
fn tier(asked: Tier, served: &Served, rate: Option<&Rate>) -> Result<Option<Word>, Refusal> {
    let plain = Some(Word::new("default"));
    let priced = match asked {
        Tier::Any if served.provider.adapter.chooses_tier() => return Ok(None),
        Tier::Any | Tier::Plain => return Ok(plain),
        Tier::Priced(priced) => priced,
    };
    let mut listed = rate.into_iter().flat_map(Rate::service_tiers);
    if listed.any(|name| name == priced.name.as_str()) {
        return Ok(Some(priced.name));
    }
    let listed = rate.into_iter().flat_map(Rate::service_tiers);
    let allowed: Vec<&str> = priced.free.iter().copied().chain(listed).collect();
    let message = format!(
        "`{}` chooses a service tier with its own price, which this model's price sheet does not list; allowed: {}",
        priced.field,
        allowed.join(", ")
    );
    Err(Refusal { field: priced.field.to_owned(), message })
}

fn payable(
    name: &str,
    strictness: Strictness,
    rate: Option<&Rate>,
    bound: Option<&Usage>,
) -> Result<(), String> {
    let Some(rate) = rate else {
        let message = || format!("the model {name:?} has no price, so it cannot be paid for with credits");
        return if strictness.priced { Err(message()) } else { Ok(()) };
    };
    match bound {
        None if strictness.bounded => Err(format!(
            "the model {name:?} states no contextWindow or maxOutputTokens, so its cost cannot be bounded"
        )),
        Some(bound) if strictness.priced => {
            rate.covers(bound).map_err(|unpriced| format!("the model {name:?} has no price for {unpriced}"))
        }
        _ => Ok(()),
    }
}

/// One attempt at most is charged to the tenant, so the dearest candidate bounds the request.
fn need(shape: Shape, tenant: &Tenant, arrival: &Arrival, candidates: &[Candidate]) -> Need {
    let price = |candidate: &Candidate| candidate.bound_charge.price.0;
    let money = candidates.iter().map(price).max().unwrap_or_default();
    let least_money = match tenant.config.billing.minimum_max_tokens {
        Some(minimum) => {
            let shape = shape.lowered(shape.fewest(Some(minimum)));
            let least = |candidate: &Candidate| {
                let rate = candidate.rate.as_deref()?;
                let bound = shape.bound(&candidate.served, Some(rate))?;
                Some(rate.bound(&bound, candidate.tier.as_ref().map(Word::as_str)).price.0)
            };
            candidates.iter().filter_map(least).min().unwrap_or(money)
        }
        None => money,
    };
    Need {
        tokens: i64::try_from(arrival.estimate.input).unwrap_or(i64::MAX),
        money,
        least_money,
        ledger_unavailable: tenant.config.policy.ledger_unavailable,
    }
}

/// Whether the candidate can be paid for, with as many tokens out as the money allows, but no fewer than `least`.
fn fit(candidate: &mut Candidate, shape: Shape, money: i64, least: u64) -> bool {
    if candidate.bound_charge.price.0 <= money {
        return true;
    }
    let Some(rate) = &candidate.rate else { return true };
    let served = &candidate.served;
    let tier = candidate.tier.as_ref().map(Word::as_str);
    let bound = |tokens: u64| shape.lowered(tokens).bound(served, Some(rate));
    let most = shape.max_output.or(served.model().config.max_output_tokens).unwrap_or(u64::MAX);
    let Some(tokens) = cut::affordable(rate, tier, money, most, bound) else { return false };
    let Some(bound) = bound(tokens).filter(|_| tokens >= least.min(most)) else { return false };
    candidate.bound_charge = rate.bound(&bound, tier);
    candidate.bound = bound;
    candidate.cut = Some(tokens);
    true
}

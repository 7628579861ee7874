//! What a client is told when a cap leaves no room.

use crate::{
    allowance::{Exhausted, Refused, Which},
    error::{GatewayError, Kind},
    ledger::Nanos,
    snapshot::Tenant,
};

/// Trying again sooner makes no sense where the ledger did not answer.
const LEDGER_AGAIN_MS: u64 = 1_000;

/// The error of a refusal: which cap, how much of it is used, and when to come again. `needed` is what the request can
/// cost at most; `pending`, whether the tenant was promised credits that may not be in its balance yet.
pub(super) fn error(
    refused: &Refused,
    tenant: &Tenant,
    needed: i64,
    pending: impl FnOnce() -> bool,
) -> GatewayError {
    let Refused::Exhausted(exhausted) = refused else {
        return later("the ledger cannot be reached, and this tenant's limits cannot be kept without it");
    };
    let Exhausted { which, of_key, cap, spent, held, retry_after_ms, .. } = &**exhausted;
    if *which == Which::Credits && pending() {
        return later("the credits of this tenant are being entered; try again shortly");
    }
    let of = if *of_key { "this key" } else { "this tenant" };
    let dollars = |nanos: i64| Nanos(nanos.max(0));
    let left = dollars(cap.saturating_sub(*spent));
    let held = if *held > 0 {
        format!(", {} of it held by requests under way", dollars(*held))
    } else {
        String::new()
    };
    let (kind, message) = match which {
        Which::Requests => {
            (Kind::RateLimited, format!("{of} may make {cap} requests a minute, and has made them"))
        }
        Which::Tokens => {
            (Kind::RateLimited, format!("{of} may use {cap} tokens a minute, and has used them"))
        }
        Which::Concurrent => {
            (Kind::RateLimited, format!("{of} may have {cap} requests under way at once, and has them"))
        }
        Which::Budget { name } => (
            Kind::BudgetExceeded,
            format!(
                "the budget {name:?} of {of} leaves {left} of {}{held}, and this request can cost up to {}",
                dollars(*cap),
                dollars(needed)
            ),
        ),
        Which::Credits => (
            Kind::CreditExhausted,
            format!("the credits leave {left}{held}, and this request can cost up to {}", dollars(needed)),
        ),
    };
    let link = match which {
        Which::Credits => tenant.config.billing.payment_url.as_deref(),
        _ => None,
    };
    let message = match link {
        Some(link) => format!("{message}; more can be had at {link}"),
        None => message,
    };
    GatewayError { retry_after_ms: *retry_after_ms, ..GatewayError::new(kind, message) }
}

/// Nothing that the client can do anything about, but wait.
fn later(message: &'static str) -> GatewayError {
    let error = GatewayError::new(Kind::LedgerUnavailable, message);
    GatewayError { retry_after_ms: Some(LEDGER_AGAIN_MS), ..error }
}

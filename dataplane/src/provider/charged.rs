//! What a provider itself says that a request cost.

use rust_decimal::Decimal;

use crate::chat::Raw;

/// Nano-dollars, rounded half-even, from `usage.cost` (`OpenRouter`: credits, which are US dollars) or
/// `usage.cost_in_usd_ticks` (xAI: 10¹⁰ ticks make a US dollar; docs.x.ai, cost tracking).
pub(super) fn nanos(dollars: Option<&Raw>, ticks: Option<&Raw>) -> Option<i64> {
    const NANOS: i64 = 1_000_000_000;
    const TICKS_PER_NANO: i64 = 10;
    let of_dollars = dollars.and_then(decimal).map(|dollars| dollars.checked_mul(NANOS.into()));
    let of_ticks = ticks.and_then(decimal).map(|ticks| ticks.checked_div(TICKS_PER_NANO.into()));
    let nanos = of_dollars.or(of_ticks)??;
    i64::try_from(nanos.round()).ok()
}

fn decimal(raw: &Raw) -> Option<Decimal> {
    let text = raw.get();
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

//! Rates as integers, and their products.

use aigne_hub_crds::config::Amounts;
use rust_decimal::{Decimal, RoundingStrategy};

use super::super::{Charge, Nanos};
use crate::usage::Usage;

/// One nano-dollar in units of 10⁻²⁴ dollars.
const NANO: u128 = 1_000_000_000_000_000;

/// Decimal places of dollars per million tokens that are kept: 10⁻²⁴ dollars per token.
const PLACES: u32 = 18;

/// Cost and price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    cost: Units,
    price: Units,
}

/// 10⁻²⁴ dollars per token, or per request.
#[derive(Clone, Copy, Debug)]
struct Units {
    input: u128,
    cached_input: u128,
    cache_write: u128,
    audio_input: u128,
    output: u128,
    reasoning: u128,
    audio_output: u128,
    request: u128,
    /// The dearest of the input rates.
    dearest_input: u128,
    /// The dearest of the output rates.
    dearest_output: u128,
    priced: Priced,
}

/// Which tokens have a rate, their own or the one that they fall back to.
#[derive(Clone, Copy, Debug)]
struct Priced {
    input: bool,
    cached_input: bool,
    cache_write: bool,
    audio_input: bool,
    output: bool,
    reasoning: bool,
    audio_output: bool,
}

/// [`Usage`] in parts that don't overlap.
struct Parts {
    text_input: u64,
    audio_input: u64,
    plain_output: u64,
    reasoning: u64,
    audio_output: u64,
}

impl Sides {
    pub(super) fn new(cost: &Amounts, price: &Amounts, multiplier: Decimal) -> Self {
        Self { cost: Units::new(cost, multiplier), price: Units::new(price, multiplier) }
    }

    pub(super) fn covers(&self, usage: &Usage) -> bool {
        let parts = Parts::of(usage);
        self.cost.priced.covers(usage, &parts) && self.price.priced.covers(usage, &parts)
    }

    pub(super) fn charge(&self, usage: &Usage) -> Charge {
        let parts = Parts::of(usage);
        Charge { cost: self.cost.charge(usage, &parts), price: self.price.charge(usage, &parts) }
    }

    pub(super) fn bound(&self, prompt: u64, output: u64) -> Charge {
        Charge { cost: self.cost.bound(prompt, output), price: self.price.bound(prompt, output) }
    }
}

impl Units {
    fn new(amounts: &Amounts, multiplier: Decimal) -> Self {
        let own = |amount: Option<Decimal>| amount.map(|amount| per_token(amount, multiplier));
        let input = own(amounts.input);
        let output = own(amounts.output);
        let cached_input = own(amounts.cached_input).or(input);
        let cache_write = own(amounts.cache_write).or(input);
        let audio_input = own(amounts.audio_input).or(input);
        let reasoning = own(amounts.reasoning).or(output);
        let audio_output = own(amounts.audio_output).or(output);
        let priced = Priced {
            input: input.is_some(),
            cached_input: cached_input.is_some(),
            cache_write: cache_write.is_some(),
            audio_input: audio_input.is_some(),
            output: output.is_some(),
            reasoning: reasoning.is_some(),
            audio_output: audio_output.is_some(),
        };
        let dearest = |rates: &[Option<u128>]| rates.iter().flatten().copied().max().unwrap_or(0);
        Self {
            input: input.unwrap_or(0),
            cached_input: cached_input.unwrap_or(0),
            cache_write: cache_write.unwrap_or(0),
            audio_input: audio_input.unwrap_or(0),
            output: output.unwrap_or(0),
            reasoning: reasoning.unwrap_or(0),
            audio_output: audio_output.unwrap_or(0),
            request: own(amounts.request).unwrap_or(0).saturating_mul(1_000_000),
            dearest_input: dearest(&[input, cached_input, cache_write, audio_input]),
            dearest_output: dearest(&[output, reasoning, audio_output]),
            priced,
        }
    }

    fn charge(&self, usage: &Usage, parts: &Parts) -> Nanos {
        total(&[
            (1, self.request),
            (parts.text_input, self.input),
            (parts.audio_input, self.audio_input),
            (usage.cached_input, self.cached_input),
            (usage.cache_write, self.cache_write),
            (parts.plain_output, self.output),
            (parts.reasoning, self.reasoning),
            (parts.audio_output, self.audio_output),
        ])
    }

    fn bound(&self, prompt: u64, output: u64) -> Nanos {
        total(&[(1, self.request), (prompt, self.dearest_input), (output, self.dearest_output)])
    }
}

impl Priced {
    fn covers(self, usage: &Usage, parts: &Parts) -> bool {
        let counts = [
            (parts.text_input, self.input),
            (parts.audio_input, self.audio_input),
            (usage.cached_input, self.cached_input),
            (usage.cache_write, self.cache_write),
            (parts.plain_output, self.output),
            (parts.reasoning, self.reasoning),
            (parts.audio_output, self.audio_output),
        ];
        counts.iter().all(|(tokens, priced)| *tokens == 0 || *priced)
    }
}

impl Parts {
    /// A part that claims to be larger than its whole counts as the whole: tokens are never charged twice.
    fn of(usage: &Usage) -> Self {
        let audio_input = usage.audio_input.min(usage.input);
        let audio_output = usage.audio_output.min(usage.output);
        let text_output = usage.output - audio_output;
        let reasoning = usage.reasoning.min(text_output);
        Self {
            text_input: usage.input - audio_input,
            audio_input,
            plain_output: text_output - reasoning,
            reasoning,
            audio_output,
        }
    }
}

/// Dollars per million tokens as 10⁻²⁴ dollars per token.
fn per_token(dollars: Decimal, multiplier: Decimal) -> u128 {
    // A product of more than 96 bits is nine orders of magnitude above any price: the dearest there is.
    let product = dollars.checked_mul(multiplier).unwrap_or(Decimal::MAX);
    let rounded = product.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointNearestEven);
    let mantissa = u128::try_from(rounded.mantissa()).unwrap_or(0);
    mantissa.saturating_mul(10_u128.pow(PLACES - rounded.scale().min(PLACES)))
}

/// The sum of `tokens × rate`, rounded once, half to even.
fn total(products: &[(u64, u128)]) -> Nanos {
    let sum = products.iter().fold(0_u128, |sum, (tokens, rate)| {
        // Most attempts leave most components at zero.
        if *tokens == 0 { sum } else { sum.saturating_add(rate.saturating_mul(u128::from(*tokens))) }
    });
    let (whole, rest) = (sum / NANO, sum % NANO);
    let up = match rest.cmp(&(NANO / 2)) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => whole % 2,
        std::cmp::Ordering::Greater => 1,
    };
    Nanos(i64::try_from(whole + up).unwrap_or(i64::MAX))
}

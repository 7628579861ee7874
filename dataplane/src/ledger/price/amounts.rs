//! Rates as integers, and their products.

use aigne_hub_crds::config::Amounts;
use rust_decimal::{Decimal, RoundingStrategy};

use super::super::{Charge, Nanos};
use super::images::Images;
use super::unpriced::Unpriced;
use crate::usage::{Units, Usage};

/// One nano-dollar in units of 10⁻²⁴ dollars.
const NANO: u128 = 1_000_000_000_000_000;

/// Decimal places of dollars per million tokens that are kept: 10⁻²⁴ dollars per token.
const PLACES: u32 = 18;

/// Kinds of tokens, as [`tokens`] tells them apart: first those of the prompt, then those of the answer.
const INPUTS: usize = 5;
const OUTPUTS: usize = 4;

/// Cost and price.
#[derive(Clone, Debug)]
pub(super) struct Sides {
    cost: Side,
    price: Side,
}

/// 10⁻²⁴ dollars per token, image, millisecond, character and request; none where there is no rate, neither an own
/// one nor one to fall back to.
#[derive(Clone, Debug)]
struct Side {
    inputs: [Option<u128>; INPUTS],
    outputs: [Option<u128>; OUTPUTS],
    /// The dearest of the input rates.
    dearest_input: u128,
    /// The dearest of the output rates.
    dearest_output: u128,
    images: Images,
    milli: Option<u128>,
    character: Option<u128>,
    request: u128,
}

impl Sides {
    pub(super) fn new(cost: &Amounts, price: &Amounts, multiplier: Decimal) -> Self {
        Self { cost: Side::new(cost, multiplier), price: Side::new(price, multiplier) }
    }

    pub(super) fn covers(&self, usage: &Usage) -> Result<(), Unpriced> {
        self.cost.covers(usage)?;
        self.price.covers(usage)
    }

    pub(super) fn prices_units(&self, usage: &Usage) -> bool {
        self.cost.prices_units(usage.units()) && self.price.prices_units(usage.units())
    }

    pub(super) fn charge(&self, usage: &Usage) -> Charge {
        let (inputs, outputs) = tokens(usage);
        let of = |side: &Side| side.charge(usage, inputs, outputs);
        Charge { cost: of(&self.cost), price: of(&self.price) }
    }

    pub(super) fn bound(&self, most: &Usage) -> Charge {
        Charge { cost: self.cost.bound(most), price: self.price.bound(most) }
    }

    /// Whether tokens of prompts cost anything here, or have a price.
    pub(super) fn by_input(&self) -> bool {
        self.cost.by_input() || self.price.by_input()
    }

    /// Whether tokens of answers do.
    pub(super) fn by_output(&self) -> bool {
        self.cost.by_output() || self.price.by_output()
    }
}

impl Side {
    fn new(amounts: &Amounts, multiplier: Decimal) -> Self {
        let own = |amount: Option<Decimal>| amount.map(|amount| per_token(amount, multiplier));
        let single = |rate: u128| rate.saturating_mul(1_000_000);
        let (input, output) = (own(amounts.input), own(amounts.output));
        let inputs = [
            input,
            own(amounts.audio_input).or(input),
            own(amounts.image_input).or(input),
            own(amounts.cached_input).or(input),
            own(amounts.cache_write).or(input),
        ];
        let outputs = [
            output,
            own(amounts.reasoning).or(output),
            own(amounts.audio_output).or(output),
            own(amounts.image_output).or(output),
        ];
        let dearest = |rates: &[Option<u128>]| rates.iter().flatten().copied().max().unwrap_or(0);
        Self {
            dearest_input: dearest(&inputs),
            dearest_output: dearest(&outputs),
            inputs,
            outputs,
            images: Images::new(&amounts.images, |amount| single(per_token(amount, multiplier))),
            milli: own(amounts.second).map(|rate| rate.saturating_mul(1_000)),
            character: own(amounts.characters),
            request: own(amounts.request).map_or(0, single),
        }
    }

    fn charge(&self, usage: &Usage, inputs: [u64; INPUTS], outputs: [u64; OUTPUTS]) -> Nanos {
        let inputs = inputs.into_iter().zip(self.inputs);
        let outputs = outputs.into_iter().zip(self.outputs);
        let tokens = inputs.chain(outputs).map(|(count, rate)| (count, rate.unwrap_or(0)));
        let image = if usage.images == 0 { 0 } else { self.images.rate(usage.image) };
        total(tokens.chain(self.units(usage, image)))
    }

    fn bound(&self, most: &Usage) -> Nanos {
        let tokens = [(most.prompt(), self.dearest_input), (most.output, self.dearest_output)];
        let image = if most.images == 0 { 0 } else { self.images.dearest(most.image) };
        total(tokens.into_iter().chain(self.units(most, image)))
    }

    /// What is no token, the request itself included.
    fn units(&self, usage: &Usage, image: u128) -> [(u64, u128); 4] {
        [
            (1, self.request),
            (usage.images, image),
            (usage.millis, self.milli.unwrap_or(0)),
            (usage.characters, self.character.unwrap_or(0)),
        ]
    }

    /// Where there are units, either these are priced or the tokens are: providers charge by one or the other.
    fn covers(&self, usage: &Usage) -> Result<(), Unpriced> {
        let units = usage.units();
        if units.is_none() {
            return if self.covers_tokens(usage) { Ok(()) } else { Err(Unpriced::Tokens) };
        }
        if units.images > 0 && !self.images.is_empty() && !self.images.can_be(units.image) {
            return Err(Unpriced::Image(units.image));
        }
        let mut used = self.used(units).peekable();
        let first = used.peek().map(|(_, what)| *what);
        if used.any(|(priced, _)| priced) || self.by_input() && self.by_output() {
            return Ok(());
        }
        Err(first.unwrap_or(Unpriced::Tokens))
    }

    /// Whether units have a rate or tokens have none.
    fn prices_units(&self, units: Units) -> bool {
        units.is_none()
            || self.used(units).any(|(priced, _)| priced)
            || !(self.by_input() || self.by_output())
    }

    /// The units that there are, and whether each has a rate.
    fn used(&self, units: Units) -> impl Iterator<Item = (bool, Unpriced)> {
        let each = [
            (units.images, !self.images.is_empty(), Unpriced::Images),
            (units.millis, self.milli.is_some(), Unpriced::Seconds),
            (units.characters, self.character.is_some(), Unpriced::Characters),
        ];
        each.into_iter().filter(|(count, ..)| *count > 0).map(|(_, priced, what)| (priced, what))
    }

    fn covers_tokens(&self, usage: &Usage) -> bool {
        let (inputs, outputs) = tokens(usage);
        let inputs = inputs.into_iter().zip(self.inputs);
        let outputs = outputs.into_iter().zip(self.outputs);
        inputs.chain(outputs).all(|(count, rate)| count == 0 || rate.is_some())
    }

    fn by_input(&self) -> bool {
        self.inputs.iter().any(Option::is_some)
    }

    fn by_output(&self) -> bool {
        self.outputs.iter().any(Option::is_some)
    }
}

/// [`Usage`] in parts that don't overlap: text, audio, images, cached, written; and text, reasoning, audio, images. A part
/// that claims to be larger than its whole counts as the whole: tokens are never charged twice.
fn tokens(usage: &Usage) -> ([u64; INPUTS], [u64; OUTPUTS]) {
    let audio_input = usage.audio_input.min(usage.input);
    let image_input = usage.image_input.min(usage.input - audio_input);
    let text_input = usage.input - audio_input - image_input;
    let audio_output = usage.audio_output.min(usage.output);
    let image_output = usage.image_output.min(usage.output - audio_output);
    let text_output = usage.output - audio_output - image_output;
    let reasoning = usage.reasoning.min(text_output);
    (
        [text_input, audio_input, image_input, usage.cached_input, usage.cache_write],
        [text_output - reasoning, reasoning, audio_output, image_output],
    )
}

/// Dollars per million tokens as 10⁻²⁴ dollars per token.
fn per_token(dollars: Decimal, multiplier: Decimal) -> u128 {
    // A product of more than 96 bits is nine orders of magnitude above any price: the dearest there is.
    let product = dollars.checked_mul(multiplier).unwrap_or(Decimal::MAX);
    let rounded = product.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointNearestEven);
    let mantissa = u128::try_from(rounded.mantissa()).unwrap_or(0);
    mantissa.saturating_mul(10_u128.pow(PLACES - rounded.scale().min(PLACES)))
}

/// The sum of `count × rate`, rounded once, half to even.
fn total(products: impl Iterator<Item = (u64, u128)>) -> Nanos {
    let sum = products.fold(0_u128, |sum, (count, rate)| {
        // Most attempts leave most components at zero.
        if count == 0 { sum } else { sum.saturating_add(rate.saturating_mul(u128::from(count))) }
    });
    let (whole, rest) = (sum / NANO, sum % NANO);
    let up = match rest.cmp(&(NANO / 2)) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => whole % 2,
        std::cmp::Ordering::Greater => 1,
    };
    Nanos(i64::try_from(whole + up).unwrap_or(i64::MAX))
}

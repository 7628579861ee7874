//! Cost and price in US dollars, with exact decimals.

use rust_decimal::Decimal;

use crate::{
    config::{Amounts, ImageAmount},
    v1alpha1::{self, ModelPricingSpec, Money},
};

/// Digits after the point that an amount keeps: a thousandth of a nano-dollar for each of a billion tokens. What is
/// beyond is rounded half to even.
const SCALE: u32 = 15;

/// How a sheet turns what a provider charges into dollars, and dollars into a price.
pub(super) struct Terms {
    exchange_rate: Decimal,
    /// 1 + margin.
    markup: Decimal,
}

impl Terms {
    pub(super) fn of(spec: &ModelPricingSpec) -> Self {
        let margin = spec.margin.map_or(Decimal::ZERO, |margin| margin.0);
        let margin = margin.checked_div(Decimal::ONE_HUNDRED).unwrap_or_default();
        Self {
            exchange_rate: spec.exchange_rate.map_or(Decimal::ONE, |rate| rate.0),
            markup: Decimal::ONE.checked_add(margin).unwrap_or(Decimal::ONE),
        }
    }
}

/// Rounded, and without trailing zeros: equal amounts have equal bytes.
pub(super) fn decimal(value: Decimal) -> Decimal {
    value.round_dp(SCALE).normalize()
}

/// Cost and price; none when a number does not fit.
pub(super) fn amounts(
    cost: &v1alpha1::Amounts,
    price: Option<&v1alpha1::Amounts>,
    terms: &Terms,
) -> Option<(Amounts, Amounts)> {
    let cost = convert(cost, terms.exchange_rate)?;
    let marked_up = scale(&cost, terms.markup)?;
    let price = match price {
        Some(given) => over(convert(given, Decimal::ONE)?, marked_up),
        None => marked_up,
    };
    Some((scale(&cost, Decimal::ONE)?, scale(&price, Decimal::ONE)?))
}

/// Exactly what is written, times `factor`.
fn convert(written: &v1alpha1::Amounts, factor: Decimal) -> Option<Amounts> {
    let exact = |money: Option<Money>| money.map(|money| money.0);
    let unconverted = Amounts {
        input: exact(written.input),
        output: exact(written.output),
        cached_input: exact(written.cached_input),
        cache_write: exact(written.cache_write),
        reasoning: exact(written.reasoning),
        audio_input: exact(written.audio_input),
        audio_output: exact(written.audio_output),
        image_input: exact(written.image_input),
        image_output: exact(written.image_output),
        characters: exact(written.characters),
        second: exact(written.second),
        request: exact(written.request),
        images: written
            .images
            .iter()
            .map(|image| ImageAmount {
                size: image.size.clone(),
                quality: image.quality.clone(),
                amount: image.amount.0,
            })
            .collect(),
    };
    map(&unconverted, |amount| amount.checked_mul(factor))
}

/// Times `factor`, rounded.
fn scale(amounts: &Amounts, factor: Decimal) -> Option<Amounts> {
    map(amounts, |amount| amount.checked_mul(factor).map(decimal))
}

/// Each amount of `given`, else of `otherwise`. Images are taken as one list, as their order matters.
fn over(given: Amounts, otherwise: Amounts) -> Amounts {
    Amounts {
        input: given.input.or(otherwise.input),
        output: given.output.or(otherwise.output),
        cached_input: given.cached_input.or(otherwise.cached_input),
        cache_write: given.cache_write.or(otherwise.cache_write),
        reasoning: given.reasoning.or(otherwise.reasoning),
        audio_input: given.audio_input.or(otherwise.audio_input),
        audio_output: given.audio_output.or(otherwise.audio_output),
        image_input: given.image_input.or(otherwise.image_input),
        image_output: given.image_output.or(otherwise.image_output),
        characters: given.characters.or(otherwise.characters),
        second: given.second.or(otherwise.second),
        request: given.request.or(otherwise.request),
        images: if given.images.is_empty() { otherwise.images } else { given.images },
    }
}

fn map(amounts: &Amounts, change: impl Fn(Decimal) -> Option<Decimal>) -> Option<Amounts> {
    let each = |amount: Option<Decimal>| match amount {
        Some(amount) => change(amount).map(Some),
        None => Some(None),
    };
    Some(Amounts {
        input: each(amounts.input)?,
        output: each(amounts.output)?,
        cached_input: each(amounts.cached_input)?,
        cache_write: each(amounts.cache_write)?,
        reasoning: each(amounts.reasoning)?,
        audio_input: each(amounts.audio_input)?,
        audio_output: each(amounts.audio_output)?,
        image_input: each(amounts.image_input)?,
        image_output: each(amounts.image_output)?,
        characters: each(amounts.characters)?,
        second: each(amounts.second)?,
        request: each(amounts.request)?,
        images: amounts
            .images
            .iter()
            .map(|image| Some(ImageAmount { amount: change(image.amount)?, ..image.clone() }))
            .collect::<Option<_>>()?,
    })
}

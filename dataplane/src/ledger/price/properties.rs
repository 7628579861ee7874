use aigne_hub_crds::config::{Amounts, ImageAmount, Tier};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::tests::{cost, plain, prepared, rate};
use crate::usage::{ImageKind, Usage, Word};

/// A rate as mantissa and decimal places.
fn dollars() -> impl Strategy<Value = (u64, u32)> {
    (0..2_000_000_000_u64, 0..=12_u32)
}

fn as_decimal((mantissa, places): (u64, u32)) -> Decimal {
    Decimal::new(mantissa.try_into().unwrap(), places)
}

const SIZES: [&str; 3] = ["", "1K", "2K"];
const QUALITIES: [&str; 3] = ["", "low", "high"];

fn usage() -> impl Strategy<Value = Usage> {
    let count = || prop_oneof![0..5_u64, 0..3_000_000_u64];
    let tokens =
        (count(), count(), count(), count(), 0..=100_u64, 0..=50_u64, 0..=50_u64, 0..=50_u64, 0..=50_u64);
    let tokens = tokens.prop_map(
        |(
            input,
            cached_input,
            cache_write,
            output,
            reasoning,
            audio_output,
            audio_input,
            image_output,
            image_input,
        )| {
            Usage {
                input,
                cached_input,
                cache_write,
                output,
                reasoning: output * reasoning / 400,
                audio_output: output * audio_output / 200,
                audio_input: input * audio_input / 100,
                image_output: output * image_output / 200,
                image_input: input * image_input / 100,
                ..Usage::default()
            }
        },
    );
    (tokens, 0..4_u64, 0..3_usize, 0..3_usize, count(), count()).prop_map(
        |(tokens, images, size, quality, millis, characters)| {
            let image = ImageKind::new(SIZES[size], QUALITIES[quality]);
            Usage { images, image, millis, characters, ..tokens }
        },
    )
}

fn images() -> impl Strategy<Value = Vec<ImageAmount>> {
    let written = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let entry =
        (0..3_usize, 0..3_usize, dollars().prop_map(as_decimal)).prop_map(move |(size, quality, amount)| {
            ImageAmount { size: written(SIZES[size]), quality: written(QUALITIES[quality]), amount }
        });
    proptest::collection::vec(entry, 0..5)
}

fn full_amounts() -> impl Strategy<Value = Amounts> {
    let optional = || proptest::option::of(dollars().prop_map(as_decimal));
    let tokens = (
        optional(),
        optional(),
        optional(),
        optional(),
        optional(),
        optional(),
        optional(),
        optional(),
        optional(),
    );
    (tokens, optional(), optional(), optional(), images()).prop_map(
        |(tokens, request, second, characters, images)| {
            let (
                input,
                output,
                cached_input,
                cache_write,
                reasoning,
                audio_input,
                audio_output,
                image_input,
                image_output,
            ) = tokens;
            Amounts {
                input,
                output,
                cached_input,
                cache_write,
                reasoning,
                audio_input,
                audio_output,
                image_input,
                image_output,
                request,
                second,
                characters,
                images,
            }
        },
    )
}

/// Decimal digits, least significant first: sums and products as on paper.
mod paper {
    pub(super) fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut carry = 0;
        let mut sum = Vec::new();
        for place in 0..=a.len().max(b.len()) {
            let digit = a.get(place).unwrap_or(&0) + b.get(place).unwrap_or(&0) + carry;
            sum.push(digit % 10);
            carry = digit / 10;
        }
        sum
    }

    pub(super) fn multiply(a: &[u8], b: &[u8]) -> Vec<u8> {
        b.iter().enumerate().fold(Vec::new(), |sum, (shift, times)| {
            let row = (0..*times).fold(Vec::new(), |row, _| add(&row, a));
            add(&sum, &[vec![0; shift], row].concat())
        })
    }

    pub(super) fn digits(number: &impl ToString) -> Vec<u8> {
        number.to_string().bytes().rev().map(|digit| digit - b'0').collect()
    }

    /// Drops `places` digits, half to even.
    pub(super) fn round(number: &[u8], places: usize) -> u128 {
        let (dropped, kept) = number.split_at(places.min(number.len()));
        let kept = kept.iter().rev().fold(0_u128, |sum, digit| sum * 10 + u128::from(*digit));
        let half = [vec![0; places - 1], vec![5]].concat();
        let value = |digits: &[u8]| digits.iter().rev().copied().collect::<Vec<_>>();
        let mut dropped = value(dropped);
        while dropped.len() < places {
            dropped.insert(0, 0);
        }
        match dropped.cmp(&value(&half)) {
            std::cmp::Ordering::Less => kept,
            std::cmp::Ordering::Equal => kept + kept % 2,
            std::cmp::Ordering::Greater => kept + 1,
        }
    }
}

/// What an image costs, said in another way: of those that do not contradict what is known the first, else the dearest.
fn per_image(amounts: &Amounts, kind: ImageKind) -> Option<Decimal> {
    let contradicts = |written: &Option<String>, stated: &str| {
        written.as_deref().is_some_and(|written| !stated.is_empty() && written != stated)
    };
    let contradicts = |image: &&ImageAmount| {
        contradicts(&image.size, kind.size.as_str()) || contradicts(&image.quality, kind.quality.as_str())
    };
    let all = &amounts.images;
    let first = all.iter().find(|image| !contradicts(image)).map(|image| image.amount);
    first.or_else(|| all.iter().map(|image| image.amount).max())
}

/// The same charge by long multiplication.
fn on_paper(amounts: &Amounts, multiplier: Decimal, usage: &Usage) -> u128 {
    // Everything at 30 decimal places of a dollar, less those that a rate for so many is divided by.
    let at = |rate: Option<Decimal>, divided: u32| -> Vec<u8> {
        let rate = rate.unwrap_or_default();
        let places = 30 - rate.scale() - multiplier.scale() - divided;
        let product =
            paper::multiply(&paper::digits(&rate.mantissa()), &paper::digits(&multiplier.mantissa()));
        [vec![0; places.try_into().unwrap()], product].concat()
    };
    let text_in = usage.input - usage.audio_input - usage.image_input;
    let text_out = usage.output - usage.reasoning - usage.audio_output - usage.image_output;
    let parts = [
        (1, at(amounts.request, 0)),
        (text_in, at(amounts.input, 6)),
        (usage.audio_input, at(amounts.audio_input.or(amounts.input), 6)),
        (usage.image_input, at(amounts.image_input.or(amounts.input), 6)),
        (usage.cached_input, at(amounts.cached_input.or(amounts.input), 6)),
        (usage.cache_write, at(amounts.cache_write.or(amounts.input), 6)),
        (text_out, at(amounts.output, 6)),
        (usage.reasoning, at(amounts.reasoning.or(amounts.output), 6)),
        (usage.audio_output, at(amounts.audio_output.or(amounts.output), 6)),
        (usage.image_output, at(amounts.image_output.or(amounts.output), 6)),
        (usage.images, at(per_image(amounts, usage.image), 0)),
        (usage.millis, at(amounts.second, 3)),
        (usage.characters, at(amounts.characters, 6)),
    ];
    let sum = parts.iter().fold(Vec::new(), |sum, (count, rate)| {
        paper::add(&sum, &paper::multiply(rate, &paper::digits(count)))
    });
    paper::round(&sum, 21)
}

proptest! {
    #[test]
    fn equals_long_multiplication(amounts in full_amounts(), usage in usage(), by in 1..400_i64) {
        let multiplier = Decimal::new(by, 2);
        let mut scaled = rate("m", amounts.clone(), amounts.clone());
        scaled.service_tiers = [("tier".to_owned(), multiplier)].into();
        let scaled = prepared(scaled);
        let expected = |by| i64::try_from(on_paper(&amounts, by, &usage)).unwrap_or(i64::MAX);
        prop_assert_eq!(scaled.charge(&usage, None).cost.0, expected(Decimal::ONE));
        prop_assert_eq!(scaled.charge(&usage, Some("tier")).price.0, expected(multiplier));
    }

    #[test]
    fn additive_up_to_one_rounding(amounts in full_amounts(), a in usage(), b in usage()) {
        let rate = plain(&Amounts { request: None, ..amounts });
        let b = Usage { image: a.image, ..b };
        let sum = Usage {
            input: a.input + b.input,
            cached_input: a.cached_input + b.cached_input,
            cache_write: a.cache_write + b.cache_write,
            output: a.output + b.output,
            reasoning: a.reasoning + b.reasoning,
            audio_input: a.audio_input + b.audio_input,
            audio_output: a.audio_output + b.audio_output,
            image_input: a.image_input + b.image_input,
            image_output: a.image_output + b.image_output,
            images: a.images + b.images,
            image: a.image,
            millis: a.millis + b.millis,
            characters: a.characters + b.characters,
            reported_cost_nanos: None,
        };
        let apart = i128::from(cost(&rate, a)) + i128::from(cost(&rate, b));
        let whole = i128::from(cost(&rate, sum));
        // Each of the three is off by half a nano-dollar at most.
        prop_assert!((apart - whole).abs() <= 1 || whole == i128::from(i64::MAX));
    }

    #[test]
    fn never_negative_and_monotone(amounts in full_amounts(), usage in usage(), more in 0..10_000_u64) {
        let rate = plain(&amounts);
        let least = cost(&rate, usage);
        prop_assert!(least >= 0);
        let longer = [
            Usage { input: usage.input + more, ..usage },
            Usage { cached_input: usage.cached_input + more, ..usage },
            Usage { cache_write: usage.cache_write + more, ..usage },
            Usage { output: usage.output + more, ..usage },
            Usage { images: usage.images + more, ..usage },
            Usage { millis: usage.millis + more, ..usage },
            Usage { characters: usage.characters + more, ..usage },
        ];
        prop_assert!(longer.into_iter().all(|usage| cost(&rate, usage) >= least));
    }

    #[test]
    fn the_bound_is_never_exceeded(
        base in full_amounts(), long in full_amounts(), above in 0..200_000_u64, by in 1..400_i64,
        usage in usage(), slack in 0..1_000_u64, open in any::<(bool, bool)>(),
    ) {
        let mut tiered = rate("m", base.clone(), long.clone());
        tiered.tiers = vec![Tier { above, cost: long, price: base }];
        tiered.service_tiers = [("tier".to_owned(), Decimal::new(by, 2))].into();
        let tiered = prepared(tiered);
        // What the request leaves open, the answer may choose.
        let said = |word: Word, open: bool| if open { Word::default() } else { word };
        let image = ImageKind { size: said(usage.image.size, open.0), quality: said(usage.image.quality, open.1) };
        let most = Usage {
            input: usage.prompt() + slack,
            output: usage.output + slack,
            images: usage.images + slack,
            image,
            millis: usage.millis + slack,
            characters: usage.characters + slack,
            ..Usage::default()
        };
        for tier in [None, Some("tier"), Some("other")] {
            let charge = tiered.charge(&usage, tier);
            for asked in [tier, None] {
                let bound = tiered.bound(&most, asked);
                prop_assert!(charge.cost <= bound.cost && charge.price <= bound.price);
            }
        }
        prop_assert!(tiered.bound(&usage, None).cost <= tiered.bound(&most, None).cost);
    }
}

use aigne_hub_crds::config::{Amounts, Tier};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::tests::{cost, plain, prepared, rate};
use crate::usage::Usage;

/// A rate as mantissa and decimal places.
fn dollars() -> impl Strategy<Value = (u64, u32)> {
    (0..2_000_000_000_u64, 0..=12_u32)
}

fn as_decimal((mantissa, places): (u64, u32)) -> Decimal {
    Decimal::new(mantissa.try_into().unwrap(), places)
}

fn usage() -> impl Strategy<Value = Usage> {
    let count = || prop_oneof![0..5_u64, 0..3_000_000_u64];
    (count(), count(), count(), count(), 0..=100_u64, 0..=50_u64, 0..=100_u64).prop_map(
        |(input, cached_input, cache_write, output, reasoning, audio_output, audio_input)| Usage {
            input,
            cached_input,
            cache_write,
            output,
            reasoning: output * reasoning / 200,
            audio_output: output * audio_output / 100,
            audio_input: input * audio_input / 100,
            reported_cost_nanos: None,
        },
    )
}

fn full_amounts() -> impl Strategy<Value = Amounts> {
    let optional = || proptest::option::of(dollars().prop_map(as_decimal));
    (optional(), optional(), optional(), optional(), optional(), optional(), optional(), optional()).prop_map(
        |(input, output, cached_input, cache_write, reasoning, audio_input, audio_output, request)| Amounts {
            input,
            output,
            cached_input,
            cache_write,
            reasoning,
            audio_input,
            audio_output,
            request,
            ..Amounts::default()
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

/// The same charge by long multiplication.
fn on_paper(amounts: &Amounts, multiplier: Decimal, usage: &Usage) -> u128 {
    // Everything at 30 decimal places of a dollar: 24 for a rate per token, 6 for none.
    let at = |rate: Option<Decimal>, million: bool| -> Vec<u8> {
        let rate = rate.unwrap_or_default();
        let places = 30 - rate.scale() - multiplier.scale() - if million { 6 } else { 0 };
        let product =
            paper::multiply(&paper::digits(&rate.mantissa()), &paper::digits(&multiplier.mantissa()));
        [vec![0; places.try_into().unwrap()], product].concat()
    };
    let text = usage.output - usage.reasoning - usage.audio_output;
    let parts = [
        (1, at(amounts.request, false)),
        (usage.input - usage.audio_input, at(amounts.input, true)),
        (usage.audio_input, at(amounts.audio_input.or(amounts.input), true)),
        (usage.cached_input, at(amounts.cached_input.or(amounts.input), true)),
        (usage.cache_write, at(amounts.cache_write.or(amounts.input), true)),
        (text, at(amounts.output, true)),
        (usage.reasoning, at(amounts.reasoning.or(amounts.output), true)),
        (usage.audio_output, at(amounts.audio_output.or(amounts.output), true)),
    ];
    let sum = parts.iter().fold(Vec::new(), |sum, (tokens, rate)| {
        paper::add(&sum, &paper::multiply(rate, &paper::digits(tokens)))
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
        let sum = Usage {
            input: a.input + b.input,
            cached_input: a.cached_input + b.cached_input,
            cache_write: a.cache_write + b.cache_write,
            output: a.output + b.output,
            reasoning: a.reasoning + b.reasoning,
            audio_input: a.audio_input + b.audio_input,
            audio_output: a.audio_output + b.audio_output,
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
        ];
        prop_assert!(longer.into_iter().all(|usage| cost(&rate, usage) >= least));
    }

    #[test]
    fn the_bound_is_never_exceeded(
        base in full_amounts(), long in full_amounts(), above in 0..200_000_u64, by in 1..400_i64,
        usage in usage(), slack in 0..1_000_u64,
    ) {
        let mut tiered = rate("m", base.clone(), long.clone());
        tiered.tiers = vec![Tier { above, cost: long, price: base }];
        tiered.service_tiers = [("tier".to_owned(), Decimal::new(by, 2))].into();
        let tiered = prepared(tiered);
        let most = Usage { input: usage.prompt() + slack, output: usage.output + slack, ..Usage::default() };
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

use aigne_hub_crds::config::{self, Amounts, ImageAmount, PriceSheet, Tier};
use rust_decimal::Decimal;

use super::*;
use crate::ledger::Nanos;
use crate::usage::{ImageKind, Units};

fn decimal(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

pub(super) fn image(size: Option<&str>, quality: Option<&str>, amount: &str) -> ImageAmount {
    let text = |text: Option<&str>| text.map(str::to_owned);
    ImageAmount { size: text(size), quality: text(quality), amount: amount.parse().unwrap() }
}

fn amounts(input: &str, output: &str) -> Amounts {
    Amounts { input: decimal(input), output: decimal(output), ..Amounts::default() }
}

pub(super) fn rate(model: &str, cost: Amounts, price: Amounts) -> config::Rate {
    config::Rate { model: model.into(), cost, price, tiers: Vec::new(), service_tiers: BTreeMap::new() }
}

fn sheet(revision: &str, from: Option<&str>, rates: Vec<config::Rate>) -> PriceSheet {
    let effective_from = from.map(|text| text.parse().unwrap());
    PriceSheet { revision: revision.into(), source: "ai/openai".into(), effective_from, rates }
}

pub(super) fn prepared(rate: config::Rate) -> Arc<Rate> {
    let model = rate.model.clone();
    Rates::new(&[sheet("r1", None, vec![rate])]).pin(&model, 0).unwrap().clone()
}

pub(super) fn plain(amounts: &Amounts) -> Arc<Rate> {
    prepared(rate("m", amounts.clone(), amounts.clone()))
}

pub(super) fn cost(rate: &Rate, usage: Usage) -> i64 {
    rate.charge(&usage, None).cost.0
}

#[test]
fn tokens_times_rate() {
    let rate = prepared(rate("gpt-5-mini", amounts("0.25", "2.00"), amounts("0.30", "2.40")));
    let usage = Usage { input: 1_000, output: 500, ..Usage::default() };
    // 1000 × 0.25 / 10⁶ + 500 × 2 / 10⁶ = 0.00125 dollars; the price is 20 % more.
    assert_eq!(rate.charge(&usage, None), Charge { cost: Nanos(1_250_000), price: Nanos(1_500_000) });
    assert_eq!(&**rate.revision(), "r1");
}

#[test]
fn the_sum_is_rounded_once_half_to_even() {
    // One input token is 0.5 nano-dollars, one output token 0.75.
    let rate = plain(&amounts("0.0005", "0.00075"));
    let of = |input, output| cost(&rate, Usage { input, output, ..Usage::default() });
    assert_eq!([of(1, 0), of(2, 0), of(3, 0), of(5, 0), of(7, 0)], [0, 1, 2, 2, 4]);
    assert_eq!(of(0, 1), 1);
    // 0.5 + 0.75 = 1.25: one, not the two that rounding each would give.
    assert_eq!(of(1, 1), 1);
}

#[test]
fn each_kind_has_its_rate_or_falls_back() {
    let all = Amounts {
        cached_input: decimal("0.1"),
        cache_write: decimal("1.25"),
        reasoning: decimal("3"),
        audio_input: decimal("10"),
        audio_output: decimal("20"),
        image_input: decimal("30"),
        image_output: decimal("40"),
        characters: decimal("15"),
        second: decimal("0.006"),
        images: vec![image(None, None, "0.04")],
        request: decimal("0.001"),
        ..amounts("1", "2")
    };
    let usage = Usage {
        input: 100,
        cached_input: 10,
        cache_write: 20,
        output: 50,
        reasoning: 5,
        audio_input: 40,
        audio_output: 15,
        image_input: 10,
        image_output: 20,
        images: 2,
        image: ImageKind::new("1024x1024", "hd"),
        millis: 1_500,
        characters: 100,
        reported_cost_nanos: None,
    };
    // In millionths of a dollar.
    let own = 50 + 40 * 10 + 10 * 30 + 1 + 25 + 10 * 2 + 5 * 3 + 15 * 20 + 20 * 40 + 1_000;
    let units = 2 * 40_000 + 9_000 + 100 * 15;
    assert_eq!(cost(&plain(&all), usage), (own + units) * 1_000);
    let fallback = 100 + 10 + 20 + 50 * 2;
    assert_eq!(cost(&plain(&amounts("1", "2")), usage), fallback * 1_000);
}

#[test]
fn parts_are_never_more_than_their_whole() {
    let dear = Amounts { reasoning: decimal("2"), audio_output: decimal("2"), ..amounts("1", "2") };
    let usage = Usage {
        output: 10,
        reasoning: 80,
        audio_output: 90,
        image_output: 70,
        audio_input: 7,
        image_input: 8,
        ..Usage::default()
    };
    assert_eq!(cost(&plain(&dear), usage), 20_000);
}

#[test]
fn what_has_no_rate_is_not_covered() {
    let input_only = plain(&Amounts { input: decimal("1"), ..Amounts::default() });
    assert_eq!(input_only.covers(&Usage { input: 5, cached_input: 5, ..Usage::default() }), Ok(()));
    let answered = Usage { input: 5, output: 1, ..Usage::default() };
    assert_eq!(input_only.covers(&answered), Err(Unpriced::Tokens));
    let cost_only = prepared(rate("m", amounts("1", "1"), Amounts::default()));
    assert_eq!(cost_only.covers(&Usage { input: 1, ..Usage::default() }), Err(Unpriced::Tokens));
}

#[test]
fn units_are_covered_by_their_rate_or_by_tokens() {
    let by_token = plain(&amounts("1", "1"));
    let by_second = plain(&Amounts { second: decimal("1"), ..Amounts::default() });
    let by_image = plain(&Amounts { images: vec![image(Some("1K"), None, "1")], ..amounts("1", "1") });
    let used = |units| Usage { input: 9, output: 9, ..Usage::default() }.with_units(units);
    let images = |size| used(Units { images: 1, image: ImageKind::new(size, "hd"), ..Units::default() });
    let seconds = used(Units { millis: 1, ..Units::default() });
    let characters = used(Units { characters: 1, ..Units::default() });
    for usage in [images("1K"), seconds, characters] {
        assert_eq!(by_token.covers(&usage), Ok(()));
    }
    assert_eq!(by_second.covers(&seconds), Ok(()));
    assert_eq!(by_second.covers(&images("1K")), Err(Unpriced::Images));
    assert_eq!(by_second.covers(&characters), Err(Unpriced::Characters));
    assert_eq!(by_image.covers(&images("1K")), Ok(()));
    assert_eq!(by_image.covers(&images("auto")), Ok(()));
    // Tokens do not stand in for an image that the sheet leaves out among those that it has.
    assert_eq!(by_image.covers(&images("2K")), Err(Unpriced::Image(ImageKind::new("2K", "hd"))));
    let input_only = plain(&Amounts { input: decimal("1"), ..Amounts::default() });
    assert_eq!(input_only.covers(&seconds), Err(Unpriced::Seconds));
    // By tokens alone, units cost nothing: somebody must count the tokens.
    for usage in [images("1K"), seconds, characters] {
        assert!(!by_token.prices_units(&usage) && !input_only.prices_units(&usage));
    }
    assert!(by_second.prices_units(&seconds) && by_image.prices_units(&images("2K")));
    assert!(by_token.prices_units(&used(Units::default())), "there are none");
    assert!(!by_image.prices_units(&seconds) && by_second.prices_units(&characters), "no rate at all");
}

#[test]
fn the_first_image_rate_that_matches_applies() {
    let rate = plain(&Amounts {
        images: vec![
            image(Some("1024x1024"), Some("hd"), "0.08"),
            image(Some("1024x1024"), None, "0.04"),
            image(None, Some("hd"), "0.12"),
            image(None, Some("low"), "0.01"),
        ],
        ..Amounts::default()
    });
    let of = |size, quality| Usage { images: 1, image: ImageKind::new(size, quality), ..Usage::default() };
    // In thousandths of a dollar.
    let each = |size, quality| {
        let usage = of(size, quality);
        (cost(&rate, usage) / 1_000_000, rate.bound(&usage, None).cost.0 / 1_000_000)
    };
    assert_eq!(each("1024x1024", "hd"), (80, 80));
    assert_eq!(each("1024x1024", "low"), (40, 40));
    assert_eq!(each("1792x1024", "hd"), (120, 120));
    assert_eq!(each("1792x1024", "low"), (10, 10));
    // What nobody said is the first that it can be, and bounded by the dearest.
    assert_eq!(each("1024x1024", "auto"), (80, 80));
    assert_eq!(each("", "low"), (40, 40));
    assert_eq!(each("", ""), (80, 120));
    // What has no rate is never free.
    assert_eq!(each("1792x1024", "medium"), (120, 120));
}

#[test]
fn milliseconds_are_rounded_with_everything_else() {
    // A millisecond is 0.5 nano-dollars, a character 0.75.
    let amounts =
        Amounts { second: decimal("0.0000005"), characters: decimal("0.00075"), ..Amounts::default() };
    let rate = plain(&amounts);
    let of = |millis, characters| cost(&rate, Usage { millis, characters, ..Usage::default() });
    assert_eq!([of(1, 0), of(2, 0), of(3, 0), of(0, 1), of(1, 1)], [0, 1, 2, 1, 1]);
}

#[test]
fn the_sheet_in_force_at_admission_applies() {
    let one = |revision, from| sheet(revision, from, vec![rate("m", amounts("1", "1"), amounts("1", "1"))]);
    let march = one("march", Some("2026-03-01T00:00:00Z"));
    let may = one("may", Some("2026-05-01T00:00:00Z"));
    let rates = Rates::new(&[may.clone(), march.clone()]);
    let at = |rates: &Rates, time: &str| {
        let time: jiff::Timestamp = time.parse().unwrap();
        rates.pin("m", time.as_millisecond()).map(|rate| rate.revision().to_string())
    };
    assert_eq!(at(&rates, "2026-02-28T23:59:59.999Z"), None);
    assert_eq!(at(&rates, "2026-03-01T00:00:00Z").as_deref(), Some("march"));
    assert_eq!(at(&rates, "2026-04-30T23:59:59.999Z").as_deref(), Some("march"));
    assert_eq!(at(&rates, "2026-05-01T00:00:00Z").as_deref(), Some("may"));
    let always = Rates::new(&[march, one("always", None), may]);
    assert_eq!(at(&always, "1999-01-01T00:00:00Z").as_deref(), Some("always"));
    assert!(always.pin("other", 0).is_none());
}

#[test]
fn the_first_rate_that_matches_applies() {
    let named = |model: &str| rate(model, amounts("1", "1"), amounts("1", "1"));
    let found = |order: &[&str], model: &str| {
        let rates = Rates::new(&[sheet("r", None, order.iter().map(|name| named(name)).collect())]);
        rates.pin(model, 0).map(|rate| rate.model.clone())
    };
    let order = ["gpt-5", "gpt-5-*", "gpt-*", "*"];
    assert_eq!(found(&order, "gpt-5").as_deref(), Some("gpt-5"));
    assert_eq!(found(&order, "gpt-5-mini").as_deref(), Some("gpt-5-*"));
    assert_eq!(found(&order, "gpt-4").as_deref(), Some("gpt-*"));
    assert_eq!(found(&order, "o3").as_deref(), Some("*"));
    assert_eq!(found(&["*", "gpt-5"], "gpt-5").as_deref(), Some("*"));
    assert_eq!(found(&["gpt-5"], "o3"), None);
}

#[test]
fn the_last_tier_exceeded_replaces_the_amounts() {
    let tier = |above, input| Tier { above, cost: amounts(input, "0"), price: amounts(input, "0") };
    let mut tiered = rate("m", amounts("1", "0"), amounts("1", "0"));
    tiered.tiers = vec![tier(100, "2"), tier(200, "3")];
    let tiered = prepared(tiered);
    let of = |input, cached_input| cost(&tiered, Usage { input, cached_input, ..Usage::default() });
    assert_eq!([of(100, 0), of(101, 0), of(200, 0), of(201, 0)], [100_000, 202_000, 400_000, 603_000]);
    // Cached tokens count towards the length.
    assert_eq!(of(1, 100), 202_000);
}

#[test]
fn a_service_tier_multiplies() {
    let mut flexible = rate("m", amounts("1", "0"), amounts("3", "0"));
    flexible.service_tiers = [("flex".to_owned(), Decimal::new(5, 1))].into();
    let flexible = prepared(flexible);
    let usage = Usage { input: 10, ..Usage::default() };
    let charge = |tier| flexible.charge(&usage, tier);
    assert_eq!(charge(Some("flex")), Charge { cost: Nanos(5_000), price: Nanos(15_000) });
    assert_eq!(charge(Some("unheard-of")), charge(None));
    assert_eq!(charge(None).cost, Nanos(10_000));
}

#[test]
fn the_bound_takes_the_dearest_that_can_apply() {
    let mut dear = rate("m", amounts("1", "1"), amounts("1", "1"));
    dear.cost.cache_write = decimal("1.25");
    dear.tiers = vec![Tier { above: 100, cost: amounts("5", "1"), price: amounts("0.5", "0") }];
    dear.service_tiers =
        [("flex".to_owned(), Decimal::new(5, 1)), ("priority".to_owned(), Decimal::TWO)].into();
    let dear = prepared(dear);
    let bound = |input, tier| dear.bound(&Usage { input, output: 10, ..Usage::default() }, tier);
    // Short: all of it written to the cache, at twice the rate.
    assert_eq!(bound(100, None).cost, Nanos(2 * (125_000 + 10_000)));
    assert_eq!(bound(100, Some("priority")), bound(100, None));
    assert_eq!(bound(100, Some("flex")).cost, Nanos(125_000 + 10_000));
    // Long: the dearer tier for the cost, the base for the price, which the tier lowers.
    assert_eq!(bound(101, Some("default")), Charge { cost: Nanos(515_000), price: Nanos(111_000) });
}

#[test]
fn amounts_beyond_all_measure_are_clamped() {
    let absurd = Amounts { request: Some(Decimal::MAX), ..amounts("79228162514264337593543950335", "-5") };
    let rate = plain(&absurd);
    let most = Usage { input: u64::MAX, output: u64::MAX, millis: u64::MAX, ..Usage::default() };
    assert_eq!(cost(&rate, most), i64::MAX);
    assert_eq!(rate.bound(&most, None).price, Nanos(i64::MAX));
    let free = plain(&amounts("-1", "-2"));
    assert_eq!(cost(&free, most), 0);
}

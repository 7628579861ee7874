use aigne_hub_crds::config::Amounts;

use super::*;
use crate::{
    ledger::price::Rates,
    provider::testing,
    usage::{ImageKind, Units},
};

/// What was asked for.
fn guess() -> Guess {
    let units = Units { images: 3, image: ImageKind::new("1024x1024", "hd"), millis: 9_000, characters: 40 };
    Guess {
        likely: Estimate { input: 10, millis: 2_000, sound: 0 },
        most: Usage { input: 50, output: 100, ..Usage::default() }.with_units(units),
    }
}

fn counted(status: Status, observed: &Observed) -> (Source, Usage) {
    count(status, observed, guess(), true)
}

#[test]
fn what_answers_need_not_say_is_as_it_was_asked_for() {
    let observe = |usage| Observed { usage: Some(usage), usage_complete: true, ..Observed::default() };
    let made = Usage { images: 2, image: ImageKind::new("512x512", ""), ..Usage::default() };
    for status in [Status::Completed, Status::Broken] {
        let (source, usage) = counted(status, &observe(made));
        let expected = Usage { image: ImageKind::new("512x512", "hd"), characters: 40, ..made };
        assert_eq!((source, usage), (Source::Provider, expected));
    }
    // Who made no image made none, and who says how much was spoken knows it.
    let spoken = Usage { millis: 7, characters: 39, ..Usage::default() };
    assert_eq!(counted(Status::Completed, &observe(spoken)).1, spoken);
}

#[test]
fn where_nobody_counts_it_is_as_much_as_was_asked_for() {
    let quiet = Observed { output_bytes: 40, ..Observed::default() };
    for status in [Status::Completed, Status::ClientGone, Status::Broken] {
        let (source, usage) = counted(status, &quiet);
        let units = Units { millis: 2_000, ..guess().most.units() };
        let expected = Usage { input: 10, output: 10, ..Usage::default() }.with_units(units);
        assert_eq!((source, usage), (Source::Estimated, expected));
    }
    // A stream that broke off after its first image.
    let first = Observed { usage: Some(Usage { images: 1, ..Usage::default() }), ..Observed::default() };
    let image = guess().most.image;
    let expected = Usage { images: 1, image, characters: 40, ..Usage::default() };
    assert_eq!(counted(Status::Broken, &first), (Source::Estimated, expected));
    let (_, lost) = counted(Status::Unreachable, &quiet);
    assert_eq!(lost, Usage { input: 10, characters: 40, ..Usage::default() });
    assert_eq!(counted(Status::Failed, &quiet).1, Usage::default());
    // What was made and kept back is a cost, and has no price.
    let kept = Usage { input: 3, output: 7, ..Usage::default() };
    let observed = Observed { usage: Some(kept), usage_complete: true, ..Observed::default() };
    assert_eq!(counted(Status::Failed, &observed), (Source::Provider, kept));
    let by_token = Amounts { input: "1".parse().ok(), output: "1".parse().ok(), ..Amounts::default() };
    let rates = Rates::new(&[testing::sheet("m", by_token)]);
    let charged = |usage| charge(rates.pin("m", 0).map(|rate| &**rate), Status::Failed, &usage, None);
    assert_eq!(charged(kept), Charge { cost: Nanos(10_000), price: Nanos(0) });
    assert_eq!(charged(Usage::default()), Charge::default());
}

#[test]
fn tokens_that_nobody_counted_are_estimated_where_they_are_what_costs() {
    let tokens = Amounts { input: "1".parse().ok(), output: "10".parse().ok(), ..Amounts::default() };
    let rate = |amounts| Rates::new(&[testing::sheet("m", amounts)]).pin("m", 0).unwrap().clone();
    let (by_token, by_unit) =
        (rate(tokens.clone()), rate(Amounts { characters: "1".parse().ok(), ..tokens }));
    let likely = Estimate { input: 10, sound: 1_000, ..Estimate::default() };
    let most = Usage { input: 50, output: 100, images: 2, ..Usage::default() };
    let guess = Guess { likely, most };
    let filled = |rate, usage, output_bytes| {
        let observed = Observed { output_bytes, ..Observed::default() };
        in_tokens(rate, Source::Provider, usage, &observed, guess)
    };
    let tokens = |(source, usage): (Source, Usage)| {
        assert_eq!(source, Source::Estimated);
        (usage.input, usage.output)
    };
    let spoken = Usage { characters: 40, ..Usage::default() };
    // By the text, else by the sound where that is longer, and never beyond the bound.
    assert_eq!(tokens(filled(&by_token, spoken, 1_000)), (10, 80));
    assert_eq!(tokens(filled(&by_token, spoken, 3_600)), (10, 90));
    assert_eq!(tokens(filled(&by_token, spoken, 90_000)), (10, 100));
    assert_eq!(tokens(filled(&by_token, Usage { images: 1, ..Usage::default() }, 0)), (10, 50));
    let heard = filled(&by_token, Usage { millis: 2_000, ..Usage::default() }, 40);
    assert_eq!(heard.1.audio_input, 20);
    assert_eq!(tokens(heard), (30, 10));
    // What has a rate of its own, and what was counted, is exact.
    assert_eq!(filled(&by_unit, spoken, 1_000), (Source::Provider, spoken));
    let counted = Usage { output: 7, ..spoken };
    assert_eq!(filled(&by_token, counted, 1_000), (Source::Provider, counted));
}

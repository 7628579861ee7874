use aigne_hub_crds::config::{Amounts, ImageAmount, PriceSheet};

use super::*;
use crate::ledger::testing::AT;

fn sheet(revision: &str, source: &str, output: &str) -> PriceSheet {
    let amounts = Amounts { input: "1".parse().ok(), output: output.parse().ok(), ..Amounts::default() };
    let rate = aigne_hub_crds::config::Rate {
        model: "gpt".into(),
        cost: amounts.clone(),
        price: amounts,
        tiers: Vec::new(),
        service_tiers: [("flex".to_owned(), "0.5".parse().unwrap())].into(),
    };
    PriceSheet { revision: revision.into(), source: source.into(), effective_from: None, rates: vec![rate] }
}

fn row(revision: Option<&str>, price: i64) -> UsageRow {
    UsageRow {
        request_id: uuid::Uuid::from_u128(1),
        attempt: 1,
        at: jiff::Timestamp::from_millisecond(AT).unwrap(),
        tenant: "team/acme".into(),
        account: "acme".into(),
        key: "app".into(),
        user: None,
        project: None,
        provider: "ai/openai".into(),
        model: "gpt".into(),
        status: "Completed".into(),
        http_status: 200,
        source: "Provider".into(),
        input_tokens: 100,
        cached_input_tokens: 0,
        cache_write_tokens: 0,
        output_tokens: 50,
        reasoning_tokens: 0,
        audio_input_tokens: 0,
        audio_output_tokens: 0,
        image_input_tokens: 0,
        image_output_tokens: 0,
        images: 0,
        image_size: None,
        image_quality: None,
        media_ms: 0,
        characters: 0,
        cost_nanos: price,
        price_nanos: price,
        price_revision: revision.map(str::to_owned),
        reported_cost_nanos: None,
        first_byte_ms: None,
        duration_ms: None,
    }
}

/// 100 × 1 + 50 × 2 dollars per million tokens.
const OLD: i64 = 200_000;
/// 100 × 1 + 50 × 3.
const NEW: i128 = 250_000;

fn rerating(target: Target) -> Rerating {
    let sheets = vec![sheet("a", "ai/p", "2"), sheet("b", "ai/p", "3"), sheet("x", "ai/q", "9")];
    Rerating::new(sheets, target)
}

#[test]
fn rows_are_charged_anew_and_summed_by_day_and_model() {
    for target in [Target::Revision("b".into()), Target::Current] {
        let mut rerating = rerating(target);
        rerating.add(&row(Some("a"), OLD));
        // The tier that was charged is charged again.
        rerating.add(&row(Some("a"), OLD / 2));
        let (group, sum) = rerating.groups.first_key_value().unwrap();
        assert_eq!(group.prefix(), "rerate/2026-03-04/team/acme/ai/openai/gpt/");
        assert_eq!(*sum, Sum { rows: 2, charged: i128::from(OLD * 3 / 2), due: NEW * 3 / 2 });
        assert_eq!((rerating.groups.len(), rerating.left), (1, Left::default()));
    }
    assert!(!rerating(Target::Revision("c".into())).is_known());
}

#[test]
fn images_seconds_and_characters_are_charged_anew() {
    let sheet = |revision: &str, image: &str| {
        let mut sheet = sheet(revision, "ai/p", "2");
        let price = &mut sheet.rates[0].price;
        price.images = vec![
            ImageAmount { size: Some("1K".into()), quality: None, amount: image.parse().unwrap() },
            ImageAmount { size: None, quality: None, amount: "9".parse().unwrap() },
        ];
        (price.second, price.characters) = ("0.001".parse().ok(), "10".parse().ok());
        sheet.rates[0].cost = sheet.rates[0].price.clone();
        sheet
    };
    let mut rerating =
        Rerating::new(vec![sheet("a", "0.01"), sheet("b", "0.02")], Target::Revision("b".into()));
    // 2 images, 1.5 seconds, 100 characters.
    let charged = OLD + 20_000_000 + 1_500_000 + 1_000_000;
    rerating.add(&UsageRow {
        images: 2,
        image_size: Some("1K".into()),
        media_ms: 1_500,
        characters: 100,
        ..row(Some("a"), charged)
    });
    let sum = rerating.groups.first_key_value().unwrap().1;
    let charged = i128::from(charged);
    assert_eq!(*sum, Sum { rows: 1, charged, due: charged + 20_000_000 });
}

#[test]
fn what_is_not_understood_is_left_as_it_is() {
    let mut rerating = rerating(Target::Revision("b".into()));
    let unknown = UsageRow { model: "other".into(), ..row(Some("a"), OLD) };
    let failed = UsageRow { status: "Failed".into(), ..row(Some("a"), 0) };
    for row in
        [row(None, 0), row(Some("x"), 1), row(Some("gone"), 1), unknown, failed, row(Some("a"), OLD + 1)]
    {
        rerating.add(&row);
    }
    assert_eq!(rerating.groups.len(), 0);
    assert_eq!(rerating.left, Left { other: 4, free: 1, unexplained: 1, unpriced: 0 });
}

#[test]
fn the_same_again_enters_nothing_and_what_came_late_is_caught_up_with() {
    let mut rerating = rerating(Target::Current);
    rerating.add(&row(Some("a"), OLD));
    let (group, sum) = rerating.groups.pop_first().unwrap();
    let mut entered = vec![(format!("{}1", Group { model: "gpt/1".into(), ..group.clone() }.prefix()), 7)];
    let mut enter = |sum: &Sum| {
        let correction = correction(&group, sum, &entered);
        if let Some((amount, number)) = correction {
            entered.push((format!("{}{number}", group.prefix()), amount));
        }
        correction
    };
    assert_eq!(enter(&sum), Some((-50_000, 1)));
    assert_eq!(enter(&sum), None);
    let late = Sum { rows: 2, charged: 2 * sum.charged, due: 2 * sum.due };
    assert_eq!(enter(&late), Some((-50_000, 2)));
    // Back to what it was.
    assert_eq!(enter(&Sum { due: late.charged, ..late }), Some((100_000, 3)));
    assert_eq!(enter(&Sum { due: late.charged, ..late }), None);
}

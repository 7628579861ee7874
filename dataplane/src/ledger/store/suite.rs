//! What every store does. [`behaviours!`] makes one test of each.

mod accounts;
mod jobs;
mod leases;
mod outbox;

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use uuid::Uuid;

use super::*;
use crate::ledger::testing::{AT, HOLDER, STATUSES, intent, outcome};
use crate::ledger::{Charge, Intent, Nanos, Outcome};
use crate::usage::{ImageKind, Source, Usage};

/// One test a behaviour; `$open` is an async function that makes an empty store and what must live as long.
macro_rules! behaviours {
    ($open:ident) => {
        $crate::ledger::store::suite::behaviours! { $open:
            a_row_comes_back_as_it_was_written
            the_same_rows_again_change_nothing
            batches_that_overlap_count_once
            sums_equal_the_rows
            suspense_stands_apart
            sums_beyond_64_bits_are_exact
            filters_choose_rows
            sheets_stay_as_they_were
            usage_is_entered_with_its_row
            what_is_given_is_given_once
            a_job_that_failed_is_given_back_once
            what_expires_soonest_is_spent_first_and_the_rest_of_it_lapses
            a_debt_is_paid_first
            a_lower_priority_is_spent_before_what_expires_sooner
            a_closed_account_takes_usage_alone
            statements_add_up
            books_balance_whatever_happens_in_whatever_order
            leases_never_exceed_their_cap
            an_answer_that_was_lost_is_told_again
            what_is_returned_can_be_granted_again
            many_are_asked_for_at_once
            draws_are_settled_once_however_often_a_row_comes
            what_may_have_been_spent_stays_taken_until_it_is_let_go_of
            a_row_that_comes_after_its_holder_was_closed_counts
            a_holder_that_was_closed_begins_again
            a_balance_is_what_can_be_leased_of_it
            what_is_held_of_a_credit_lapses_when_it_comes_back
            silence_voids_what_is_held_and_keeps_money
            rates_are_spent_as_their_holders_say_and_forgotten
            a_process_that_ends_gives_nothing_of_a_minute_back
            entries_are_told_once_to_each_sink
            a_claim_holds_until_it_is_settled_or_lapses
            a_crossing_is_told_once
            jobs_come_with_their_charge_and_go_when_they_have_ended
            a_job_is_taken_by_one_and_due_again_later
            what_was_changed_and_who_changed_it_are_one
        }
    };
    ($open:ident: $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let (store, _lives) = $open().await;
                $crate::ledger::store::suite::$name(&store).await;
            }
        )*
    };
}
pub(crate) use self::accounts::*;
pub(crate) use self::jobs::*;
pub(crate) use self::leases::*;
pub(crate) use self::outbox::*;
pub(crate) use behaviours;

pub(crate) fn row(number: u128) -> Row {
    Row { intent: intent(number, 1), outcome: outcome(number, 1) }
}

/// Rows that differ in everything that sums are told apart by.
fn various(count: u128) -> Vec<Row> {
    let various = |number: u128| {
        let n = u64::try_from(number).unwrap();
        let attempt = if number.is_multiple_of(5) { 2 } else { 1 };
        let at = AT + i64::try_from(n).unwrap() * 1_234_567;
        let intent = Intent {
            at,
            tenant: format!("team/{}", n % 3).into(),
            key: format!("key-{}", n % 2).into(),
            user: (n % 4 > 0).then(|| format!("user-{}", n % 4)),
            project: (n % 7 == 0).then(|| "apollo".to_owned()),
            model: format!("model-{}", n % 3).into(),
            ..intent(number, attempt)
        };
        if n % 11 == 0 {
            return Row::interrupted(intent);
        }
        let usage = Usage {
            input: n,
            cached_input: 2 * n,
            cache_write: 3,
            output: 5 * n,
            reasoning: n,
            images: n % 3,
            millis: 7 * n,
            characters: n % 13,
            ..Usage::default()
        };
        let charge = Charge { cost: Nanos(1_000 + at % 997), price: Nanos(2_000 + at % 991) };
        let source = if n % 6 == 0 { Source::Estimated } else { Source::Provider };
        let end = Outcome { at: at + 10, usage, charge, source, ..outcome(number, attempt) };
        Row { intent, outcome: end }
    };
    (1..=count).map(various).collect()
}

async fn all_rows(store: &impl Report) -> Vec<UsageRow> {
    store.rows(&Filter::default()).try_collect().await.unwrap()
}

async fn total(store: &impl Report, filter: &Filter) -> Totals {
    store.totals(filter, &[]).await.unwrap().remove(&Vec::new()).unwrap_or_default()
}

pub(crate) async fn a_row_comes_back_as_it_was_written(store: &(impl Store + Report)) {
    let mut full = row(7);
    full.outcome.usage = Usage {
        input: 1,
        cached_input: 2,
        cache_write: 3,
        output: 4,
        reasoning: 5,
        audio_input: 6,
        audio_output: 7,
        image_input: 9,
        image_output: 10,
        images: 11,
        image: ImageKind::new("1024x1024", "high"),
        millis: 12,
        characters: 13,
        reported_cost_nanos: Some(8),
    };
    let bare = Row::interrupted(Intent {
        user: None,
        price_revision: None,
        project: Some("it's \"quoted\", 字".into()),
        ..intent(8, 3)
    });
    assert_eq!(store.insert(HOLDER, &[full.clone(), bare]).await.unwrap(), 2);
    let rows = all_rows(store).await;
    let expected = UsageRow {
        request_id: Uuid::from_u128(7),
        attempt: 1,
        at: "2026-03-04T05:06:07.008Z".parse().unwrap(),
        tenant: "team-acme/acme".into(),
        account: "acme-account".into(),
        key: "app".into(),
        user: Some("ada".into()),
        project: None,
        provider: "ai/openai".into(),
        model: "gpt-5-mini".into(),
        status: "Completed".into(),
        http_status: 200,
        source: "Provider".into(),
        input_tokens: 1,
        cached_input_tokens: 2,
        cache_write_tokens: 3,
        output_tokens: 4,
        reasoning_tokens: 5,
        audio_input_tokens: 6,
        audio_output_tokens: 7,
        image_input_tokens: 9,
        image_output_tokens: 10,
        images: 11,
        image_size: Some("1024x1024".into()),
        image_quality: Some("high".into()),
        media_ms: 12,
        characters: 13,
        cost_nanos: 125_500,
        price_nanos: 150_600,
        price_revision: Some("0123456789abcdef".into()),
        reported_cost_nanos: Some(8),
        first_byte_ms: Some(250),
        duration_ms: Some(1_500),
    };
    assert_eq!(rows[0], expected);
    assert_eq!(rows[0].usage(), full.outcome.usage);
    let bare = &rows[1];
    assert_eq!((&bare.image_size, &bare.image_quality, bare.usage()), (&None, &None, intent(8, 3).bound));
    assert_eq!((bare.attempt, bare.status.as_str(), bare.source.as_str()), (3, "Interrupted", "Bound"));
    assert_eq!((bare.output_tokens, bare.cost_nanos, bare.price_nanos), (4_096, 8_442_000, 10_130_400));
    assert_eq!((&bare.user, bare.project.as_deref()), (&None, Some("it's \"quoted\", 字")));
    assert_eq!((&bare.price_revision, bare.reported_cost_nanos), (&None, None));
    assert_eq!((bare.first_byte_ms, bare.duration_ms), (None, None));

    let each = |(number, status)| {
        let mut row = row(number);
        row.outcome.status = status;
        row
    };
    let rows: Vec<_> = (100..).zip(STATUSES).map(each).collect();
    store.insert(HOLDER, &rows).await.unwrap();
    let names: Vec<_> = all_rows(store).await.into_iter().skip(2).map(|row| row.status).collect();
    assert_eq!(names, STATUSES.map(|status| format!("{status:?}")));
}

pub(crate) async fn the_same_rows_again_change_nothing(store: &(impl Store + Report)) {
    let rows = various(200);
    assert_eq!(store.insert(HOLDER, &rows).await.unwrap(), 200);
    let (before, total_before) = (all_rows(store).await, total(store, &Filter::default()).await);
    assert_eq!(store.insert(HOLDER, &rows).await.unwrap(), 0);
    // The first that came stands.
    let mut changed = rows.clone();
    for row in &mut changed {
        row.outcome.charge.cost.0 += 1;
    }
    changed.reverse();
    assert_eq!(store.insert(HOLDER, &changed).await.unwrap(), 0);
    assert_eq!(store.insert(HOLDER, &[]).await.unwrap(), 0);
    assert_eq!(all_rows(store).await, before);
    assert_eq!(total(store, &Filter::default()).await, total_before);
    assert_eq!(total_before.known.attempts + total_before.suspense.attempts, 200);
}

pub(crate) async fn batches_that_overlap_count_once(store: &(impl Store + Report)) {
    let rows = various(300);
    let mut seed = 42_usize;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut new = 0;
    for round in 0..60 {
        // Rows come from anywhere, some of them twice, until nothing is missing.
        let batch: Vec<_> = match round {
            59 => rows.clone(),
            _ => (0..random(100)).map(|_| rows[random(rows.len())].clone()).collect(),
        };
        new += store.insert(HOLDER, &batch).await.unwrap();
    }
    assert_eq!(new, 300);
    assert_eq!(all_rows(store).await.len(), 300);
    let from_hours = total(store, &Filter::default()).await;
    let from_rows = total(store, &Filter { since: Some(1), ..Filter::default() }).await;
    assert_eq!(from_hours, from_rows);
}

pub(crate) async fn sums_equal_the_rows(store: &(impl Store + Report)) {
    store.insert(HOLDER, &various(250)).await.unwrap();
    let rows = all_rows(store).await;
    let by = [
        Dimension::Day,
        Dimension::Tenant,
        Dimension::Account,
        Dimension::Key,
        Dimension::User,
        Dimension::Project,
        Dimension::Provider,
        Dimension::Model,
    ];
    let mut expected = BTreeMap::<Group, Totals>::new();
    for row in &rows {
        let group = vec![
            row.at.strftime("%F").to_string(),
            row.tenant.clone(),
            row.account.clone(),
            row.key.clone(),
            row.user.clone().unwrap_or_default(),
            row.project.clone().unwrap_or_default(),
            row.provider.clone(),
            row.model.clone(),
        ];
        let totals = expected.entry(group).or_default();
        let sums = if row.source == "Bound" { &mut totals.suspense } else { &mut totals.known };
        sums.requests += i128::from(row.attempt == 1);
        sums.attempts += 1;
        sums.input_tokens += i128::from(row.input_tokens);
        sums.cached_input_tokens += i128::from(row.cached_input_tokens);
        sums.cache_write_tokens += i128::from(row.cache_write_tokens);
        sums.output_tokens += i128::from(row.output_tokens);
        sums.reasoning_tokens += i128::from(row.reasoning_tokens);
        sums.images += i128::from(row.images);
        sums.media_ms += i128::from(row.media_ms);
        sums.characters += i128::from(row.characters);
        sums.cost_nanos += i128::from(row.cost_nanos);
        sums.price_nanos += i128::from(row.price_nanos);
    }
    assert!(expected.len() > 20);
    assert_eq!(store.totals(&Filter::default(), &by).await.unwrap(), expected);
    let some: Vec<_> = rows.iter().step_by(7).map(|row| row.request_id).collect();
    let asked = some.iter().copied().chain([Uuid::max()]).collect::<Vec<_>>();
    let mut found = store.rows_of(&asked).await.unwrap();
    found.sort_by_key(|row| (row.request_id, row.attempt));
    let expected_rows: Vec<_> = rows.iter().filter(|row| some.contains(&row.request_id)).cloned().collect();
    assert_eq!(found, expected_rows);
    assert_eq!(store.rows_of(&[]).await.unwrap(), []);
    // Not whole hours: from the rows instead of the hourly sums.
    let filter = Filter { since: Some(AT), ..Filter::default() };
    assert_eq!(store.totals(&filter, &by).await.unwrap(), expected);
    // Without keys, users and projects: from the daily sums, and in other bounds from the others, with the same numbers.
    let coarse =
        [Dimension::Day, Dimension::Provider, Dimension::Model, Dimension::Account, Dimension::Tenant];
    let mut expected = BTreeMap::<Group, Totals>::new();
    for (group, totals) in store.totals(&Filter::default(), &by).await.unwrap() {
        let group = [0, 6, 7, 2, 1].map(|place| group[place].clone()).to_vec();
        expected.entry(group).or_default().add(&totals);
    }
    let midnight = AT - AT % 86_400_000;
    for since in [midnight, midnight - 3_600_000, midnight - 1] {
        let filter = Filter { since: Some(since), ..Filter::default() };
        assert_eq!(store.totals(&filter, &coarse).await.unwrap(), expected, "since {since}");
    }
}

#[test]
fn the_coarsest_sums_that_tell_enough_are_read() {
    let (day, hour) = (86_400_000, 3_600_000);
    for (since, until, by, grain) in [
        (None, None, Dimension::Tenant, Grain::Days),
        (Some(day), Some(3 * day), Dimension::Day, Grain::Days),
        (Some(day), Some(3 * day), Dimension::User, Grain::Hours),
        (Some(day), Some(3 * day + hour), Dimension::Model, Grain::Hours),
        (Some(day + 1), None, Dimension::Model, Grain::Rows),
    ] {
        let filter = Filter { since, until, ..Filter::default() };
        assert_eq!(filter.grain(&[by]), grain, "{filter:?} by {by:?}");
    }
}

pub(crate) async fn suspense_stands_apart(store: &(impl Store + Report)) {
    let mut second = row(3);
    (second.intent.attempt, second.outcome.attempt) = (2, 2);
    store.insert(HOLDER, &[row(1), Row::interrupted(intent(2, 1)), second]).await.unwrap();
    let Totals { known, suspense } = total(store, &Filter::default()).await;
    assert_eq!((known.requests, known.attempts, known.cost_nanos), (1, 2, 251_000));
    assert_eq!((known.input_tokens, known.cached_input_tokens, known.reasoning_tokens), (200, 40, 20));
    assert_eq!((suspense.requests, suspense.attempts, suspense.price_nanos), (1, 1, 10_130_400));
}

pub(crate) async fn sums_beyond_64_bits_are_exact(store: &(impl Store + Report)) {
    let huge = |number| {
        let mut row = row(number);
        (row.outcome.usage.output, row.outcome.usage.millis) = (u64::MAX, u64::MAX);
        row.outcome.charge = Charge { cost: Nanos(i64::MAX), price: Nanos(i64::MAX - 1) };
        row
    };
    // In one batch and in two.
    store.insert(HOLDER, &[huge(1), huge(2)]).await.unwrap();
    store.insert(HOLDER, &[huge(3), row(4)]).await.unwrap();
    let most = i128::from(i64::MAX);
    let from_rows = total(store, &Filter { since: Some(AT), ..Filter::default() }).await.known;
    assert_eq!(from_rows.cost_nanos, 3 * most + 125_500);
    assert_eq!(from_rows.output_tokens, 3 * most + 50);
    // An hour's sum ends at 64 bits; it never turns around and never fails.
    let from_hours = total(store, &Filter::default()).await.known;
    assert_eq!((from_hours.cost_nanos, from_hours.output_tokens, from_hours.media_ms), (most, most, most));
    assert_eq!((from_hours.attempts, from_hours.input_tokens), (4, 400));
}

pub(crate) async fn filters_choose_rows(store: &(impl Store + Report)) {
    let rows = various(100);
    store.insert(HOLDER, &rows).await.unwrap();
    let hour = 3_600_000;
    for (since, until) in
        [(AT + 1, AT + 50_000_000), (AT / hour * hour, AT / hour * hour + 9 * hour), (0, AT)]
    {
        let filter = Filter { since: Some(since), until: Some(until), tenant: Some("team/1".into()) };
        let chosen = |row: &&Row| (since..until).contains(&row.intent.at) && &*row.intent.tenant == "team/1";
        let expected: Vec<_> = rows.iter().filter(chosen).map(|row| row.intent.request_id).collect();
        let found: Vec<_> = store.rows(&filter).map_ok(|row| row.request_id).try_collect().await.unwrap();
        assert_eq!(found, expected);
        let Totals { known, suspense } = total(store, &filter).await;
        assert_eq!(usize::try_from(known.attempts + suspense.attempts).unwrap(), expected.len());
    }
}

pub(crate) async fn sheets_stay_as_they_were(store: &(impl Store + Report)) {
    let sheet = |source: &str| PriceSheet {
        revision: "0123456789abcdef".into(),
        source: source.into(),
        effective_from: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        rates: Vec::new(),
    };
    store.record_sheets(&[sheet("ai/first")]).await.unwrap();
    store.record_sheets(&[sheet("ai/second")]).await.unwrap();
    let json = store.sheet("0123456789abcdef").await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<PriceSheet>(&json).unwrap(), sheet("ai/first"));
    assert_eq!(store.sheet("other").await.unwrap(), None);
}

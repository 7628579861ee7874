use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn window(period: Period, zone: &str, now: &str) -> (String, String) {
    let window = Cut::of_budget(period, zone).window(at(now));
    let text = |ms| Timestamp::from_millisecond(ms).unwrap().to_string();
    (text(window.start), text(window.end))
}

fn pair(start: &str, end: &str) -> (String, String) {
    (start.to_owned(), end.to_owned())
}

#[test]
fn days_are_those_of_the_zone() {
    assert_eq!(
        window(Period::Day, "Asia/Shanghai", "2026-03-01T16:30:00Z"),
        pair("2026-03-01T16:00:00Z", "2026-03-02T16:00:00Z")
    );
    assert_eq!(
        window(Period::Day, "UTC", "2026-02-28T23:59:59.999Z"),
        pair("2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z")
    );
}

#[test]
fn a_day_on_which_clocks_change_is_longer_or_shorter() {
    assert_eq!(
        window(Period::Day, "Europe/Berlin", "2026-03-29T12:00:00Z"),
        pair("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
    );
    assert_eq!(
        window(Period::Day, "Europe/Berlin", "2026-10-25T12:00:00Z"),
        pair("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
    );
}

#[test]
fn a_day_without_midnight_begins_with_its_first_moment() {
    // Clocks in Santiago went from 24:00 on 2026-09-05 to 01:00 on 2026-09-06.
    assert_eq!(
        window(Period::Day, "America/Santiago", "2026-09-06T12:00:00Z"),
        pair("2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z")
    );
}

#[test]
fn an_hour_before_midnight_that_comes_twice_belongs_to_one_day() {
    // Clocks in Havana went from 01:00 on 2025-11-02 back to 00:00: midnight came twice.
    let first = window(Period::Day, "America/Havana", "2025-11-02T04:30:00Z");
    assert_eq!(first, pair("2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"));
    assert_eq!(window(Period::Day, "America/Havana", "2025-11-02T05:30:00Z"), first);
}

#[test]
fn weeks_begin_on_monday_and_months_on_their_first() {
    assert_eq!(
        window(Period::Week, "UTC", "2026-03-01T10:00:00Z"),
        pair("2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z")
    );
    assert_eq!(
        window(Period::Week, "UTC", "2026-03-02T00:00:00Z"),
        pair("2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z")
    );
    assert_eq!(
        window(Period::Month, "UTC", "2028-02-29T23:00:00Z"),
        pair("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z")
    );
    assert_eq!(
        window(Period::Month, "America/New_York", "2027-01-01T04:59:59Z"),
        pair("2026-12-01T05:00:00Z", "2027-01-01T05:00:00Z")
    );
}

#[test]
fn a_zone_that_is_not_known_counts_as_utc() {
    assert_eq!(
        window(Period::Day, "Nowhere/Land", "2026-03-01T10:00:00Z"),
        pair("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    );
}

#[test]
fn minutes_and_for_ever() {
    assert_eq!(Cut::Minute.window(61_234), Window { start: 60_000, end: 120_000 });
    assert_eq!(Cut::Minute.window(-1), Window { start: -60_000, end: 0 });
    assert_eq!(Cut::Forever.window(61_234), Window::FOREVER);
}

const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "America/St_Johns",
];

fn any_cut() -> impl Strategy<Value = Cut> {
    let period = prop::sample::select(vec![Period::Day, Period::Week, Period::Month]);
    let calendar = (period, prop::sample::select(ZONES.to_vec()))
        .prop_map(|(period, zone)| Cut::of_budget(period, zone));
    prop_oneof![1 => Just(Cut::Minute), 9 => calendar]
}

proptest! {
    /// Every moment of a window gives that window, and the next begins where it ends.
    #[test]
    fn windows_tile_time(cut in any_cut(), at in 946_684_800_000_i64..2_524_608_000_000, part in 0.0..1.0_f64) {
        let window = cut.window(at);
        prop_assert!(window.start <= at && at < window.end);
        prop_assert_eq!(cut.window(window.start), window);
        prop_assert_eq!(cut.window(window.end - 1), window);
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment will do")]
        let inside = window.start + ((window.end - window.start - 1) as f64 * part) as i64;
        prop_assert_eq!(cut.window(inside), window);
        prop_assert_eq!(cut.window(window.end).start, window.end);
        prop_assert_eq!(cut.window(window.start - 1).end, window.start);
    }
}

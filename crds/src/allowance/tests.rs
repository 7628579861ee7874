use proptest::prelude::*;

use super::*;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn window(period: Period, zone: &str, time: &str) -> (String, String) {
    let window = Calendar::new(period, zone).window(at(time)).unwrap();
    let text = |at| Timestamp::from_millisecond(at).unwrap().to_string();
    (text(window.start), text(window.end))
}

fn pair(start: &str, end: &str) -> (String, String) {
    (start.to_owned(), end.to_owned())
}

#[test]
fn names_are_those_that_gateways_spend_under() {
    assert_eq!(account("team/acme"), "account:team/acme");
    assert_eq!(budget("team/acme", None, "monthly"), "budget:team/acme/monthly");
    assert_eq!(budget("team/acme", Some("app"), "daily"), "budget:team/acme#app/daily");
}

#[test]
fn days_weeks_and_months_begin_as_people_of_the_zone_count_them() {
    let time = "2026-11-24T20:00:00Z";
    assert_eq!(window(Period::Day, "UTC", time), pair("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"));
    let shanghai = "Asia/Shanghai";
    assert_eq!(window(Period::Day, shanghai, time), pair("2026-11-24T16:00:00Z", "2026-11-25T16:00:00Z"));
    assert_eq!(window(Period::Week, shanghai, time), pair("2026-11-22T16:00:00Z", "2026-11-29T16:00:00Z"));
    assert_eq!(window(Period::Month, shanghai, time), pair("2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z"));
    // A day of 23 hours, and one of 25.
    let new_york = "America/New_York";
    let spring = window(Period::Day, new_york, "2026-03-08T12:00:00Z");
    assert_eq!(spring, pair("2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"));
    let autumn = window(Period::Day, new_york, "2026-11-01T12:00:00Z");
    assert_eq!(autumn, pair("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"));
    // No such zone: UTC.
    assert_eq!(window(Period::Day, "Nowhere", time), pair("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"));
}

#[test]
fn a_time_is_written_with_the_zones_offset() {
    let time = Timestamp::from_millisecond(at("2026-11-30T16:00:00Z")).unwrap();
    assert_eq!(Calendar::new(Period::Month, "Asia/Shanghai").says(time), "2026-12-01T00:00:00+08:00");
}

proptest! {
    /// Without gaps, whatever the zone does with its clocks.
    #[test]
    fn each_window_has_its_time_and_ends_where_the_next_begins(
        at in at("1990-01-01T00:00:00Z")..at("2060-01-01T00:00:00Z"),
        zone in prop::sample::select(vec!["UTC", "America/Havana", "Asia/Beirut", "Pacific/Apia", "America/Sao_Paulo", "Africa/Cairo"]),
        period in prop::sample::select(vec![Period::Day, Period::Week, Period::Month]),
    ) {
        let calendar = Calendar::new(period, zone);
        let window = calendar.window(at).unwrap();
        prop_assert!(window.start <= at && at < window.end, "{window:?}");
        prop_assert_eq!(calendar.window(window.end).unwrap().start, window.end);
        prop_assert_eq!(calendar.window(window.end - 1).unwrap(), window);
        prop_assert_eq!(calendar.window(window.start).unwrap(), window);
    }
}

//! How long a provider asks to wait, from the headers of its answer.

use http::HeaderMap;

/// Limits that may be used up: what remains, and when there is more.
const LIMITS: [(&str, &str); 7] = [
    // OpenAI and many others (durations, `1m0.5s`), Poe (seconds).
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    // `OpenRouter` (a Unix time in milliseconds).
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    // Anthropic (RFC 3339).
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
];

/// No wait is longer, in seconds: what is more is no length of time but a moment.
const LONGEST: f64 = 1e8;
/// A moment in Unix milliseconds is at least this number, one in Unix seconds below it.
const MILLIS_FROM: f64 = 1e11;

/// Milliseconds to wait: `retry-after-ms`, or `retry-after` in seconds or as a date. Where neither is there and the status is
/// 429, until the last of the limits that are used up has something again. Moments are measured from the answer's own
/// `date`.
pub(super) fn retry_after(status: u16, headers: &HeaderMap) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let now = || text("date").and_then(date);
    let asked = text("retry-after-ms").and_then(|text| seconds(text).map(|ms| ms / 1000.0)).or_else(|| {
        let after = text("retry-after")?;
        seconds(after).or_else(|| Some(date(after)? - now()?).filter(|wait| *wait >= 0.0))
    });
    let reset = |(remaining, reset): &(&str, &str)| {
        let used_up = text(remaining)?.parse::<f64>().ok()? <= 0.0;
        used_up.then(|| text(reset).and_then(|text| until(text, now))).flatten()
    };
    let seconds = asked.or_else(|| {
        (status == 429).then(|| LIMITS.iter().filter_map(reset).max_by(f64::total_cmp)).flatten()
    })?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    (0.0..1e9).contains(&seconds).then(|| (seconds * 1000.0).ceil() as u64)
}

/// A plain number.
fn seconds(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|seconds| (0.0..1e9).contains(seconds))
}

/// A date of HTTP's, in Unix seconds.
fn date(text: &str) -> Option<f64> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_duration().as_secs_f64())
}

/// Seconds until a limit has something again, however that is written.
fn until(text: &str, now: impl Fn() -> Option<f64>) -> Option<f64> {
    let moment = match text.parse::<f64>() {
        Ok(seconds) if (0.0..LONGEST).contains(&seconds) => return Some(seconds),
        Ok(millis) if millis >= MILLIS_FROM => millis / 1000.0,
        Ok(seconds) => seconds,
        Err(_) => match length(text) {
            Some(seconds) => return Some(seconds),
            None => text.parse::<jiff::Timestamp>().ok()?.as_duration().as_secs_f64(),
        },
    };
    Some((moment - now()?).max(0.0))
}

/// `1h2m3.5s`, `20ms`.
fn length(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit)?;
        seconds += number.parse::<f64>().ok()?
            * match unit {
                "d" => 86_400.0,
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                _ => return None,
            };
        rest = after;
    }
    (!text.is_empty()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: (&str, &str) = ("date", "Tue, 24 Nov 2026 12:00:00 GMT");

    fn wait(pairs: &[(&'static str, &str)]) -> Option<u64> {
        let pairs = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), value.parse::<http::HeaderValue>().unwrap())
        });
        retry_after(429, &pairs.collect())
    }

    #[test]
    fn waiting_times_are_read_in_every_spelling() {
        assert_eq!(wait(&[("retry-after-ms", "1500.5"), ("retry-after", "9")]), Some(1501));
        assert_eq!(wait(&[("retry-after", "2")]), Some(2000));
        assert_eq!(wait(&[("retry-after", "Tue, 24 Nov 2026 12:00:30 GMT"), DATE]), Some(30_000));
        assert_eq!(wait(&[("retry-after", "Tue, 24 Nov 2026 11:00:00 GMT"), DATE]), None);
        for odd in ["-1", "NaN", "soon", "1e300"] {
            assert_eq!(wait(&[("retry-after", odd)]), None, "{odd}");
        }
    }

    #[test]
    fn a_limit_that_is_used_up_says_when_there_is_more() {
        let of = |reset: &str| {
            wait(&[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", reset), DATE])
        };
        assert_eq!(of("1m0.5s"), Some(60_500));
        assert_eq!(of("20ms"), Some(20));
        assert_eq!(of("12"), Some(12_000));
        assert_eq!(of("1795521607000"), Some(7_000));
        assert_eq!(of("1795521607"), Some(7_000));
        assert_eq!(of("2026-11-24T12:00:09Z"), Some(9_000));
        assert_eq!(of("2026-11-24T11:00:00Z"), Some(0));
        for odd in ["", "soon", "5 apples", "m", "1x"] {
            assert_eq!(of(odd), None, "{odd}");
        }
        let tokens = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "3s")];
        let requests = [("x-ratelimit-remaining-requests", "7"), ("x-ratelimit-reset-requests", "9s")];
        assert_eq!(wait(&[tokens, requests].concat()), Some(3_000), "what is not used up is not waited for");
        assert_eq!(wait(&[tokens.as_slice(), &[("retry-after", "1")]].concat()), Some(1_000));
        let headers = HeaderMap::from_iter([
            (http::HeaderName::from_static("x-ratelimit-remaining"), "0".parse().unwrap()),
            (http::HeaderName::from_static("x-ratelimit-reset"), "5".parse().unwrap()),
        ]);
        assert_eq!(retry_after(500, &headers), None, "limits explain a 429 and nothing else");
    }
}

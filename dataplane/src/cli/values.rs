//! Values that options take: durations and sizes, as manifests write them.

use std::time::Duration;

/// For example `30s` or `1m30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration: aigne_hub_crds::v1alpha1::Duration = text.parse().map_err(|error| format!("{error}"))?;
    Ok(Duration::from_millis(duration.milliseconds()))
}

/// Milliseconds, as a duration with its sign: `+90s`, `-1m30s`.
pub(super) fn offset(text: &str) -> Result<i64, String> {
    let (sign, length) = match text.strip_prefix('-') {
        Some(length) => (-1, length),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    Ok(sign * i64::try_from(duration(length)?.as_millis()).unwrap_or(i64::MAX))
}

/// Bytes, for example `32MiB`, `512KiB` or `65536`.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let (number, unit) = units
        .into_iter()
        .find_map(|(name, factor)| text.strip_suffix(name).map(|number| (number, factor)))
        .unwrap_or((text, 1_usize));
    let number: Option<usize> = number.trim().parse().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "must be a size, for example 32MiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations() {
        assert_eq!(size("32MiB"), Ok(33_554_432));
        assert_eq!(size("512KiB"), Ok(524_288));
        assert_eq!(size("1GiB"), Ok(1_073_741_824));
        assert_eq!(size("65536"), Ok(65_536));
        assert_eq!(size("7B"), Ok(7));
        for text in ["", "MiB", "0", "-1", "1.5MiB", "1MB", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert!(duration("30").is_err());
        assert_eq!((offset("+1m30s"), offset("-250ms"), offset("2s")), (Ok(90_000), Ok(-250), Ok(2_000)));
        assert!(offset("--1s").is_err() && offset("soon").is_err());
    }
}

//! What an unquoted YAML scalar stands for, as kubectl reads it: YAML 1.1, where `yes` is true and `010` is eight.

use serde_json::{Number, Value};

/// A plain scalar without a tag.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let first = *text.as_bytes().first()?;
    if !matches!(first, b'+' | b'-' | b'.' | b'0'..=b'9') {
        return None;
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits))
}

fn integer(text: &str) -> Option<Number> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (digits, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        0_i64.checked_sub_unsigned(magnitude).map(Number::from)
    } else {
        Some(Number::from(magnitude))
    }
}

/// A whole number that was written as a float is an integer, as it is after YAML has become JSON.
fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let shape = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let starts = unsigned.as_bytes().first().is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    if !shape || !starts {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 2^53")]
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The expectations were taken from `kubectl annotate --local -o json`.
    #[test]
    fn scalars_are_what_kubectl_reads() {
        for (text, value) in [
            ("y", json!(true)),
            ("yes", json!(true)),
            ("on", json!(true)),
            ("N", json!(false)),
            ("t", json!("t")),
            ("~", json!(null)),
            ("", json!(null)),
            ("010", json!(8)),
            ("089", json!(89)),
            ("012345678", json!(12_345_678)),
            ("0x10", json!(16)),
            ("0o7", json!(7)),
            ("1_000", json!(1000)),
            ("1e3", json!(1000)),
            ("1.5e+3", json!(1500)),
            ("1.0", json!(1)),
            ("1.", json!(1)),
            (".5", json!(0.5)),
            ("+.5", json!(0.5)),
            ("0.10", json!(0.1)),
            ("+1", json!(1)),
            ("-0", json!(0)),
            ("-12", json!(-12)),
            ("2027-01-01", json!("2027-01-01")),
            ("2027-01-01T00:00:00Z", json!("2027-01-01T00:00:00Z")),
            ("=", json!("=")),
            ("1:30", json!("1:30")),
            ("20%", json!("20%")),
            ("30s", json!("30s")),
            ("-", json!("-")),
            ("+", json!("+")),
            ("0x", json!("0x")),
            ("1-2", json!("1-2")),
            ("sk-123", json!("sk-123")),
        ] {
            assert_eq!(plain(text), value, "{text:?}");
        }
    }
}

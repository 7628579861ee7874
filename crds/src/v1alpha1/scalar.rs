//! Values that are written as text: money, factors, percentages and durations. They keep what was written
//! (`"0.250"` stays `"0.250"`), are exact, and cannot hold anything that does not parse.

use std::{borrow::Cow, fmt, str::FromStr};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::schema::{DURATION, FACTOR, MONEY, PERCENT};

/// A text that is not what its field takes. Whoever wrote it has to change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be {0}")]
pub struct InvalidScalar(&'static str);

/// US dollars, or a provider's own billing unit where the field says so. Not negative; exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Money(pub Decimal);

/// A multiplier without unit. Not negative; exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Factor(pub Decimal);

/// Percent: the number in front of the sign, so `"20%"` holds 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Percent(pub Decimal);

/// Up to four numbers with a unit (`h`, `m`, `s`, `ms`), for example `30s` or `1m30s`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Duration {
    text: String,
    milliseconds: u64,
}

impl Duration {
    /// Its length; at most 4 x 99999 hours.
    pub fn milliseconds(&self) -> u64 {
        self.milliseconds
    }
}

// === text to value ===

fn decimal(text: &str, integer_digits: usize, fraction_digits: usize) -> Option<Decimal> {
    let (integer, fraction) = match text.split_once('.') {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (text, None),
    };
    let digits = |part: &str, most: usize| {
        !part.is_empty() && part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let well_formed =
        digits(integer, integer_digits) && fraction.is_none_or(|fraction| digits(fraction, fraction_digits));
    well_formed.then(|| Decimal::from_str_exact(text).ok()).flatten()
}

impl FromStr for Money {
    type Err = InvalidScalar;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decimal(text, 9, 9).map(Self).ok_or(InvalidScalar(MONEY.says))
    }
}

impl FromStr for Factor {
    type Err = InvalidScalar;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decimal(text, 6, 9).map(Self).ok_or(InvalidScalar(FACTOR.says))
    }
}

impl FromStr for Percent {
    type Err = InvalidScalar;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = InvalidScalar(PERCENT.says);
        let number = text.strip_suffix('%').ok_or(error)?;
        match number.strip_prefix('-') {
            Some(number) => decimal(number, 2, 4).map(|number| Self(-number)),
            None => decimal(number, 5, 4).map(Self),
        }
        .ok_or(error)
    }
}

impl FromStr for Duration {
    type Err = InvalidScalar;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = InvalidScalar(DURATION.says);
        let (mut rest, mut milliseconds) = (text, 0_u64);
        for _ in 0..4 {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 5 {
                return Err(error);
            }
            let (number, unit) = rest.split_at(digits);
            let number: u64 = number.parse().map_err(|_| error)?;
            let (factor, after) = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
                .into_iter()
                .find_map(|(name, factor)| unit.strip_prefix(name).map(|after| (factor, after)))
                .ok_or(error)?;
            milliseconds += number * factor;
            rest = after;
            if rest.is_empty() {
                return Ok(Self { text: text.to_owned(), milliseconds });
            }
        }
        Err(error)
    }
}

// === value to text ===

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a newtype over text needs besides parsing and printing: serde's two conversions and a schema.
macro_rules! text_scalar {
    ($name:ident, $length:literal, $words:expr) => {
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidScalar;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "maxLength": $length, "pattern": $words.pattern })
            }
        }
    };
}

text_scalar!(Money, 19, MONEY);
text_scalar!(Factor, 16, FACTOR);
text_scalar!(Percent, 11, PERCENT);
text_scalar!(Duration, 28, DURATION);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_add_up() {
        for (text, milliseconds) in
            [("30s", 30_000), ("1m30s", 90_000), ("250ms", 250), ("24h", 86_400_000), ("0s", 0)]
        {
            assert_eq!(text.parse::<Duration>().unwrap().milliseconds(), milliseconds, "{text}");
        }
        for text in ["", "30", "s", "-1s", "1.5s", "123456s", "1s1s1s1s1s", "1d", " 1s"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_written_is_kept() {
        for text in ["0.250", "2.00", "5", "0"] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), text);
        }
        for text in ["20%", "12.50%", "-5%"] {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), text);
        }
        for text in ["", ".5", "5.", "1e3", "-1", "+1", "1_000", "1234567890", "1.1234567890"] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
        for text in ["20", "%", "-100%", "123456%", "--1%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    /// The schema's pattern and the parser accept the same texts, so what the API server stored can be read.
    fn agree<T: JsonSchema + FromStr>(text: &str) {
        let schema = T::json_schema(&mut SchemaGenerator::default());
        let pattern = regex::Regex::new(schema.get("pattern").unwrap().as_str().unwrap()).unwrap();
        let length = schema.get("maxLength").unwrap().as_u64().unwrap();
        let accepted = pattern.is_match(text) && text.len() as u64 <= length;
        assert_eq!(accepted, text.parse::<T>().is_ok(), "{text:?}");
    }

    proptest! {
        #[test]
        fn parser_and_pattern_agree(text in r"-{0,1}[0-9]{0,10}(\.[0-9]{0,10})?%?", duration in r"([0-9]{0,6}(h|m|s|ms|d)?){0,5}") {
            agree::<Money>(&text);
            agree::<Factor>(&text);
            agree::<Percent>(&text);
            agree::<Duration>(&duration);
        }
    }
}

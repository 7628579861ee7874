//! JSON text that is carried, not read.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Valid JSON text, exactly as it was written. Equality is that of the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Box<str>);

impl Raw {
    /// From a value that was found inside a JSON text.
    pub fn new(value: &RawValue) -> Self {
        Self(value.get().into())
    }

    /// From text; `None` where it is not JSON.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(Self::new)
    }

    /// The text.
    pub fn get(&self) -> &str {
        &self.0
    }

    /// Reads it; `None` where it is of another type.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(&self.0).ok()
    }

    /// Whether it is a JSON number.
    pub fn is_number(&self) -> bool {
        self.0.starts_with(|first: char| first == '-' || first.is_ascii_digit())
    }

    /// Whether it is a JSON object.
    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether it is a JSON list.
    pub fn is_list(&self) -> bool {
        self.0.starts_with('[')
    }

    /// The text without line breaks, which in JSON are only ever white space: for use inside an SSE line.
    pub fn one_line(&self) -> String {
        self.0.replace(['\n', '\r'], " ")
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::new)
    }
}

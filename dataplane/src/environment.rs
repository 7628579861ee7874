//! The process's environment, replaceable in tests.

use std::{collections::BTreeMap, env, fmt};

/// Where variables are looked up.
#[derive(Clone)]
pub enum Environment {
    /// The process's own.
    Process,
    /// Exactly these.
    Fixed(BTreeMap<String, String>),
}

impl Environment {
    /// Exactly these variables.
    pub fn fixed<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::Fixed(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A variable's value; `None` where it is not set, empty or not text.
    pub fn get(&self, name: &str) -> Option<String> {
        let value = match self {
            Self::Process => env::var(name).ok(),
            Self::Fixed(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => formatter.write_str("Process"),
            Self::Fixed(variables) => formatter.debug_set().entries(variables.keys()).finish(),
        }
    }
}

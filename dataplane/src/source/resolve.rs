//! What a value in a Secret manifest stands for: itself, an environment variable, or a sealed value.

use aigne_hub_crds::{config::SecretRef, manifest};

use crate::{
    environment::Environment,
    secret::{
        SecretValue,
        seal::{self, KeyFileError, OpenError, SealKey},
    },
    upstream::Identity,
};

/// `env:NAME` stands for the variable's whole value.
pub const ENVIRONMENT_PREFIX: &str = "env:";

/// A value, and how it was written.
#[derive(Debug)]
pub struct Resolved {
    /// Without a line end after it, which editors and `echo` leave there.
    pub value: SecretValue,
    /// How it was written.
    pub form: Form,
}

/// How a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In clear.
    Plain,
    /// As the name of an environment variable.
    Environment,
    /// Encrypted with the local key.
    Sealed,
}

/// Why there is no value. Whoever wrote the manifest, or runs the hub, can mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Unresolved {
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    #[error("{0:?} is not the name of an environment variable")]
    NotAVariable(String),
    #[error("it is sealed, and {0}")]
    NoKey(String),
    #[error("it cannot be opened: {0}")]
    Shut(#[from] OpenError),
    #[error("it is empty")]
    Empty,
    #[error(
        "it holds a space, a line end, a control character or a letter beyond ASCII, which no header can carry"
    )]
    NotAHeader,
}

impl Unresolved {
    /// It may well resolve where the hub runs: the manifest itself is not at fault.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::NoVariable(_) | Self::NoKey(_))
    }
}

/// Where values come from.
pub struct Resolver<'a> {
    /// For `env:NAME`.
    pub environment: &'a Environment,
    /// For sealed values; why there is none.
    pub key: &'a Result<SealKey, KeyFileError>,
}

impl Resolver<'_> {
    /// The value of what is written at `place`.
    pub fn resolve(
        &self,
        place: &SecretRef,
        written: &manifest::SecretValue,
    ) -> Result<Resolved, Unresolved> {
        let text = std::str::from_utf8(written.expose()).map_err(|_| Unresolved::NotAHeader)?;
        let (value, form) = if let Some(name) = text.strip_prefix(ENVIRONMENT_PREFIX) {
            (self.variable(name.trim())?, Form::Environment)
        } else if text.starts_with(seal::PREFIX) {
            let key = self.key.as_ref().map_err(|error| Unresolved::NoKey(error.to_string()))?;
            (key.open(place, text)?, Form::Sealed)
        } else {
            (SecretValue::new(text.to_owned()), Form::Plain)
        };
        usable(&value).map(|value| Resolved { value, form })
    }

    fn variable(&self, name: &str) -> Result<SecretValue, Unresolved> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(word) {
            return Err(Unresolved::NotAVariable(name.to_owned()));
        }
        let value = self.environment.get(name).ok_or_else(|| Unresolved::NoVariable(name.to_owned()))?;
        Ok(SecretValue::new(value))
    }
}

/// Checks that a header can carry the value, or that it is one of the longer forms of a credential for AWS, which no header
/// carries.
pub(super) fn usable(value: &SecretValue) -> Result<SecretValue, Unresolved> {
    let text = value.expose().trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        Err(Unresolved::Empty)
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) && Identity::read(value).is_err() {
        Err(Unresolved::NotAHeader)
    } else if text.len() == value.len() {
        Ok(value.clone())
    } else {
        Ok(SecretValue::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> SecretRef {
        SecretRef { namespace: "ai".into(), name: "openai".into(), key: "apiKey".into() }
    }

    fn resolve(text: &str, key: &Result<SealKey, KeyFileError>) -> Result<(String, Form), Unresolved> {
        let environment = Environment::fixed([("OPENAI_API_KEY", "sk-env\n"), ("EMPTY", ""), ("ODD", "a b")]);
        let resolved = Resolver { environment: &environment, key }
            .resolve(&place(), &manifest::SecretValue::new(text.into()))?;
        Ok((resolved.value.expose().to_owned(), resolved.form))
    }

    #[test]
    fn each_form_gives_its_value() {
        let key = Ok(SealKey::generate().unwrap());
        let sealed = key.as_ref().unwrap().seal(&place(), &SecretValue::new("sk-sealed".into())).unwrap();
        assert_eq!(resolve("sk-plain", &key), Ok(("sk-plain".into(), Form::Plain)));
        assert_eq!(resolve("sk-plain\r\n", &key), Ok(("sk-plain".into(), Form::Plain)));
        assert_eq!(resolve("env:OPENAI_API_KEY", &key), Ok(("sk-env".into(), Form::Environment)));
        assert_eq!(resolve(&sealed, &key), Ok(("sk-sealed".into(), Form::Sealed)));
    }

    #[test]
    fn a_credential_for_aws_may_have_lines_and_spaces() {
        let key = Ok(SealKey::generate().unwrap());
        for text in [
            "{\"accessKeyId\": \"A\",\n \"secretAccessKey\": \"s\"}",
            "[default]\naws_access_key_id = A\naws_secret_access_key = s",
        ] {
            assert_eq!(resolve(&format!("{text}\n"), &key), Ok((text.to_owned(), Form::Plain)));
        }
        assert_eq!(resolve("[default]\naws_access_key_id = A", &key), Err(Unresolved::NotAHeader));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let key = Ok(SealKey::generate().unwrap());
        for (text, message) in [
            ("env:NOT_SET", "the environment variable NOT_SET is not set"),
            ("env:EMPTY", "the environment variable EMPTY is not set"),
            ("env:", r#""" is not the name of an environment variable"#),
            ("env:${HOME}", r#""${HOME}" is not the name of an environment variable"#),
            ("\n", "it is empty"),
        ] {
            assert_eq!(resolve(text, &key).unwrap_err().to_string(), message, "{text}");
        }
        assert_eq!(resolve("env:ODD", &key), Err(Unresolved::NotAHeader));
        assert_eq!(resolve("sk\nX: y", &key), Err(Unresolved::NotAHeader));
    }

    #[test]
    fn a_value_that_stays_shut_says_why() {
        let key = SealKey::generate().unwrap();
        let sealed = key.seal(&place(), &SecretValue::new("sk".into())).unwrap();
        let other = Ok(SealKey::generate().unwrap());
        assert_eq!(resolve(&sealed, &other), Err(Unresolved::Shut(OpenError::OtherKey)));
        let missing = resolve(&sealed, &Err(KeyFileError::Missing("seal.key".into()))).unwrap_err();
        assert!(missing.is_local());
        assert!(
            missing.to_string().starts_with("it is sealed, and there is no key file seal.key"),
            "{missing}"
        );
    }
}

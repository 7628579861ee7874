//! Secrets of sinks: read anew for each use, so that a changed file is followed; shown in a header, or signed with.

use std::path::PathBuf;
use std::{fmt, fs};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::secret::SecretValue;

/// Where a secret is.
#[derive(Clone, Debug)]
pub enum Secret {
    /// In a file, which may change.
    File(PathBuf),
    /// As it was given.
    Value(SecretValue),
}

/// A secret that cannot be used; says which, and never what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSecret(String);

impl Secret {
    /// As it is now.
    pub fn read(&self) -> Result<SecretValue, BadSecret> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => fs::read_to_string(path)
                .map(SecretValue::new)
                .map_err(|error| BadSecret(format!("{}: {error}", path.display()))),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Value(_) => formatter.write_str("the environment"),
        }
    }
}

/// The value of `Authorization`, marked sensitive so that nothing prints it.
pub(super) fn bearer(secret: &Secret) -> Result<HeaderValue, BadSecret> {
    let value = secret.read()?;
    let shown = value.expose().trim();
    if shown.is_empty() {
        return Err(BadSecret(format!("the secret from {secret} is empty")));
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {shown}"))
        .map_err(|_| BadSecret(format!("the secret from {secret} has characters that no header may have")))?;
    header.set_sensitive(true);
    Ok(header)
}

/// The value of `webhook-signature`: one signature for each secret, of which there may be several, apart by white space
/// (Standard Webhooks, "Signature scheme"). A secret is `whsec_` and base64.
pub(super) fn signatures(
    secret: &Secret,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Result<HeaderValue, BadSecret> {
    let value = secret.read()?;
    let bad = || BadSecret(format!("the secret from {secret} must be whsec_ and base64 of 24 to 64 bytes"));
    let sign = |text: &str| {
        let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).map_err(|_| bad())?;
        if !(24..=64).contains(&key.len()) {
            return Err(bad());
        }
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
        signing.update(format!("{id}.{timestamp}.").as_bytes());
        signing.update(body);
        Ok(format!("v1,{}", STANDARD.encode(signing.sign())))
    };
    let signatures = value.expose().split_whitespace().map(sign).collect::<Result<Vec<_>, _>>()?;
    if signatures.is_empty() {
        return Err(bad());
    }
    HeaderValue::from_str(&signatures.join(" ")).map_err(|_| bad())
}

//! Public keys as a cluster publishes them (RFC 7517), and signatures checked with them.

use std::collections::HashMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// A set of keys, by their `kid`. Keys that sign nothing here (other curves, encryption) are left out.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<String, Key>);

/// What a key is decides how a signature is checked; a token only says which key.
#[derive(Debug)]
pub(super) enum Key {
    /// RS256.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// ES256: an uncompressed point.
    P256(Vec<u8>),
}

/// A text that is no set of keys.
#[derive(Debug, thiserror::Error)]
pub enum BadKeys {
    /// Not JSON of this shape.
    #[error("it is no JSON Web Key Set: {0}")]
    Malformed(serde_json::Error),
    /// Nothing to check with.
    #[error("it holds no key for RS256 or ES256 that has a kid")]
    Empty,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Written>,
}

#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a set.
    pub(super) fn parse(text: &str) -> Result<Self, BadKeys> {
        let set: Set = serde_json::from_str(text).map_err(BadKeys::Malformed)?;
        let keys: HashMap<_, _> =
            set.keys.iter().filter_map(|key| Some((key.kid.clone()?, key.key()?))).collect();
        if keys.is_empty() { Err(BadKeys::Empty) } else { Ok(Self(keys)) }
    }

    pub(super) fn get(&self, kid: &str) -> Option<&Key> {
        self.0.get(kid)
    }
}

impl Written {
    fn key(&self) -> Option<Key> {
        if self.r#use.as_deref().is_some_and(|r#use| r#use != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        let alg = |name| self.alg.as_deref().is_none_or(|alg| alg == name);
        match self.kty.as_str() {
            "RSA" if alg("RS256") => Some(Key::Rsa { modulus: bytes(&self.n)?, exponent: bytes(&self.e)? }),
            "EC" if alg("ES256") && self.crv.as_deref() == Some("P-256") => {
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                (x.len() == 32 && y.len() == 32).then(|| Key::P256([&[4][..], &x, &y].concat()))
            }
            _ => None,
        }
    }
}

impl Key {
    /// The only `alg` that a token signed with this key may name.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_sign_nothing_here_are_left_out() {
        let other = r#"{"kty":"EC","kid":"a","crv":"P-384","x":"AA","y":"AA"}"#;
        let symmetric = r#"{"kty":"oct","kid":"b","k":"AA","alg":"HS256"}"#;
        let encryption = r#"{"kty":"RSA","kid":"c","use":"enc","n":"AQAB","e":"AQAB"}"#;
        let nameless = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#;
        let good = r#"{"kty":"RSA","kid":"d","use":"sig","alg":"RS256","n":"AQAB","e":"AQAB"}"#;
        let set = |keys: &[&str]| Keys::parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")));
        let keys = set(&[other, symmetric, encryption, nameless, good]).unwrap();
        assert_eq!(keys.0.keys().collect::<Vec<_>>(), ["d"]);
        assert!(matches!(set(&[other, symmetric]), Err(BadKeys::Empty)));
        assert!(matches!(Keys::parse("[]"), Err(BadKeys::Malformed(_))));
    }
}

//! A token, checked: by whom it was signed, for whom, for how long, and whom it names. Pure.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::jwks::{BadKeys, Keys};

/// Bytes. Real ones have about one KiB; what is longer is not looked at.
const LONGEST: usize = 8 << 10;
/// Clocks of different nodes may be so far apart (milliseconds).
const LEEWAY_MS: i64 = 30_000;

/// What tokens are checked against.
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: Keys,
    /// As published; another text is another verifier.
    published: String,
}

/// A `ServiceAccount`, proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub service_account: String,
    /// Unix milliseconds; the leeway for clocks that differ is in it.
    pub expires_at: i64,
}

/// Why a token is not accepted. Nothing of a token is in here but what it says of its own issuer and audience.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Refused {
    #[error("the token is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the token is not a signed JWT of a ServiceAccount")]
    Malformed,
    #[error("the token is signed with a key that the cluster does not publish")]
    UnknownKey,
    #[error("the token names another algorithm than its key's, {0}")]
    Algorithm(&'static str),
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token was issued by another cluster than {0:?}")]
    Issuer(String),
    #[error("the token is not for the audience {0:?}: project one that is (serviceAccountToken.audience)")]
    Audience(String),
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    Early,
    #[error("the token does not name one ServiceAccount")]
    Subject,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515): none is.
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Kubernetes,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Kubernetes {
    namespace: String,
    serviceaccount: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Whether a credential is to be taken for a token: three parts of base64url, of which the first is a JSON object.
pub fn looks_like_token(text: &[u8]) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.starts_with(b"eyJ") && memchr::memchr_iter(b'.', text).count() == 2 && text.iter().all(word)
}

impl Verifier {
    /// Accepts tokens of `issuer` for `audience`, signed with one of the keys in `published` (a JSON Web Key Set).
    pub fn new(issuer: String, audience: String, published: String) -> Result<Self, BadKeys> {
        Ok(Self { issuer, audience, keys: Keys::parse(&published)?, published })
    }

    /// Whether both accept the same.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.issuer, &self.audience, &self.published) == (&other.issuer, &other.audience, &other.published)
    }

    /// Whom a token names. The signature comes first: nothing that is not signed is looked at further.
    pub fn verify(&self, token: &[u8], now_ms: i64) -> Result<Workload, Refused> {
        if token.len() > LONGEST {
            return Err(Refused::TooLong);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::Malformed);
        };
        let signed = token.get(..header.len() + 1 + claims.len()).ok_or(Refused::Malformed)?;
        let header: Header = decoded(header)?;
        if header.crit.is_some() {
            return Err(Refused::Malformed);
        }
        let key = header.kid.and_then(|kid| self.keys.get(&kid)).ok_or(Refused::UnknownKey)?;
        if header.alg != key.algorithm() {
            return Err(Refused::Algorithm(key.algorithm()));
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refused::Malformed)?;
        if !key.verifies(signed, &signature) {
            return Err(Refused::Signature);
        }
        self.admit(decoded(claims)?, now_ms)
    }

    fn admit(&self, claims: Claims, now_ms: i64) -> Result<Workload, Refused> {
        let Claims { iss, sub, aud, exp, nbf, kubernetes } = claims;
        if iss != self.issuer {
            return Err(Refused::Issuer(self.issuer.clone()));
        }
        let is_ours = match &aud {
            Audience::One(one) => *one == self.audience,
            Audience::Several(several) => several.contains(&self.audience),
        };
        if !is_ours {
            return Err(Refused::Audience(self.audience.clone()));
        }
        let expires_at = exp.saturating_mul(1000).saturating_add(LEEWAY_MS);
        if expires_at <= now_ms {
            return Err(Refused::Expired);
        }
        if nbf.is_some_and(|nbf| nbf.saturating_mul(1000).saturating_sub(LEEWAY_MS) > now_ms) {
            return Err(Refused::Early);
        }
        let Kubernetes { namespace, serviceaccount: Named { name } } = kubernetes;
        if namespace.is_empty()
            || name.is_empty()
            || sub != format!("system:serviceaccount:{namespace}:{name}")
        {
            return Err(Refused::Subject);
        }
        Ok(Workload { namespace, service_account: name, expires_at })
    }
}

impl Workload {
    /// `namespace/name`, as a Tenant's configuration has it.
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.service_account)
    }
}

fn decoded<T: serde::de::DeserializeOwned>(part: &[u8]) -> Result<T, Refused> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Refused::Malformed)
}

#[cfg(test)]
mod tests;

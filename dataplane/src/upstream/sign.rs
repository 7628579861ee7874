//! Shows a credential to a provider. The only place outside the secret store that sees one.

pub(super) mod aws;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};

use crate::{provider::Auth, secret::SecretValue};

/// The header that carries the credential, marked sensitive so that nothing prints it. `None` where the value has
/// characters that no header may have (a newline that was pasted along is cut off before).
pub fn authorization(auth: Auth, secret: &SecretValue) -> Option<(HeaderName, HeaderValue)> {
    let value = secret.expose().trim();
    let (name, mut value) = match auth {
        // Of AWS's, what is no key to sign with.
        Auth::Bearer | Auth::Aws => {
            (header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {value}")).ok()?)
        }
        Auth::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), HeaderValue::from_str(value).ok()?),
        Auth::XApiKey => (HeaderName::from_static("x-api-key"), HeaderValue::from_str(value).ok()?),
    };
    value.set_sensitive(true);
    Some((name, value))
}

/// A token as an `Authorization` of its own, without a word before it: what the agent of EKS wants. An empty one where the
/// value can be no header, so that whoever is asked says no.
pub(super) fn bare(token: &SecretValue) -> HeaderValue {
    let mut value =
        HeaderValue::from_str(token.expose().trim()).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// How a credential is shown with each request.
#[derive(Clone, Debug)]
pub enum Shown {
    /// The provider wants none.
    Nothing,
    /// A header, marked sensitive.
    Header(HeaderName, HeaderValue),
    /// A signature, or whatever else the pod's identity for AWS is.
    Aws(aws::Signer),
}

/// Why a credential cannot be shown now. Trying again may help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum NotShown {
    #[error("the hub has no AWS credentials now")]
    NoIdentity,
    #[error(
        "the API key of the hub's own environment is shown to AWS's hosts alone: give the provider credentials"
    )]
    NotToAws,
    #[error("the request cannot be signed: {0}")]
    Unsigned(String),
}

impl Shown {
    /// Adds it to a request that is otherwise complete. `body` gives what will be sent, where it is signed; `now_ms` is
    /// the time of day.
    pub fn show<B>(
        &self,
        request: &mut Request<B>,
        body: impl FnOnce() -> Bytes,
        now_ms: i64,
    ) -> Result<(), NotShown> {
        match self {
            Self::Nothing => Ok(()),
            Self::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
                Ok(())
            }
            Self::Aws(signer) => signer.sign(request, &body(), now_ms),
        }
    }
}

//! Why a request was not served: whose fault, which status, whether to try again.
//!
//! How it is written for a client is `gateway::respond::error`'s business alone.

use std::borrow::Cow;

use crate::provider::{Fault, Refusal, UpstreamError};
use crate::wire::BadRequest;

/// A request that ends in an error answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GatewayError {
    /// What happened.
    pub kind: Kind,
    /// A sentence for the developer who sent the request; never holds a secret.
    pub message: Cow<'static, str>,
    /// The request's field at fault.
    pub param: Option<Box<str>>,
    /// Milliseconds after which trying again makes sense.
    pub retry_after_ms: Option<u64>,
    /// The provider's status, where a provider answered.
    pub upstream_status: Option<u16>,
    /// The provider's own code, where it found the client's request at fault (`context_length_exceeded`).
    pub upstream_code: Option<Box<str>>,
}

/// What happened, in the order of the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No such endpoint.
    UnknownEndpoint,
    /// The endpoint exists and takes this method instead.
    MethodNotAllowed(&'static str),
    /// No key, or one that nobody has.
    Unauthenticated,
    /// The key is disabled or expired.
    KeyNotValid,
    /// A `ServiceAccount` that no tenant claims.
    Unclaimed,
    /// The cluster's keys are not there yet, and a token cannot be verified without.
    IdentityUnavailable,
    /// The tenant is suspended.
    Suspended,
    /// The body is larger than accepted.
    TooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// Not an acceptable request.
    Malformed,
    /// A field that the rules or the provider do not allow.
    Refused,
    /// No provider serves a model of that name.
    UnknownModel,
    /// No job of that id, or none of this tenant's.
    UnknownVideo,
    /// What a job has made has no such range; how many bytes it has, where that is known.
    NoSuchRange(Option<u64>),
    /// The tenant or the key may not use it.
    ModelNotAllowed,
    /// Money is capped, and the model has no price or no bound.
    NotPriced,
    /// The tenant's or the key's requests, tokens or places are used up for now.
    RateLimited,
    /// A budget is spent.
    BudgetExceeded,
    /// The balance cannot pay for it.
    CreditExhausted,
    /// Usage cannot be recorded, and the tenant's policy is to refuse then.
    LedgerUnavailable,
    /// Every candidate is at its concurrency limit or cooling down.
    Saturated,
    /// The provider refused the request as the client's fault.
    UpstreamRequest,
    /// The provider does not accept the hub's credential.
    UpstreamCredential,
    /// The provider's rate limit.
    UpstreamThrottled,
    /// The provider failed.
    UpstreamFailed,
    /// The hub has nothing to show to the provider: who the pod is could not be learned yet.
    CredentialUnavailable,
    /// No connection to the provider.
    UpstreamUnreachable,
    /// The provider did not answer in time.
    UpstreamTimeout,
    /// A sidecar gets no answer from the hub.
    HubUnreachable,
    /// A sidecar has no token to show to the hub.
    TokenUnavailable,
}

impl GatewayError {
    /// An error with a message and nothing else.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            param: None,
            retry_after_ms: None,
            upstream_status: None,
            upstream_code: None,
        }
    }

    /// The same, naming the request's field.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<Box<str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The HTTP status that the client sees.
    pub fn status(&self) -> u16 {
        match self.kind {
            Kind::Malformed | Kind::Refused => 400,
            Kind::Unauthenticated | Kind::KeyNotValid => 401,
            Kind::NotPriced | Kind::CreditExhausted => 402,
            Kind::Suspended | Kind::Unclaimed | Kind::ModelNotAllowed => 403,
            Kind::UnknownEndpoint | Kind::UnknownModel | Kind::UnknownVideo => 404,
            Kind::MethodNotAllowed(_) => 405,
            Kind::BodyTimeout => 408,
            Kind::TooLarge => 413,
            Kind::NoSuchRange(_) => 416,
            Kind::RateLimited | Kind::BudgetExceeded | Kind::UpstreamThrottled => 429,
            Kind::LedgerUnavailable
            | Kind::IdentityUnavailable
            | Kind::Saturated
            | Kind::CredentialUnavailable
            | Kind::TokenUnavailable => 503,
            Kind::UpstreamUnreachable | Kind::UpstreamCredential | Kind::HubUnreachable => 502,
            Kind::UpstreamTimeout => 504,
            // A client's mistake keeps the status that the provider gave it.
            Kind::UpstreamRequest => self.upstream_status.filter(|s| (400..500).contains(s)).unwrap_or(400),
            // The provider gave up waiting, whether it says so itself or whoever stands before it (524 is Cloudflare's).
            Kind::UpstreamFailed if matches!(self.upstream_status, Some(408 | 524)) => 504,
            // It has too much to do, which is not that the hub asks too much (Doubao's `ServerOverloaded`).
            Kind::UpstreamFailed if self.upstream_status == Some(429) => 503,
            // These keep their meaning; what came as 200 with an error inside, or as a 4xx that was
            // the hub's fault, is a bad gateway.
            Kind::UpstreamFailed => {
                self.upstream_status.filter(|status| matches!(status, 500 | 503 | 504 | 529)).unwrap_or(502)
            }
        }
    }

    /// A short constant for metrics and the access log.
    pub fn label(&self) -> &'static str {
        match self.kind {
            Kind::UnknownEndpoint => "unknown_endpoint",
            Kind::MethodNotAllowed(_) => "method_not_allowed",
            Kind::Unauthenticated => "unauthenticated",
            Kind::KeyNotValid => "key_not_valid",
            Kind::Unclaimed => "unclaimed",
            Kind::IdentityUnavailable => "identity_unavailable",
            Kind::Suspended => "suspended",
            Kind::TooLarge => "too_large",
            Kind::BodyTimeout => "body_timeout",
            Kind::Malformed => "malformed",
            Kind::Refused => "refused",
            Kind::UnknownModel => "unknown_model",
            Kind::UnknownVideo => "unknown_video",
            Kind::NoSuchRange(_) => "no_such_range",
            Kind::ModelNotAllowed => "model_not_allowed",
            Kind::NotPriced => "not_priced",
            Kind::RateLimited => "rate_limited",
            Kind::BudgetExceeded => "budget_exceeded",
            Kind::CreditExhausted => "credit_exhausted",
            Kind::LedgerUnavailable => "ledger_unavailable",
            Kind::Saturated => "saturated",
            Kind::UpstreamRequest => "upstream_request",
            Kind::UpstreamCredential => "upstream_credential",
            Kind::UpstreamThrottled => "upstream_throttled",
            Kind::UpstreamFailed => "upstream_failed",
            Kind::UpstreamUnreachable => "upstream_unreachable",
            Kind::UpstreamTimeout => "upstream_timeout",
            Kind::CredentialUnavailable => "credential_unavailable",
            Kind::HubUnreachable => "hub_unreachable",
            Kind::TokenUnavailable => "token_unavailable",
        }
    }

    /// What a provider's error means for the client.
    pub fn upstream(error: &UpstreamError, provider: &str) -> Self {
        let (kind, message) = match error.fault {
            Fault::Request => (Kind::UpstreamRequest, error.message.clone()),
            Fault::Credential | Fault::Forbidden => (
                Kind::UpstreamCredential,
                format!(
                    "provider {provider:?} does not accept the hub's credential for this request (status {}); \
                     the platform team can see why in the hub's log",
                    error.status
                ),
            ),
            Fault::Throttled => (Kind::UpstreamThrottled, error.message.clone()),
            Fault::Provider => (Kind::UpstreamFailed, error.message.clone()),
        };
        Self {
            kind,
            message: message.into(),
            param: error.param.as_deref().map(Box::from),
            retry_after_ms: error.retry_after_ms,
            upstream_status: Some(error.status),
            upstream_code: error.code.as_deref().filter(|_| error.fault == Fault::Request).map(Box::from),
        }
    }
}

impl From<Refusal> for GatewayError {
    fn from(refusal: Refusal) -> Self {
        Self::new(Kind::Refused, refusal.message).with_param(refusal.field)
    }
}

impl From<BadRequest> for GatewayError {
    fn from(bad: BadRequest) -> Self {
        Self { param: bad.param.map(Box::from), ..Self::new(Kind::Malformed, bad.message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(status: u16, fault: Fault) -> GatewayError {
        let error = UpstreamError {
            status,
            fault,
            message: "no".into(),
            code: None,
            param: None,
            retry_after_ms: Some(1500),
        };
        GatewayError::upstream(&error, "openai")
    }

    #[test]
    fn the_hubs_own_credential_is_never_the_clients_401() {
        assert_eq!(upstream(401, Fault::Credential).status(), 502);
        assert_eq!(upstream(403, Fault::Forbidden).status(), 502);
    }

    #[test]
    fn statuses_keep_their_meaning() {
        assert_eq!(upstream(422, Fault::Request).status(), 422);
        assert_eq!(upstream(200, Fault::Provider).status(), 502);
        assert_eq!(upstream(529, Fault::Provider).status(), 529);
        assert_eq!(upstream(408, Fault::Provider).status(), 504);
        assert_eq!(upstream(429, Fault::Throttled).status(), 429);
        assert_eq!(upstream(429, Fault::Throttled).retry_after_ms, Some(1500));
    }
}

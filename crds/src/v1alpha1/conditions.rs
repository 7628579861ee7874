//! Types and reasons of conditions. Types never change; a reason is one of these constants.

/// The spec makes sense.
pub const ACCEPTED: &str = "Accepted";
/// The Secrets, providers and prices that it names exist and may be used.
pub const RESOLVED_REFS: &str = "ResolvedRefs";
/// Every gateway alive at that revision confirmed it.
pub const PROGRAMMED: &str = "Programmed";
/// All of the above.
pub const READY: &str = "Ready";
/// A provider's credentials work; outside [`READY`].
pub const CREDENTIALS_VALID: &str = "CredentialsValid";
/// A tenant's budget is spent; outside [`READY`].
pub const BUDGET_EXCEEDED: &str = "BudgetExceeded";
/// A tenant's balance is used up; outside [`READY`].
pub const CREDIT_EXHAUSTED: &str = "CreditExhausted";
/// A tenant is suspended; outside [`READY`].
pub const SUSPENDED: &str = "Suspended";

/// Why a condition has the status that it has.
pub mod reasons {
    /// The spec makes sense.
    pub const ACCEPTED: &str = "Accepted";
    /// Everything that it refers to was found.
    pub const RESOLVED_REFS: &str = "ResolvedRefs";
    /// Gateways serve it.
    pub const PROGRAMMED: &str = "Programmed";
    /// Ready.
    pub const READY: &str = "Ready";
    /// Gateways have not confirmed it yet.
    pub const PENDING: &str = "Pending";
    /// A value is not one that can be used.
    pub const INVALID: &str = "Invalid";
    /// Another object, or another entry, has it already.
    pub const CONFLICTED: &str = "Conflicted";
    /// This version has no adapter for the provider's type.
    pub const UNSUPPORTED_TYPE: &str = "UnsupportedType";
    /// The configuration is accepted, but this version does not act on it.
    pub const NOT_ENFORCED: &str = "NotEnforced";
    /// The model is known, but this version has no endpoint that serves it.
    pub const NOT_SERVED: &str = "NotServed";
    /// No such Secret.
    pub const SECRET_NOT_FOUND: &str = "SecretNotFound";
    /// The Secret has no such data key.
    pub const SECRET_KEY_NOT_FOUND: &str = "SecretKeyNotFound";
    /// The key in the Secret is too short to be safe.
    pub const KEY_TOO_SHORT: &str = "KeyTooShort";
    /// The reference is not allowed.
    pub const REF_NOT_PERMITTED: &str = "RefNotPermitted";
    /// No credential of the provider could be resolved.
    pub const NO_CREDENTIALS: &str = "NoCredentials";
    /// No such provider in the same namespace.
    pub const PROVIDER_NOT_FOUND: &str = "ProviderNotFound";
    /// The provider has no such model.
    pub const MODEL_NOT_FOUND: &str = "ModelNotFound";
    /// A prepaid tenant may call a model that has no price.
    pub const MODEL_NOT_PRICED: &str = "ModelNotPriced";
    /// A glob that matches no model.
    pub const MATCHES_NOTHING: &str = "MatchesNothing";
}

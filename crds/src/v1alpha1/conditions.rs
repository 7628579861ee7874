//! Types and reasons of conditions. Types never change; a reason is one of these constants.

/// Constants, and a table of all of them with what they mean, for the reference page.
macro_rules! constants {
    ($(#[doc = $table_doc:literal])* $table:ident: $(#[doc = $doc:literal] $name:ident = $value:literal;)*) => {
        $(#[doc = $doc] pub const $name: &str = $value;)*

        $(#[doc = $table_doc])*
        pub const $table: &[(&str, &str)] = &[$(($value, $doc)),*];
    };
}

constants! {
    /// Every type, and what it means.
    TYPES:
    /// The spec makes sense.
    ACCEPTED = "Accepted";
    /// The Secrets, providers and prices that it names exist and may be used.
    RESOLVED_REFS = "ResolvedRefs";
    /// Every gateway alive at that revision confirmed it.
    PROGRAMMED = "Programmed";
    /// Accepted, ResolvedRefs and Programmed.
    READY = "Ready";
    /// A provider's credentials work; does not touch Ready.
    CREDENTIALS_VALID = "CredentialsValid";
    /// A tenant's budget is spent; does not touch Ready.
    BUDGET_EXCEEDED = "BudgetExceeded";
    /// A tenant's balance is used up; does not touch Ready.
    CREDIT_EXHAUSTED = "CreditExhausted";
    /// A tenant is suspended; does not touch Ready.
    SUSPENDED = "Suspended";
}

/// Why a condition has the status that it has.
pub mod reasons {
    constants! {
        /// Every reason, and what it means.
        ALL:
        /// The spec makes sense.
        ACCEPTED = "Accepted";
        /// Everything that it refers to was found.
        RESOLVED_REFS = "ResolvedRefs";
        /// Gateways serve it.
        PROGRAMMED = "Programmed";
        /// Accepted, ResolvedRefs and Programmed.
        READY = "Ready";
        /// The operator has not looked at it yet, or gateways have not confirmed it.
        PENDING = "Pending";
        /// No gateway is running.
        NO_GATEWAYS = "NoGateways";
        /// A gateway does not take the configuration, and says why.
        REFUSED = "Refused";
        /// It is not part of the configuration: another condition says why.
        LEFT_OUT = "LeftOut";
        /// Every request of the tenant is refused, as its spec says.
        SUSPENDED = "Suspended";
        /// The tenant's requests are served.
        ACTIVE = "Active";
        /// A budget is spent.
        BUDGET_EXCEEDED = "BudgetExceeded";
        /// No budget is spent.
        WITHIN_BUDGET = "WithinBudget";
        /// The balance, and what may be spent below zero, is used up.
        CREDIT_EXHAUSTED = "CreditExhausted";
        /// There is a balance, but no more than spec.billing.lowBalance.
        LOW_BALANCE = "LowBalance";
        /// There is a balance.
        CREDIT_AVAILABLE = "CreditAvailable";
        /// A new key was made; the old one is honoured for a while.
        KEY_ROTATED = "KeyRotated";
        /// A value is not one that can be used.
        INVALID = "Invalid";
        /// Another object, or another entry, has it already.
        CONFLICTED = "Conflicted";
        /// It is accepted, but this version does not act on it.
        NOT_ENFORCED = "NotEnforced";
        /// Gateways call no models of this type at a provider of this type.
        NOT_SERVED = "NotServed";
        /// There is no such Secret.
        SECRET_NOT_FOUND = "SecretNotFound";
        /// The Secret has no such data key.
        SECRET_KEY_NOT_FOUND = "SecretKeyNotFound";
        /// The key in the Secret is too short to be safe.
        KEY_TOO_SHORT = "KeyTooShort";
        /// The reference is not allowed.
        REF_NOT_PERMITTED = "RefNotPermitted";
        /// None of the provider's credentials can be used.
        NO_CREDENTIALS = "NoCredentials";
        /// There is no such AIProvider in the same namespace.
        PROVIDER_NOT_FOUND = "ProviderNotFound";
        /// There is no such model.
        MODEL_NOT_FOUND = "ModelNotFound";
        /// A model has no price.
        MODEL_NOT_PRICED = "ModelNotPriced";
        /// A model states no contextWindow or maxOutputTokens, so the cost of a request may have no bound.
        MODEL_NOT_BOUNDED = "ModelNotBounded";
        /// A glob matches no model.
        MATCHES_NOTHING = "MatchesNothing";
    }
}

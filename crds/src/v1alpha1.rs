//! `hub.aigne.io/v1alpha1`: what people write.
//!
//! Three namespaced kinds: [`AIProvider`] (an endpoint, its keys and models), [`ModelPricing`] (what a
//! provider's models cost and what a tenant pays) and [`Tenant`] (who may call what, and how it is billed).
//! A `spec` stays as it was written: defaults that depend on something else are applied by
//! [`compile`](crate::compile::compile), not stored. Rules that need only the object itself are CEL in the schema.

#![expect(clippy::doc_markdown, reason = "doc comments of fields are the schema's descriptions: plain text")]
#![expect(clippy::duplicated_attributes, reason = "every printer column has a type")]

mod ai_provider;
mod billing;
pub mod conditions;
pub mod crd;
mod model_pricing;
mod scalar;
pub mod schema;
mod status;
mod tenant;

pub use self::{
    ai_provider::{
        AIProvider, AIProviderSpec, BedrockSettings, Credential, Model, ModelFeature, ModelType,
        ProviderType, RetrySettings, SecretKeyRef, TimeoutSettings,
    },
    billing::{Billing, BillingMode, Budget, BudgetAction, Grant, Period},
    model_pricing::{Amounts, ImageAmount, ModelPricing, ModelPricingSpec, ProviderRef, Rate, Tier},
    scalar::{Duration, Factor, InvalidScalar, Money, Percent},
    status::{AIProviderStatus, BudgetSpend, KeyStatus, ModelPricingStatus, RotatedKey, TenantStatus},
    tenant::{
        Brand, ClientGone, Key, KeyModels, LedgerUnavailable, Limits, ModelAccess, Policy, Tenant,
        TenantSpec, WorkloadIdentity,
    },
};

/// The API group.
pub const GROUP: &str = "hub.aigne.io";

/// The API version inside [`GROUP`].
pub const VERSION: &str = "v1alpha1";

/// `group/version`, as in a manifest's `apiVersion`.
pub const API_VERSION: &str = "hub.aigne.io/v1alpha1";

/// A Secret may be referenced as a provider's credential only when it carries this label with the value `"true"`.
pub const CREDENTIAL_LABEL: &str = "hub.aigne.io/credential";

/// The data key that holds a tenant's key.
pub const TENANT_KEY_DATA_KEY: &str = "apiKey";

/// A tenant's key has at least so many bytes.
pub const TENANT_KEY_MIN_BYTES: usize = 32;

/// So many old keys are remembered of each key, the newest first.
pub const MOST_ROTATED_KEYS: usize = 4;

/// For `skip_serializing_if`: a flag that is off is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

//! What a gateway loads: plain data, made by [`compile`](crate::compile::compile), free of Kubernetes and of secrets.
//!
//! A [`Config`] is a shared part (providers and prices) plus one part per tenant. It holds references to
//! Secrets and hashes of keys, never their values. Everything is already resolved and defaulted: a reader
//! has no rule left to apply. Lists are sorted, so that equal inputs give equal bytes.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

pub use crate::v1alpha1::{
    BillingMode, BudgetAction, ClientGone, LedgerUnavailable, ModelFeature, ModelType, Period, ProviderType,
};

/// The format of [`Config`]. A gateway refuses a number that it does not know and keeps what it has.
pub const FORMAT: u32 = 1;

/// One revision of everything a gateway needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Always [`FORMAT`] when written by this version.
    pub format: u32,
    /// Providers and prices.
    pub shared: Shared,
    /// By tenant id (`namespace/name`). Shared, so that one tenant's change copies that tenant only.
    pub tenants: BTreeMap<String, Arc<Tenant>>,
}

/// The part that all tenants share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shared {
    /// By provider id (`namespace/name`).
    pub providers: BTreeMap<String, Provider>,
    /// By provider id: the price sheets of that provider, oldest `effective_from` first.
    pub prices: BTreeMap<String, Vec<PriceSheet>>,
}

/// A provider's endpoint, credentials and models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provider {
    /// `namespace/name`; stable, keys runtime state such as pools and circuits.
    pub id: String,
    /// `metadata.name`: what a client writes before the slash in `provider/model`.
    pub name: String,
    /// Which adapter speaks to it.
    pub r#type: ProviderType,
    /// Absolute URL without a trailing slash, for example `https://api.openai.com/v1`.
    pub base_url: String,
    /// May be empty (an in-cluster Ollama needs none).
    pub credentials: Vec<Credential>,
    /// Sorted by name.
    pub models: Vec<Model>,
    /// Lower is tried first.
    pub priority: u32,
    /// Share among providers of equal priority.
    pub weight: u32,
    /// All four are set.
    pub timeouts: Timeouts,
    /// When and how often an attempt is repeated.
    pub retry: Retry,
    /// Most requests in flight to this provider from one gateway pod; unlimited when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub concurrency: Option<u32>,
    /// `http://` is allowed.
    pub allow_insecure: bool,
    /// Loopback, link-local, private and metadata addresses are allowed.
    pub allow_private: bool,
    /// Set for `Bedrock`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bedrock: Option<Bedrock>,
}

/// Amazon Bedrock's own settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bedrock {
    /// For example `eu-central-1`.
    pub region: String,
}

/// A reference to one provider key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// Unique within the provider; stable, keys circuits.
    pub name: String,
    /// Where the value is.
    pub secret: SecretRef,
    /// Share among the provider's credentials; 0 takes it out of rotation.
    pub weight: u32,
}

/// Names one value inside one Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The data key inside it.
    pub key: String,
}

/// One model that a provider serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Model {
    /// What clients write.
    pub name: String,
    /// What the provider is asked for.
    pub upstream_model: String,
    /// Which endpoints serve it.
    pub r#type: ModelType,
    /// Other names that clients may write.
    pub aliases: Vec<String>,
    /// Tokens; needed to bound a request's cost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub context_window: Option<u64>,
    /// Tokens; needed to bound a request's cost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_output_tokens: Option<u64>,
    /// What the model can do, where that matters to translation; empty means not stated.
    pub features: Vec<ModelFeature>,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// Resolve, connect and TLS.
    pub connect: u64,
    /// From the sent request to the first body byte of a streamed answer.
    pub first_token: u64,
    /// Between two pieces of an answer.
    pub idle: u64,
    /// The whole attempt.
    pub request: u64,
}

/// How often, and how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all against this provider, the first included; at least 1.
    pub attempts: u32,
    /// Milliseconds before the second attempt; doubles for each further one.
    pub backoff: u64,
    /// Milliseconds; no single wait is longer.
    pub max_backoff: u64,
}

/// One `ModelPricing` as it applies from a point in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceSheet {
    /// Content hash (hex SHA-256, first 16 characters) of everything below: stored with every usage row.
    pub revision: String,
    /// `namespace/name` of the `ModelPricing`.
    pub source: String,
    /// RFC 3339; absent means "always has been".
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub effective_from: Option<jiff::Timestamp>,
    /// Exact names first, then longer globs before shorter ones: the first match applies.
    pub rates: Vec<Rate>,
}

/// Cost and price of the models that match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rate {
    /// A model name or a glob in which `*` stands for any characters.
    pub model: String,
    /// What the provider charges, in US dollars (exchange rate applied).
    pub cost: Amounts,
    /// What a tenant pays, in US dollars (margin applied).
    pub price: Amounts,
    /// Sorted by `above`, ascending; the last that is exceeded replaces the amounts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tiers: Vec<Tier>,
    /// Multiplier on every amount by the provider's service tier, for example `flex` → `0.5`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub service_tiers: BTreeMap<String, Decimal>,
}

/// Amounts that apply once the prompt is longer than `above` tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tier {
    /// Input tokens, cached ones included.
    pub above: u64,
    /// As in [`Rate::cost`].
    pub cost: Amounts,
    /// As in [`Rate::price`].
    pub price: Amounts,
}

/// An exact decimal, written as a string.
pub type Decimal = rust_decimal::Decimal;

/// US dollars per million tokens, or per unit where the name says so. Absent means not priced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Amounts {
    /// Uncached input tokens.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub input: Option<Decimal>,
    /// Output tokens; reasoning tokens too unless `reasoning` is set.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output: Option<Decimal>,
    /// Input tokens read from the provider's cache; `input` applies when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cached_input: Option<Decimal>,
    /// Input tokens written to the provider's cache; `input` applies when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_write: Option<Decimal>,
    /// Reasoning tokens, where they cost other than output.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reasoning: Option<Decimal>,
    /// Audio input tokens; `input` applies when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audio_input: Option<Decimal>,
    /// Audio output tokens; `output` applies when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audio_output: Option<Decimal>,
    /// Image input tokens; `input` applies when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image_input: Option<Decimal>,
    /// Image output tokens; `output` applies when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image_output: Option<Decimal>,
    /// Characters of text that are spoken, per million.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub characters: Option<Decimal>,
    /// Per second of audio or video.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub second: Option<Decimal>,
    /// Per request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<Decimal>,
    /// Per image: the first entry that matches size and quality applies.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub images: Vec<ImageAmount>,
}

/// US dollars per image of a size and quality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageAmount {
    /// For example `1024x1024`; absent matches any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<String>,
    /// For example `high`; absent matches any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quality: Option<String>,
    /// US dollars.
    pub amount: Decimal,
}

/// One tenant: who may call what, under which limits, and how it is billed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tenant {
    /// `namespace/name`.
    pub id: String,
    /// The ledger account; `namespace/name` unless the Tenant says otherwise.
    pub account_id: String,
    /// For people.
    pub display_name: String,
    /// Every request is refused.
    pub suspended: bool,
    /// Which models, and what to try instead.
    pub models: ModelAccess,
    /// Sorted by name.
    pub keys: Vec<Key>,
    /// `namespace/serviceAccount`, sorted.
    pub workload_identities: Vec<String>,
    /// How usage is paid for.
    pub billing: Billing,
    /// Spending caps.
    pub budgets: Vec<Budget>,
    /// Rate caps.
    pub limits: Limits,
    /// What to do at the edges.
    pub policy: Policy,
    /// How the service presents itself to this tenant.
    pub brand: Brand,
}

/// Globs over `provider/model`. Deny wins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelAccess {
    /// Empty allows nothing; compile writes `*` where the Tenant leaves it out.
    pub allow: Vec<String>,
    /// Takes away from `allow`.
    pub deny: Vec<String>,
    /// For a `provider/model`, others to try in order when it fails.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub fallbacks: BTreeMap<String, Vec<String>>,
}

/// One key of a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// Unique within the tenant.
    pub name: String,
    /// The hash of the present key, and of rotated ones until their grace ends.
    pub hashes: Vec<KeyHash>,
    /// Nothing is admitted after this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<jiff::Timestamp>,
    /// Nothing is admitted.
    pub disabled: bool,
    /// Narrows the tenant's own access (both must allow).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub models: Option<ModelAccess>,
    /// Within the tenant's limits.
    pub limits: Limits,
    /// Within the tenant's budgets.
    pub budgets: Vec<Budget>,
}

/// SHA-256 of a key's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyHash {
    /// 64 lower-case hex digits.
    pub sha256: String,
    /// A rotated key's end of grace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<jiff::Timestamp>,
}

/// How usage is paid for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Billing {
    /// Attribution or credits.
    pub mode: BillingMode,
    /// US dollars given once per account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub starter_credits: Option<Decimal>,
    /// Once per (account, name).
    pub grants: Vec<Grant>,
    /// US dollars below zero that are tolerated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub overdraft: Option<Decimal>,
    /// US dollars at which the tenant is warned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub low_balance: Option<Decimal>,
    /// Where a 402 points to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_url: Option<String>,
    /// For finance, carried along.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost_center: Option<String>,
    /// Lowest `max_tokens` that a request is cut down to before it is refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minimum_max_tokens: Option<u64>,
}

/// A credit grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// Unique within the account, for ever.
    pub name: String,
    /// US dollars.
    pub amount: Decimal,
    /// What is left lapses then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<jiff::Timestamp>,
    /// Lower is spent first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub priority: Option<u32>,
}

/// A spending cap per calendar period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// Unique within its tenant or key.
    pub name: String,
    /// US dollars.
    pub amount: Decimal,
    /// Day, week (from Monday) or month.
    pub period: Period,
    /// IANA name, `UTC` by default.
    pub time_zone: String,
    /// What happens when it is spent.
    pub action: BudgetAction,
}

/// Absent means unlimited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Requests started in a minute.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requests_per_minute: Option<u64>,
    /// Input plus output tokens in a minute.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tokens_per_minute: Option<u64>,
    /// Requests in flight.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub concurrent_requests: Option<u64>,
}

/// What to do at the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// When a client leaves before the answer ends.
    pub client_gone: ClientGone,
    /// When the ledger cannot take more.
    pub ledger_unavailable: LedgerUnavailable,
}

/// How the service presents itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Brand {
    /// Shown instead of "AIGNE Hub".
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Shown before amounts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credit_prefix: Option<String>,
}

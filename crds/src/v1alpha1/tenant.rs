//! `Tenant`: who may call what, and how it is billed.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Billing, Budget, Duration, is_false,
    schema::{self, plain_enum, rule},
    status::TenantStatus,
};

/// A team or a customer: which models it may call, with which keys, under which limits, and how it is billed.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "hub.aigne.io",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    shortname = "aitenant",
    category = "aigne",
    namespaced,
    derive = "PartialEq",
    doc = "Tenant is a team or a customer: which models it may call, with which keys, under which limits, and how it is billed.",
    status = "TenantStatus",
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.billing.mode"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Balance", type_ = "string", json_path = ".status.balance"),
    printcolumn(name = "Spent", type_ = "string", json_path = ".status.spend[0].amount"),
    printcolumn(name = "Budget", type_ = "string", json_path = ".status.spend[0].of"),
    printcolumn(name = "Account", type_ = "string", json_path = ".status.accountID", priority = "1"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspended", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[schemars(extend("x-kubernetes-validations" = [rule(
    "has(self.accountID) == has(oldSelf.accountID) && (!has(self.accountID) || self.accountID == oldSelf.accountID)",
    "accountID is immutable"
)]))]
pub struct TenantSpec {
    /// For people. Default: the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub display_name: Option<String>,

    /// Refuse every request. Default false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,

    /// The account in the ledger. It cannot be changed, added or taken away later. Default: namespace/name.
    #[serde(rename = "accountID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 317), regex(pattern = schema::ACCOUNT.pattern))]
    pub account_id: Option<String>,

    /// Which models may be called. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelAccess>,

    /// The keys that the tenant's applications use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub keys: Vec<Key>,

    /// ServiceAccounts whose pods need no key. Outside the hub's namespace only those of the Tenant's own namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namespace", "serviceAccount"])
    )]
    pub workload_identities: Vec<WorkloadIdentity>,

    /// How usage is paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,

    /// Spending caps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub budgets: Vec<Budget>,

    /// Rate caps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,

    /// What to do at the edges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,

    /// How the service presents itself to this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<Brand>,
}

/// Which models may be called. Deny wins over allow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelAccess {
    /// Globs over provider/model in which * stands for any characters, for example openai/*. An empty list allows
    /// nothing. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::access_globs")]
    pub allow: Option<Vec<String>>,

    /// Globs over provider/model that are taken away from allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::access_globs")]
    pub deny: Vec<String>,

    /// By provider/model, others to try in this order when it fails before the first byte of its answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::fallbacks")]
    pub fallbacks: BTreeMap<String, Vec<String>>,
}

/// A key that the tenant's applications use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Unique within the tenant; appears in usage.
    #[schemars(schema_with = "schema::dns_label")]
    pub name: String,

    /// The Secret, in the Tenant's namespace, that holds the key under apiKey. One that is there already is used as
    /// it is, if the key has at least 32 characters.
    #[schemars(schema_with = "schema::object_name")]
    pub secret_name: String,

    /// Refuse the key after this. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::timestamp")]
    pub expires_at: Option<jiff::Timestamp>,

    /// Refuse the key. Default false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,

    /// How long the old key is still honoured after a rotation. Default 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_grace: Option<Duration>,

    /// Narrows the tenant's own models: both must allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<KeyModels>,

    /// Rate caps within the tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,

    /// Spending caps within the tenant's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub budgets: Vec<Budget>,
}

impl Key {
    /// How long an old key is honoured after a rotation. `envFrom` does not refresh: where nothing is said, a day's
    /// deployments shall pick the new one up.
    pub fn grace(&self) -> SignedDuration {
        let milliseconds = |grace: &Duration| i64::try_from(grace.milliseconds()).unwrap_or(i64::MAX);
        self.rotation_grace
            .as_ref()
            .map_or(SignedDuration::from_hours(24), |grace| SignedDuration::from_millis(milliseconds(grace)))
    }
}

/// Which of the tenant's models a key may call. Deny wins over allow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyModels {
    /// Globs over provider/model. Default: all that the tenant may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::access_globs")]
    pub allow: Option<Vec<String>>,

    /// Globs over provider/model that are taken away from allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::access_globs")]
    pub deny: Vec<String>,
}

/// A ServiceAccount whose pods need no key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadIdentity {
    /// The ServiceAccount's namespace.
    #[schemars(schema_with = "schema::dns_label")]
    pub namespace: String,

    /// The ServiceAccount's name.
    #[schemars(schema_with = "schema::object_name")]
    pub service_account: String,
}

/// Rate caps, over all gateways together. What is not given is not limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Requests that begin in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub requests_per_minute: Option<u64>,

    /// Input and output tokens in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub tokens_per_minute: Option<u64>,

    /// Requests in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub concurrent_requests: Option<u64>,
}

/// What to do at the edges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// When a client leaves before its answer ends. Cancel: the provider is told to stop and usage is estimated.
    /// Finish: the answer is read to its end and usage is exact. Default Finish for Credits, else Cancel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_gone: Option<ClientGone>,

    /// When the ledger can take no more usage. Refuse: answer 503. Allow: serve, and say that usage may be lost.
    /// Default Refuse for Credits, else Allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_unavailable: Option<LedgerUnavailable>,
}

/// What to do when a client leaves before its answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClientGone {
    /// Cancel upstream; usage is estimated from what was relayed.
    Cancel,
    /// Read the answer to its end; usage is exact.
    Finish,
}

plain_enum!(ClientGone: Cancel, Finish);

/// What to do when the ledger cannot take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LedgerUnavailable {
    /// Answer 503.
    Refuse,
    /// Serve, and say in a metric and a log line that usage may be lost.
    Allow,
}

plain_enum!(LedgerUnavailable: Refuse, Allow);

/// How the service presents itself to a tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Brand {
    /// Shown in place of AIGNE Hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub name: Option<String>,

    /// Shown in front of amounts, for example $.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub credit_prefix: Option<String>,
}

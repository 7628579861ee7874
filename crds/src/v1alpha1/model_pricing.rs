//! `ModelPricing`: what a provider's models cost, and what a tenant pays.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Factor, Money, Percent,
    schema::{self, rule},
    status::ModelPricingStatus,
};

/// What a provider's models cost, and what a tenant pays.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "hub.aigne.io",
    version = "v1alpha1",
    kind = "ModelPricing",
    plural = "modelpricings",
    shortname = "mprice",
    category = "aigne",
    namespaced,
    derive = "PartialEq",
    doc = "ModelPricing is what a provider's models cost, and what a tenant pays.",
    status = "ModelPricingStatus",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.providerRef.name"),
    printcolumn(name = "Margin", type_ = "string", json_path = ".spec.margin"),
    printcolumn(name = "Effective", type_ = "string", json_path = ".spec.effectiveFrom"),
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
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.revision", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct ModelPricingSpec {
    /// The AIProvider, in the same namespace, whose models are priced.
    pub provider_ref: ProviderRef,

    /// From when these rates apply. Of several ModelPricings for a provider, only the one that began last applies.
    /// Default: they always have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::timestamp")]
    pub effective_from: Option<jiff::Timestamp>,

    /// What is added to the cost where a rate gives no price of its own: price = cost x (1 + margin). Default 0%.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<Percent>,

    /// US dollars per unit that the provider bills in, where that is another currency or points. Every cost is
    /// multiplied by it; prices are in US dollars already. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [rule("self.matches('[1-9]')", "must be more than zero")]))]
    pub exchange_rate: Option<Factor>,

    /// The rates. A model's exact name beats a glob, a longer glob beats a shorter one.
    #[schemars(
        length(min = 1, max = 512),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["model"])
    )]
    pub rates: Vec<Rate>,
}

/// Names an AIProvider in the same namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderRef {
    /// The AIProvider's name.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,
}

/// Cost and price of the models that match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// A model's name, or a glob in which * stands for any characters.
    #[schemars(schema_with = "schema::model_glob")]
    pub model: String,

    /// What the provider charges, in the unit that it bills in.
    pub cost: Amounts,

    /// What a tenant pays, in US dollars. An amount that is not given here is cost x (1 + margin).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Amounts>,

    /// Other amounts for long prompts. The last tier that is exceeded applies in whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["above"]))]
    pub tiers: Vec<Tier>,

    /// By the provider's service tier, in small letters as it names it, what every amount is multiplied by, for example
    /// flex: "0.5". A request may ask for a tier that is listed here and for no other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub service_tiers: BTreeMap<String, Factor>,
}

/// Amounts that apply once a prompt is longer than `above` tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tier {
    /// Input tokens, cached ones included.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub above: u64,

    /// What the provider charges, in the unit that it bills in.
    pub cost: Amounts,

    /// What a tenant pays, in US dollars. An amount that is not given here is cost x (1 + margin).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Amounts>,
}

/// Amounts per million tokens, or per unit where the name says so. What is not given is not priced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Per million input tokens that were not cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Money>,

    /// Per million output tokens; reasoning tokens too unless reasoning is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Money>,

    /// Per million input tokens that were read from the provider's cache. Default: input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<Money>,

    /// Per million input tokens that were written to the provider's cache. Default: input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Money>,

    /// Per million reasoning tokens, where they are charged apart from output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Money>,

    /// Per million audio input tokens. Default: input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<Money>,

    /// Per million audio output tokens. Default: output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<Money>,

    /// Per million image input tokens. Default: input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_input: Option<Money>,

    /// Per million image output tokens. Default: output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_output: Option<Money>,

    /// Per million characters of text that are spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<Money>,

    /// Per second of audio or video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<Money>,

    /// Per request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Money>,

    /// Per image. The first entry that matches size and quality applies; what is not known of an image matches everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub images: Vec<ImageAmount>,
}

/// An amount per image of a size and quality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageAmount {
    /// For example 1024x1024. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub size: Option<String>,

    /// For example high. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub quality: Option<String>,

    /// Per image.
    pub amount: Money,
}

//! `AIProvider`: an endpoint, its keys and its models.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Duration, is_false,
    schema::{self, plain_enum, rule},
    status::AIProviderStatus,
};

/// An AI provider's endpoint, the keys that it is called with and the models that it serves.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "hub.aigne.io",
    version = "v1alpha1",
    kind = "AIProvider",
    plural = "aiproviders",
    shortname = "aip",
    category = "aigne",
    namespaced,
    derive = "PartialEq",
    doc = "AIProvider is an AI provider's endpoint, the keys that it is called with and the models that it serves.",
    status = "AIProviderStatus",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
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
    printcolumn(
        name = "Credentials",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"CredentialsValid\")].status"
    ),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.baseURL", priority = "1"),
    printcolumn(name = "Priority", type_ = "integer", json_path = ".spec.priority", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[schemars(extend("x-kubernetes-validations" = [
    rule("(self.type == 'Bedrock') == has(self.bedrock)", "bedrock is needed for type Bedrock, and only there"),
    rule("!(self.type in ['OpenAICompatible', 'Ollama']) || has(self.baseURL)", "baseURL is needed for this type"),
    rule(
        "!has(self.baseURL) || self.baseURL.startsWith('https://') || (has(self.allowInsecure) && self.allowInsecure)",
        "baseURL must be https unless allowInsecure is true"
    ),
    rule(
        "self.type in ['OpenAICompatible', 'Ollama', 'Bedrock'] || (has(self.credentials) && size(self.credentials) > 0)",
        "credentials are needed for this type"
    ),
]))]
pub struct AIProviderSpec {
    /// The provider, and with it the API that it speaks. OpenAICompatible is any other service with OpenAI's API.
    pub r#type: ProviderType,

    /// Where the API is, without a trailing path such as /chat/completions. Needed for OpenAICompatible and Ollama.
    /// Default: by type; OpenAI https://api.openai.com/v1, Anthropic https://api.anthropic.com, DeepSeek
    /// https://api.deepseek.com, OpenRouter https://openrouter.ai/api/v1, XAI https://api.x.ai/v1, Doubao
    /// https://ark.cn-beijing.volces.com/api/v3, Poe https://api.poe.com/v1, Gemini
    /// https://generativelanguage.googleapis.com, Bedrock by its region.
    #[serde(rename = "baseURL", skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 1024),
        regex(pattern = schema::BASE_URL.pattern)
    )]
    pub base_url: Option<String>,

    /// The keys that the provider is called with. Load is spread over them by weight. Needed but for Ollama,
    /// OpenAICompatible and Bedrock, which without them is called as the gateway's own AWS identity (a role of its
    /// ServiceAccount).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub credentials: Vec<Credential>,

    /// Amazon Bedrock's own settings. Needed for type Bedrock, refused elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bedrock: Option<BedrockSettings>,

    /// The models that may be asked for.
    #[schemars(
        length(min = 1, max = 256),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub models: Vec<Model>,

    /// Among providers that serve a model, the lowest number is tried first. Default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1000))]
    pub priority: Option<u32>,

    /// Share of the load among providers of equal priority; one with 0 is tried after the others. Default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1000))]
    pub weight: Option<u32>,

    /// How long to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<TimeoutSettings>,

    /// How often to try again before the first byte of an answer was sent to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetrySettings>,

    /// Most requests in flight to this provider from one gateway pod. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub concurrency: Option<u32>,

    /// Allow http:// addresses. Default false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_insecure: bool,

    /// Allow loopback, link-local, private and metadata addresses, as an in-cluster Ollama needs. They are checked
    /// when a connection is made, on the resolved address. Default false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_private: bool,
}

/// The provider, and with it the API that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the provider's own name")]
pub enum ProviderType {
    OpenAI,
    Anthropic,
    Bedrock,
    Gemini,
    DeepSeek,
    Ollama,
    OpenRouter,
    XAI,
    Doubao,
    Poe,
    OpenAICompatible,
}

plain_enum!(ProviderType: OpenAI, Anthropic, Bedrock, Gemini, DeepSeek, Ollama, OpenRouter, XAI, Doubao, Poe, OpenAICompatible);

/// One key that a provider is called with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// Unique within the provider. Renaming it forgets what is known of its health.
    #[schemars(schema_with = "schema::dns_label")]
    pub name: String,

    /// The Secret, in the same namespace, that holds the key. It must carry the label
    /// hub.aigne.io/credential: "true". For Bedrock the value is a Bedrock API key, a JSON object with accessKeyId,
    /// secretAccessKey and perhaps sessionToken, or the lines of an AWS credentials file.
    pub secret_key_ref: SecretKeyRef,

    /// Share of the load among the provider's credentials; 0 takes it out of rotation. Default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1000))]
    pub weight: Option<u32>,
}

/// Names one value in a Secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,

    /// The data key in the Secret.
    #[schemars(schema_with = "schema::secret_key")]
    pub key: String,
}

/// Amazon Bedrock's own settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BedrockSettings {
    /// The AWS region, for example eu-central-1.
    #[schemars(length(max = 32), regex(pattern = schema::REGION.pattern))]
    pub region: String,
}

/// A model that may be asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule(
    "!has(self.maxOutputTokens) || !has(self.contextWindow) || self.maxOutputTokens <= self.contextWindow",
    "maxOutputTokens must not be more than contextWindow"
)]))]
pub struct Model {
    /// What clients write, alone or after the provider's name and a slash.
    #[schemars(schema_with = "schema::model_name")]
    pub name: String,

    /// What the provider is asked for. Default: name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = schema::UPSTREAM_MODEL.pattern))]
    pub upstream_model: Option<String>,

    /// Which endpoints serve it. Default Chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<ModelType>,

    /// Other names that clients may write. Models of several providers may share one: they are tried by priority.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::aliases")]
    pub aliases: Vec<String>,

    /// Most tokens in input and output together. Needed to bound a request's cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub context_window: Option<u64>,

    /// Most output tokens. Needed to bound a request's cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub max_output_tokens: Option<u64>,

    /// What the model can do, where requests are translated between APIs: Tools, Vision, StructuredOutput (at Bedrock: it
    /// takes a JSON schema itself; else it is made to call a tool with that schema), Reasoning, AdaptiveThinking (it
    /// chooses its own thinking budget and refuses budget_tokens). Default: not stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "set"))]
    pub features: Vec<ModelFeature>,
}

/// Which endpoints serve a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the endpoint's own name")]
pub enum ModelType {
    #[default]
    Chat,
    Embedding,
    Image,
    Video,
    Speech,
    Transcription,
}

plain_enum!(ModelType: Chat, Embedding, Image, Video, Speech, Transcription);

/// What a model can do, where that matters to translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the feature's own name")]
pub enum ModelFeature {
    Tools,
    Vision,
    StructuredOutput,
    Reasoning,
    /// Anthropic's newest models choose their thinking budget themselves and refuse `budget_tokens`.
    AdaptiveThinking,
}

plain_enum!(ModelFeature: Tools, Vision, StructuredOutput, Reasoning, AdaptiveThinking);

/// How long to wait; none may be zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeoutSettings {
    /// For name resolution, connect and TLS. Default 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [not_zero()]))]
    pub connect: Option<Duration>,

    /// From the sent request to the first byte of a streamed answer's body; a whole answer begins when it is ready,
    /// so `request` alone bounds it. Default 2m (Ollama 10m, as it may load the model first).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [not_zero()]))]
    pub first_token: Option<Duration>,

    /// Between two pieces of an answer. Default 1m (Ollama 2m).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [not_zero()]))]
    pub idle: Option<Duration>,

    /// For the whole attempt. Default 15m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [not_zero()]))]
    pub request: Option<Duration>,
}

/// How often to try again. Tried again are connect errors, 408, 429 and 5xx.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetrySettings {
    /// Attempts in all against this provider, the first included. Default 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub attempts: Option<u32>,

    /// Wait before the second attempt; doubles for each further one. Default 250ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Duration>,

    /// No single wait is longer. Default 5s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_backoff: Option<Duration>,
}

fn not_zero() -> serde_json::Value {
    rule("self.matches('[1-9]')", "must be more than zero")
}

//! The providers, one row each.

use serde_json::json;

use crate::harness;

/// A provider.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    /// `spec.type`.
    pub kind: &'static str,
    /// Its own words for usage, as the scripted provider knows them.
    pub dialect: &'static str,
    /// What it counts.
    pub counts: Counts,
    /// Where each number comes from: prompt, read from cache, written to cache, output, reasoning.
    pub numbers: [&'static str; 5],
}

/// What a provider counts beside input and output.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is what its name says")]
pub struct Counts {
    pub cached: bool,
    pub written: bool,
    pub reasoning: bool,
}

const NONE: Counts = Counts { cached: false, written: false, reasoning: false };
const READ: Counts = Counts { cached: true, reasoning: true, ..NONE };
const ALL: Counts = Counts { written: true, ..READ };
const OPENAI: [&str; 5] = [
    "`prompt_tokens` less both cache counts",
    "`prompt_tokens_details.cached_tokens`",
    "`prompt_tokens_details.cache_write_tokens`",
    "`completion_tokens`",
    "`completion_tokens_details.reasoning_tokens`",
];
const BARE: [&str; 5] = ["`prompt_tokens`", "–", "–", "`completion_tokens`", "–"];

/// All of them, in the order of the table.
pub const PROVIDERS: [Provider; 11] = [
    Provider { kind: "OpenAI", dialect: "openai", counts: ALL, numbers: OPENAI },
    Provider {
        kind: "Anthropic",
        dialect: "",
        counts: ALL,
        numbers: [
            "`input_tokens`",
            "`cache_read_input_tokens`",
            "`cache_creation_input_tokens`",
            "`output_tokens` of `message_delta`",
            "`output_tokens_details.thinking_tokens`",
        ],
    },
    Provider {
        kind: "Bedrock",
        dialect: "",
        counts: Counts { cached: true, written: true, reasoning: false },
        numbers: [
            "`inputTokens` (of `metadata` in a stream)",
            "`cacheReadInputTokens`",
            "`cacheWriteInputTokens`",
            "`outputTokens`",
            "–",
        ],
    },
    Provider {
        kind: "Gemini",
        dialect: "",
        counts: READ,
        numbers: [
            "`promptTokenCount` and `toolUsePromptTokenCount` less the cached",
            "`cachedContentTokenCount`",
            "–",
            "`candidatesTokenCount` and `thoughtsTokenCount`",
            "`thoughtsTokenCount`",
        ],
    },
    Provider {
        kind: "DeepSeek",
        dialect: "deepseek",
        counts: READ,
        numbers: [
            "`prompt_tokens` less cache hits",
            "`prompt_cache_hit_tokens`",
            "–",
            "`completion_tokens`",
            "`completion_tokens_details.reasoning_tokens`",
        ],
    },
    Provider {
        kind: "Ollama",
        dialect: "ollama",
        counts: NONE,
        numbers: [
            "`prompt_tokens`, or its own `prompt_eval_count`",
            "–",
            "–",
            "`completion_tokens`, or its own `eval_count`",
            "–",
        ],
    },
    Provider { kind: "OpenRouter", dialect: "openrouter", counts: ALL, numbers: OPENAI },
    Provider {
        kind: "XAI",
        dialect: "xai",
        counts: READ,
        numbers: [
            "`prompt_tokens` less the cached",
            "`prompt_tokens_details.cached_tokens`",
            "–",
            "`completion_tokens` and the reasoning beside it",
            "`completion_tokens_details.reasoning_tokens`",
        ],
    },
    Provider {
        kind: "Doubao",
        dialect: "doubao",
        counts: READ,
        numbers: [
            "`prompt_tokens` less the cached",
            "`prompt_tokens_details.cached_tokens`",
            "–",
            "`completion_tokens`",
            "`completion_tokens_details.reasoning_tokens`",
        ],
    },
    Provider { kind: "Poe", dialect: "poe", counts: NONE, numbers: BARE },
    Provider { kind: "OpenAICompatible", dialect: "openai", counts: ALL, numbers: OPENAI },
];

impl Provider {
    /// Its name in the configuration.
    pub fn id(&self) -> String {
        self.kind.to_lowercase()
    }

    /// The model that clients of a wire ask for: a 429 makes the hub leave it alone for a while, for that wire only.
    pub fn model(&self, of: &str) -> String {
        format!("{}-{of}", self.id())
    }

    /// What a chat model is called there.
    fn upstream_model(&self) -> &'static str {
        match self.kind {
            "Bedrock" => "anthropic.claude-sonnet-4-5-20250929-v1:0",
            // The first that takes marks of the cache.
            "OpenAI" => "gpt-5.6",
            _ => "m",
        }
    }

    /// Its manifest, at this address.
    pub fn manifest(&self, origin: &str, models: &[(String, &str, Option<&str>)]) -> harness::Provider {
        let path = match self.kind {
            "Anthropic" | "DeepSeek" | "Gemini" | "Bedrock" | "Ollama" => "",
            "OpenRouter" => "/api/v1",
            "Doubao" => "/api/v3",
            _ => "/v1",
        };
        let mut provider = harness::Provider::at(&self.id(), self.kind, &format!("{origin}{path}"));
        if self.kind == "Bedrock" {
            let key = json!({"accessKeyId": "ASIASCRIPTED", "secretAccessKey": "session-secret",
                "sessionToken": "session-token"});
            provider = provider.set("bedrock", json!({"region": "us-east-1"})).secret(&key.to_string());
        }
        for (name, kind, upstream) in models {
            let mut model = json!({"name": name, "type": kind, "contextWindow": 100_000,
                "upstreamModel": upstream.unwrap_or(self.upstream_model())});
            if *kind == "Chat" {
                model["maxOutputTokens"] = json!(4096);
                model["features"] = json!(["Tools", "Vision", "StructuredOutput", "Reasoning"]);
            }
            provider = provider.with_model(model);
        }
        provider
    }
}

/// Of whom a conversation is begun that goes on elsewhere.
pub const BEGIN: [&str; 3] = ["Anthropic", "Gemini", "DeepSeek"];

/// One of those, beside the one that is looked at.
pub fn begun(kind: &str) -> Option<Provider> {
    PROVIDERS.into_iter().find(|provider| provider.kind == kind && BEGIN.contains(&kind))
}

/// Its model.
pub fn begun_model(provider: &Provider) -> String {
    provider.model("begun")
}

//! What the fuzz targets share.

use aigne_hub::provider::{self, Adapter};
use aigne_hub_crds::config::{Model, ModelFeature, ModelType, Provider, ProviderType, Retry, Timeouts};

/// Their adapters.
pub fn adapters() -> impl Iterator<Item = &'static dyn Adapter> {
    ProviderType::ALL.iter().copied().map(provider::adapter)
}

/// A provider of this type with one model.
pub fn provider(r#type: ProviderType) -> Provider {
    Provider {
        id: "ai/p".into(),
        name: "p".into(),
        r#type,
        base_url: "https://example.com".into(),
        credentials: Vec::new(),
        models: vec![Model {
            name: "m".into(),
            upstream_model: "upstream-m".into(),
            r#type: ModelType::Chat,
            aliases: Vec::new(),
            context_window: None,
            max_output_tokens: Some(8000),
            features: vec![ModelFeature::AdaptiveThinking],
        }],
        priority: 0,
        weight: 1,
        timeouts: Timeouts { connect: 1, first_token: 1, idle: 1, request: 1 },
        retry: Retry { attempts: 1, backoff: 1, max_backoff: 1 },
        concurrency: None,
        allow_insecure: false,
        allow_private: false,
        bedrock: None,
    }
}

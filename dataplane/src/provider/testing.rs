//! A provider to aim at in tests.

use aigne_hub_crds::config::{
    self, Credential, Model, ModelFeature, ModelType, Provider, ProviderType, Retry, SecretRef, Timeouts,
};

/// A provider of this type with one model, `m`, that it knows as `upstream-m`.
pub(crate) fn provider(r#type: ProviderType) -> Provider {
    Provider {
        id: "ai/p".into(),
        name: "p".into(),
        r#type,
        base_url: "https://example.com/v1".into(),
        credentials: vec![Credential {
            name: "c".into(),
            secret: SecretRef { namespace: "ai".into(), name: "s".into(), key: "k".into() },
            weight: 1,
        }],
        models: vec![model(&[])],
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

/// The model, with these features.
pub(crate) fn model(features: &[ModelFeature]) -> Model {
    Model {
        name: "m".into(),
        upstream_model: "upstream-m".into(),
        r#type: ModelType::Chat,
        aliases: Vec::new(),
        context_window: Some(100_000),
        max_output_tokens: Some(8000),
        features: features.to_vec(),
    }
}

/// A sheet with one rate, whose price is its cost.
pub(crate) fn sheet(model: &str, cost: config::Amounts) -> config::PriceSheet {
    let rate = config::Rate {
        model: model.into(),
        price: cost.clone(),
        cost,
        tiers: Vec::new(),
        service_tiers: std::collections::BTreeMap::default(),
    };
    config::PriceSheet { revision: "r".into(), source: "s".into(), effective_from: None, rates: vec![rate] }
}

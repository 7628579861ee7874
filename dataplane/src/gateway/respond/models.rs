//! `GET /v1/models`: what this key may use, and nothing else.

use aigne_hub_crds::config::ModelType;
use http::{HeaderMap, StatusCode};

use super::{Answer, Plain};
use crate::{
    error::{GatewayError, Kind},
    gateway::authenticate::Principal,
    snapshot::{Served, Snapshot},
    wire::{Wire, models},
};

/// Every model that the key may use, once.
pub(in crate::gateway) fn list(snapshot: &Snapshot, principal: &Principal, wire: Wire) -> Answer {
    let listed: Vec<_> = snapshot
        .listing()
        .iter()
        .filter(|served| principal.tenant.allows(&principal.key, &served.model().qualified))
        .map(describe)
        .collect();
    plain(models::list(wire, &listed))
}

/// One model, by any of its names; one that may not be used does not exist.
pub(in crate::gateway) fn one(
    snapshot: &Snapshot,
    principal: &Principal,
    wire: Wire,
    name: &str,
) -> Result<Answer, GatewayError> {
    let found = snapshot
        .serving(name)
        .iter()
        .find(|served| principal.tenant.allows(&principal.key, &served.model().qualified));
    match found {
        Some(served) => Ok(plain(models::single(wire, &describe(served)))),
        None => Err(GatewayError::new(Kind::UnknownModel, "this model does not exist").with_param("model")),
    }
}

fn describe(served: &Served) -> models::Model {
    let model = served.model();
    models::Model {
        id: model.qualified.clone(),
        display_name: model.config.name.clone(),
        owned_by: served.provider.config.name.clone(),
        created: 0,
        kind: match model.config.r#type {
            ModelType::Chat => "chat",
            ModelType::Embedding => "embedding",
            ModelType::Image => "image",
            ModelType::Video => "video",
            ModelType::Speech => "speech",
            ModelType::Transcription => "transcription",
        },
        methods: match model.config.r#type {
            ModelType::Chat => &["generateContent", "streamGenerateContent", "countTokens"],
            ModelType::Embedding => &["embedContent", "batchEmbedContents"],
            ModelType::Image | ModelType::Video | ModelType::Speech | ModelType::Transcription => &[],
        },
        limits: [model.config.context_window, model.config.max_output_tokens],
    }
}

fn plain(body: Vec<u8>) -> Answer {
    Answer::Plain(Plain { status: StatusCode::OK, headers: HeaderMap::new(), body: body.into() })
}

//! Lists of models.

use super::{Family, Wire};
use crate::json::{self, Object};

/// One model that a client may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What to write as `model`.
    pub id: String,
    /// Since when it is there, in Unix seconds; 0 where that is not known.
    pub created: i64,
    /// Who serves it: `OpenAI`'s `owned_by`.
    pub owned_by: String,
    /// For people: Anthropic's `display_name`.
    pub display_name: String,
    /// What it is for: `chat`, `embedding`, `image`, `video`, `speech` or `transcription`.
    pub kind: &'static str,
    /// What may be asked of it, in Google's words.
    pub methods: &'static [&'static str],
    /// Tokens that it takes in, and that it writes at most, where they are known.
    pub limits: [Option<u64>; 2],
}

/// All models.
pub fn list(wire: Wire, models: &[Model]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + models.len() * 96);
    let mut object = Object::open(&mut out);
    match wire.family() {
        Family::OpenAi => {
            object.string("object", "list");
            json::list(object.name("data"), models, openai);
        }
        Family::Gemini => {
            json::list(object.name("models"), models, gemini);
        }
        Family::Anthropic => {
            json::list(object.name("data"), models, anthropic);
            object.raw("has_more", "false");
            for (name, model) in [("first_id", models.first()), ("last_id", models.last())] {
                match model {
                    Some(model) => object.string(name, &model.id),
                    None => object.raw(name, "null"),
                };
            }
        }
    }
    object.close();
    out
}

/// One model.
pub fn single(wire: Wire, model: &Model) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    match wire.family() {
        Family::OpenAi => openai(&mut out, model),
        Family::Anthropic => anthropic(&mut out, model),
        Family::Gemini => gemini(&mut out, model),
    }
    out
}

fn openai(out: &mut Vec<u8>, model: &Model) {
    let mut object = Object::open(out);
    object
        .string("id", &model.id)
        .string("object", "model")
        .number("created", model.created)
        .string("owned_by", &model.owned_by)
        // Not in OpenAI's own list, which leaves clients to tell models by their names.
        .string("type", model.kind);
    object.close();
}

fn anthropic(out: &mut Vec<u8>, model: &Model) {
    let created = jiff::Timestamp::from_second(model.created).unwrap_or_default();
    let mut object = Object::open(out);
    object
        .string("type", "model")
        .string("id", &model.id)
        .string("display_name", &model.display_name)
        .string("created_at", &created.to_string())
        .string("lifecycle", "active");
    for (name, limit) in ["max_input_tokens", "max_tokens"].into_iter().zip(model.limits) {
        if let Some(limit) = limit {
            object.number(name, limit);
        }
    }
    // Anthropic has models for chat alone, and needs `type` for something else.
    object.string("model_type", model.kind);
    object.close();
}

fn gemini(out: &mut Vec<u8>, model: &Model) {
    let mut object = Object::open(out);
    object.string("name", &format!("models/{}", model.id)).string("displayName", &model.display_name);
    for (name, limit) in ["inputTokenLimit", "outputTokenLimit"].into_iter().zip(model.limits) {
        if let Some(limit) = limit {
            object.number(name, limit);
        }
    }
    json::list(object.name("supportedGenerationMethods"), model.methods, |out, name| json::string(out, name));
    object.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn each_wire_has_its_own_list() {
        let model = Model {
            id: "openai/gpt-x".into(),
            created: 1_700_000_000,
            owned_by: "openai".into(),
            display_name: "GPT \"X\"".into(),
            kind: "chat",
            methods: &["generateContent", "streamGenerateContent", "countTokens"],
            limits: [Some(1000), None],
        };
        let openai = r#"{"id":"openai/gpt-x","object":"model","created":1700000000,"owned_by":"openai","type":"chat"}"#;
        let anthropic = r#"{"type":"model","id":"openai/gpt-x","display_name":"GPT \"X\"","created_at":"2023-11-14T22:13:20Z","lifecycle":"active","max_input_tokens":1000,"model_type":"chat"}"#;
        assert_eq!(text(single(Wire::OpenAiChat, &model)), openai);
        assert_eq!(text(single(Wire::AnthropicMessages, &model)), anthropic);
        let gemini = r#"{"name":"models/openai/gpt-x","displayName":"GPT \"X\"","inputTokenLimit":1000,"supportedGenerationMethods":["generateContent","streamGenerateContent","countTokens"]}"#;
        assert_eq!(text(single(Wire::Gemini, &model)), gemini);
        let models = [model];
        assert_eq!(text(list(Wire::Gemini, &models)), format!(r#"{{"models":[{gemini}]}}"#));
        assert_eq!(
            text(list(Wire::OpenAiChat, &models)),
            format!(r#"{{"object":"list","data":[{openai}]}}"#)
        );
        assert_eq!(
            text(list(Wire::AnthropicMessages, &models)),
            format!(
                r#"{{"data":[{anthropic}],"has_more":false,"first_id":"openai/gpt-x","last_id":"openai/gpt-x"}}"#
            )
        );
        assert_eq!(
            text(list(Wire::AnthropicMessages, &[])),
            r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        );
    }
}

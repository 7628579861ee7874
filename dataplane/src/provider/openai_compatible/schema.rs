//! Answers by a schema from providers that promise JSON but follow no schema: JSON is asked for, and the schema is told
//! in a system message. That the answer follows it is then the model's word, not the provider's.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    body::Body,
    json::Object,
    provider::{Refusal, told},
};

/// What asks for JSON.
pub(super) const JSON_OBJECT: &str = r#"{"type":"json_object"}"#;

/// The system message that tells it.
pub(super) fn message(schema: &str) -> String {
    let mut out = Vec::with_capacity(schema.len() + 256);
    let mut message = Object::open(&mut out);
    message.string("role", "system").string("content", &told::schema(schema));
    message.close();
    String::from_utf8(out).unwrap_or_default()
}

/// The schema that a body asks for.
pub(super) fn asked(body: &Body) -> Result<Option<String>, Refusal> {
    #[derive(Deserialize)]
    struct Format<'a> {
        r#type: String,
        #[serde(borrow)]
        json_schema: Option<Inner<'a>>,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(borrow)]
        schema: Option<&'a RawValue>,
    }
    let Some(format) = body.get::<Format<'_>>("response_format") else { return Ok(None) };
    if format.r#type != "json_schema" {
        return Ok(None);
    }
    match format.json_schema.and_then(|inner| inner.schema) {
        Some(schema) => Ok(Some(schema.get().to_owned())),
        None => Err(Refusal {
            field: "response_format.json_schema".to_owned(),
            message: "`response_format.json_schema` needs a `schema`".to_owned(),
        }),
    }
}

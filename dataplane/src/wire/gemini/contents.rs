//! The messages.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{
        BadRequest,
        fields::{bad, list, read},
    },
    decode::{only_known, unsupported},
    signatures,
};
use crate::chat::{Content, Message, Part, Raw, Role, Source};

#[derive(Deserialize)]
struct RawContent<'a> {
    role: Option<String>,
    #[serde(borrow)]
    parts: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPart<'a> {
    text: Option<String>,
    thought: Option<bool>,
    #[serde(alias = "thought_signature")]
    thought_signature: Option<String>,
    #[serde(alias = "inline_data")]
    inline_data: Option<Blob>,
    #[serde(alias = "file_data")]
    file_data: Option<File>,
    #[serde(alias = "function_call")]
    function_call: Option<Call>,
    #[serde(alias = "function_response", borrow)]
    function_response: Option<FunctionResponse<'a>>,
    #[serde(alias = "video_metadata", borrow)]
    video_metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    #[serde(alias = "mime_type")]
    mime_type: String,
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(alias = "mime_type")]
    mime_type: Option<String>,
    #[serde(alias = "file_uri")]
    file_uri: String,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    name: String,
    args: Option<Raw>,
}

#[derive(Deserialize)]
struct FunctionResponse<'a> {
    id: Option<String>,
    name: Option<String>,
    response: Option<Raw>,
    #[serde(borrow)]
    parts: Option<&'a RawValue>,
}

/// All contents, with the ids that pair calls and results where the client left them out.
pub(super) fn read_all(param: &str, raw: &str) -> Result<Vec<Message>, BadRequest> {
    let mut calls = Calls::default();
    list(param, raw, |raw| {
        let content: RawContent<'_> = read("", raw)?;
        let role = match content.role.as_deref() {
            None | Some("user" | "function" | "") => Role::User,
            Some("model") => Role::Assistant,
            Some(other) => return Err(bad("role", format!("{other:?} is not known"))),
        };
        let parts = match content.parts {
            Some(parts) => list("parts", parts.get(), |raw| part(raw, &mut calls))?,
            None => Vec::new(),
        };
        Ok(Message::new(role, parts.into_iter().flatten().collect()))
    })
}

/// The system's instruction: a content whose role says nothing.
pub(super) fn system(param: &str, raw: &str) -> Result<Vec<Part>, BadRequest> {
    let content: RawContent<'_> = read(param, raw)?;
    let Some(parts) = content.parts else { return Ok(Vec::new()) };
    let parts = list("parts", parts.get(), |raw| {
        let part: RawPart<'_> = read("", raw)?;
        part.text.map(|text| Content::Text(text).into()).ok_or_else(|| bad("text", "is missing"))
    });
    parts.map_err(|error| error.within(param))
}

/// Calls that no result has answered yet.
#[derive(Default)]
struct Calls {
    made: usize,
    open: VecDeque<(String, String)>,
}

impl Calls {
    fn call(&mut self, id: Option<String>, name: &str) -> String {
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{}", self.made));
        self.made += 1;
        self.open.push_back((id.clone(), name.to_owned()));
        id
    }

    /// The call that this answers: by its id, or the earliest of that name.
    fn answer(&mut self, id: Option<String>, name: Option<&str>) -> Result<String, BadRequest> {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.open.retain(|(open, _)| *open != id);
            return Ok(id);
        }
        let found = self.open.iter().position(|(_, open)| Some(open.as_str()) == name);
        let call = found.and_then(|index| self.open.remove(index));
        call.map(|(id, _)| id).ok_or_else(|| bad("functionResponse.name", "answers no call before it"))
    }
}

fn part(raw: &str, calls: &mut Calls) -> Result<Vec<Part>, BadRequest> {
    let part: RawPart<'_> = read("", raw)?;
    if part.video_metadata.is_some_and(|raw| raw.get() != "null") {
        return Err(unsupported("videoMetadata"));
    }
    let signature = part.thought_signature;
    if let Some(call) = part.function_call {
        let id = calls.call(call.id, &call.name);
        let arguments = call.args.filter(|args| args.get() != "null");
        if arguments.as_ref().is_some_and(|args| !args.is_object()) {
            return Err(bad("functionCall.args", "must be an object"));
        }
        let arguments = arguments.map_or_else(|| "{}".to_owned(), |args| args.get().to_owned());
        let call = Part::from(Content::ToolCall { id, name: call.name, arguments });
        return Ok(vec![Part { signature: signature.filter(|text| !text.is_empty()), ..call }]);
    }
    let text = part.text.unwrap_or_default();
    if part.thought == Some(true) {
        return Ok(vec![signatures::read(text, signature).into()]);
    }
    let mut parts = Vec::with_capacity(1);
    if signature.as_ref().is_some_and(|text| !text.is_empty()) {
        parts.push(signatures::read(String::new(), signature).into());
    }
    if let Some(response) = part.function_response {
        let id = calls.answer(response.id, response.name.as_deref())?;
        parts.push(result(id, response.response.as_ref(), response.parts)?);
    } else if let Some(blob) = part.inline_data {
        parts.push(inline(blob).into());
    } else if let Some(file) = part.file_data {
        parts.push(by_address(file).into());
    } else if !text.is_empty() {
        parts.push(Content::Text(text).into());
    } else if parts.is_empty() {
        // What is left of it: an empty text, or something that only Google has.
        only_known(raw, &["text", "thought", "thoughtSignature", "thought_signature"])?;
    }
    Ok(parts)
}

fn result(id: String, response: Option<&Raw>, parts: Option<&RawValue>) -> Result<Part, BadRequest> {
    let (text, is_error) = response.map_or_else(|| (String::new(), false), said);
    let mut content = Vec::new();
    if !text.is_empty() {
        content.push(Content::Text(text).into());
    }
    if let Some(parts) = parts {
        // Never a call or a result.
        let mut calls = Calls::default();
        let inner = list("parts", parts.get(), |raw| part(raw, &mut calls))
            .map_err(|error| error.within("functionResponse"))?;
        content.extend(inner.into_iter().flatten());
    }
    Ok(Content::ToolResult { id, content, is_error }.into())
}

/// What a function answered: the text under one of the names that say nothing more, else the whole object.
fn said(response: &Raw) -> (String, bool) {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Only {
        #[serde(alias = "result")]
        output: Option<String>,
        error: Option<String>,
    }
    match response.read::<Only>() {
        Some(Only { output: Some(text), error: None }) => (text, false),
        Some(Only { output: None, error: Some(text) }) => (text, true),
        _ => (response.get().to_owned(), false),
    }
}

fn inline(blob: Blob) -> Content {
    let Blob { mime_type, data } = blob;
    if let Some(format) = mime_type.strip_prefix("audio/") {
        let format = match format {
            "mpeg" => "mp3",
            "x-wav" | "wave" => "wav",
            other => other,
        };
        return Content::Audio { data, format: format.to_owned() };
    }
    let is_image = mime_type.starts_with("image/");
    let source = Source::Base64 { media_type: mime_type, data };
    if is_image { Content::Image { source, detail: None } } else { document(source) }
}

fn by_address(file: File) -> Content {
    let source = Source::Url(file.file_uri);
    if file.mime_type.is_some_and(|mime_type| mime_type.starts_with("image/")) {
        Content::Image { source, detail: None }
    } else {
        document(source)
    }
}

fn document(source: Source) -> Content {
    Content::File { source, name: None, cited: false }
}

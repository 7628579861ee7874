//! From bytes to (wire, operation, model, stream, bounds).

pub(super) mod gemini;
mod media;
mod videos;

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header, request::Parts};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use memchr::memmem::Finder;
use tokio::time::Instant;

use super::{crossing, exchange::bounded, pieces::Pieces, settle::Estimate};
use crate::{
    body::{self, Body},
    chat::estimate,
    error::{GatewayError, Kind},
    json,
    media::Request,
    payload::Payload,
    usage::Units,
    wire::{
        Operation, Wire, max_output,
        tier::{self, Tier},
    },
};

/// A body that stands still for longer is given up.
const BODY_IDLE: Duration = Duration::from_secs(30);
/// So is one that trickles in for longer.
const BODY_WITHIN: Duration = Duration::from_mins(5);
/// How long, and how much of, a body that nobody wants is read.
const DISCARD_WITHIN: Duration = Duration::from_secs(2);
const MOST_DISCARDED: usize = 64 << 20;
/// Users, projects and client request ids are cut to this many bytes.
const LONGEST_NAME: usize = 128;

/// Names the end user; wins over the body's own field.
const USER_HEADER: &str = "x-aigne-hub-user";
/// Names the project.
const PROJECT_HEADER: &str = "x-aigne-hub-project";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Generate(Generate),
    Models(Wire),
    Model(Wire, String),
    Job(Errand),
}

/// What is wanted of a job that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Errand {
    /// As the client wrote it.
    pub(super) id: String,
    pub(super) wish: Wish,
    /// The bytes that are wanted of what is fetched: `bytes=FROM-TO`, one range.
    pub(super) range: Option<HeaderValue>,
}

/// What is done with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// How far it is.
    Look,
    /// What it has made, in this form: the video itself where none is named.
    Fetch(Option<&'static str>),
    Delete,
}

/// A request for something that is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generate {
    pub(super) wire: Wire,
    pub(super) operation: Operation,
    /// What the path says, where it says it (Gemini).
    pub(super) in_path: Option<InPath>,
}

/// What the path says in place of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InPath {
    /// As the client wrote it, decoded.
    pub(super) model: String,
    pub(super) stream: bool,
    /// The stream is to be one JSON array; of vectors, there are several.
    pub(super) array: bool,
}

/// A request whose body was read.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) wire: Wire,
    pub(super) operation: Operation,
    pub(super) content: Content,
    /// As the client wrote it.
    pub(super) model: String,
    pub(super) stream: bool,
    /// The stream is to be one JSON array, not server-sent events; of vectors, several are asked for.
    pub(super) array: bool,
    /// No image, audio, file or document: a token is at least a byte then.
    pub(super) text_only: bool,
    /// A guess at the prompt's tokens and the sound's length, for where a provider never counts them.
    pub(super) estimate: Estimate,
    /// The most that the answer can have of what is no token; a chat has none.
    pub(super) units: Units,
    /// The service tier that is asked for; beside chat there is none with a price of its own.
    pub(super) tier: Tier,
    /// The client asked for usage in its stream, or its wire always carries it.
    pub(super) include_usage: bool,
    pub(super) user: Option<String>,
    pub(super) project: Option<String>,
    /// Those that an adapter may let cross.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// What a request carries.
#[derive(Debug)]
pub(super) enum Content {
    /// A chat, in its wire.
    Chat(Body),
    /// Something else in `OpenAI`'s format, and what it means.
    Media(Payload, Box<Request>),
}

/// Which endpoint a path means.
pub(super) fn endpoint(head: &Parts) -> Result<Endpoint, GatewayError> {
    let path = head.uri.path();
    if let Some((endpoint, method)) = gemini::endpoint(&head.uri, &head.headers) {
        return checked(head, endpoint, method);
    }
    if let Some(found) = videos::endpoint(head) {
        return found;
    }
    let wire = || wire(path, &head.headers);
    let generate =
        |wire, operation| (Endpoint::Generate(Generate { wire, operation, in_path: None }), "POST");
    let (endpoint, method) = match path {
        "/v1/chat/completions" | "/chat/completions" => generate(Wire::OpenAiChat, Operation::Chat),
        "/v1/completions" | "/completions" => generate(Wire::OpenAiCompletions, Operation::Chat),
        "/v1/responses" | "/responses" => generate(Wire::OpenAiResponses, Operation::Chat),
        "/v1/messages" => generate(Wire::AnthropicMessages, Operation::Chat),
        "/v1/messages/count_tokens" => generate(Wire::AnthropicMessages, Operation::CountTokens),
        "/v1/models" | "/models" => (Endpoint::Models(wire()), "GET"),
        _ if let Some(operation) = media::operation(path) => generate(Wire::OpenAiChat, operation),
        _ => match path.strip_prefix("/v1/models/") {
            Some(name) if !name.is_empty() => (Endpoint::Model(wire(), percent_decode(name)), "GET"),
            _ => return Err(GatewayError::new(Kind::UnknownEndpoint, unknown(head))),
        },
    };
    checked(head, endpoint, method)
}

fn checked(head: &Parts, endpoint: Endpoint, method: &'static str) -> Result<Endpoint, GatewayError> {
    if head.method.as_str() == method {
        Ok(endpoint)
    } else {
        let path = head.uri.path();
        let message = format!("{} takes {method}, not {}", bounded(path, LONGEST_NAME), head.method);
        Err(GatewayError::new(Kind::MethodNotAllowed(method), message))
    }
}

/// What is said of a path that means nothing.
fn unknown(head: &Parts) -> String {
    let path = head.uri.path();
    if wire(path, &head.headers) == Wire::OpenAiResponses {
        let hint = "this hub stores no responses: each request brings its whole conversation as `input`";
        return format!("there is no {} {}: {hint}", head.method, bounded(path, LONGEST_NAME));
    }
    format!("there is no {} {}", head.method, bounded(path, LONGEST_NAME))
}

/// Which wire a request speaks, as far as its head tells; also for requests that no endpoint takes.
pub(super) fn wire(path: &str, headers: &HeaderMap) -> Wire {
    if gemini::is_asked(path, headers) {
        return Wire::Gemini;
    }
    let path = path.strip_prefix("/v1").unwrap_or(path);
    if path.starts_with("/messages") || headers.contains_key("anthropic-version") {
        Wire::AnthropicMessages
    } else if path == "/responses" || path.starts_with("/responses/") {
        Wire::OpenAiResponses
    } else if path == "/completions" {
        Wire::OpenAiCompletions
    } else {
        Wire::OpenAiChat
    }
}

/// Whether nothing in it can be an image, a sound, a document or a film. A letter that is written as an escape may be
/// part of a name that is looked for here; nobody has a reason to write one so.
fn is_text_only(body: &[u8]) -> bool {
    !MEDIA.iter().any(|name| name.find(body).is_some()) && !json::has_escaped_letter(body)
}

/// How names of media begin. Made once: making one takes longer than it takes to search a short body.
static MEDIA: LazyLock<[Finder<'static>; 7]> = LazyLock::new(|| {
    ["\"image", "\"input_audio\"", "\"audio_", "\"file", "\"document\"", "\"video", "\"inline"]
        .map(Finder::new)
});

/// The client's own request id, bounded.
pub(super) fn client_request_id(headers: &HeaderMap) -> Option<Box<str>> {
    text(headers, "x-request-id").or_else(|| text(headers, "x-client-request-id")).map(String::into_boxed_str)
}

/// Reads and checks the body.
pub(super) async fn read(
    head: &Parts,
    body: &mut Incoming,
    asked: Generate,
    max_body: usize,
) -> Result<Arrival, GatewayError> {
    let Generate { wire, operation, in_path } = asked;
    if head.headers.get(header::CONTENT_ENCODING).is_some_and(is_encoded) {
        let message = "request bodies must not be compressed (content-encoding)";
        return Err(GatewayError::new(Kind::Malformed, message));
    }
    let bytes = collect(body, max_body).await?;
    if !matches!(operation, Operation::Chat | Operation::CountTokens) {
        return match in_path {
            Some(in_path) => media::of_google(head, bytes, &in_path),
            None => media::arrival(head, bytes, wire, operation),
        };
    }
    let body = body::scan(bytes).map_err(|error| GatewayError::new(Kind::Malformed, error.to_string()))?;
    let InPath { model, stream, array } = match in_path {
        Some(in_path) => in_path,
        None => in_body(&body)?,
    };
    let include_usage = match wire {
        Wire::OpenAiChat | Wire::OpenAiCompletions => body
            .get::<StreamOptions>("stream_options")
            .and_then(|options| options.include_usage)
            .unwrap_or_default(),
        Wire::OpenAiResponses | Wire::AnthropicMessages | Wire::Gemini => true,
    };
    max_output::check(wire, operation, &body)?;
    let tier = tier::asked(wire, &body)?;
    let text_only = is_text_only(body.bytes());
    // Base64 says nothing about tokens; where there is none, the bytes are as good a guess as reading them.
    let estimated_input =
        if text_only { estimate::output(body.bytes().len() as u64) } else { estimate::request(&body) };
    let user = text(&head.headers, USER_HEADER).or_else(|| user(wire, &body));
    Ok(Arrival {
        wire,
        operation,
        content: Content::Chat(body),
        model,
        stream,
        array,
        text_only,
        estimate: Estimate { input: estimated_input, ..Estimate::default() },
        units: Units::default(),
        tier,
        include_usage,
        user,
        project: project(&head.headers),
        headers: crossing::of_client(wire, operation, &head.headers),
    })
}

/// The model, and whether to stream, where the body says it.
fn in_body(body: &Body) -> Result<InPath, GatewayError> {
    let Some(model) = body.get::<String>("model").filter(|model| !model.is_empty()) else {
        return Err(
            GatewayError::new(Kind::Malformed, "the field \"model\" must name a model").with_param("model")
        );
    };
    let stream = match body.raw("stream") {
        None | Some("false" | "null") => false,
        Some("true") => true,
        Some(_) => {
            return Err(GatewayError::new(Kind::Malformed, "the field \"stream\" must be true or false")
                .with_param("stream"));
        }
    };
    Ok(InPath { model, stream, array: false })
}

fn is_encoded(encoding: &http::HeaderValue) -> bool {
    !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
}

#[derive(serde::Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(serde::Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

fn project(headers: &HeaderMap) -> Option<String> {
    text(headers, PROJECT_HEADER).or_else(|| text(headers, "openai-project"))
}

fn user(wire: Wire, body: &Body) -> Option<String> {
    let named = match wire {
        Wire::OpenAiChat | Wire::OpenAiCompletions | Wire::OpenAiResponses => body.get::<String>("user"),
        Wire::AnthropicMessages | Wire::Gemini => None,
    };
    clean(&named.or_else(|| body.get::<Metadata>("metadata")?.user_id)?)
}

/// Reads on for a moment where a request is refused before its body was read: a client that is still writing would
/// find the connection broken, and not read why. Nothing is kept.
pub(super) async fn discard(head: &Parts, body: &mut Incoming) {
    // Who waits to be told to go on has sent nothing.
    if body.is_end_stream() || head.headers.contains_key(header::EXPECT) {
        return;
    }
    let read = async {
        let mut left = MOST_DISCARDED;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.into_data().map_or(0, |data| data.len());
            let Some(less) = left.checked_sub(length) else { return };
            left = less;
        }
    };
    let _ = tokio::time::timeout(DISCARD_WITHIN, read).await;
}

async fn collect(body: &mut Incoming, max_body: usize) -> Result<Bytes, GatewayError> {
    let too_large = || {
        GatewayError::new(
            Kind::TooLarge,
            format!("the body is larger than the {max_body} bytes that are accepted"),
        )
    };
    if body.size_hint().lower() > max_body as u64 {
        return Err(too_large());
    }
    let mut pieces = Pieces::default();
    let last = Instant::now() + BODY_WITHIN;
    loop {
        let by = last.min(Instant::now() + BODY_IDLE);
        let frame = match tokio::time::timeout_at(by, body.frame()).await {
            Ok(None) => return Ok(pieces.join()),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                return Err(GatewayError::new(Kind::Malformed, format!("the body broke off: {error}")));
            }
            Err(_) => return Err(GatewayError::new(Kind::BodyTimeout, "the body did not arrive in time")),
        };
        let Ok(data) = frame.into_data() else { continue };
        if pieces.len() + data.len() > max_body {
            return Err(too_large());
        }
        pieces.push(data);
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    clean(headers.get(name)?.to_str().ok()?)
}

/// Bounded and free of control characters; `None` where nothing is left.
fn clean(text: &str) -> Option<String> {
    let text: String = bounded(text.trim(), LONGEST_NAME).chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty()).then_some(text)
}

/// SDKs write `provider/model` as `provider%2Fmodel`.
fn percent_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, path: &str) -> Parts {
        http::Request::builder().method(method).uri(path).body(()).unwrap().into_parts().0
    }

    #[test]
    fn paths_mean_endpoints() {
        let chat = |wire| Endpoint::Generate(Generate { wire, operation: Operation::Chat, in_path: None });
        assert_eq!(endpoint(&head("POST", "/v1/chat/completions")).unwrap(), chat(Wire::OpenAiChat));
        assert_eq!(endpoint(&head("POST", "/v1/completions")).unwrap(), chat(Wire::OpenAiCompletions));
        assert_eq!(endpoint(&head("POST", "/v1/responses")).unwrap(), chat(Wire::OpenAiResponses));
        assert_eq!(endpoint(&head("POST", "/v1/messages?beta=true")).unwrap(), chat(Wire::AnthropicMessages));
        assert_eq!(
            endpoint(&head("GET", "/v1/models/openai%2Fgpt-5-mini")).unwrap(),
            Endpoint::Model(Wire::OpenAiChat, "openai/gpt-5-mini".into())
        );
        assert_eq!(endpoint(&head("GET", "/v1/messages")).unwrap_err().kind, Kind::MethodNotAllowed("POST"));
        assert_eq!(endpoint(&head("POST", "/v2/x")).unwrap_err().kind, Kind::UnknownEndpoint);
        let stored = endpoint(&head("GET", "/v1/responses/resp_1")).unwrap_err();
        assert_eq!(stored.kind, Kind::UnknownEndpoint);
        assert!(stored.message.contains("stores no responses"), "{stored}");
    }

    #[test]
    fn media_do_not_hide_behind_escapes() {
        assert!(is_text_only(br#"{"messages":[{"content":"a \u003cb\u003e \u00e9 \u4f60"}]}"#));
        for body in [
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://example.com"}}]}]}"#,
            r#"{"contents":[{"parts":[{"\u0066ileData":{"fileUri":"https://example.com"}}]}]}"#,
            r#"{"content":[{"type":"\u0069mage_url","\u0069mage_url":{}}]}"#,
            r#"{"content":[{"type":"audio_url","audio_url":{}}]}"#,
            r#"{"content":[{"type":"audio_embeds","audio_embeds":""}]}"#,
        ] {
            assert!(!is_text_only(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn percent_signs_that_mean_nothing_stay() {
        assert_eq!(percent_decode("a%2Fb%zz%"), "a/b%zz%");
    }

    #[test]
    fn names_are_bounded_at_a_character() {
        assert_eq!(clean(" a\u{7}b\n ").as_deref(), Some("ab"));
        assert_eq!(clean(&"ä".repeat(100)).unwrap().len(), LONGEST_NAME);
        assert_eq!(clean("\u{1}"), None);
    }
}

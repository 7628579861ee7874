//! Gemini's paths: the model stands in them, what is asked for comes after its last colon, and how a stream is
//! written is the query's.

use std::borrow::Cow;

use http::{HeaderMap, Uri};

use super::{Endpoint, Generate, InPath, percent_decode};
use crate::wire::{Operation, Wire};

/// Versions that its SDKs ask for.
const ROOTS: [&str; 3] = ["/v1beta/models", "/v1/models", "/v1alpha/models"];
/// How its SDKs show a key.
pub(in crate::gateway) const KEY_HEADER: &str = "x-goog-api-key";
/// How they show who they are; a sidecar lets it pass and takes the key away.
const CLIENT_HEADER: &str = "x-goog-api-client";

/// The endpoint and its method, where the path is one of Gemini's. `/v1/models` is also `OpenAI`'s and Anthropic's;
/// Google's headers say whose it is.
pub(super) fn endpoint(uri: &Uri, headers: &HeaderMap) -> Option<(Endpoint, &'static str)> {
    let path = uri.path();
    if !is_asked(path, headers) {
        return None;
    }
    let rest = below(path)?;
    if rest.is_empty() {
        return Some((Endpoint::Models(Wire::Gemini), "GET"));
    }
    let name = rest.strip_prefix('/').filter(|name| !name.is_empty())?;
    let Some((name, operation, stream)) = asked(name) else {
        return Some((Endpoint::Model(Wire::Gemini, percent_decode(name)), "GET"));
    };
    let several = path.ends_with(":batchEmbedContents");
    let array = several || (stream && query(uri, "alt").is_none_or(|alt| alt != "sse"));
    let in_path = Some(InPath { model: percent_decode(name), stream, array });
    Some((Endpoint::Generate(Generate { wire: Wire::Gemini, operation, in_path }), "POST"))
}

/// Whether a request speaks this wire, as far as its head tells.
pub(super) fn is_asked(path: &str, headers: &HeaderMap) -> bool {
    let by_google = || [KEY_HEADER, CLIENT_HEADER].iter().any(|name| headers.contains_key(*name));
    match below(path) {
        Some(rest) => !path.starts_with("/v1/") || asked(rest).is_some() || by_google(),
        None => path.starts_with("/v1beta/") || path.starts_with("/v1alpha/"),
    }
}

/// What follows the list of models: nothing, or a model's name after a slash.
fn below(path: &str) -> Option<&str> {
    let rest = ROOTS.iter().find_map(|root| path.strip_prefix(root))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Model, operation, and whether its answer is a stream. Names may have colons of their own (`llama3:8b`).
fn asked(name: &str) -> Option<(&str, Operation, bool)> {
    let (model, method) = name.rsplit_once(':')?;
    let (operation, stream) = match method {
        "generateContent" => (Operation::Chat, false),
        "streamGenerateContent" => (Operation::Chat, true),
        "countTokens" => (Operation::CountTokens, false),
        "embedContent" | "batchEmbedContents" => (Operation::Embeddings, false),
        _ => return None,
    };
    (!model.trim_matches('/').is_empty()).then_some((model, operation, stream))
}

/// A key in the query, where Google's own clients may put it. It is never logged: paths are, without their queries.
pub(in crate::gateway) fn key_in_query(uri: &Uri) -> Option<Cow<'_, str>> {
    query(uri, "key").filter(|key| !key.is_empty())
}

fn query<'a>(uri: &'a Uri, name: &str) -> Option<Cow<'a, str>> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(other, _)| other.trim_start_matches('$') == name)?;
    Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_of(path: &'static str, headers: &[&'static str]) -> Option<(Endpoint, &'static str)> {
        let headers = headers.iter().map(|name| ((*name).parse().unwrap(), "k".parse().unwrap()));
        let headers: HeaderMap =
            headers.collect::<Vec<(http::HeaderName, http::HeaderValue)>>().into_iter().collect();
        endpoint(&Uri::from_static(path), &headers)
    }

    fn generate(model: &str, stream: bool, array: bool) -> (Endpoint, &'static str) {
        let in_path = Some(InPath { model: model.into(), stream, array });
        let generate = Generate { wire: Wire::Gemini, operation: Operation::Chat, in_path };
        (Endpoint::Generate(generate), "POST")
    }

    #[test]
    fn the_model_is_in_the_path_with_or_without_slashes() {
        assert_eq!(asked_of("/v1/models/m:generateContent", &[]), Some(generate("m", false, false)));
        assert_eq!(
            asked_of("/v1beta/models/openai/gpt-5:streamGenerateContent?alt=sse", &[]),
            Some(generate("openai/gpt-5", true, false))
        );
        assert_eq!(
            asked_of("/v1beta/models/ollama%2Fllama3:8b:streamGenerateContent?key=x", &[]),
            Some(generate("ollama/llama3:8b", true, true))
        );
    }

    #[test]
    fn vectors_are_asked_for_alone_or_by_the_batch() {
        let embeddings = |path| match asked_of(path, &[]) {
            Some((Endpoint::Generate(Generate { operation, in_path: Some(in_path), .. }), "POST")) => {
                (operation, in_path.array)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(embeddings("/v1/models/m:embedContent"), (Operation::Embeddings, false));
        assert_eq!(embeddings("/v1beta/models/m:batchEmbedContents"), (Operation::Embeddings, true));
    }

    #[test]
    fn lists_are_told_apart_by_googles_headers() {
        assert_eq!(asked_of("/v1/models", &[]), None);
        assert_eq!(asked_of("/v1/models/llama3:8b", &["authorization"]), None);
        assert_eq!(asked_of("/v1/models", &[KEY_HEADER]), Some((Endpoint::Models(Wire::Gemini), "GET")));
        assert_eq!(asked_of("/v1/models", &[CLIENT_HEADER]), Some((Endpoint::Models(Wire::Gemini), "GET")));
        assert_eq!(asked_of("/v1beta/models", &[]), Some((Endpoint::Models(Wire::Gemini), "GET")));
        assert_eq!(
            asked_of("/v1/models/openai%2Fgpt-5", &[KEY_HEADER]),
            Some((Endpoint::Model(Wire::Gemini, "openai/gpt-5".into()), "GET"))
        );
        assert_eq!(asked_of("/v1/chat/completions", &[KEY_HEADER]), None);
    }

    #[test]
    fn keys_in_the_query_are_decoded() {
        assert_eq!(
            key_in_query(&Uri::from_static("/v1beta/models?alt=sse&key=a%2Bb")).as_deref(),
            Some("a+b")
        );
        assert_eq!(key_in_query(&Uri::from_static("/v1beta/models?key=")), None);
    }
}

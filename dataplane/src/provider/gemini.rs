//! Google Gemini, as its API for developers speaks it (`generativelanguage.googleapis.com`).

mod answer;
pub(super) mod beside;
mod decode;
mod encode;
mod error;
mod files;
mod media;
mod messages;
mod model;
mod observe;
mod relay;
mod rules;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

use http::{HeaderMap, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Adapter, Ask, Asked, Auth, Observed, Refusal, StreamDecoder, StreamObserver, Target, Unreadable,
    UpstreamError, tier,
};
use crate::{
    body::{Body, Edit},
    chat,
    usage::Word,
    wire::{Operation, Wire},
};

/// Stays as it is in a path; the slash is the path's own.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Speaks Gemini.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gemini;

/// The adapter.
pub(super) static ADAPTER: Gemini = Gemini;

/// `models/gemini-…`; other collections (`tunedModels/…`) are named by whoever uses them.
fn model_path(upstream: &str) -> String {
    let collection = ["models/", "tunedModels/"].into_iter().any(|prefix| upstream.starts_with(prefix));
    let name = utf8_percent_encode(upstream, SEGMENT);
    if collection { name.to_string() } else { format!("models/{name}") }
}

/// Before the model, unless whoever wrote the base URL chose a version there.
fn version(base_url: &str) -> &'static str {
    let last = base_url.rsplit('/').next().unwrap_or_default();
    let chosen =
        last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    if chosen { "" } else { "/v1beta" }
}

impl Adapter for Gemini {
    fn relays(&self, wire: Wire) -> bool {
        wire == Wire::Gemini
    }

    fn path(&self, ask: Ask, target: Target<'_>) -> Option<String> {
        let method = match ask.operation {
            Operation::Chat if ask.stream => "streamGenerateContent?alt=sse",
            Operation::Chat => "generateContent",
            Operation::CountTokens if ask.relayed == Some(Wire::Gemini) => "countTokens",
            _ => return None,
        };
        let version = version(&target.provider.base_url);
        Some(format!("{version}/{}:{method}", model_path(&target.model.upstream_model)))
    }

    fn auth(&self) -> Auth {
        Auth::XGoogApiKey
    }

    fn chooses_tier(&self) -> bool {
        false
    }

    fn served_tier(&self, headers: &HeaderMap) -> Option<Word> {
        tier::Served::in_header(headers, "x-gemini-service-tier").0
    }

    fn cross_header(&self, _: &str, _: &str) -> Result<Option<String>, Refusal> {
        // None changes what a request means.
        Ok(None)
    }

    fn relay(&self, _: Wire, body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
        relay::relay(body, target)
    }

    fn observe(&self, _: Wire, body: &[u8]) -> Observed {
        observe::plain(body)
    }

    fn observer(&self, _: Wire, _: Asked) -> Box<dyn StreamObserver> {
        // Usage always comes, so nothing was asked for and nothing is stripped.
        Box::new(observe::Observer::default())
    }

    fn encode(&self, request: &chat::Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        encode::encode(request, target)
    }

    fn decode(&self, body: &[u8]) -> Result<chat::Response, Unreadable> {
        decode::decode(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
        error::error(status, headers, body)
    }
}

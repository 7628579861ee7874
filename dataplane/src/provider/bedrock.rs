//! Amazon Bedrock: Converse and `ConverseStream`, one format for every maker's models.

pub(super) mod beside;
mod decode;
mod encode;
mod error;
mod family;
mod fields;
mod media;
mod messages;
mod path;
mod reasoning;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod usage;

use http::{HeaderMap, StatusCode};

use super::{
    Adapter, Ask, Asked, Auth, Observed, Refusal, Relay, StreamDecoder, StreamObserver, Target, Unreadable,
    UpstreamError,
};
use crate::{
    body::{Body, Edit},
    chat,
    framing::Framing,
    wire::{Operation, Wire},
};

/// Speaks Converse. No client does, so nothing is relayed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bedrock;

/// The adapter.
pub(super) static ADAPTER: Bedrock = Bedrock;

impl Adapter for Bedrock {
    fn relays(&self, _: Wire) -> bool {
        false
    }

    fn path(&self, ask: Ask, target: Target<'_>) -> Option<String> {
        let operation = match ask {
            Ask { relayed: None, operation: Operation::Chat, stream: false } => "converse",
            Ask { relayed: None, operation: Operation::Chat, stream: true } => "converse-stream",
            _ => return None,
        };
        Some(path::path(&target.model.upstream_model, operation))
    }

    fn framing(&self, _: Option<Wire>) -> Framing {
        Framing::AwsEventStream
    }

    fn auth(&self) -> Auth {
        Auth::Aws
    }

    fn chooses_tier(&self) -> bool {
        false
    }

    fn cross_header(&self, _: &str, _: &str) -> Result<Option<String>, Refusal> {
        Ok(None)
    }

    fn relay(&self, _: Wire, _: &Body, _: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
        Err(Refusal {
            field: String::new(),
            message: "Amazon Bedrock takes no client's format as it is".to_owned(),
        })
    }

    fn observe(&self, _: Wire, body: &[u8]) -> Observed {
        let Ok(answer) = decode::decode(body) else {
            return Observed { error: error::plain(body), ..Observed::default() };
        };
        Observed {
            usage: answer.usage,
            usage_complete: answer.usage.is_some(),
            service_tier: answer.service_tier,
            output_bytes: answer.output_bytes(),
            error: answer.error.and_then(|failure| failure.code).map(|reason| error::gave_up(&reason)),
            ..Observed::default()
        }
    }

    fn observer(&self, _: Wire, _: Asked) -> Box<dyn StreamObserver> {
        Box::new(Passing(self.decoder()))
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

    fn decoder_of(&self, sent: &[u8]) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::of(sent))
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
        error::error(status, headers, body)
    }
}

/// Learns what the decoder does.
struct Passing(Box<dyn StreamDecoder>);

impl StreamObserver for Passing {
    fn event(&mut self, data: &[u8]) -> Relay {
        // What cannot be read passes, as everything does.
        let _ = self.0.event(data, &mut Vec::new());
        Relay::Pass
    }

    fn observed(&self) -> &Observed {
        self.0.observed()
    }
}

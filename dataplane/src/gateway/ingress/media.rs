//! What is asked for beside chat: JSON, or a form where files come along.

use bytes::Bytes;
use http::{HeaderMap, header, request::Parts};

use super::{Arrival, Content, InPath, USER_HEADER, clean, project, text};
use crate::{
    body,
    chat::estimate,
    error::{GatewayError, Kind},
    gateway::{crossing, settle::Estimate},
    media::{Request, image::Request as Image, video::Request as Video},
    payload::Payload,
    wire::{Operation, Wire, gemini_embeddings, openai_media, tier::Tier},
};

/// Which operation a path means; as in chat, the version may be left out.
pub(super) fn operation(path: &str) -> Option<Operation> {
    match path.strip_prefix("/v1").unwrap_or(path) {
        "/embeddings" => Some(Operation::Embeddings),
        "/images/generations" => Some(Operation::Images),
        "/images/edits" => Some(Operation::ImageEdits),
        "/audio/speech" => Some(Operation::Speech),
        "/audio/transcriptions" => Some(Operation::Transcription),
        "/audio/translations" => Some(Operation::Translation),
        _ => None,
    }
}

/// A request whose body was read.
pub(super) fn arrival(
    head: &Parts,
    bytes: Bytes,
    wire: Wire,
    operation: Operation,
) -> Result<Arrival, GatewayError> {
    let payload = payload(&head.headers, bytes)?;
    let word = |name: &str| payload.raw(name).and_then(|raw| serde_json::from_str::<String>(&raw).ok());
    let Some(model) = word("model").filter(|model| !model.is_empty()) else {
        let message = "the field \"model\" must name a model";
        return Err(GatewayError::new(Kind::Malformed, message).with_param("model"));
    };
    let user = text(&head.headers, USER_HEADER).or_else(|| clean(&word("user")?));
    let request = openai_media::decode(operation, &payload)?;
    let demand = request.demand();
    Ok(Arrival {
        wire,
        operation,
        model,
        stream: request.streams(),
        array: false,
        text_only: demand.text.is_some(),
        estimate: Estimate {
            input: estimate::output(demand.text.unwrap_or_default()) + pictures(&request),
            millis: demand.likely_millis,
            sound: if let Request::Speech(asked) = &request { asked.bytes_a_second() } else { 0 },
        },
        units: demand.units,
        tier: Tier::Plain,
        include_usage: true,
        user,
        project: project(&head.headers),
        headers: crossing::of_client(wire, operation, &head.headers),
        content: Content::Media(payload, Box::new(request)),
    })
}

/// A request of Gemini's for vectors, by way of `OpenAI`'s format.
pub(super) fn of_google(head: &Parts, bytes: Bytes, in_path: &InPath) -> Result<Arrival, GatewayError> {
    let body = body::scan(bytes).map_err(|error| GatewayError::new(Kind::Malformed, error.to_string()))?;
    let asked = gemini_embeddings::request(&in_path.model, in_path.array, &body)?;
    let mut arrival = arrival(head, asked.body, Wire::Gemini, Operation::Embeddings)?;
    arrival.array = in_path.array;
    if let Content::Media(_, request) = &mut arrival.content
        && let Request::Embedding(request) = &mut **request
    {
        request.input_type = asked.purpose;
    }
    Ok(arrival)
}

fn payload(headers: &HeaderMap, bytes: Bytes) -> Result<Payload, GatewayError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    Payload::read(kind, bytes).map_err(|error| GatewayError::new(Kind::Malformed, error))
}

/// Tokens that are read as pictures.
fn pictures(request: &Request) -> u64 {
    match request {
        Request::Image(Image { sources, mask, .. }) => {
            (sources.len() as u64 + u64::from(mask.is_some())) * estimate::MEDIA_TOKENS
        }
        Request::Video(Video { reference: Some(_), .. }) => estimate::MEDIA_TOKENS,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(operation: Operation, kind: &str, body: &'static str) -> Result<Arrival, GatewayError> {
        let head = http::Request::builder().header("content-type", kind).body(()).unwrap().into_parts().0;
        arrival(&head, Bytes::from_static(body.as_bytes()), Wire::OpenAiChat, operation)
    }

    #[test]
    fn a_body_is_json_unless_it_says_that_it_is_a_form() {
        let text = r#"{"model":"m","input":"hello","user":"u"}"#;
        for kind in ["", "application/json", "text/plain"] {
            let arrival = read(Operation::Embeddings, kind, text).unwrap();
            assert_eq!((arrival.model.as_str(), arrival.user.as_deref()), ("m", Some("u")), "{kind}");
            assert!(arrival.text_only && arrival.estimate.input > 0);
        }
        assert_eq!(
            read(Operation::Embeddings, "multipart/form-data; boundary=b", text).unwrap_err().kind,
            Kind::Malformed
        );
        let odd = read(Operation::Speech, "application/json", r#"{"model":"m","input":"hi","input":"ho"}"#);
        assert_eq!(odd.unwrap_err().message, "the field \"input\" is given twice");
    }

    #[test]
    fn a_form_names_its_model_once() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nsound\r\n";
        let kind = "multipart/form-data; boundary=b";
        let once: &'static str = format!("{form}--b--").leak();
        let arrival = read(Operation::Transcription, kind, once).unwrap();
        assert_eq!((arrival.model.as_str(), arrival.text_only, arrival.units.millis), ("m", false, 20));
        let twice: &'static str =
            format!("{form}--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nx\r\n--b--").leak();
        let error = read(Operation::Transcription, kind, twice).unwrap_err();
        assert_eq!((error.kind, &*error.message), (Kind::Malformed, "the field \"model\" is given twice"));
    }

    #[test]
    fn the_version_may_be_left_out() {
        assert_eq!(operation("/v1/embeddings"), Some(Operation::Embeddings));
        assert_eq!(operation("/audio/speech"), Some(Operation::Speech));
        assert_eq!(operation("/v1/images/variations"), None);
        assert_eq!(operation("/v1"), None);
    }
}

//! Beside chat: what is sent to a provider, what comes back to the client, and what is counted.

use std::io::{Read as _, Write as _};

use aigne_hub_crds::config::{Amounts, ImageAmount, ModelType, ProviderType};

use crate::{
    gateway::testing::{ERROR, KEY, Rig, Setup, Upstream, answer, chunk, connect, plain},
    ledger::Status,
    usage::{ImageKind, Source},
};

pub(super) fn model(r#type: ModelType) -> impl FnOnce(&mut Setup) {
    move |setup| {
        let model = &mut setup.provider.models[0];
        (model.r#type, model.upstream_model) = (r#type, "upstream-m".into());
    }
}

/// An answer of any type.
pub(super) fn typed(stream: &mut std::net::TcpStream, kind: &str, body: &str) -> bool {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nset-cookie: a=b\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).is_ok()
}

const VECTORS: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-2.0]}],"model":"upstream-m","usage":{"prompt_tokens":5,"total_tokens":5}}"#;

#[test]
fn embeddings_are_relayed_and_written_as_asked() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, VECTORS));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Embedding));
    assert!(answer(rig.post("/v1/embeddings", r#"{"model":"m","input":["a"]}"#)).ends_with(VECTORS));
    let base64 = r#"{"model":"m","input":["a"],"encoding_format":"base64"}"#;
    assert!(answer(rig.post("/v1/embeddings", base64)).contains(r#""embedding":"AACAPwAAAMA=""#));
    let requests = upstream.requests();
    assert!(requests[0].starts_with("POST /embeddings "), "{}", requests[0]);
    assert!(requests[0].ends_with(r#"{"model":"upstream-m","input":["a"]}"#));
    rig.drain();
    let outcomes = rig.outcomes(2);
    assert_eq!((outcomes[1].status, outcomes[1].source), (Status::Completed, Source::Provider));
    assert_eq!((outcomes[1].usage.input, outcomes[1].usage.output), (5, 0));
}

#[test]
fn pictures_are_counted_by_what_came() {
    let pictures = r#"{"created":1,"size":"1024x1024","quality":"low","data":[{"b64_json":"QQ=="},{"b64_json":"QQ=="}],"usage":{"input_tokens":3,"output_tokens":400,"total_tokens":403}}"#;
    let upstream = Upstream::start(move |_, _, stream| plain(stream, 200, pictures));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Image));
    let asked = r#"{"model":"m","prompt":"a cat","n":2,"quality":"auto"}"#;
    assert!(answer(rig.post("/v1/images/generations", asked)).ends_with(pictures));
    rig.drain();
    let usage = rig.outcomes(1)[0].usage;
    assert_eq!((usage.images, usage.image, usage.output), (2, ImageKind::new("1024x1024", "low"), 400));
}

#[test]
fn pictures_cost_what_the_provider_calls_them() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, r#"{"images":["QQ=="],"error":null}"#));
    let mut rig = Rig::start(ProviderType::Bedrock, &upstream, |setup| {
        model(ModelType::Image)(setup);
        setup.provider.models[0].upstream_model = "amazon.nova-canvas-v1:0".into();
        let of = |quality: &str, amount: &str| ImageAmount {
            size: None,
            quality: Some(quality.into()),
            amount: amount.parse().unwrap(),
        };
        let images = vec![of("standard", "0.04"), of("premium", "0.06")];
        setup.prices = Some(Amounts { images, ..Amounts::default() });
    });
    for quality in ["low", "hd", "premium"] {
        let asked = format!(r#"{{"model":"m","prompt":"a cat","quality":"{quality}"}}"#);
        assert!(answer(rig.post("/v1/images/generations", &asked)).contains("QQ=="));
    }
    rig.drain();
    let prices: Vec<_> = rig.outcomes(3).iter().map(|outcome| outcome.charge.price.0).collect();
    assert_eq!(prices, [40_000_000, 60_000_000, 60_000_000]);
}

#[test]
fn what_was_made_and_kept_back_is_a_cost_without_a_price() {
    const KEPT: &str = r#"{"candidates":[{"finishReason":"IMAGE_SAFETY"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1290}}"#;
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, KEPT));
    let mut rig = Rig::start(ProviderType::Gemini, &upstream, |setup| {
        model(ModelType::Image)(setup);
        let (input, output) = ("1".parse().ok(), "1".parse().ok());
        setup.prices = Some(Amounts { input, output, ..Amounts::default() });
    });
    let refused = answer(rig.post("/v1/images/generations", r#"{"model":"m","prompt":"a cat"}"#));
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("IMAGE_SAFETY"), "{refused}");
    rig.drain();
    let outcome = &rig.outcomes(1)[0];
    assert_eq!((outcome.status, outcome.usage.output), (Status::Failed, 1290));
    assert_eq!((outcome.charge.cost.0, outcome.charge.price.0), (1_295_000, 0));
}

#[test]
fn pictures_come_as_events_where_they_are_asked_for_so() {
    const PARTIAL: &str = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"QQ==\",\"partial_image_index\":0}\n\n";
    const DONE: &str = "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"QUE=\",\"usage\":{\"input_tokens\":3,\"output_tokens\":400}}\n\n";
    let upstream =
        Upstream::start(|_, _, stream| typed(stream, "text/event-stream", &format!("{PARTIAL}{DONE}")));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Image));
    let asked = r#"{"model":"m","prompt":"a cat","stream":true,"partial_images":1}"#;
    let answer = answer(rig.post("/v1/images/generations", asked));
    assert!(answer.contains(PARTIAL.trim_end()) && answer.contains(DONE.trim_end()), "{answer}");
    rig.drain();
    let outcomes = rig.outcomes(1);
    assert_eq!(
        (outcomes[0].status, outcomes[0].usage.images, outcomes[0].usage.output),
        (Status::Completed, 1, 400)
    );
}

#[test]
fn sound_is_given_on_with_its_type_and_length() {
    let upstream = Upstream::start(|_, _, stream| typed(stream, "audio/mpeg", "ID3-sound"));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Speech));
    let answer = answer(rig.post("/v1/audio/speech", r#"{"model":"m","input":"über","voice":"alloy"}"#));
    assert!(
        answer.contains("content-type: audio/mpeg\r\n") && answer.contains("content-length: 9\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\nID3-sound") && !answer.contains("set-cookie"), "{answer}");
    rig.drain();
    let outcomes = rig.outcomes(1);
    assert_eq!((outcomes[0].status, outcomes[0].usage.characters), (Status::Completed, 4));
}

#[test]
fn sound_that_is_charged_by_tokens_is_not_served_for_nothing() {
    let upstream = Upstream::start(|_, _, stream| typed(stream, "audio/mpeg", "ID3-sound"));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, |setup| {
        model(ModelType::Speech)(setup);
        setup.provider.models[0].max_output_tokens = Some(4096);
        let (input, output) = ("0.6".parse().ok(), "12".parse().ok());
        setup.prices = Some(Amounts { input, output, ..Amounts::default() });
    });
    answer(rig.post("/v1/audio/speech", r#"{"model":"m","input":"Hello there!","voice":"alloy"}"#));
    rig.drain();
    let outcome = &rig.outcomes(1)[0];
    assert_eq!((outcome.status, outcome.source), (Status::Completed, Source::Estimated));
    assert_eq!((outcome.usage.input, outcome.usage.output, outcome.usage.characters), (3, 24, 12));
    assert_eq!(outcome.charge.price.0, 3 * 600 + 24 * 12_000);
}

#[test]
fn sound_that_breaks_off_is_not_taken_for_whole() {
    let upstream = Upstream::start(|_, _, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        chunk(stream, "ID3");
        false
    });
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Speech));
    let mut client = rig.post("/v1/audio/speech", r#"{"model":"m","input":"hello","voice":"alloy"}"#);
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("3\r\nID3\r\n") && !answer.contains("0\r\n\r\n"), "{answer}");
    rig.drain();
    assert_eq!(rig.outcomes(1)[0].status, Status::Broken);
}

#[test]
fn an_error_where_sound_was_expected_is_tried_again() {
    let upstream = Upstream::start(|number, _, stream| match number {
        0 => plain(stream, 200, ERROR),
        1 => plain(stream, 500, ERROR),
        _ => typed(stream, "audio/wav", "RIFF"),
    });
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, |setup| {
        model(ModelType::Speech)(setup);
        setup.provider.retry.attempts = 3;
    });
    assert!(answer(rig.post("/v1/audio/speech", r#"{"model":"m","input":"hello"}"#)).ends_with("RIFF"));
    rig.drain();
    let statuses: Vec<_> = rig.outcomes(3).iter().map(|outcome| outcome.status).collect();
    assert_eq!(statuses, [Status::Failed, Status::Failed, Status::Completed]);
}

/// A form with these fields and a file.
pub(super) fn form(rig: &Rig, path: &str, fields: &[(&str, &str)]) -> String {
    let body = crate::form::testing::text(fields);
    let mut client = connect(rig.address);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all((head + &body).as_bytes()).unwrap();
    answer(client)
}

const FILE: (&str, &str) = ("name=\"file\"; filename=\"a.mp3\"", "some sound");

#[test]
fn a_form_is_written_anew_with_its_file_as_it_came() {
    let heard = r#"{"text":"Hello","usage":{"type":"duration","seconds":7}}"#;
    let upstream = Upstream::start(move |_, _, stream| plain(stream, 200, heard));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Transcription));
    let answer =
        form(&rig, "/v1/audio/transcriptions", &[("name=\"model\"", "m"), FILE, ("name=\"language\"", "en")]);
    assert!(answer.ends_with(heard), "{answer}");
    let request = &upstream.requests()[0];
    assert!(
        request.starts_with("POST /audio/transcriptions ") && request.contains("\r\n\r\nupstream-m\r\n"),
        "{request}"
    );
    assert!(
        request.contains("filename=\"a.mp3\"") && request.contains("\r\n\r\nsome sound\r\n--"),
        "{request}"
    );
    assert!(!request.contains("boundary=b\r\n"), "the boundary is the hub's: {request}");
    rig.drain();
    assert_eq!(rig.outcomes(1)[0].usage.millis, 7_000);
}

#[test]
fn a_bare_transcript_is_metered_too() {
    let heard = r#"{"text":"Hello","usage":{"type":"duration","seconds":7}}"#;
    let upstream = Upstream::start(move |_, _, stream| plain(stream, 200, heard));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Transcription));
    let answer =
        form(&rig, "/v1/audio/translations", &[("name=model", "m"), FILE, ("name=response_format", "text")]);
    assert!(answer.contains("content-type: text/plain") && answer.ends_with("\r\n\r\nHello\n"), "{answer}");
    let request = &upstream.requests()[0];
    assert!(
        request.starts_with("POST /audio/translations ") && request.contains("\r\n\r\njson\r\n"),
        "{request}"
    );
    rig.drain();
    assert_eq!(rig.outcomes(1)[0].usage.millis, 7_000);
}

#[test]
fn subtitles_are_relayed_and_their_length_estimated() {
    let subtitles = "1\n00:00:00,000 --> 00:00:02,500\nHello\n\n";
    let upstream = Upstream::start(move |_, _, stream| typed(stream, "text/plain", subtitles));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Transcription));
    let file = ("name=file; filename=\"a.mp3\"", &*"sound".repeat(1_000));
    let answer =
        form(&rig, "/v1/audio/transcriptions", &[("name=model", "m"), file, ("name=response_format", "srt")]);
    assert!(answer.ends_with(subtitles), "{answer}");
    rig.drain();
    let outcome = &rig.outcomes(1)[0];
    assert_eq!(
        (outcome.status, outcome.source, outcome.usage.millis),
        (Status::Completed, Source::Estimated, 2_500)
    );
}

#[test]
fn pictures_are_edited_by_a_form() {
    let upstream =
        Upstream::start(|_, _, stream| plain(stream, 200, r#"{"created":1,"data":[{"b64_json":"QQ=="}]}"#));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Image));
    let image = ("name=\"image[]\"; filename=\"a.png\"", "picture");
    let answer = form(
        &rig,
        "/v1/images/edits",
        &[("name=prompt", "a hat"), image, image, ("name=model", "m"), ("name=size", "512x512")],
    );
    assert!(answer.contains("b64_json"), "{answer}");
    assert_eq!(upstream.requests()[0].matches("name=\"image[]\"; filename=\"a.png\"").count(), 2);
    rig.drain();
    let usage = rig.outcomes(1)[0].usage;
    assert_eq!((usage.images, usage.image), (1, ImageKind::new("512x512", "")));
}

#[test]
fn a_model_is_used_for_what_it_is() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, VECTORS));
    let rig = Rig::start(ProviderType::OpenAI, &upstream, |setup| {
        let mut other = setup.provider.models[0].clone();
        (other.name, other.r#type) = ("vectors".into(), ModelType::Embedding);
        setup.provider.models.push(other);
    });
    let refused = answer(rig.post("/v1/embeddings", r#"{"model":"m","input":"a"}"#));
    assert!(
        refused.starts_with("HTTP/1.1 400")
            && refused.contains("is for chat")
            && refused.contains("p/vectors"),
        "{refused}"
    );
    let chat = r#"{"model":"vectors","messages":[]}"#;
    let refused = answer(rig.post("/v1/chat/completions", chat));
    assert!(refused.contains("is for embedding") && refused.contains("p/m"), "{refused}");
    let refused = answer(rig.post("/v1/audio/speech", r#"{"model":"m","input":"a"}"#));
    assert!(refused.contains("you may use none that is"), "{refused}");
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn what_a_provider_has_not_is_refused_before_anything_is_sent() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, VECTORS));
    let mut rig = Rig::start(ProviderType::DeepSeek, &upstream, model(ModelType::Embedding));
    let refused = answer(rig.post("/v1/embeddings", r#"{"model":"m","input":"a"}"#));
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("has no embeddings"), "{refused}");
    rig.drain();
    assert_eq!((upstream.requests().len(), rig.outcomes(0).len()), (0, 0));
}

#[test]
fn fields_with_a_price_of_their_own_are_refused_in_forms_too() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, "{}"));
    let rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Transcription));
    for (field, value) in [("service_tier", "priority"), ("n[]", "9")] {
        let head = format!("name=\"{field}\"");
        let refused = form(&rig, "/v1/audio/transcriptions", &[("name=model", "m"), FILE, (&head, value)]);
        assert!(refused.starts_with("HTTP/1.1 400") && refused.contains(field), "{refused}");
    }
    assert_eq!(upstream.requests().len(), 0);
}

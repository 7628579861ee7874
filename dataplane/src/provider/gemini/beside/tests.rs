use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::{
    media::{Answer, Refused, Request, embedding, image, speech},
    provider::testing,
};
use aigne_hub_crds::config::{Provider, ProviderType};

fn provider(upstream: &str) -> Provider {
    let mut provider = testing::provider(ProviderType::Gemini);
    provider.base_url = "https://example.com".into();
    provider.models[0].upstream_model = upstream.into();
    provider
}

/// Path and translation for a model.
fn found(operation: Operation, provider: &Provider) -> Option<(String, &'static dyn Translation)> {
    let target = Target { provider, model: &provider.models[0] };
    let found = endpoint(operation, target)?;
    match found.how {
        How::Translated(translation) => Some((found.path, translation)),
        How::Relayed(_) => None,
    }
}

fn encoded(operation: Operation, upstream: &str, request: &Request) -> Result<Value, Refusal> {
    let provider = provider(upstream);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let (_, translation) = found(operation, &provider).unwrap();
    translation.encode(request, target).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

fn decoded(operation: Operation, upstream: &str, request: &Request, answer: &Value) -> Option<Answer> {
    let (_, translation) = found(operation, &provider(upstream)).unwrap();
    translation.decode(request, answer.to_string().as_bytes()).ok()
}

fn picture() -> image::Request {
    image::Request { prompt: "a cat".into(), n: 1, ..image::Request::default() }
}

#[test]
fn each_kind_of_model_has_its_own_endpoint() {
    let path = |operation, upstream: &str| found(operation, &provider(upstream)).map(|(path, _)| path);
    assert_eq!(
        path(Operation::Embeddings, "gemini-embedding-x").unwrap(),
        "/v1beta/models/gemini-embedding-x:batchEmbedContents"
    );
    assert_eq!(path(Operation::Images, "imagen-x").unwrap(), "/v1beta/models/imagen-x:predict");
    assert_eq!(path(Operation::ImageEdits, "imagen-x"), None);
    for operation in [Operation::Images, Operation::ImageEdits, Operation::Speech] {
        assert_eq!(path(operation, "gemini-x").unwrap(), "/v1beta/models/gemini-x:generateContent");
    }
    assert_eq!(path(Operation::Transcription, "gemini-x"), None);
}

#[test]
fn texts_become_vectors() {
    let mut request = embedding::Request {
        inputs: vec![embedding::Input::Text("a".into()), embedding::Input::Text("b".into())],
        dimensions: Some(2),
        encoding: embedding::Encoding::Float,
        input_type: Some("clustering".into()),
        bytes: 2,
    };
    let asked = Request::Embedding(request.clone());
    let one = |text: &str| json!({"model": "models/e", "content": {"parts": [{"text": text}]}, "taskType": "CLUSTERING", "outputDimensionality": 2});
    assert_eq!(
        encoded(Operation::Embeddings, "e", &asked).unwrap(),
        json!({"requests": [one("a"), one("b")]})
    );
    let answer = json!({"embeddings": [{"values": [1, -2.5]}, {"values": [0.5, 1]}]});
    let Some(Answer::Embedding(answer)) = decoded(Operation::Embeddings, "e", &asked, &answer) else {
        panic!("no vectors")
    };
    assert_eq!(answer.vectors[0], embedding::Vector::Numbers("[1,-2.5]".into()));
    assert_eq!((answer.vectors.len(), answer.usage), (2, None));
    assert!(decoded(Operation::Embeddings, "e", &asked, &json!({})).is_none());
    request.inputs = vec![embedding::Input::Tokens(vec![1])];
    assert_eq!(encoded(Operation::Embeddings, "e", &Request::Embedding(request)).unwrap_err().field, "input");
}

#[test]
fn imagen_paints_several_in_googles_ratios() {
    let request = image::Request {
        n: 2,
        size: Some("2048x2048".into()),
        output_format: Some("jpeg".into()),
        quality: Some("auto".into()),
        ..picture()
    };
    assert_eq!(
        encoded(Operation::Images, "imagen-4", &Request::Image(request)).unwrap(),
        json!({"instances": [{"prompt": "a cat"}], "parameters": {"sampleCount": 2, "aspectRatio": "1:1", "sampleImageSize": "2K", "outputOptions": {"mimeType": "image/jpeg"}}})
    );
    let asked = Request::Image(picture());
    let made = json!({"bytesBase64Encoded": "AA==", "mimeType": "image/png"});
    let answer = json!({"predictions": [made, made]});
    let Some(Answer::Image(answer)) = decoded(Operation::Images, "imagen-4", &asked, &answer) else {
        panic!("no pictures")
    };
    assert_eq!((answer.pictures.len(), answer.output_format.as_deref()), (2, Some("png")));
    let withheld = json!({"predictions": [{"raiFilteredReason": "no"}]});
    let refused = decoded(Operation::Images, "imagen-4", &asked, &withheld);
    assert_eq!(refused, Some(Answer::Refused(Refused { reason: "no".into(), usage: None })));
    assert_eq!(decoded(Operation::Images, "imagen-4", &asked, &json!({})), None);
}

#[test]
fn gemini_paints_one_also_from_others() {
    let source = image::Source::Bytes(crate::media::Blob {
        media_type: "image/png".into(),
        data: Bytes::from_static(&[0]),
    });
    let request = image::Request { sources: vec![source], size: Some("1536x1024".into()), ..picture() };
    let asked = Request::Image(request);
    assert_eq!(
        encoded(Operation::ImageEdits, "gemini-x", &asked).unwrap(),
        json!({
            "contents": [{"role": "user", "parts": [{"text": "a cat"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}],
            "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "3:2"}},
        })
    );
    let blob =
        |thought: bool| json!({"thought": thought, "inlineData": {"mimeType": "image/png", "data": "AQ=="}});
    let answer = json!({
        "candidates": [{"content": {"parts": [{"text": "Here."}, blob(true), blob(false)]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1290, "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1280}]},
    });
    let Some(Answer::Image(answer)) = decoded(Operation::Images, "gemini-x", &asked, &answer) else {
        panic!("no picture")
    };
    assert_eq!(answer.pictures, [image::Picture::Base64("AQ==".into())], "drafts are left out");
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.image_output), (5, 1290, 1280));
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}});
    assert!(matches!(decoded(Operation::Images, "gemini-x", &asked, &blocked), Some(Answer::Refused(_))));
    let words =
        json!({"candidates": [{"content": {"parts": [{"text": "I cannot."}]}, "finishReason": "STOP"}]});
    let stored = image::Source::Url("https://generativelanguage.googleapis.com/v1beta/files/a".into());
    let stored = Request::Image(image::Request { sources: vec![stored], ..picture() });
    assert_eq!(encoded(Operation::ImageEdits, "gemini-x", &stored).unwrap_err().field, "image");
    let refused = decoded(Operation::Images, "gemini-x", &asked, &words);
    let Some(Answer::Refused(refused)) = refused else { panic!("not refused: {refused:?}") };
    assert_eq!(refused.reason, "I cannot.", "a prompt can ask for words alone");
    let silent = json!({"candidates": [{"finishReason": "STOP"}]});
    assert!(matches!(decoded(Operation::Images, "gemini-x", &asked, &silent), Some(Answer::Refused(_))));
    let long =
        json!({"candidates": [{"content": {"parts": [{"text": "x".repeat(5000)}]}, "finishReason": "STOP"}]});
    let Some(Answer::Refused(long)) = decoded(Operation::Images, "gemini-x", &asked, &long) else {
        panic!("not refused")
    };
    assert!(long.reason.len() < 1100);
    assert_eq!(decoded(Operation::Images, "gemini-x", &asked, &json!({"candidates": []})), None);
}

#[test]
fn what_googles_painters_cannot_do_is_refused_by_name() {
    let refused = |upstream: &str, request: image::Request| {
        encoded(Operation::Images, upstream, &Request::Image(request)).unwrap_err().field
    };
    let text = |text: &str| Some(text.to_owned());
    for upstream in ["imagen-4", "gemini-x"] {
        for (field, request) in [
            ("n", image::Request { n: 5, ..picture() }),
            ("size", image::Request { size: text("1792x1024"), ..picture() }),
            ("size", image::Request { size: text("large"), ..picture() }),
            ("size", image::Request { size: text("4097x4097"), ..picture() }),
            ("size", image::Request { size: text("2000x2000"), ..picture() }),
            ("size", image::Request { size: text("02048x2048"), ..picture() }),
            ("size", image::Request { size: text("1024x1024"), aspect_ratio: text("16:9"), ..picture() }),
            ("aspect_ratio", image::Request { aspect_ratio: text("7:1"), ..picture() }),
            ("quality", image::Request { quality: text("high"), ..picture() }),
            ("background", image::Request { background: text("transparent"), ..picture() }),
            ("output_format", image::Request { output_format: text("webp"), ..picture() }),
            ("response_format", image::Request { as_url: true, ..picture() }),
            ("stream", image::Request { stream: true, ..picture() }),
            ("style", image::Request { others: vec!["user".into(), "style".into()], ..picture() }),
        ] {
            assert_eq!(refused(upstream, request), field, "{upstream}");
        }
    }
    assert_eq!(refused("imagen-4", image::Request { size: text("1536x1024"), ..picture() }), "size");
}

#[test]
fn words_become_sound() {
    let request = speech::Request {
        input: "Hello".into(),
        voice: Some("Kore".into()),
        instructions: Some("Say cheerfully:".into()),
        ..speech::Request::default()
    };
    let asked = Request::Speech(request.clone());
    assert_eq!(
        encoded(Operation::Speech, "gemini-tts", &asked).unwrap(),
        json!({
            "contents": [{"role": "user", "parts": [{"text": "Say cheerfully:\n\nHello"}]}],
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
            },
        })
    );
    let answer = json!({"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=16000", "data": "AQACAA=="}}]}}]});
    let sound = |request: speech::Request| match decoded(
        Operation::Speech,
        "t",
        &Request::Speech(request),
        &answer,
    ) {
        Some(Answer::Speech(answer)) => answer,
        other => panic!("{other:?}"),
    };
    let wav = sound(request.clone());
    assert_eq!(wav.media_type, "audio/wav");
    assert_eq!(wav.data.len(), 48);
    assert_eq!(&wav.data[24..28], &16_000_u32.to_le_bytes());
    let pcm = sound(speech::Request { format: Some("pcm".into()), ..request.clone() });
    assert_eq!(&*pcm.data, [1, 0, 2, 0]);
    for (field, request) in [
        ("response_format", speech::Request { format: Some("mp3".into()), ..request.clone() }),
        ("stream_format", speech::Request { events: true, ..request.clone() }),
        ("speed", speech::Request { others: vec!["speed".into()], ..request }),
    ] {
        assert_eq!(encoded(Operation::Speech, "t", &Request::Speech(request)).unwrap_err().field, field);
    }
}

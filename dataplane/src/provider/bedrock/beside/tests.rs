use bytes::Bytes;

use super::endpoint;
use crate::{
    media::{
        Answer, Blob, Refused, Request,
        embedding::{self, Encoding, Input, Vector},
        image::{self, Picture, Source},
    },
    provider::{Refusal, Target, endpoints::How, testing},
    usage::ImageKind,
    wire::Operation,
};
use aigne_hub_crds::config::{Model, ProviderType};

/// What is sent, and to which path.
fn sent(id: &str, operation: Operation, request: &Request) -> Result<(String, String), Refusal> {
    let provider = testing::provider(ProviderType::Bedrock);
    let model = Model { upstream_model: id.into(), ..testing::model(&[]) };
    let target = Target { provider: &provider, model: &model };
    let endpoint = endpoint(operation, target).unwrap();
    let How::Translated(translation) = endpoint.how else { panic!("relayed") };
    translation.encode(request, target).map(|body| (endpoint.path, String::from_utf8(body).unwrap()))
}

fn read(id: &str, operation: Operation, answer: &str) -> Answer {
    let provider = testing::provider(ProviderType::Bedrock);
    let model = Model { upstream_model: id.into(), ..testing::model(&[]) };
    let endpoint = endpoint(operation, Target { provider: &provider, model: &model }).unwrap();
    let How::Translated(translation) = endpoint.how else { panic!("relayed") };
    translation.decode(&texts(&["a"]), answer.as_bytes()).unwrap()
}

fn texts(texts: &[&str]) -> Request {
    Request::Embedding(embedding::Request {
        inputs: texts.iter().map(|text| Input::Text((*text).to_owned())).collect(),
        ..embedding::Request::default()
    })
}

const TITAN: &str = "amazon.titan-embed-text-v2:0";
const COHERE: &str = "eu.cohere.embed-v4:0";
const CANVAS: &str = "amazon.nova-canvas-v1:0";

#[test]
fn vectors_are_asked_for_in_each_makers_words() {
    let (path, body) = sent(TITAN, Operation::Embeddings, &texts(&["a \"b\""])).unwrap();
    assert_eq!(path, "/model/amazon.titan-embed-text-v2%3A0/invoke");
    assert_eq!(body, r#"{"inputText":"a \"b\""}"#);
    assert_eq!(sent(TITAN, Operation::Embeddings, &texts(&["a", "b"])).unwrap_err().field, "input");
    let (path, body) = sent(COHERE, Operation::Embeddings, &texts(&["a", "b"])).unwrap();
    assert_eq!(path, "/model/eu.cohere.embed-v4%3A0/invoke");
    assert_eq!(body, r#"{"texts":["a","b"],"input_type":"search_document"}"#);
    let small = Request::Embedding(embedding::Request {
        inputs: vec![Input::Text("a".into())],
        dimensions: Some(256),
        input_type: Some("search_query".into()),
        ..embedding::Request::default()
    });
    let body = sent(COHERE, Operation::Embeddings, &small).unwrap().1;
    assert_eq!(
        body,
        r#"{"texts":["a"],"input_type":"search_query","output_dimension":256,"embedding_types":["float"]}"#
    );
    let refused = sent("cohere.embed-english-v3", Operation::Embeddings, &small).unwrap_err();
    assert_eq!(refused.field, "dimensions");
}

#[test]
fn vectors_are_read_in_each_makers_words() {
    let vector = |text: &str| Vector::Numbers(text.to_owned());
    let Answer::Embedding(titan) =
        read(TITAN, Operation::Embeddings, r#"{"embedding":[0.1,-2e-3],"inputTextTokenCount":3}"#)
    else {
        panic!("no vectors")
    };
    assert_eq!(titan.vectors, [vector("[0.1,-2e-3]")]);
    assert_eq!(titan.usage.map(|usage| usage.input), Some(3));
    assert_eq!(titan.vectors[0].written(Encoding::Float).as_deref(), Some("[0.1,-2e-3]"));
    for answer in
        [r#"{"embeddings":[[1],[2]]}"#, r#"{"id":"x","embeddings":{"float":[[1],[2]]},"texts":["a","b"]}"#]
    {
        let Answer::Embedding(cohere) = read(COHERE, Operation::Embeddings, answer) else {
            panic!("no vectors")
        };
        assert_eq!(cohere.vectors, [vector("[1]"), vector("[2]")]);
    }
}

fn picture() -> image::Request {
    image::Request { prompt: "a cat".into(), n: 2, ..image::Request::default() }
}

#[test]
fn pictures_are_asked_for_in_amazons_words() {
    let whole = image::Request {
        size: Some("512x768".into()),
        quality: Some("high".into()),
        others: vec!["user".into()],
        ..picture()
    };
    let (path, body) = sent(CANVAS, Operation::Images, &Request::Image(whole)).unwrap();
    assert_eq!(path, "/model/amazon.nova-canvas-v1%3A0/invoke");
    assert_eq!(
        body,
        r#"{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"a cat"},"imageGenerationConfig":{"numberOfImages":2,"quality":"premium","width":512,"height":768}}"#
    );
    let source = Source::Bytes(Blob { media_type: "image/png".into(), data: Bytes::from_static(b"A") });
    let edited = image::Request { sources: vec![source], ..picture() };
    assert_eq!(
        sent(CANVAS, Operation::ImageEdits, &Request::Image(edited)).unwrap().1,
        r#"{"taskType":"IMAGE_VARIATION","imageVariationParams":{"text":"a cat","images":["QQ=="]},"imageGenerationConfig":{"numberOfImages":2}}"#
    );
}

#[test]
fn a_picture_has_one_price_whatever_the_client_calls_it() {
    let provider = testing::provider(ProviderType::Bedrock);
    let model = Model { upstream_model: CANVAS.into(), ..testing::model(&[]) };
    let endpoint = endpoint(Operation::Images, Target { provider: &provider, model: &model }).unwrap();
    let How::Translated(translation) = endpoint.how else { panic!("relayed") };
    for (asked, sent) in [("hd", "premium"), ("high", "premium"), ("low", "standard"), ("", "")] {
        assert_eq!(translation.kind(ImageKind::new("512x512", asked)), ImageKind::new("512x512", sent));
    }
}

#[test]
fn what_amazon_cannot_do_is_refused_by_name() {
    let url = Source::Url("https://x".into());
    for (request, field) in [
        (image::Request { as_url: true, ..picture() }, "response_format"),
        (image::Request { stream: true, ..picture() }, "stream"),
        (image::Request { mask: Some(url.clone()), ..picture() }, "mask"),
        (image::Request { sources: vec![url], ..picture() }, "image"),
        (image::Request { quality: Some("odd".into()), ..picture() }, "quality"),
        (image::Request { size: Some("odd".into()), ..picture() }, "size"),
        (image::Request { size: Some("+512x0512".into()), ..picture() }, "size"),
        (image::Request { output_format: Some("webp".into()), ..picture() }, "output_format"),
        (image::Request { others: vec!["style".into()], ..picture() }, "style"),
    ] {
        assert_eq!(sent(CANVAS, Operation::Images, &Request::Image(request)).unwrap_err().field, field);
    }
}

#[test]
fn what_was_kept_back_is_told() {
    let Answer::Image(answer) = read(CANVAS, Operation::Images, r#"{"images":["QQ=="],"error":null}"#) else {
        panic!("no pictures")
    };
    assert_eq!(answer.pictures, [Picture::Base64("QQ==".into())]);
    let kept = read(CANVAS, Operation::Images, r#"{"images":[],"error":"blocked by our filters"}"#);
    assert_eq!(kept, Answer::Refused(Refused { reason: "blocked by our filters".into(), usage: None }));
}

use aigne_hub_crds::config::{self, Amounts, Config, ImageAmount, PriceSheet, ProviderType};

use super::*;
use crate::{
    gateway::admit::{Strictness, pin},
    health::Registry,
    provider::testing,
    secret::{SecretStore, SecretValue},
    snapshot::Snapshot,
    usage::ImageKind,
};

/// A request that is no chat.
fn shape(by_bytes: u64, text_only: bool, units: Units) -> Shape {
    Shape { by_bytes, text_only, n: 1, units, ..Shape::default() }
}

fn amounts(input: &str, output: &str) -> Amounts {
    Amounts { input: input.parse().ok(), output: output.parse().ok(), ..Amounts::default() }
}

/// What it can use and cost at most of a model with this type and these numbers, or why a tenant on credits is refused.
fn admitted(
    shape: Shape,
    r#type: ModelType,
    numbers: [Option<u64>; 2],
    amounts: Amounts,
) -> Result<(Usage, i64), String> {
    let mut config = Config::default();
    let mut provider = testing::provider(ProviderType::OpenAICompatible);
    let [context_window, max_output_tokens] = numbers;
    provider.models = vec![Model { r#type, context_window, max_output_tokens, ..testing::model(&[]) }];
    let secrets: SecretStore =
        [(provider.credentials[0].secret.clone(), SecretValue::new("sk".into()))].into_iter().collect();
    let rate = config::Rate {
        model: "m".into(),
        cost: amounts.clone(),
        price: amounts,
        tiers: Vec::new(),
        service_tiers: std::collections::BTreeMap::default(),
    };
    let sheet =
        PriceSheet { revision: "r".into(), source: "s".into(), effective_from: None, rates: vec![rate] };
    config.shared.prices.insert(provider.id.clone(), vec![sheet]);
    config.shared.providers.insert(provider.id.clone(), provider);
    let snapshot = Snapshot::new(&config, &secrets, &Registry::default(), "1".into());
    let strictness = Strictness { priced: true, bounded: true };
    let mut pinned =
        pin(shape, strictness, snapshot.serving("m").to_vec(), 0).map_err(|error| error.message)?;
    let candidate = pinned.remove(0);
    Ok((candidate.bound, candidate.bound_charge.price.0))
}

#[test]
fn embeddings_need_no_numbers_and_generate_nothing() {
    let text = shape(3_000, true, Units::default());
    // Of many inputs the window bounds each.
    for numbers in [[None, None], [Some(100), None], [Some(100), Some(50)]] {
        let (bound, price) = admitted(text, ModelType::Embedding, numbers, amounts("1", "")).unwrap();
        assert_eq!((bound, price), (Usage { input: 3_000, ..Usage::default() }, 3_000_000));
    }
    let media = shape(3_000, false, Units::default());
    let error = admitted(media, ModelType::Embedding, [None, None], amounts("1", "")).unwrap_err();
    assert!(error.contains("contextWindow"), "{error}");
    let error = admitted(text, ModelType::Embedding, [None, None], amounts("", "1")).unwrap_err();
    assert!(error.ends_with("has no price for its input or its output"), "{error}");
}

#[test]
fn images_by_the_image_need_no_numbers() {
    let images = vec![
        ImageAmount {
            size: Some("1024x1024".into()),
            quality: Some("hd".into()),
            amount: "0.08".parse().unwrap(),
        },
        ImageAmount { size: None, quality: Some("standard".into()), amount: "0.04".parse().unwrap() },
    ];
    let priced = Amounts { images, ..Amounts::default() };
    let ask = |size, quality| {
        let units = Units { images: 3, image: ImageKind::new(size, quality), ..Units::default() };
        let pictures = shape(9_000_000, false, units);
        admitted(pictures, ModelType::Image, [None, None], priced.clone()).map(|(bound, price)| {
            assert_eq!((bound.units(), bound.input, bound.output), (units, 0, 0));
            price
        })
    };
    assert_eq!(ask("1024x1024", "hd"), Ok(240_000_000));
    assert_eq!(ask("512x512", "standard"), Ok(120_000_000));
    assert_eq!(ask("auto", ""), Ok(240_000_000), "the dearest that it can be");
    let message = r#"the model "p/m" has no price for an image of size "512x512" and quality "hd""#;
    assert_eq!(ask("512x512", "hd"), Err(message.to_owned()));
}

#[test]
fn images_by_the_token_need_the_most_that_one_has() {
    let units = Units { images: 2, ..Units::default() };
    let text = shape(100, true, units);
    let tokens = amounts("1", "10");
    let (bound, price) = admitted(text, ModelType::Image, [None, Some(4_000)], tokens.clone()).unwrap();
    assert_eq!((bound.input, bound.output, bound.images), (100, 8_000, 2));
    assert_eq!(price, 100 * 1_000 + 8_000 * 10_000);
    let error = admitted(text, ModelType::Image, [None, None], tokens).unwrap_err();
    assert!(error.contains("maxOutputTokens"), "{error}");
    let error = admitted(text, ModelType::Image, [None, None], amounts("1", "")).unwrap_err();
    assert!(error.ends_with("has no price for images, nor for both its input and its output"), "{error}");
}

#[test]
fn speech_and_recordings_cost_by_character_and_second() {
    let speech = shape(500, true, Units { characters: 400, ..Units::default() });
    let characters = Amounts { characters: "15".parse().ok(), ..Amounts::default() };
    assert_eq!(
        admitted(speech, ModelType::Speech, [None, None], characters.clone()).unwrap().1,
        400 * 15_000
    );
    let recording = shape(5_000_000, false, Units { millis: 61_500, ..Units::default() });
    let second = Amounts { second: "0.0001".parse().ok(), ..Amounts::default() };
    let (bound, price) = admitted(recording, ModelType::Transcription, [None, None], second.clone()).unwrap();
    assert_eq!((bound.millis, bound.input, bound.output, price), (61_500, 0, 0, 6_150_000));
    let error = admitted(recording, ModelType::Video, [None, None], characters).unwrap_err();
    assert!(error.contains("no price for seconds of audio or video"), "{error}");
    let error = admitted(speech, ModelType::Speech, [None, None], Amounts::default()).unwrap_err();
    assert!(error.contains("no price for characters"), "{error}");
}

#[test]
fn a_chat_is_bounded_as_one_whatever_the_model_is_called() {
    let chat = Shape { is_chat: true, max_output: Some(10), ..shape(100, true, Units::default()) };
    let (bound, _) = admitted(chat, ModelType::Image, [None, Some(50)], amounts("1", "1")).unwrap();
    assert_eq!(bound, Usage { input: 100, output: 10, ..Usage::default() });
}

#[test]
fn each_answer_of_a_chat_may_be_as_long_as_one() {
    let chat = Shape { is_chat: true, max_output: Some(10), n: 3, ..shape(100, true, Units::default()) };
    let (bound, price) = admitted(chat, ModelType::Chat, [None, Some(50)], amounts("1", "10")).unwrap();
    assert_eq!(bound, Usage { input: 100, output: 30, ..Usage::default() });
    assert_eq!(price, 100 * 1_000 + 30 * 10_000);
}

#[test]
fn each_tool_that_the_provider_describes_counts() {
    let added = |tools: &str| {
        let text = format!(r#"{{"tools":{tools}}}"#);
        super::added(&crate::body::scan(text.into()).unwrap())
    };
    let plain = ENVELOPE_TOKENS + EXPLAINED_TOKENS;
    for own in [
        r#"[{"name":"f"}]"#,
        r#"[{"type":"function"},{"type":"custom"}]"#,
        r#"[{"functionDeclarations":[]}]"#,
    ] {
        assert_eq!(added(own), plain, "{own}");
    }
    let described = r#"[{"type":"bash_20250124"},{"type":"custom"},{"type":"text_editor_20250728"},{"type":"memory_20250818"}]"#;
    assert_eq!(added(described), plain + 3 * EXPLAINED_TOKENS);
    assert_eq!(added(r#"[{"computerUse":{}},{"computer_use":{}}]"#), plain + 2 * EXPLAINED_TOKENS);
    assert_eq!(added("null"), ENVELOPE_TOKENS);
}

#[test]
fn a_prediction_may_be_charged_as_output() {
    let asked = Shape {
        is_chat: true,
        by_bytes: 1_000,
        text_only: true,
        max_output: Some(100),
        predicted: 700,
        n: 2,
        ..Shape::default()
    };
    let (bound, price) =
        admitted(asked, ModelType::Chat, [Some(10_000), Some(50)], amounts("1", "2")).unwrap();
    assert_eq!(bound, Usage { input: 1_000, output: 2 * 750, ..Usage::default() });
    assert_eq!(price, 1_000_000 + 3_000_000);
}

#[test]
fn nothing_is_cut_to_less_than_what_is_thought() {
    let thinking = Shape { least_output: 10_001, ..Shape::default() };
    assert_eq!((thinking.fewest(None), thinking.fewest(Some(256))), (10_001, 10_001));
    assert_eq!(Shape::default().fewest(Some(256)), 256);
}

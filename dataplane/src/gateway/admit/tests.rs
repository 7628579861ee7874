use aigne_hub_crds::config::{Amounts, Config, ProviderType};

use super::*;
use crate::{
    health::Registry,
    provider::testing,
    secret::{SecretStore, SecretValue},
    snapshot::Snapshot,
    wire::tier::Priced,
};

/// A model at two providers, `cheap` and `dear`: a thousand nano-dollars for each token in; a thousand and four thousand
/// for each token out.
fn candidates(shape: Shape) -> Vec<Candidate> {
    let mut config = Config::default();
    let mut secrets = Vec::new();
    for (name, output) in [("cheap", "1"), ("dear", "4")] {
        let mut provider = testing::provider(ProviderType::OpenAICompatible);
        (provider.id, provider.name) = (format!("ai/{name}"), name.into());
        secrets.push((provider.credentials[0].secret.clone(), SecretValue::new("sk".into())));
        let cost = Amounts { input: "1".parse().ok(), output: output.parse().ok(), ..Amounts::default() };
        config.shared.prices.insert(provider.id.clone(), vec![testing::sheet("m", cost)]);
        config.shared.providers.insert(provider.id.clone(), provider);
    }
    let secrets: SecretStore = secrets.into_iter().collect();
    let snapshot = Snapshot::new(&config, &secrets, &Registry::default(), "1".into());
    let strictness = Strictness { priced: true, bounded: true };
    pin(shape, strictness, snapshot.serving("m").to_vec(), 0).unwrap()
}

/// What a request for this tier costs at most at a provider of this type, whose sheet has a cheaper tier and a dearer one.
fn bounded(r#type: ProviderType, tier: Tier) -> Result<i64, String> {
    let mut config = Config::default();
    let provider = testing::provider(r#type);
    let cost = Amounts { input: "1".parse().ok(), output: "1".parse().ok(), ..Amounts::default() };
    let mut sheet = testing::sheet("m", cost);
    sheet.rates[0].service_tiers =
        [("flex".into(), "0.5".parse().unwrap()), ("priority".into(), "2".parse().unwrap())].into();
    let secret = (provider.credentials[0].secret.clone(), SecretValue::new("sk".into()));
    config.shared.prices.insert(provider.id.clone(), vec![sheet]);
    config.shared.providers.insert(provider.id.clone(), provider);
    let secrets: SecretStore = [secret].into_iter().collect();
    let snapshot = Snapshot::new(&config, &secrets, &Registry::default(), "1".into());
    let strictness = Strictness { priced: true, bounded: true };
    let shape = Shape {
        is_chat: true,
        by_bytes: 100,
        text_only: true,
        max_output: Some(100),
        n: 1,
        tier,
        ..Shape::default()
    };
    let pinned = pin(shape, strictness, snapshot.serving("m").to_vec(), 0);
    pinned.map(|candidates| candidates[0].bound_charge.price.0).map_err(|error| error.message.into_owned())
}

#[test]
fn the_tier_that_is_asked_for_bounds_the_cost() {
    let asked = |name: &str| {
        Tier::Priced(Priced { name: Word::new(name), field: "service_tier", free: &["auto", "default"] })
    };
    for chooses in [ProviderType::OpenAI, ProviderType::Anthropic, ProviderType::OpenRouter] {
        assert_eq!(bounded(chooses, Tier::Any), Ok(400_000), "{chooses:?}");
    }
    for plain in [ProviderType::Gemini, ProviderType::Bedrock] {
        assert_eq!(bounded(plain, Tier::Any), Ok(200_000), "{plain:?}");
    }
    // What it thinks is counted beside the limit.
    assert_eq!(bounded(ProviderType::XAI, Tier::Any), Ok(8_200_000));
    assert_eq!(bounded(ProviderType::OpenAI, Tier::Plain), Ok(200_000));
    // It may be served from the plain one all the same.
    assert_eq!(bounded(ProviderType::OpenAI, asked("flex")), Ok(200_000));
    assert_eq!(bounded(ProviderType::OpenAI, asked("priority")), Ok(400_000));
    let refused = bounded(ProviderType::OpenAI, asked("scale")).unwrap_err();
    assert!(refused.ends_with("allowed: auto, default, flex, priority"), "{refused}");
}

/// Who is left when there is so much money, with as many tokens as they may generate.
fn left(max_output: u64, money: i64, least: u64) -> Vec<(String, Option<u64>)> {
    let shape = Shape {
        is_chat: true,
        by_bytes: 100,
        text_only: true,
        max_output: Some(max_output),
        n: 1,
        ..Shape::default()
    };
    let mut candidates = candidates(shape);
    candidates.retain_mut(|candidate| fit(candidate, shape, money, least));
    let named = |candidate: &Candidate| (candidate.served.provider.config.name.clone(), candidate.cut);
    let mut left: Vec<_> = candidates.iter().map(named).collect();
    left.sort();
    left
}

#[test]
fn a_fallback_that_the_money_pays_too_few_tokens_of_is_left_out() {
    // 100,000 for the prompt: 400 tokens of the cheap one, 100 of the dear one.
    let both = vec![("cheap".to_owned(), Some(400)), ("dear".to_owned(), Some(100))];
    assert_eq!(left(1_000, 500_000, 100), both);
    for least in [101, 256, 400] {
        assert_eq!(left(1_000, 500_000, least), both[..1], "{least}");
    }
    assert_eq!(left(1_000, 500_000, 401), []);
    // Who asks for less than the least is not refused for that.
    assert_eq!(left(50, 300_000, 256), [("cheap".to_owned(), None), ("dear".to_owned(), None)]);
    assert_eq!(left(50, 299_999, 256), [("cheap".to_owned(), None)]);
    // Not even the prompt.
    assert_eq!(left(1_000, 100_999, 1), []);
}

//! Whether a rate covers what a kind of model uses, and whether a model's numbers bound it.

use crate::config::{Amounts, Model, ModelType, Rate};

/// Whether all that a model of this type uses has a price: its tokens, or what it is charged by instead.
pub(in super::super) fn prices(rate: &Rate, r#type: ModelType) -> bool {
    let price = &rate.price;
    let by_tokens = by_input(price) && by_output(price);
    match r#type {
        // Everything falls back to these two.
        ModelType::Chat => price.input.is_some() && price.output.is_some(),
        ModelType::Embedding => price.input.is_some(),
        ModelType::Image => by_tokens || !price.images.is_empty(),
        ModelType::Speech => by_tokens || price.characters.is_some() || price.second.is_some(),
        ModelType::Transcription | ModelType::Video => by_tokens || price.second.is_some(),
    }
}

/// Whether the model's own numbers bound what any request can cost.
pub(in super::super) fn bounds(rate: Option<&Rate>, model: &Model) -> bool {
    let (window, most) = (model.context_window.is_some(), model.max_output_tokens.is_some());
    let by = |tokens: fn(&Amounts) -> bool| rate.is_some_and(|rate| tokens(&rate.price));
    match model.r#type {
        ModelType::Chat => window && most,
        // Text is bounded by its bytes.
        ModelType::Embedding => true,
        ModelType::Speech => most || !by(by_output),
        ModelType::Image | ModelType::Transcription | ModelType::Video => {
            (window || !by(by_input)) && (most || !by(by_output))
        }
    }
}

fn by_input(amounts: &Amounts) -> bool {
    amounts.input.or(amounts.audio_input).or(amounts.image_input).is_some()
}

fn by_output(amounts: &Amounts) -> bool {
    amounts.output.or(amounts.audio_output).or(amounts.image_output).is_some()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ModelType::{Chat, Embedding, Image, Speech, Transcription, Video};

    use super::*;
    use crate::config::ImageAmount;

    fn rate(price: Amounts) -> Rate {
        let cost = Amounts::default();
        Rate { model: "m".into(), cost, price, tiers: Vec::new(), service_tiers: BTreeMap::new() }
    }

    fn model(r#type: ModelType, context_window: Option<u64>, max_output_tokens: Option<u64>) -> Model {
        Model {
            name: "m".into(),
            upstream_model: "m".into(),
            r#type,
            aliases: Vec::new(),
            context_window,
            max_output_tokens,
            features: Vec::new(),
        }
    }

    #[test]
    fn each_type_is_priced_by_its_tokens_or_its_unit() {
        let one = Some(rust_decimal::Decimal::ONE);
        let image = ImageAmount { size: None, quality: None, amount: rust_decimal::Decimal::ONE };
        let tokens = rate(Amounts { input: one, output: one, ..Amounts::default() });
        let input = rate(Amounts { input: one, ..Amounts::default() });
        let parts = rate(Amounts { image_input: one, image_output: one, ..Amounts::default() });
        let second = rate(Amounts { second: one, ..Amounts::default() });
        let images = rate(Amounts { images: vec![image], ..Amounts::default() });
        let characters = rate(Amounts { characters: one, ..Amounts::default() });
        let request = rate(Amounts { request: one, ..Amounts::default() });
        for (rate, of) in [
            (&tokens, &[Chat, Embedding, Image, Speech, Transcription, Video][..]),
            (&input, &[Embedding]),
            (&parts, &[Image, Speech, Transcription, Video]),
            (&second, &[Speech, Transcription, Video]),
            (&images, &[Image]),
            (&characters, &[Speech]),
            (&request, &[]),
        ] {
            let priced: Vec<_> = [Chat, Embedding, Image, Speech, Transcription, Video]
                .into_iter()
                .filter(|r#type| prices(rate, *r#type))
                .collect();
            assert_eq!(priced, of, "{rate:?}");
        }
    }

    #[test]
    fn numbers_are_needed_only_of_what_is_charged_by_tokens() {
        let one = Some(rust_decimal::Decimal::ONE);
        let tokens = rate(Amounts { input: one, output: one, ..Amounts::default() });
        let second = rate(Amounts { second: one, ..Amounts::default() });
        let needs = |r#type, rate: &Rate| {
            [(None, None), (None, Some(1)), (Some(1), Some(1))]
                .map(|(window, most)| bounds(Some(rate), &model(r#type, window, most)))
        };
        assert_eq!(needs(ModelType::Chat, &second), [false, false, true]);
        assert_eq!(needs(ModelType::Embedding, &tokens), [true, true, true]);
        assert_eq!(needs(ModelType::Speech, &tokens), [false, true, true]);
        assert_eq!(needs(ModelType::Image, &tokens), [false, false, true]);
        assert_eq!(needs(ModelType::Video, &second), [true, true, true]);
    }
}

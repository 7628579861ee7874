//! From a model name to ordered candidates. Pure: what is equal is ordered by the request's own id.

use std::{cmp::Reverse, collections::HashSet};

use uuid::Uuid;

use super::authenticate::Principal;
use crate::{
    error::{GatewayError, Kind},
    snapshot::{Served, Snapshot},
    wire::Operation,
};
use aigne_hub_crds::config::ModelType;

/// As many models are named to whoever asked for one that does something else.
const NAMED: usize = 5;

/// Everything that may serve the request, best first: what serves the model itself by priority and weight, then
/// the tenant's fallbacks in their order.
pub(super) fn route(
    snapshot: &Snapshot,
    principal: &Principal,
    model: &str,
    operation: Operation,
    id: Uuid,
) -> Result<Vec<Served>, GatewayError> {
    let mut refused = None;
    let mut candidates = allowed(snapshot, principal, model, operation, &mut refused);
    order(&mut candidates, id);
    let fallbacks = fallbacks(principal, model, &candidates);
    for name in fallbacks {
        let mut more = allowed(snapshot, principal, &name, operation, &mut None);
        order(&mut more, id);
        candidates.extend(more);
    }
    let mut seen = HashSet::new();
    candidates.retain(|served| seen.insert((served.provider.id.clone(), served.model().name.clone())));
    match (candidates.is_empty(), refused) {
        (false, _) => Ok(candidates),
        (true, Some(error)) => Err(error),
        (true, None) => Err(GatewayError::new(
            Kind::UnknownModel,
            format!("the model {:?} does not exist; GET /v1/models lists those you may use", bounded(model)),
        )
        .with_param("model")),
    }
}

fn allowed(
    snapshot: &Snapshot,
    principal: &Principal,
    model: &str,
    operation: Operation,
    refused: &mut Option<GatewayError>,
) -> Vec<Served> {
    let mut allowed = Vec::new();
    for served in snapshot.serving(model) {
        let qualified = &served.model().qualified;
        if !principal.tenant.allows(&principal.key, qualified) {
            let message = format!("this key may not use the model {qualified:?}");
            refused.get_or_insert(GatewayError::new(Kind::ModelNotAllowed, message).with_param("model"));
        } else if served.provider.credentials.is_empty() {
            let message = format!(
                "provider {:?} has no credential now: its Secret is missing or holds no usable value",
                served.provider.config.name
            );
            refused.get_or_insert(GatewayError::new(Kind::UpstreamCredential, message));
        } else if served.model().config.r#type != made_for(operation) {
            refused.get_or_insert_with(|| unfit(snapshot, principal, served, operation));
        } else {
            allowed.push(served.clone());
        }
    }
    allowed
}

/// Which models do this.
fn made_for(operation: Operation) -> ModelType {
    match operation {
        Operation::Chat | Operation::CountTokens => ModelType::Chat,
        Operation::Embeddings => ModelType::Embedding,
        Operation::Images | Operation::ImageEdits => ModelType::Image,
        Operation::Speech => ModelType::Speech,
        Operation::Transcription | Operation::Translation => ModelType::Transcription,
        Operation::Videos => ModelType::Video,
    }
}

/// Says what the model is instead, and which would do.
fn unfit(snapshot: &Snapshot, principal: &Principal, served: &Served, operation: Operation) -> GatewayError {
    let (wanted, model) = (made_for(operation), served.model());
    let fit = snapshot.listing().iter().map(Served::model).filter(|other| {
        other.config.r#type == wanted && principal.tenant.allows(&principal.key, &other.qualified)
    });
    let names: Vec<_> = fit.take(NAMED).map(|model| format!("{:?}", model.qualified)).collect();
    let instead = match names.as_slice() {
        [] => "you may use none that is".to_owned(),
        names => format!("those that are: {}", names.join(", ")),
    };
    let is = format!("{:?}", model.config.r#type).to_lowercase();
    let wanted = format!("{wanted:?}").to_lowercase();
    let message = format!(
        "the model {:?} is for {is}, and this endpoint takes models for {wanted}; {instead}",
        model.qualified
    );
    GatewayError::new(Kind::Refused, message).with_param("model")
}

fn fallbacks(principal: &Principal, model: &str, candidates: &[Served]) -> Vec<String> {
    let configured = &principal.tenant.config.models.fallbacks;
    if configured.is_empty() {
        return Vec::new();
    }
    let names = candidates.iter().map(|served| served.model().qualified.as_str());
    std::iter::once(model).chain(names).filter_map(|name| configured.get(name)).flatten().cloned().collect()
}

/// Lower priority numbers first; among equals a weighted draw without replacement.
fn order(candidates: &mut [Served], id: Uuid) {
    if candidates.len() < 2 {
        return;
    }
    let random = id.as_u128();
    candidates.sort_by_cached_key(|served| {
        let config = &served.provider.config;
        (config.priority, Reverse(draw(&served.provider.id, config.weight, random)))
    });
}

/// A score whose maximum falls on each provider as often as its weight says (Efraimidis and Spirakis: u^(1/w)).
/// In fixed point of 2⁻³², through the logarithm, so that it can be ordered.
fn draw(provider: &str, weight: u32, random: u128) -> i64 {
    if weight == 0 {
        return i64::MIN;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of a UUIDv7 is its random part")]
    let seed = random as u64;
    let mixed = provider.bytes().fold(mix(seed), |hash, byte| mix(hash ^ u64::from(byte)));
    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
    let uniform = (mixed >> 11) as f64 / (1u64 << 53) as f64;
    let score = uniform.max(f64::MIN_POSITIVE).ln() / f64::from(weight);
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and the order is all that counts")]
    let score = (score * f64::from(u32::MAX)) as i64;
    score
}

/// Every bit of the result depends on every bit of the number (the finalizer of splitmix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn bounded(text: &str) -> &str {
    super::exchange::bounded(text, 128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_weights() {
        let mut first = 0;
        for number in 0..10_000u128 {
            let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            if draw("ns/a", 3, random) > draw("ns/b", 1, random) {
                first += 1;
            }
        }
        assert!((7_200..7_800).contains(&first), "{first} of 10000 for three quarters");
        assert!(draw("ns/a", 0, 1) < draw("ns/b", 1, 1));
    }
}

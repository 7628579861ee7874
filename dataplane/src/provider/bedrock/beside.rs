//! What Bedrock offers beside chat: `InvokeModel`, whose body is each maker's own.

mod cohere;
mod pictures;
#[cfg(test)]
mod tests;
mod titan;

use super::path;
use crate::{
    provider::{
        Target,
        endpoints::{Endpoint, How, Translation},
    },
    wire::Operation,
};

/// The endpoint for such requests to this model. The maker is read from its id, which may be that of an inference profile.
pub(in crate::provider) fn endpoint(operation: Operation, target: Target<'_>) -> Option<Endpoint> {
    let id = target.model.upstream_model.as_str();
    let is = |part: &str| id.contains(part);
    let translation: &'static dyn Translation = match operation {
        Operation::Embeddings if is("cohere.embed") => &cohere::Embeddings,
        Operation::Embeddings if is("amazon.titan-embed") => &titan::Embeddings,
        Operation::Images | Operation::ImageEdits if is("amazon.titan-image") || is("amazon.nova-canvas") => {
            &pictures::Pictures
        }
        _ => return None,
    };
    Some(Endpoint { path: path::path(id, "invoke"), how: How::Translated(translation) })
}

/// A field that these models have no place for.
/// What was counted, where the answer's headers say it (Cohere's body does not).
fn counted(headers: &http::HeaderMap) -> Option<crate::usage::Usage> {
    let input = headers.get("x-amzn-bedrock-input-token-count")?.to_str().ok()?.trim().parse().ok()?;
    Some(crate::usage::Usage { input, ..crate::usage::Usage::default() })
}

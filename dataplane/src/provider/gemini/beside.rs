//! What Gemini offers beside chat: vectors, pictures, sound, videos; each in a format of Google's own.

mod embeddings;
mod imagen;
mod images;
mod speech;
#[cfg(test)]
mod tests;
mod veo;

pub(in crate::provider) use self::veo::Operations;
use super::{model_path, version};
use crate::{
    provider::{
        Refusal, Target,
        endpoints::{Endpoint, How, Translation},
    },
    wire::Operation,
};

/// The endpoint for such requests to this model.
pub(in crate::provider) fn endpoint(operation: Operation, target: Target<'_>) -> Option<Endpoint> {
    let model = model_path(&target.model.upstream_model);
    // Imagen paints by an endpoint of its own, and changes no pictures.
    let imagen = model.contains("/imagen");
    let (method, translation): (_, &'static dyn Translation) = match operation {
        Operation::Embeddings => ("batchEmbedContents", &embeddings::Embeddings),
        Operation::Images if imagen => ("predict", &imagen::Imagen),
        Operation::Images => ("generateContent", &images::Images),
        Operation::ImageEdits if !imagen => ("generateContent", &images::Images),
        Operation::Speech => ("generateContent", &speech::Speech),
        Operation::Videos => ("predictLongRunning", &veo::Veo),
        _ => return None,
    };
    let path = format!("{}/{model}:{method}", version(&target.provider.base_url));
    Some(Endpoint { path, how: How::Translated(translation) })
}

/// A field that Gemini has no place for.
fn refuse(field: &str, message: &str) -> Refusal {
    Refusal::of(field, message)
}

/// Fields of `OpenAI`'s that change neither the answer nor what it costs.
fn refuse_others(others: &[String]) -> Result<(), Refusal> {
    const HARMLESS: [&str; 3] = ["user", "metadata", "moderation"];
    match others.iter().find(|name| !HARMLESS.contains(&name.as_str())) {
        Some(name) => Err(refuse(name, "is not supported by Gemini")),
        None => Ok(()),
    }
}

//! Answers in `OpenAI`'s format to requests that were translated.

use serde::Deserialize;

use super::usage::RawUsage;
use crate::{
    json,
    media::{
        Answer,
        image::{self, Picture},
    },
    provider::Unreadable,
    usage::Usage,
};

#[derive(Deserialize)]
struct Images {
    data: Vec<Written>,
    usage: Option<RawUsage>,
}

#[derive(Deserialize)]
struct Written {
    b64_json: Option<String>,
    url: Option<String>,
}

/// Pictures.
pub(in crate::provider) fn images(body: &[u8]) -> Result<Answer, Unreadable> {
    let mut scratch = Vec::new();
    let written: Images = json::parse(body, &mut scratch).map_err(|error| Unreadable(error.to_string()))?;
    let picture = |written: Written| written.b64_json.map(Picture::Base64).or(written.url.map(Picture::Url));
    let pictures: Vec<_> = written.data.into_iter().filter_map(picture).collect();
    if pictures.is_empty() {
        return Err(Unreadable("it has no pictures".to_owned()));
    }
    let usage = written.usage.map(|usage| usage.normalise());
    Ok(Answer::Image(image::Answer { pictures, usage, ..image::Answer::default() }))
}

/// What was used, from its JSON text.
pub(in crate::provider) fn usage(text: &str) -> Option<Usage> {
    serde_json::from_str::<RawUsage>(text).ok().map(|usage| usage.normalise())
}

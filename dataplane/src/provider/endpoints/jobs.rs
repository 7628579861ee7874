//! Jobs that outlive their request: how a provider is asked for one that it has taken. Pure.

use aigne_hub_crds::config::ProviderType;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{doubao, gemini, xai};
use crate::{media::video::State, provider::Unreadable};

/// What RFC 3986 leaves as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How a provider is asked for its jobs.
#[derive(Clone, Copy, Debug)]
pub enum Jobs {
    /// By `OpenAI`'s paths, and in its format.
    Relayed,
    /// In the provider's own way.
    Translated(&'static dyn Polled),
}

/// A provider's own way of telling of a job. Pure.
pub trait Polled: std::fmt::Debug + Send + Sync {
    /// Whose way it is, for messages.
    fn whose(&self) -> &'static str;

    /// Ends of names of hosts, beside the provider's own, where its videos may lie. They are shown no credential.
    fn storage(&self) -> &'static [&'static str] {
        &[]
    }

    /// Below the provider's base URL, percent-encoded; `None` where the id can be no path.
    fn path(&self, id: &str, base_url: &str) -> Option<String>;

    /// Reads how far it is, and where its video is.
    fn read(&self, body: &[u8]) -> Result<(State, Option<String>), Unreadable>;
}

/// How jobs of this type of provider are asked for; `None` where it has none.
pub fn jobs(r#type: ProviderType) -> Option<Jobs> {
    match r#type {
        ProviderType::OpenAI | ProviderType::OpenAICompatible => Some(Jobs::Relayed),
        ProviderType::Gemini => Some(Jobs::Translated(&gemini::beside::Operations)),
        ProviderType::XAI => Some(Jobs::Translated(&xai::videos::Videos)),
        ProviderType::Doubao => Some(Jobs::Translated(&doubao::videos::Videos)),
        _ => None,
    }
}

impl Jobs {
    /// Where a job is looked at (and, in `OpenAI`'s way, deleted), below the provider's base URL.
    pub fn path(self, id: &str, base_url: &str) -> Option<String> {
        match self {
            Self::Relayed => Some(format!("/videos/{}", segment(id)?)),
            Self::Translated(polled) => polled.path(id, base_url),
        }
    }
}

/// One segment of a path; `None` for what would mean another path.
pub(in crate::provider) fn segment(text: &str) -> Option<String> {
    let is_one = !matches!(text, "" | "." | "..");
    is_one.then(|| utf8_percent_encode(text, SEGMENT).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment() {
        let path = |id| Jobs::Relayed.path(id, "https://x/v1");
        assert_eq!(path("video_68-a").as_deref(), Some("/videos/video_68-a"));
        assert_eq!(path("a/../b?c").as_deref(), Some("/videos/a%2F..%2Fb%3Fc"));
        assert_eq!((path(""), path(".."), path(".")), (None, None, None));
    }
}

//! Pictures from a text, and from other pictures.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Blob, Demand};
use crate::usage::{ImageKind, Units, Usage};

/// A request for pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// What to show.
    pub prompt: String,
    /// How many.
    pub n: u64,
    /// For example `1024x1024` or `auto`.
    pub size: Option<String>,
    /// For example `high`.
    pub quality: Option<String>,
    /// `transparent`, `opaque` or `auto`.
    pub background: Option<String>,
    /// `png`, `jpeg` or `webp`.
    pub output_format: Option<String>,
    /// For example `16:9` (xAI's name for it).
    pub aspect_ratio: Option<String>,
    /// An address instead of the bytes.
    pub as_url: bool,
    /// Events as it becomes.
    pub stream: bool,
    /// Pictures to begin with.
    pub sources: Vec<Source>,
    /// Where to change them: the transparent parts of this one.
    pub mask: Option<Source>,
    /// Names of fields that mean nothing here.
    pub others: Vec<String>,
}

/// A picture to begin with.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Its bytes.
    Bytes(Blob),
    /// Where it is. The hub fetches nothing.
    Url(String),
}

/// Pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Each of them.
    pub pictures: Vec<Picture>,
    /// What they turned out to be, where the provider says it.
    pub size: Option<String>,
    /// See [`Request::quality`].
    pub quality: Option<String>,
    /// `png`, `jpeg` or `webp`, where it is known.
    pub output_format: Option<String>,
    /// Tokens that were used, where the provider counts them.
    pub usage: Option<Usage>,
}

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    /// Its bytes in base64.
    Base64(String),
    /// Where it is for a while.
    Url(String),
}

/// Width and height of `1024x768`, in the one way to write them: no sign, no zero in front.
pub fn sides(size: &str) -> Option<(u32, u32)> {
    let number = |text: &str| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        text.parse::<u32>().ok().filter(|_| is_plain && text.len() <= 5)
    };
    let (width, height) = size.split_once('x')?;
    Some((number(width)?, number(height)?))
}

impl Source {
    /// As an address; bytes are one that holds them, and are taken for PNG where nobody says what they are.
    pub fn url(&self) -> Cow<'_, str> {
        match self {
            Self::Url(url) => Cow::Borrowed(url),
            Self::Bytes(blob) => {
                let kind = if blob.media_type.is_empty() { "image/png" } else { &blob.media_type };
                Cow::Owned(format!("data:{kind};base64,{}", STANDARD.encode(&blob.data)))
            }
        }
    }
}

impl Request {
    /// What their price depends on, as far as it was asked for.
    pub fn kind(&self) -> ImageKind {
        ImageKind::new(self.size.as_deref().unwrap_or_default(), self.quality.as_deref().unwrap_or_default())
    }

    pub(super) fn demand(&self) -> Demand {
        let units = Units { images: self.n, image: self.kind(), ..Units::default() };
        let text = (self.sources.is_empty() && self.mask.is_none()).then_some(self.prompt.len() as u64);
        Demand { units, text, likely_millis: 0 }
    }
}

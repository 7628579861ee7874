//! What a sheet does not price.

use std::fmt;

use crate::usage::ImageKind;

/// What has no cost or no price. Written after "the model has no price for".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// A kind of token.
    Tokens,
    /// Images of this kind: there are rates for others.
    Image(ImageKind),
    /// Images, and not all tokens either.
    Images,
    /// Seconds of audio or video, and not all tokens either.
    Seconds,
    /// Characters that are spoken, and not all tokens either.
    Characters,
}

impl fmt::Display for Unpriced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Tokens => return formatter.write_str("its input or its output"),
            Self::Image(ImageKind { size, quality }) => {
                formatter.write_str("an image")?;
                let stated =
                    [("size", size), ("quality", quality)].into_iter().filter(|(_, word)| !word.is_empty());
                for ((name, word), joint) in stated.zip([" of", " and"]) {
                    write!(formatter, "{joint} {name} {word:?}")?;
                }
                return Ok(());
            }
            Self::Images => "images",
            Self::Seconds => "seconds of audio or video",
            Self::Characters => "characters",
        };
        write!(formatter, "{what}, nor for both its input and its output")
    }
}

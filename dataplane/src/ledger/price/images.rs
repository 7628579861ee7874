//! Rates per image, by size and quality.

use aigne_hub_crds::config::ImageAmount;
use rust_decimal::Decimal;

use crate::usage::ImageKind;

/// In the sheet's order, in which the first that matches applies.
#[derive(Clone, Debug)]
pub(super) struct Images(Box<[Entry]>);

#[derive(Clone, Debug)]
struct Entry {
    /// What it is for; empty is any.
    kind: ImageKind,
    /// 10⁻²⁴ dollars.
    rate: u128,
}

impl Images {
    pub(super) fn new(amounts: &[ImageAmount], rate: impl Fn(Decimal) -> u128) -> Self {
        let entry = |image: &ImageAmount| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let kind = ImageKind::new(&text(&image.size), &text(&image.quality));
            Entry { kind, rate: rate(image.amount) }
        };
        Self(amounts.iter().map(entry).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is an entry that may be meant.
    pub(super) fn can_be(&self, kind: ImageKind) -> bool {
        self.0.iter().any(|entry| entry.can_be(kind))
    }

    /// Of the first entry that matches, where nobody said what matching everything. An image that none was written for
    /// costs as the dearest: a guess, but never nothing.
    pub(super) fn rate(&self, kind: ImageKind) -> u128 {
        let first = self.0.iter().find(|entry| entry.can_be(kind));
        first.map_or_else(|| dearest(&self.0), |entry| entry.rate)
    }

    /// The most that an image can cost that was asked for like this: what the request leaves open, the answer chooses.
    pub(super) fn dearest(&self, asked: ImageKind) -> u128 {
        let Some(last) = self.0.iter().position(|entry| entry.is(asked)) else { return dearest(&self.0) };
        let reached = self.0.iter().take(last + 1).filter(|entry| entry.can_be(asked));
        reached.map(|entry| entry.rate).max().unwrap_or(0)
    }
}

impl Entry {
    /// Whether an image of this kind, which may not be said in whole, can be of the entry's.
    fn can_be(&self, kind: ImageKind) -> bool {
        let (size, quality) = (self.kind.size, self.kind.quality);
        (size.is_empty() || kind.size.is_empty() || size == kind.size)
            && (quality.is_empty() || kind.quality.is_empty() || quality == kind.quality)
    }

    /// Whether it is, whatever is not said.
    fn is(&self, kind: ImageKind) -> bool {
        let (size, quality) = (self.kind.size, self.kind.quality);
        (size.is_empty() || size == kind.size) && (quality.is_empty() || quality == kind.quality)
    }
}

fn dearest(entries: &[Entry]) -> u128 {
    entries.iter().map(|entry| entry.rate).max().unwrap_or(0)
}

//! What is left out on the way to a provider, and why that is no loss: each was decided, none is silent.

use super::cell::Loss;
use super::heard::Format;
use super::wire::Wire;

const LOSSES: &[Loss] = &[
    (&[Format::Messages], "seed", "Anthropic has no seed; sampling is not repeatable there either way"),
    (&[Format::Messages], "presence and frequency penalty", "Anthropic has no penalties and ignores them"),
];

/// Why this is left out; none where it must not be.
pub(super) fn why(format: Format, _wire: Wire, feature: &str) -> Option<&'static str> {
    LOSSES
        .iter()
        .find(|(formats, name, _)| formats.contains(&format) && *name == feature)
        .map(|(.., why)| *why)
}

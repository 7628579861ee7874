//! Cells that are wrong, and known to be: each is work that is left, and shown as such.

use super::cell::Outcome;

/// Wire, feature and kind of provider (`*`: any), and what is missing.
const OPEN: &[(&str, &str, &str, &str)] = &[];

/// What is known of a cell.
pub(super) fn known(wire: &str, feature: &str, kind: &str) -> Option<&'static str> {
    let same = |pattern: &str, name: &str| pattern == "*" || pattern == name;
    OPEN.iter()
        .find(|(of, about, at, _)| same(of, wire) && same(about, feature) && same(at, kind))
        .map(|(.., why)| *why)
}

/// Entries that nothing is wrong with any more.
pub(super) fn outdated(outcomes: &super::stage::Outcomes) -> Vec<String> {
    let stale = OPEN.iter().filter(|(.., why)| !outcomes.values().any(|found| *found == Outcome::Open(why)));
    stale
        .map(|(wire, feature, kind, _)| format!("{wire} | {feature} | {kind}: no such cell is wrong"))
        .collect()
}

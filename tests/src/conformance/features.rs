//! All features, in the order of the table.

mod audio;
mod cache;
mod choices;
mod citations;
mod documents;
mod effort;
mod failures;
mod images;
mod limits;
mod logprobs;
mod parallel;
mod penalties;
mod refusal;
mod results;
mod sampling;
mod seed;
mod stop;
mod structured;
mod system;
mod text;
mod thinking;
pub(super) mod tier;
mod tools;
mod turns;
pub(super) mod usage;

use super::feature::{Ask, Feature, Reach};
use super::heard::Said;

/// What legacy completions have no place for.
const TEXT_ALONE: Ask = Ask::Not("legacy completions take one text and no more");

/// All of them.
pub const ALL: &[Feature] = &[
    text::TEXT,
    usage::USAGE,
    system::SYSTEM,
    turns::TURNS,
    sampling::SAMPLING,
    sampling::TOP_K,
    limits::LIMIT,
    stop::STOP,
    seed::SEED,
    choices::CHOICES,
    penalties::PENALTIES,
    logprobs::LOGPROBS,
    tools::TOOLS,
    tools::CHOICE,
    tools::REQUIRED,
    parallel::PARALLEL,
    parallel::ONE_BY_ONE,
    results::RESULTS,
    results::FAILED,
    structured::STRUCTURED,
    structured::OPTIONAL,
    images::INLINE,
    images::ADDRESS,
    documents::DOCUMENT,
    audio::AUDIO,
    effort::EFFORT,
    thinking::SHOWN,
    thinking::KEPT,
    thinking::FROM_ANTHROPIC,
    thinking::FROM_GEMINI,
    thinking::FROM_DEEPSEEK,
    cache::MARKERS,
    tier::TIER,
    tier::UNPRICED,
    refusal::REFUSAL,
    citations::CITATIONS,
    failures::BAD_REQUEST,
    failures::CREDENTIAL,
    failures::THROTTLED,
    failures::BROKEN,
    failures::MID_STREAM,
];

/// A piece of a turn must be there.
fn said(heard: &super::heard::Heard, wanted: &Said) -> Reach {
    let alike = |said: &&Said| std::mem::discriminant(*said) == std::mem::discriminant(wanted);
    match heard.said().find(alike) {
        None => Reach::Absent,
        Some(found) if found == wanted => Reach::Whole,
        Some(found) => Reach::Wrong(format!("{found:?} instead of {wanted:?}")),
    }
}

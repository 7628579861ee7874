//! `docs/compatibility.md`, as the cells came out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::cell::Outcome;
use super::endpoints;
use super::features;
use super::provider::PROVIDERS;
use super::stage::Outcomes;
use super::wire::Wire;

const HEAD: &str = "\
# Compatibility

What each client wire can do with each provider. This page is written by a test that runs every cell against a gateway process
(`tests/tests/conformance.rs`; `UPDATE=1` writes it), so it is true, or the build fails. Bedrock is played by a server on botocore, which
checks signatures, requests and frames by AWS's own code; the others by a scripted provider; and clients and emulators of others
run beside it (`tests/tests/sdk.rs`).

| | |
|---|---|
| ✓ | it reaches the provider in its own words, and the client gets the answer in its own; whole and streamed |
| refused | a 400 in the client's format, before the provider is asked, with the message below |
| left out | it does not cross, for the reason below; the rest of the request does |
| n/a | there is nothing to cross, for the reason below |
| open | known to be wrong: work that is left |

Where the client's wire is one that the provider speaks, the request is relayed: fields that are not in these tables pass untouched, but
for those that choose a model, a tier or a paid tool.
";

const NUMBERS: &str = "
## Where each number comes from

Usage is read from the provider's own count, in a stream from the last one. What a provider does not count is 0, or estimated where
nothing was counted at all ([Metering](metering.md)). Amounts are disjoint: prompt, read from a cache, written to a cache.

| provider | prompt | read from cache | written to cache | output, reasoning included | reasoning |
|---|---|---|---|---|---|
";

const UNITS: &str = "
Beside chat:

| | comes from |
|---|---|
| tokens of embeddings | `usage.prompt_tokens`; of Bedrock the header `x-amzn-bedrock-input-token-count`; estimated where nobody says |
| images | the images in the answer, or `usage.generated_images`; size and quality as the answer says, else as the request does; tokens from `usage` where it is there |
| characters of speech | the characters of `input`; tokens from `usage` of `speech.audio.done` in a stream |
| seconds of a recording | `usage.seconds` or `duration`; tokens from `usage` where the model counts those |
| seconds of a video | `seconds` of the answer that takes the job, else of the request |
| money | OpenRouter's `usage.cost` and xAI's `cost_in_usd_ticks` stand beside our own price and replace nothing |
";

/// Where it is.
pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md")
}

/// The page.
pub fn page(outcomes: &Outcomes) -> String {
    let mut page = HEAD.to_owned();
    for wire in Wire::ALL {
        let rows: Vec<&'static str> = features::ALL.iter().map(|feature| feature.name).collect();
        table(&mut page, wire.title(), wire.id(), &rows, outcomes);
    }
    let rows: Vec<&'static str> = endpoints::ALL.iter().map(|endpoint| endpoint.name).collect();
    table(&mut page, "Beside chat", endpoints::ID, &rows, outcomes);
    page.push_str(NUMBERS);
    for provider in PROVIDERS {
        let _ = writeln!(page, "| {} | {} |", provider.kind, provider.numbers.join(" | "));
    }
    page.push_str(UNITS);
    page
}

fn table(page: &mut String, title: &str, id: &'static str, rows: &[&'static str], outcomes: &Outcomes) {
    let kinds: Vec<&str> = PROVIDERS.iter().map(|provider| provider.kind).collect();
    let _ =
        writeln!(page, "\n## {title}\n\n| | {} |\n|---|{}", kinds.join(" | "), "---|".repeat(kinds.len()));
    let mut notes: Vec<&str> = Vec::new();
    let mut absent: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows {
        let of = |kind: &'static str| outcomes.get(&(id, *row, kind));
        // What the wire itself has no words for is no row of its own.
        let first = of(PROVIDERS[0].kind);
        if let Some(Outcome::NotApplicable(why)) = first
            && PROVIDERS.iter().all(|provider| of(provider.kind) == first)
        {
            absent.entry(why).or_default().push(row);
            continue;
        }
        let cells: Vec<String> = PROVIDERS
            .iter()
            .map(|provider| {
                outcomes
                    .get(&(id, *row, provider.kind))
                    .map_or_else(|| "?".into(), |cell| word(cell, &mut notes))
            })
            .collect();
        let _ = writeln!(page, "| {row} | {} |", cells.join(" | "));
    }
    if !notes.is_empty() {
        page.push('\n');
    }
    for (number, note) in notes.iter().enumerate() {
        let _ = writeln!(page, "{}. {note}", number + 1);
    }
    if !absent.is_empty() {
        page.push_str("\nNot applicable with any provider:\n\n");
    }
    for (why, rows) in absent {
        let _ = writeln!(page, "- {}: {why}", rows.join("; "));
    }
}

/// A cell; what explains it is a note that equal ones share.
fn word<'a>(cell: &'a Outcome, notes: &mut Vec<&'a str>) -> String {
    let (word, why) = match cell {
        Outcome::Pass => return "✓".into(),
        Outcome::Refused(why) => ("refused", why.as_str()),
        Outcome::LeftOut(why) => ("left out", *why),
        Outcome::NotApplicable(why) => ("n/a", *why),
        Outcome::Open(why) => ("open", *why),
        Outcome::Wrong(why) => ("WRONG", why.as_str()),
    };
    let number = notes.iter().position(|note| *note == why).unwrap_or_else(|| {
        notes.push(why);
        notes.len() - 1
    });
    format!("{word} ({})", number + 1)
}

//! Reading providers' exports: pages of OpenAI's and Anthropic's usage APIs, and a plain CSV.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Counted, Key};

/// An export that cannot be read; says where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadExport(String);

/// `GET /v1/organization/usage/completions` of `OpenAI`, with `group_by=model`; and
/// `GET /v1/organizations/usage_report/messages` of Anthropic, with `group_by[]=model`.
#[derive(Deserialize)]
struct Page {
    data: Vec<Bucket>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Bucket {
    /// `OpenAI`: Unix seconds.
    start_time: Option<i64>,
    /// Anthropic: RFC 3339.
    starting_at: Option<Timestamp>,
    #[serde(alias = "result")]
    results: Vec<Used>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Used {
    model: Option<String>,
    /// `OpenAI`: cached ones included.
    input_tokens: i128,
    input_audio_tokens: i128,
    output_tokens: i128,
    output_audio_tokens: i128,
    /// Anthropic: without those read from the cache or written to it.
    uncached_input_tokens: i128,
    cache_read_input_tokens: i128,
    cache_creation: BTreeMap<String, i128>,
}

/// Adds what a file says; `true` where the export goes on in another page.
pub fn parse(text: &str, into: &mut BTreeMap<Key, Counted>) -> Result<bool, BadExport> {
    if text.trim_start().starts_with('{') { json(text, into) } else { csv(text, into).map(|()| false) }
}

fn json(text: &str, into: &mut BTreeMap<Key, Counted>) -> Result<bool, BadExport> {
    let page: Page = serde_json::from_str(text)
        .map_err(|error| BadExport(format!("not a page of OpenAI's or Anthropic's usage: {error}")))?;
    for bucket in &page.data {
        let openai = bucket.start_time.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let begins = openai.or(bucket.starting_at);
        let begins =
            begins.ok_or_else(|| BadExport("a bucket has no start_time and no starting_at".into()))?;
        for used in &bucket.results {
            let model = used.model.clone().ok_or_else(|| {
                BadExport(
                    "a result has no model: the export has to be grouped by model (group_by)".to_owned(),
                )
            })?;
            let written: i128 = used.cache_creation.values().sum();
            let input = used.input_tokens + used.input_audio_tokens;
            let counted = Counted {
                input: input + used.uncached_input_tokens + used.cache_read_input_tokens + written,
                output: used.output_tokens + used.output_audio_tokens,
            };
            into.entry((begins.strftime("%F").to_string(), model)).or_default().add(counted);
        }
    }
    Ok(page.has_more)
}

/// `date,model,input_tokens,output_tokens`, with such a header, in any order, beside other columns. No quotes.
fn csv(text: &str, into: &mut BTreeMap<Key, Counted>) -> Result<(), BadExport> {
    let mut lines = text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.is_empty());
    let (header, _) = lines.next().ok_or_else(|| BadExport("the file is empty".into()))?;
    let header: Vec<_> = header.trim_start_matches('\u{feff}').split(',').map(str::trim).collect();
    let place = |name: &str| {
        let missing = || BadExport(format!("line 1: there is no column {name}"));
        header.iter().position(|column| *column == name).ok_or_else(missing)
    };
    let places = [place("date")?, place("model")?, place("input_tokens")?, place("output_tokens")?];
    for (line, number) in lines {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        let bad = |what: &str| BadExport(format!("line {number}: {what}"));
        let field = |place: usize| fields.get(place).copied().ok_or_else(|| bad("it is too short"));
        let count = |place| field(place)?.parse::<i128>().map_err(|_| bad("not a number of tokens"));
        let day =
            field(places[0])?.parse::<jiff::civil::Date>().map_err(|_| bad("not a date, as 2026-03-31"))?;
        let counted = Counted { input: count(places[2])?, output: count(places[3])? };
        into.entry((day.to_string(), field(places[1])?.to_owned())).or_default().add(counted);
    }
    Ok(())
}

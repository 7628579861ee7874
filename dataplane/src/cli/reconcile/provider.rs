//! What a provider says that was used, and what the ledger has.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::Output;
use crate::ledger::place::Ledger;
use crate::ledger::provider_usage::{self, Counted, Key, Sides, Unequal};
use crate::ledger::store::{Dimension, Filter, Report as _};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Export {
    /// A file of the provider's usage: a page of OpenAI's `/v1/organization/usage/completions` or Anthropic's
    /// `/v1/organizations/usage_report/messages`, grouped by model, in buckets of a day or less; or a CSV with the columns
    /// date, model, `input_tokens` (whole prompts) and `output_tokens`. Several for several pages.
    #[arg(long, value_name = "FILE", requires = "provider")]
    provider_usage: Vec<PathBuf>,
    /// The `AIProvider` that it is of.
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "provider_usage")]
    provider: Option<String>,
    /// The provider's name for a model, and the hub's, where they differ by more than a date at the end.
    #[arg(long, value_name = "THEIRS=OURS", requires = "provider_usage", value_parser = pair)]
    model_name: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(theirs, ours)| !theirs.is_empty() && !ours.is_empty());
    pair.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned()))
        .ok_or_else(|| "must be THEIRS=OURS".to_owned())
}

impl Export {
    pub(super) fn is_given(&self) -> bool {
        !self.provider_usage.is_empty()
    }
}

/// Prints what differs.
pub(super) async fn run(
    args: &Export,
    ledger: &Ledger,
    format: Output,
    output: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let mut theirs = BTreeMap::new();
    let mut more = 0_usize;
    for path in &args.provider_usage {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        more += usize::from(
            provider_usage::parse(&text, &mut theirs).with_context(|| path.display().to_string())?,
        );
    }
    if more >= args.provider_usage.len() {
        bail!(
            "the export goes on in another page, which is missing (has_more): give each page with --provider-usage"
        );
    }
    let ours = ours(args.provider.as_deref().unwrap_or_default(), &theirs, ledger).await?;
    let names = args.model_name.iter().cloned().collect();
    let found = provider_usage::compare(&theirs, &ours, &names);
    match format {
        Output::Json => {
            serde_json::to_writer(&mut *output, &found)?;
            writeln!(output)?;
        }
        Output::Text => {
            found.iter().try_for_each(|unequal| show(unequal, output))?;
            match found.len() {
                0 => writeln!(output, "The provider has counted the same.")?,
                count => writeln!(output, "{count} differences, in tokens.")?,
            }
        }
    }
    output.flush()?;
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Of the days that the export covers.
async fn ours(provider: &str, theirs: &BTreeMap<Key, Counted>, ledger: &Ledger) -> anyhow::Result<Sides> {
    let mut sides = Sides::new();
    let (Some((first, _)), Some((last, _))) = (theirs.keys().next(), theirs.keys().next_back()) else {
        bail!("the export has no usage in it");
    };
    let begins = |day: &str, after: i8| {
        let day: jiff::civil::Date = day.parse()?;
        let time: Timestamp = day.checked_add(i32::from(after).days())?.to_zoned(TimeZone::UTC)?.timestamp();
        anyhow::Ok(time.as_millisecond())
    };
    let filter = Filter { since: Some(begins(first, 0)?), until: Some(begins(last, 1)?), tenant: None };
    let by = [Dimension::Provider, Dimension::Day, Dimension::Model];
    for (group, totals) in ledger.totals(&filter, &by).await? {
        if let [of, day, model] = group.as_slice()
            && of == provider
        {
            provider_usage::add(&mut sides, (day.clone(), model.clone()), &totals);
        }
    }
    Ok(sides)
}

fn show(unequal: &Unequal, output: &mut dyn Write) -> std::io::Result<()> {
    let Unequal { day, model, provider, ledger, suspense, explained } = unequal;
    for (what, theirs, ours, held) in [
        ("input", provider.input, ledger.input, suspense.input),
        ("output", provider.output, ledger.output, suspense.output),
    ] {
        if theirs == ours {
            continue;
        }
        write!(output, "{day} {model}: {what}: the provider says {theirs}, the ledger has {ours}")?;
        if held > 0 {
            let can = if *explained { ", which can be the difference" } else { "" };
            write!(output, "; up to {held} more are in suspense{can}")?;
        }
        writeln!(output)?;
    }
    Ok(())
}

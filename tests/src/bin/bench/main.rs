//! Measures the gateway's cost as ratios to nginx on the same machine, in the same run: `make bench`.
//!
//! One thread on one core is both the load client and the scripted upstream; what is measured has the other core to
//! itself. See `docs/performance.md`.

mod cli;
mod client;
mod gateway;
mod http1;
mod load;
mod metric;
mod nginx;
mod process;
mod report;
mod sample;
mod scenario;
mod script;
mod target;
mod upstream;
mod usage;

use std::{collections::BTreeMap, fs, io::Write, path::Path, process::ExitCode};

use anyhow::{Result, ensure};
use clap::Parser;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    task::LocalSet,
};

use crate::{
    cli::{Arguments, Output},
    report::{Measured, Results},
    sample::Sample,
    scenario::Scenario,
    target::Target,
    upstream::Upstream,
    usage::Reading,
};

/// Other work on both cores above this (percent of one core) makes a run's figures doubtful.
const DISTURBED: f64 = 8.0;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = process::pin_self(arguments.load_core)
        .and_then(|()| Ok(runtime::Builder::new_current_thread().enable_all().build()?))
        .and_then(|runtime| LocalSet::new().block_on(&runtime, until_interrupted(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs to the end, or up to a signal: either way every child ends with the values that hold it.
async fn until_interrupted(arguments: Arguments) -> Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        outcome = bench(arguments) => outcome,
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
    }
}

/// Everything, in turns: each repeat takes every target once, so that a busy moment of the machine hits all alike.
async fn bench(arguments: Arguments) -> Result<()> {
    let (scenarios, repeats) = (arguments.scenarios()?, arguments.repeats()?);
    let temporary = tempfile::tempdir()?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    let upstream = Upstream::start().await?;
    let mut results = Results::default();
    for number in 1..=repeats {
        let mut repeat = BTreeMap::new();
        for &target in &arguments.targets {
            note(&format!("run {number} of {repeats}: {}", target.name()));
            let folder = folder.join(format!("{}-{number}", target.name()));
            let mut measured = Measured::default();
            if let Err(error) =
                measure(target, &scenarios, &arguments, &upstream, &folder, &mut measured).await
            {
                note(&format!("  FAILED: {error:#}{}", log_tail(&folder)));
                measured.failure = Some(format!("{error:#}"));
            }
            repeat.insert(target, measured);
        }
        results.repeats.push(repeat);
    }
    let text = match arguments.output {
        Output::Table => results.table(),
        Output::Json => format!("{:#}\n", results.json()),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    let failures = results.failures();
    ensure!(failures.is_empty(), "the figures above cannot be relied on:\n{}", failures.join("\n"));
    Ok(())
}

/// One target through all scenarios, into `measured`.
async fn measure(
    target: Target,
    scenarios: &[Scenario],
    arguments: &Arguments,
    upstream: &Upstream,
    folder: &Path,
    measured: &mut Measured,
) -> Result<()> {
    fs::create_dir_all(folder)?;
    let served_before = upstream.served();
    let running = target.start(arguments, upstream.address, folder).await?;
    measured.idle_kib = running.usage().resident_kib;
    for scenario in scenarios {
        if let Some(pace) = scenario.pace() {
            upstream.set_pace(pace);
        }
        let read = || Reading::now(running.usage(), [arguments.load_core, arguments.target_core]);
        let request = target.request(scenario.pace().is_some());
        let window = load::run(*scenario, running.address, &request, arguments.window()?, read).await?;
        let sample = Sample::of(window);
        note(&progress(scenario, &sample));
        measured.scenarios.insert(scenario.name, sample);
    }
    measured.peak_kib = running.usage().peak_kib;
    let sent = measured.scenarios.values().map(|sample| sample.sent).sum();
    let served = upstream.served() - served_before;
    note(&format!("  {} requests sent, {served} reached the upstream", sent + running.probes));
    running.stop(arguments, folder, sent).await
}

fn progress(scenario: &Scenario, sample: &Sample) -> String {
    let rate = match scenario.pace() {
        Some(_) => format!("{:>8.0} chunks/s  ", sample.chunks_per_second),
        None => format!("{:>8.0} requests/s", sample.requests_per_second),
    };
    let (target, load) = (sample.target_share * 100.0, sample.load_share * 100.0);
    let others = match sample.others_share * 100.0 {
        share if share > DISTURBED => format!(", DISTURBED by other work: {share:.0} % of a core"),
        _ => String::new(),
    };
    let (count, first) = (sample.errors, sample.first_error.as_ref());
    let errors = first.map(|first| format!(", {count} ERRORS, first: {first}")).unwrap_or_default();
    format!(
        "  {:<16}{rate}, its core {target:3.0} %, load's core {load:3.0} %{others}{errors}",
        scenario.name
    )
}

/// The last lines that a target wrote to its error log, to say why it failed.
fn log_tail(folder: &Path) -> String {
    let logs =
        ["stderr.log", "error.log"].map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default());
    let lines: Vec<_> = logs.iter().flat_map(|log| log.lines()).collect();
    let last = &lines[lines.len().saturating_sub(5)..];
    if last.is_empty() { String::new() } else { format!("\n    | {}", last.join("\n    | ")) }
}

/// Progress, for people who wait.
fn note(text: &str) {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

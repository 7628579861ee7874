//! Runs a command line in a test.

use std::process::ExitCode;

use clap::Parser as _;

use super::{Cli, Context};
use crate::{clock::Clock, environment::Environment, source::directory::tests::Fixture};

/// Runs `aigne-hub <args>`; the output comes without the fixture's folder.
pub(crate) fn run(fixture: &Fixture, args: &[&str]) -> (ExitCode, String) {
    let (result, text) = try_run(fixture, args);
    (result.unwrap(), text)
}

/// As [`run`], with the error.
pub(crate) fn try_run(fixture: &Fixture, args: &[&str]) -> (anyhow::Result<ExitCode>, String) {
    let data = fixture.data.path().display().to_string();
    let seal_key = format!("{data}/seal.key");
    let environment = Environment::fixed([("AIGNE_HUB_SEAL_KEY_FILE", seal_key.as_str())]);
    let context = Context { environment, clock: Clock::default() };
    let cli = Cli::try_parse_from([&["aigne-hub"], args].concat()).unwrap();
    let mut output = Vec::new();
    let result = cli.run(&context, &mut output);
    (result, String::from_utf8(output).unwrap().replace(&format!("{}/", fixture.root()), ""))
}

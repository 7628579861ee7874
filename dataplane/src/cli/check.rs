//! `aigne-hub check`: what is wrong with manifests, with file and line.

use std::{io::Write, process::ExitCode};

use aigne_hub_crds::compile::Severity;
use serde::Serialize;

use super::{Context, Manifests, Output};
use crate::source::{Loaded, LocatedFinding, Location, Problem, secrets::Missing};

/// Say what is wrong with manifests, with file and line.
///
/// The same checks as the API server's, and what would keep a resource from being Ready. Environment variables, the
/// sealing key and tenant keys may be missing where a check runs: that is a warning. Exits with 1 on errors.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  aigne-hub check -f deploy/
  aigne-hub check -f deploy/ --output json --strict      # in CI
  aigne-hub check -f deploy/ --secrets-elsewhere         # Secrets come from External Secrets or the like")]
pub struct Args {
    #[command(flatten)]
    manifests: Manifests,
    /// How to say it.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    /// Warnings fail too.
    #[arg(long)]
    strict: bool,
    /// Secrets that no manifest holds exist where the manifests are applied.
    #[arg(long)]
    secrets_elsewhere: bool,
}

/// Writes the findings; the exit code says whether there were errors.
pub fn run(args: &Args, context: &Context, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let directory =
        args.manifests.directory(context, None, Missing::Assume { secrets: args.secrets_elsewhere });
    let report = Report::of(directory.examine());
    match args.output {
        Output::Text => report.write_text(output)?,
        Output::Json => {
            serde_json::to_writer_pretty(&mut *output, &report)?;
            writeln!(output)?;
        }
    }
    let failed = report.errors > 0 || (args.strict && report.warnings > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[derive(Serialize)]
struct Report {
    errors: usize,
    warnings: usize,
    findings: Vec<Line>,
}

/// One finding, whether the text or the meaning is wrong.
#[derive(Serialize)]
struct Line {
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    /// For example `AIProvider ai/openai`.
    object: String,
    field: String,
    reason: String,
    message: String,
    /// All of it, for people.
    #[serde(skip)]
    text: String,
}

impl Report {
    /// What is wrong with the text stands first: the rest may follow from it.
    fn of((problems, loaded): (Vec<Problem>, Option<Loaded>)) -> Self {
        let found = loaded.into_iter().flat_map(|loaded| loaded.findings).map(Line::from);
        let findings: Vec<_> = problems.into_iter().map(Line::from).chain(found).collect();
        let errors = findings.iter().filter(|line| line.severity == Severity::Error).count();
        Self { errors, warnings: findings.len() - errors, findings }
    }

    fn write_text(&self, output: &mut dyn Write) -> std::io::Result<()> {
        for line in &self.findings {
            let severity = match line.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            writeln!(output, "{severity}: {}", line.text)?;
        }
        writeln!(output, "{}, {}", counted(self.errors, "error"), counted(self.warnings, "warning"))
    }
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

impl From<LocatedFinding> for Line {
    fn from(found: LocatedFinding) -> Self {
        let text = found.to_string();
        let finding = found.finding;
        Self {
            severity: finding.severity,
            location: found.location,
            object: format!("{} {}", finding.kind, finding.object),
            field: finding.field,
            reason: finding.reason,
            message: finding.message,
            text,
        }
    }
}

impl From<Problem> for Line {
    fn from(problem: Problem) -> Self {
        let text = problem.to_string();
        Self {
            severity: Severity::Error,
            location: Some(problem.location),
            object: problem.object,
            field: problem.field,
            reason: aigne_hub_crds::v1alpha1::conditions::reasons::INVALID.to_owned(),
            message: problem.message,
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::testing,
        source::directory::tests::{Fixture, PROVIDER, TENANT, secret},
    };

    fn check(fixture: &Fixture, more: &[&str]) -> (ExitCode, String) {
        testing::run(fixture, &[&["check", "-f", &fixture.root()], more].concat())
    }

    #[test]
    fn clean_manifests_pass_and_warnings_fail_only_when_strict() {
        let fixture = Fixture::new(&[("a.yaml", PROVIDER), ("s.yaml", &secret("sk-plain"))]);
        let (code, text) = check(&fixture, &[]);
        assert_eq!(code, ExitCode::SUCCESS, "{text}");
        assert!(text.starts_with("warning: s.yaml:8:11: Secret ai/openai: stringData.apiKey: "), "{text}");
        assert!(text.ends_with("0 errors, 1 warning\n"), "{text}");
        assert_eq!(check(&fixture, &["--strict"]).0, ExitCode::FAILURE);
    }

    #[test]
    fn what_is_wrong_with_the_text_and_the_meaning_is_said() {
        let fixture = Fixture::new(&[("a.yaml", PROVIDER), ("t.yaml", TENANT)]);
        let (code, text) = check(&fixture, &[]);
        assert_eq!(code, ExitCode::FAILURE);
        let expected = "error: a.yaml:7:42: AIProvider ai/openai: spec.credentials[0].secretKeyRef.name: there is no Secret ai/openai\n";
        assert!(text.contains(expected), "{text}");
        assert_eq!(check(&fixture, &["--secrets-elsewhere"]).0, ExitCode::SUCCESS);

        std::fs::write(fixture.path("t.yaml"), TENANT.replace("keys", "kays")).unwrap();
        let (code, text) = check(&fixture, &[]);
        assert_eq!(code, ExitCode::FAILURE);
        assert!(text.starts_with("error: t.yaml:5:"), "{text}");
        assert!(text.contains(": Tenant team-acme/acme: spec.kays: "), "{text}");
    }

    #[test]
    fn json_says_the_same() {
        let fixture = Fixture::new(&[("a.yaml", PROVIDER)]);
        let (code, text) = check(&fixture, &["--output", "json"]);
        assert_eq!(code, ExitCode::FAILURE);
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["errors"], 2, "{text}");
        let first = &report["findings"][1];
        assert_eq!(first["location"], serde_json::json!({"file": "a.yaml", "line": 7, "column": 42}));
        assert_eq!(
            (first["severity"].as_str(), first["reason"].as_str()),
            (Some("Error"), Some("SecretNotFound"))
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let (code, text) = testing::run(&Fixture::new(&[]), &["check", "-f", "/does/not/exist"]);
        assert_eq!(code, ExitCode::FAILURE);
        assert!(text.starts_with("error: /does/not/exist: cannot be read: "), "{text}");
    }
}

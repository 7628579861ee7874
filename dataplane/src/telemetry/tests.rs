use std::time::Duration;

use aigne_hub_crds::config::ProviderType;

use super::*;
use crate::{
    ledger::{Charge, Nanos, Status},
    usage::{Source, Usage},
    wire::Operation,
};

const OPENAI: Target<'static> =
    Target { provider: "ai/openai", provider_type: ProviderType::OpenAI, model: "gpt-5-mini" };

fn attempt(status: Status, http_status: u16) -> Attempt<'static> {
    let used = Usage { input: 10, cached_input: 5, output: 7, reasoning: 2, ..Usage::default() };
    Attempt {
        operation: Operation::Chat,
        target: OPENAI,
        status,
        http_status,
        duration: Duration::from_millis(15),
        source: Source::Provider,
        usage: if status == Status::Completed { used } else { Usage::default() },
        charge: Charge { cost: Nanos(1_500_000), price: Nanos(2_000_000) },
    }
}

fn request(http_status: u16, error: Option<&'static str>) -> Request<'static> {
    Request {
        operation: Some(Operation::Chat),
        target: error.is_none().then_some(OPENAI),
        http_status,
        error,
        duration: Duration::from_millis(20),
        first_token: Some(Duration::from_millis(3)),
    }
}

/// What the cores recorded: without the process's own numbers, without most buckets.
fn shown(telemetry: &Telemetry) -> String {
    let text = telemetry.encode().unwrap();
    let kept = text.lines().filter(|line| {
        let le = line.contains("le=\"");
        let other = ["process_", "_config_", "_journal_", "_ledger_"].iter().any(|name| line.contains(name));
        !other && (!le || line.contains("le=\"0.02\"") || line.contains("+Inf"))
    });
    kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn cores_are_shown_as_one() {
    let telemetry = Telemetry::new();
    let (one, two) = (telemetry.recorder(), telemetry.recorder());
    one.attempt(&attempt(Status::Completed, 200));
    two.attempt(&attempt(Status::Completed, 200));
    two.attempt(&attempt(Status::Failed, 429));
    two.attempt(&attempt(Status::Unreachable, 0));
    one.request(&request(200, None));
    two.request(&request(401, Some("unauthenticated")));
    two.refused("unauthenticated");
    one.connection_opened();
    two.connection_opened();
    two.connection_closed();
    two.stream_opened();
    insta::assert_snapshot!(shown(&telemetry));
}

#[test]
fn a_new_revision_replaces_the_old_one() {
    let telemetry = Telemetry::new();
    telemetry.shared().config.loaded("first", 0, 0);
    telemetry.shared().config.rejected();
    telemetry.shared().config.loaded("second", 1, 0);
    let text = telemetry.encode().unwrap();
    assert!(!text.contains("\"first\""));
    assert!(text.contains("aigne_hub_config_info{revision=\"second\"} 1\n"));
    assert!(text.contains("aigne_hub_config_last_reload_successful 1\n"));
    assert!(text.contains("aigne_hub_config_reloads_total{result=\"success\"} 2\n"));
    assert!(text.contains("aigne_hub_config_reloads_total{result=\"failure\"} 1\n"));
    assert!(text.contains("aigne_hub_config_findings{severity=\"error\"} 1\n"));
}

#[test]
fn a_label_value_cannot_break_out() {
    let telemetry = Telemetry::new();
    let hostile = Target { model: "x\"} 1\nevil", ..OPENAI };
    telemetry.recorder().attempt(&Attempt { target: hostile, ..attempt(Status::Completed, 200) });
    let text = telemetry.encode().unwrap();
    assert!(!text.lines().any(|line| line.starts_with("evil")), "{text}");
}

use std::fs;

use uuid::Uuid;

use super::*;
use crate::{
    ledger::{Charge, Nanos},
    usage::{Source, Usage},
};

fn line<'a>() -> AccessLine<'a> {
    AccessLine {
        at: 1_795_527_618_042,
        request_id: Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001),
        client_request_id: None,
        method: "POST",
        path: "/v1/chat/completions",
        status: 200,
        tenant: Some("team-acme/acme"),
        key: Some("app"),
        user: None,
        provider: Some("ai/openai"),
        model: Some("gpt-5-mini"),
        stream: true,
        attempts: 1,
        usage: Usage { input: 10, cached_input: 5, output: 7, ..Usage::default() },
        source: Some(Source::Provider),
        charge: Charge { cost: Nanos(1_000), price: Nanos(-3) },
        duration: Duration::from_micros(12_045),
        first_byte: Some(Duration::from_micros(900)),
        error: None,
    }
}

fn written(line: &AccessLine<'_>) -> String {
    let mut out = Vec::new();
    line.write(&mut line::SecondCache::default(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_is_whole_json_with_names_and_numbers() {
    let expected = concat!(
        r#"{"time":"2026-11-24T13:40:18.042Z","request_id":"01930000-0000-7000-8000-000000000001","#,
        r#""method":"POST","path":"/v1/chat/completions","status":200,"tenant":"team-acme/acme","key":"app","#,
        r#""provider":"ai/openai","model":"gpt-5-mini","stream":true,"attempts":1,"input_tokens":15,"#,
        r#""cached_tokens":5,"output_tokens":7,"source":"provider","cost_nanos":1000,"price_nanos":-3,"#,
        r#""duration_ms":12.045,"first_byte_ms":0.900}"#,
        "\n"
    );
    assert_eq!(written(&line()), expected);
    let spoken = Usage { images: 1, millis: 2_500, characters: 3, ..Usage::default() };
    let spoken = written(&AccessLine { usage: spoken, ..line() });
    let expected = r#""output_tokens":0,"images":1,"media_ms":2500,"characters":3,"source":"#;
    assert!(spoken.contains(expected), "{spoken}");
}

#[test]
fn a_refused_request_has_no_tokens() {
    let refused = AccessLine { source: None, error: Some("unauthenticated"), status: 401, ..line() };
    let value: serde_json::Value = serde_json::from_str(&written(&refused)).unwrap();
    assert_eq!(value["error"], "unauthenticated");
    assert!(value.get("input_tokens").is_none() && value.get("cost_nanos").is_none());
}

#[test]
fn what_clients_send_is_escaped_and_cut() {
    let hostile = "\"},\n{\"tenant\":\"x\\\u{7}\u{1F600}é".to_owned() + &"é".repeat(300);
    let text = written(&AccessLine { user: Some(&hostile), path: &hostile, ..line() });
    assert_eq!(text.matches('\n').count(), 1, "one line");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let user = value["user"].as_str().unwrap();
    assert!(hostile.starts_with(user) && (253..=256).contains(&user.len()), "{user}");
}

#[test]
fn every_line_arrives_once_and_whole_from_every_core() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let writer = AccessWriter::start(&Destination::File(path.clone()), &Telemetry::new()).unwrap();
    thread::scope(|scope| {
        for core in ["a", "b", "c"] {
            let mut log = writer.log();
            scope.spawn(move || {
                for _ in 0..500 {
                    log.write(&AccessLine { key: Some(core), ..line() });
                }
            });
        }
    });
    writer.finish();
    let text = fs::read_to_string(path).unwrap();
    let keys: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["key"].to_string())
        .collect();
    assert_eq!(keys.len(), 1_500);
    assert!(["a", "b", "c"].iter().all(|core| keys.iter().filter(|key| key.contains(core)).count() == 500));
}

#[test]
fn a_tick_hands_over_what_a_quiet_core_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let writer = AccessWriter::start(&Destination::File(path.clone()), &Telemetry::new()).unwrap();
    let mut log = writer.log();
    log.write(&line());
    log.flush();
    log.flush();
    writer.finish();
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 1);
    drop(log);
}

#[test]
fn a_reader_that_is_stuck_costs_lines_and_no_time() {
    let telemetry = Telemetry::new();
    let (sender, stuck) = mpsc::sync_channel(1);
    let (_, done) = mpsc::sync_channel(1);
    let writer = AccessWriter { sender: Some(sender), done, cores: Arc::clone(&telemetry.cores) };
    let mut log = writer.log();
    for _ in 0..3 {
        log.write(&line());
        log.flush();
    }
    assert_eq!(telemetry.cores.access_log_dropped(), 2);
    drop(stuck);
}

#[test]
fn off_writes_nothing() {
    let writer = AccessWriter::start(&"off".parse().unwrap(), &Telemetry::new()).unwrap();
    let mut log = writer.log();
    log.write(&line());
    assert!(log.buffer.is_empty());
    writer.finish();
}

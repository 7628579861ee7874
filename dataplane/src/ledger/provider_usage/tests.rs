use super::*;
use crate::ledger::store::Sums;

fn parsed(text: &str) -> BTreeMap<Key, Counted> {
    let mut into = BTreeMap::new();
    parse(text, &mut into).unwrap();
    into
}

fn key(day: &str, model: &str) -> Key {
    (day.to_owned(), model.to_owned())
}

const OPENAI: &str = r#"{"object": "page", "has_more": true, "next_page": "p", "data": [
    {"object": "bucket", "start_time": 1772582400, "end_time": 1772668800, "results": [
        {"object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 50,
         "input_cached_tokens": 800, "input_audio_tokens": 5, "output_audio_tokens": 0, "num_model_requests": 3,
         "project_id": null, "model": "gpt-5-mini-2025-08-07", "batch": null},
        {"object": "organization.usage.completions.result", "input_tokens": 1, "output_tokens": 2,
         "model": "gpt-5-mini-2025-08-07"}]},
    {"object": "bucket", "start_time": 1772668800, "end_time": 1772755200, "results": []}]}"#;

const ANTHROPIC: &str = r#"{"data": [{"starting_at": "2026-03-04T00:00:00Z", "ending_at": "2026-03-05T00:00:00Z", "results": [
    {"uncached_input_tokens": 1500, "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
     "cache_read_input_tokens": 200, "output_tokens": 500, "server_tool_use": {"web_search_requests": 10},
     "api_key_id": null, "workspace_id": null, "model": "claude-sonnet-4-5-20250929", "service_tier": null}]}],
    "has_more": false, "next_page": null}"#;

#[test]
fn exports_are_read_as_providers_write_them() {
    let expected = [(key("2026-03-04", "gpt-5-mini-2025-08-07"), Counted { input: 1_006, output: 52 })];
    assert_eq!(parsed(OPENAI), expected.into());
    assert_eq!(parse(OPENAI, &mut BTreeMap::new()), Ok(true));
    let expected = [(key("2026-03-04", "claude-sonnet-4-5-20250929"), Counted { input: 3_200, output: 500 })];
    assert_eq!(parsed(ANTHROPIC), expected.into());
    let csv = "\u{feff}model,date,cost,output_tokens,input_tokens\r\ngpt,2026-03-04,1.5,50,100\n\ngpt,2026-03-04,0,1,2\n";
    assert_eq!(parsed(csv), [(key("2026-03-04", "gpt"), Counted { input: 102, output: 51 })].into());
}

#[test]
fn what_cannot_be_read_is_named() {
    for (text, why) in [
        ("", "empty"),
        ("date,model,input_tokens\n", "no column output_tokens"),
        ("date,model,input_tokens,output_tokens\n2026-03-04,gpt,1\n", "line 2: it is too short"),
        ("date,model,input_tokens,output_tokens\n\n4.3.,gpt,1,1\n", "line 3: not a date"),
        ("date,model,input_tokens,output_tokens\n2026-03-04,gpt,x,1\n", "line 2: not a number"),
        (r#"{"data": [{"results": []}]}"#, "no start_time"),
        (r#"{"data": [{"start_time": 1, "results": [{"input_tokens": 1}]}]}"#, "group_by"),
        ("{}", "not a page"),
    ] {
        let error = parse(text, &mut BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

fn totals(known: i128, suspense: i128) -> Totals {
    let sums = |tokens| Sums {
        input_tokens: tokens,
        cached_input_tokens: 1,
        output_tokens: tokens,
        ..Sums::default()
    };
    Totals { known: sums(known), suspense: sums(suspense) }
}

#[test]
fn every_difference_is_named_with_both_numbers() {
    let provider = parsed(
        "date,model,input_tokens,output_tokens\n2026-03-02,gpt,11,10\n2026-03-03,gpt-2025-08-07,21,20\n\
         2026-03-03,theirs,5,5\n2026-03-05,gpt,1,1",
    );
    let mut ledger = Sides::new();
    add(&mut ledger, key("2026-03-01", "gpt"), &totals(99, 0));
    add(&mut ledger, key("2026-03-02", "gpt"), &totals(10, 0));
    add(&mut ledger, key("2026-03-03", "gpt"), &totals(15, 8));
    add(&mut ledger, key("2026-03-04", "gpt"), &totals(7, 0));
    add(&mut ledger, key("2026-03-05", "ours"), &totals(0, 0));
    let names = [("theirs".to_owned(), "ours".to_owned())].into();
    let found = compare(&provider, &ledger, &names);
    let shown: Vec<_> = found
        .iter()
        .map(|one| {
            (one.day.as_str(), one.model.as_str(), one.provider.input, one.ledger.input, one.explained)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("2026-03-03", "gpt", 21, 16, true),
            ("2026-03-03", "ours", 5, 0, false),
            ("2026-03-04", "gpt", 0, 8, false),
            ("2026-03-05", "gpt", 1, 0, false),
            ("2026-03-05", "ours", 0, 1, false),
        ]
    );
    assert_eq!(found[0].suspense, Counted { input: 9, output: 8 });
    assert_eq!(compare(&BTreeMap::new(), &ledger, &names), []);
}

//! Answers in wires that a provider relays beside its own.

use aigne_hub::{provider::Asked, wire::Wire};
use bytes::Bytes;

use super::support::{WIRES, adapter, by_name, fixtures, golden, relay_as};

/// The wire and the provider of a fixture such as `responses-openai`.
fn parse(fixture: &str) -> (Wire, &'static dyn aigne_hub::provider::Adapter) {
    let mut words = fixture.split('-');
    let wire = by_name(&WIRES, words.next().unwrap_or_default());
    (wire, adapter(by_name(&super::support::PROVIDERS, words.next().unwrap_or_default())))
}

#[test]
fn what_is_learned_from_answers_that_pass_untouched() {
    for (fixture, answer) in fixtures("relayed", "sse") {
        let (wire, adapter) = parse(&fixture);
        assert!(adapter.relays(wire), "{fixture}");
        let (passed, observed) = relay_as(adapter, wire, std::slice::from_ref(&answer), Asked::default());
        assert_eq!(passed, answer, "{fixture}: passes untouched");
        golden(&format!("relayed-{fixture}-stream"), &format!("{observed:#?}"));
        let bytes: Vec<Bytes> = (0..answer.len()).map(|at| answer.slice(at..=at)).collect();
        let cut = relay_as(adapter, wire, &bytes, Asked::default());
        assert_eq!(cut, (passed, observed), "{fixture}: wherever it is cut");
    }
    for (fixture, answer) in fixtures("relayed", "json") {
        let (wire, adapter) = parse(&fixture);
        golden(&format!("relayed-{fixture}-answer"), &format!("{:#?}", adapter.observe(wire, &answer)));
    }
}

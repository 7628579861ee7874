use aigne_hub::provider::{Asked, Observed};

use super::support::{WIRES, adapter_of, decode, encode, fixtures, golden, messages, meta, native, relay};

#[test]
fn plain_answers_as_each_client_gets_them() {
    for (fixture, answer) in fixtures("answers", "json") {
        let adapter = adapter_of(&fixture);
        let mut pieces = vec![format!("observed: {:#?}\n", adapter.observe(native(adapter), &answer))];
        let response = adapter.decode(&answer).unwrap();
        if let Some(error) = &response.error {
            pieces.push(format!("error: {error:#?}\n"));
        }
        for (wire, name) in WIRES {
            let bytes = wire.encode(&response, &meta(true));
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            pieces.push(format!("--- {name}\n{}\n", serde_json::to_string_pretty(&value).unwrap()));
        }
        golden(&format!("answer-{fixture}"), &pieces.concat());
        assert_eq!(
            adapter.observe(native(adapter), &answer).usage,
            response.usage,
            "{fixture}: both paths count alike"
        );
    }
}

#[test]
fn streams_as_each_client_gets_them() {
    for (fixture, answer) in fixtures("answers", "sse") {
        let adapter = adapter_of(&fixture);
        let frames = [answer];
        let (passed, asked_by_client) = relay(adapter, &frames, Asked::default());
        // What is no event as it comes is made one.
        if !fixture.ends_with("bare-error") {
            assert_eq!(passed, frames[0], "{fixture}: what the client asked for itself passes untouched");
        }
        let (stripped, observed) = relay(adapter, &frames, Asked { usage: true });
        assert_eq!(observed, asked_by_client);
        let (events, decoded) = decode(adapter, &frames);
        // Bytes are counted as they are escaped where they are only glanced at.
        assert_eq!(
            Observed { output_bytes: 0, ..decoded },
            Observed { output_bytes: 0, ..observed.clone() },
            "{fixture}"
        );
        let mut pieces = vec![format!("observed: {observed:#?}\n")];
        if stripped != frames[0] {
            pieces.push(format!("--- verbatim, usage stripped\n{}", String::from_utf8_lossy(&stripped)));
        }
        for (wire, name) in WIRES {
            pieces.push(format!("--- {name}\n{}", encode(wire, &events, true)));
        }
        golden(&format!("stream-{fixture}"), &pieces.concat());
    }
}

#[test]
fn streams_that_are_no_clients_own_as_each_client_gets_them() {
    let binary = fixtures("answers", "jsonl").into_iter().map(|(fixture, lines)| (fixture, messages(&lines)));
    for (fixture, answer) in binary.chain(fixtures("answers", "ndjson")) {
        let adapter = adapter_of(&fixture);
        let whole = decode(adapter, std::slice::from_ref(&answer));
        let bytes: Vec<_> = (0..answer.len()).map(|at| answer.slice(at..=at)).collect();
        assert_eq!(decode(adapter, &bytes), whole, "{fixture}: any boundaries give the same stream");
        let (events, observed) = whole;
        let mut pieces = vec![format!("observed: {observed:#?}\n")];
        for (wire, name) in WIRES {
            pieces.push(format!("--- {name}\n{}", encode(wire, &events, true)));
        }
        golden(&format!("stream-{fixture}"), &pieces.concat());
    }
}

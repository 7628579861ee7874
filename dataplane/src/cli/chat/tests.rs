use super::heard::{Stream, Trouble, plain, refusal};

#[test]
fn a_plain_answer_is_its_text_and_its_usage() {
    let body = br#"{"model":"gpt","choices":[{"message":{"role":"assistant","content":"Hello"}}],
        "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
    let (text, said) = plain(body).unwrap();
    assert_eq!((text.as_str(), said.to_string().as_str()), ("Hello", "model gpt, 3 tokens in, 2 out"));
    let (_, said) = plain(br#"{"model":"gpt","choices":[{"message":{"content":""}}]}"#).unwrap();
    assert_eq!(said.to_string(), "model gpt, no usage told");
    for broken in [&b"<html>"[..], br#"{"choices":[]}"#] {
        assert!(matches!(plain(broken), Err(Trouble::Broken(_))));
    }
}

#[test]
fn a_stream_is_whole_with_its_last_event_alone() {
    let events = [
        &br#"{"model":"gpt","choices":[{"delta":{"role":"assistant","content":""}}]}"#[..],
        br#"{"model":"gpt","choices":[{"delta":{"content":"Hel"}}],"usage":null}"#,
        br#"{"model":"gpt","choices":[{"delta":{"content":"lo"}}]}"#,
        br#"{"model":"gpt","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    ];
    let hear =
        |stream: &mut Stream| -> String { events.iter().map(|event| stream.hear(event).unwrap()).collect() };
    let mut stream = Stream::default();
    assert_eq!(hear(&mut stream), "Hello");
    assert!(matches!(stream.end(), Err(Trouble::Broken(why)) if why.contains("[DONE]")));
    let mut stream = Stream::default();
    hear(&mut stream);
    assert_eq!(stream.hear(b"[DONE]").unwrap(), "");
    assert_eq!(stream.end().unwrap().to_string(), "model gpt, 3 tokens in, 2 out");
    let mut stream = Stream::default();
    let error = stream.hear(br#"{"error":{"message":"the provider is gone"}}"#).unwrap_err();
    assert!(error.to_string().contains("the provider is gone") && !error.may_pass());
}

#[test]
fn a_refusal_has_the_hubs_words_and_may_pass_where_the_hub_is_only_not_there_yet() {
    let told = |status, body: &str| refusal(status, body.as_bytes(), "id".into());
    let error = told(401, r#"{"error":{"message":"no such key","type":"x"}}"#);
    assert_eq!(error.to_string(), "the hub answered 401: no such key (request id)");
    assert!(error.may_pass() && told(404, "").may_pass() && told(503, "").may_pass());
    assert!(!told(402, "").may_pass() && !told(403, "").may_pass() && !told(400, "").may_pass());
    assert!(told(502, "bad gateway\n").to_string().contains("502: bad gateway"));
}

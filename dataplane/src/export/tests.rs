use std::fs;
use std::time::Duration;

use insta::assert_snapshot;
use jiff::Timestamp;

use super::cloudevents::CloudEvents;
use super::secret::{Secret, bearer, signatures};
use super::sink::{Encoded, Post, Sink, Verdict};
use super::stripe::Stripe;
use super::webhook::Webhook;
use crate::ledger::outbox::{Alert, Level, Message, Told, Used, What};
use crate::ledger::testing::AT;
use crate::secret::SecretValue;

fn value(text: &str) -> Secret {
    Secret::Value(SecretValue::new(text.to_owned()))
}

fn stripe() -> Stripe {
    Stripe {
        url: "https://api.stripe.com/".into(),
        key: value("sk_test_1\n"),
        event: "hub nanos".into(),
        customers: None,
    }
}

fn cloud_events(batch: usize) -> Sink {
    Sink::CloudEvents(CloudEvents {
        url: "https://events.example/path?token=x".into(),
        token: Some(value("t0ken")),
        source: "aigne-hub".into(),
        batch,
    })
}

fn webhook() -> Sink {
    Sink::Webhook(Webhook {
        url: "https://hooks.example/1".into(),
        secret: value("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    })
}

fn usage() -> Message {
    let used = Used {
        tenant: "team-acme/acme".into(),
        key: "app".into(),
        user: Some("ada".into()),
        project: None,
        provider: "ai/openai".into(),
        model: "gpt-5-mini".into(),
        status: "Completed".into(),
        source: "Provider".into(),
        input_tokens: 100,
        cached_input_tokens: 20,
        cache_write_tokens: 0,
        output_tokens: 50,
        reasoning_tokens: 10,
        images: 0,
        image_size: None,
        image_quality: None,
        media_ms: 0,
        characters: 0,
    };
    let told = Told {
        account: "team-acme/acme".into(),
        kind: "Usage".into(),
        amount: -150_600,
        at: AT,
        reference: None,
        note: None,
        usage: Some(used),
    };
    Message {
        sequence: 1,
        id: "019cb79a-2080-7000-8000-000000000001/2".into(),
        tries: 0,
        what: What::Entry(Box::new(told)),
    }
}

fn entry(kind: &str, amount: i64) -> Message {
    let told = Told {
        account: "cus_9".into(),
        kind: kind.into(),
        amount,
        at: AT,
        reference: Some("topup/invoice-1".into()),
        note: Some("it's \"paid\"".into()),
        usage: None,
    };
    Message { what: What::Entry(Box::new(told)), ..usage() }
}

fn low(level: Level) -> Message {
    let alert = Alert {
        account: "team-acme/acme".into(),
        tenant: "team-acme/acme".into(),
        level,
        balance_nanos: 49_400,
        low_balance_nanos: Some(60_000),
        at: AT,
    };
    Message { what: What::Event(alert), ..usage() }
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(AT + 60_000).unwrap()
}

fn post(sink: &Sink, messages: &[&Message]) -> Post {
    match sink.encode(messages, sink.customers().unwrap().as_ref(), now()) {
        Encoded::Post(post) => post,
        _ => panic!("nothing to post"),
    }
}

/// As it goes over the wire, but for HTTP's own headers.
fn shown(post: &Post) -> String {
    let headers = post.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    let body = std::str::from_utf8(&post.body).unwrap();
    format!(
        "POST {}\ncontent-type: {}\n{}\n{}\n",
        post.url,
        post.content_type,
        headers.collect::<String>(),
        body.replace("},{", "},\n{")
    )
}

#[test]
fn what_each_sink_is_sent() {
    let stripe = Sink::Stripe(stripe());
    assert_snapshot!("stripe", shown(&post(&stripe, &[&usage()])));
    assert_snapshot!("stripe-refund", shown(&post(&stripe, &[&entry("Refund", 7)])));
    let both = [&usage(), &entry("TopUp", 5_000_000_000), &low(Level::Low)];
    assert_snapshot!("cloudevents", shown(&post(&cloud_events(100), &both)));
    assert_snapshot!("cloudevents-one", shown(&post(&cloud_events(1), &[&low(Level::Exhausted)])));
    assert_snapshot!("webhook", shown(&post(&webhook(), &[&usage()])));
    assert_snapshot!("webhook-event", shown(&post(&webhook(), &[&low(Level::Low)])));
}

#[test]
fn stripe_is_told_of_charges_alone() {
    let sink = stripe();
    for message in [entry("Grant", 1), entry("TopUp", 1), entry("Expiry", -1), low(Level::Low)] {
        assert_eq!(sink.form(&message, None, now()), Ok(None));
    }
    let late = Timestamp::from_millisecond(AT + 35 * 86_400_000 + 1).unwrap();
    assert!(sink.form(&usage(), None, late).unwrap_err().contains("35 days"));
    let most = sink.form(&entry("Correction", i64::MIN), None, now()).unwrap().unwrap();
    assert!(most.ends_with("=9223372036854775808"), "{most}");
}

#[test]
fn customers_are_looked_up_as_the_file_says_now() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("customers.yaml");
    let sink = Stripe { customers: Some(path.clone()), ..stripe() };
    assert!(sink.customers().unwrap_err().contains("customers.yaml"));
    fs::write(&path, "team-acme/acme: cus_1\ncus_9: ''\nother:\n").unwrap();
    let customers = sink.customers().unwrap();
    let form = |message: &Message| sink.form(message, customers.as_ref(), now());
    assert!(form(&usage()).unwrap().unwrap().contains("=cus_1&"));
    assert_eq!(form(&entry("Refund", 1)), Ok(None));
    fs::write(&path, r#"{"cus_9": "cus_9"}"#).unwrap();
    let customers = sink.customers().unwrap();
    assert!(sink.form(&usage(), customers.as_ref(), now()).unwrap_err().contains("no Stripe customer"));
    fs::write(&path, "[1, 2]").unwrap();
    assert!(sink.customers().is_err());
}

/// The example of the specification.
#[test]
fn signatures_are_those_of_standard_webhooks() {
    let body = br#"{"test": 2432232314}"#;
    let sign = |secret: &Secret| signatures(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
    let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(sign(&value("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")).unwrap(), one);
    let rotating = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let both = sign(&value(rotating)).unwrap();
    let (first, second) = both.to_str().unwrap().split_once(' ').unwrap();
    assert!(first == one && second.starts_with("v1,") && second != one);
    for bad in ["", "whsec_", "whsec_not base64", "whsec_c2hvcnQ="] {
        let error = sign(&value(bad)).unwrap_err().to_string();
        assert!(error.contains("whsec_") && !error.contains("c2hv"), "{error}");
    }
}

#[test]
fn secrets_are_read_anew_and_never_said() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("key");
    let secret = Secret::File(path.clone());
    assert!(bearer(&secret).unwrap_err().to_string().contains("key"));
    for text in ["first", "second\n"] {
        fs::write(&path, text).unwrap();
        let header = bearer(&secret).unwrap();
        assert_eq!(header.to_str().unwrap(), format!("Bearer {}", text.trim()));
        assert!(header.is_sensitive());
    }
    fs::write(&path, "a\u{7f}b").unwrap();
    let error = bearer(&secret).unwrap_err().to_string();
    assert!(error.contains("no header may have") && !error.contains('\u{7f}'), "{error}");
    let printed = format!("{:?} {:?}", webhook(), cloud_events(1));
    assert!(!printed.contains("MfKQ") && !printed.contains("t0ken"), "{printed}");
    assert_eq!(cloud_events(1).origin(), "https://events.example");
}

#[test]
fn what_answers_mean() {
    let known = r#"{"error":{"message":"An event already exists with identifier 1/2."}}"#;
    let stripe = Sink::Stripe(stripe());
    assert_eq!(stripe.judge(400, None, known), Verdict::Accepted);
    assert!(matches!(webhook().judge(400, None, known), Verdict::Refused(_)));
    for status in [200, 201, 202, 204] {
        assert_eq!(webhook().judge(status, None, ""), Verdict::Accepted);
    }
    for status in [400, 413, 415, 422] {
        assert!(matches!(stripe.judge(status, None, "no"), Verdict::Refused(why) if why.ends_with(": no")));
    }
    let wait = Some(Duration::from_secs(7));
    for status in [100, 302, 401, 403, 404, 408, 409, 410, 429, 500, 503] {
        assert!(matches!(stripe.judge(status, wait, "x"), Verdict::Trouble(_, after) if after == wait));
    }
    // What comes back with a wrong key may have the key in it.
    assert!(matches!(stripe.judge(401, None, "sk_1"), Verdict::Trouble(why, _) if !why.contains("sk_1")));
    let long = format!("a\u{1b}[2J\n{}", "x".repeat(10_000));
    assert!(
        matches!(webhook().judge(400, None, &long), Verdict::Refused(why) if why.len() < 300 && !why.contains('\u{1b}'))
    );
}

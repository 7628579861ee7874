//! Bad clients and bad providers: the right error in the client's own format, a row for each attempt, no hang.

use aigne_hub_tests::harness::asks::{chat, message, streamed, text};
use aigne_hub_tests::harness::{Answer, Blueprint, Hub, Outcome, Provider, Tenant};
use aigne_hub_tests::scripted::{Ending, Script, Scripted};
use anyhow::ensure;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Providers that are given up quickly; a slow one shows as a failing test, not as a slow one.
fn impatient(upstream: &Scripted) -> Blueprint {
    let timeouts = json!({"connect": "1s", "firstToken": "400ms", "idle": "400ms", "request": "5s"});
    Blueprint::default()
        .provider(Provider::new("openai", "OpenAI", upstream).model("gpt").set("timeouts", timeouts.clone()))
        .provider(Provider::new("claude", "Anthropic", upstream).model("sonnet").set("timeouts", timeouts))
        .tenant(Tenant::new("acme"))
}

async fn stage() -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let hub = impatient(&upstream).start().await?;
    Ok((upstream, hub))
}

/// The four crossings: the path, and the model whose provider speaks the same wire or the other.
const CROSSINGS: [(&str, &str); 4] = [
    ("/v1/chat/completions", "gpt"),
    ("/v1/chat/completions", "sonnet"),
    ("/v1/messages", "sonnet"),
    ("/v1/messages", "gpt"),
];

fn question(path: &str, model: &str, stream: bool) -> Value {
    let body = if path.ends_with("messages") { message(model, "hi") } else { chat(model, "hi") };
    if stream { streamed(body) } else { body }
}

/// Asserts an error in the format of the path.
fn refused(path: &str, answer: &Answer, status: u16) -> anyhow::Result<Value> {
    if path.ends_with("messages") { answer.anthropic_error(status) } else { answer.openai_error(status) }
}

/// The error inside a stream that had begun; none if it ended properly.
fn broken_off(path: &str, answer: &Answer) -> anyhow::Result<Option<Value>> {
    let events = answer.events()?;
    let proper = events.iter().any(|event| event.data == "[DONE]" || event.name == "message_stop");
    let error = events
        .iter()
        .map(|event| (event.name.clone(), event.json()))
        .find(|(_, body)| body["error"].is_object());
    let Some((name, body)) = error else {
        ensure!(proper, "neither end nor error: {}", answer.text());
        return Ok(None);
    };
    if path.ends_with("messages") {
        ensure!(name == "error" && body["type"] == "error", "{name}: {body}");
        ensure!(!events.iter().any(|event| event.name == "message_stop"), "an error and an end");
    }
    ensure!(body["error"]["message"].is_string() && body["error"]["type"].is_string(), "{body}");
    Ok(Some(body["error"].clone()))
}

#[tokio::test]
async fn malformed_requests_are_400() -> Outcome {
    let (upstream, hub) = stage().await?;
    let deep = format!(r#"{{"model":"MODEL","messages":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let cases: [(&str, &[u8]); 9] = [
        ("empty", b""),
        ("no JSON", b"{\"model\": \"MODEL\", "),
        ("trailing text", b"{\"model\":\"MODEL\",\"messages\":[]} x"),
        ("no object", b"[1]"),
        ("no model", b"{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"),
        ("model is no string", b"{\"model\":7,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"),
        (
            "invalid UTF-8",
            b"{\"model\":\"MODEL\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}",
        ),
        (
            "stream is no boolean",
            b"{\"model\":\"MODEL\",\"stream\":\"yes\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
        ),
        ("deep nesting", deep.as_bytes()),
    ];
    for (name, body) in cases {
        for (path, model) in CROSSINGS {
            let body: Vec<u8> = replace(body, b"MODEL", model.as_bytes());
            let answer = hub.client().post_bytes(path, body.into()).await?;
            let error = refused(path, &answer, 400)
                .map_err(|error| error.context(format!("{name} {path} {model}")))?;
            assert_eq!(error["type"], "invalid_request_error", "{name} {path}");
        }
    }
    assert_eq!(upstream.asked().len(), 0, "nothing of it reaches a provider");
    assert!(hub.rows_now().await?.is_empty(), "nothing was attempted");
    Ok(())
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from);
    at.map_or_else(|| bytes.to_vec(), |at| [&bytes[..at], to, &bytes[at + from.len()..]].concat())
}

#[tokio::test]
async fn duplicate_keys_are_400() -> Outcome {
    let (upstream, hub) = stage().await?;
    let rest = r#""max_tokens":9,"messages":[{"role":"user","content":"hi"}]"#;
    for doubled in [
        r#""model":"MODEL","model":"gpt""#,
        r#""model":"MODEL","mod\u0065l":"gpt""#,
        r#""mod\u0065l":"gpt","model":"MODEL""#,
        r#""model":"MODEL","stream":false,"str\u0065am":true"#,
        r#""model":"MODEL","x":1,"x":2"#,
    ] {
        for (path, model) in CROSSINGS {
            let body = format!("{{{},{rest}}}", doubled.replace("MODEL", model));
            let answer = hub.client().post_bytes(path, body.clone().into()).await?;
            refused(path, &answer, 400).map_err(|error| error.context(body))?;
        }
    }
    assert_eq!(upstream.asked().len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() -> Outcome {
    let (upstream, hub) = stage().await?;
    let long = "x".repeat(40 * 1024 * 1024);
    for (path, model) in CROSSINGS {
        let body = if path.ends_with("messages") { message(model, &long) } else { chat(model, &long) };
        refused(path, &hub.client().post(path, &body).await?, 413)?;
    }
    // A length that is only announced is refused without waiting for the bytes.
    let mut socket = TcpStream::connect(hub.origin().trim_start_matches("http://")).await?;
    let key = aigne_hub_tests::harness::key("acme", "app");
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: 99999999999\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(upstream.asked().len(), 0);
    Ok(())
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_json() -> Outcome {
    let (_upstream, hub) = stage().await?;
    hub.client().get("/v1/nothing").await?.openai_error(404)?;
    let answer = hub.client().get("/v1/chat/completions").await?;
    answer.openai_error(405)?;
    assert_eq!(answer.header("allow"), "POST");
    hub.client().get("/v1/messages").await?.anthropic_error(405)?;
    Ok(())
}

#[tokio::test]
async fn html_and_other_nonsense_is_a_bad_gateway() -> Outcome {
    let (upstream, hub) = stage().await?;
    let html = "<!doctype html><h1>Oops</h1>";
    for (path, model) in CROSSINGS {
        for status in [502, 503] {
            upstream.next(Script::raw(html).with_status(status).header("content-type", "text/html"));
            let answer = hub.client().post(path, &question(path, model, true)).await?;
            ensure!(answer.status >= 500, "{}", answer.status);
            refused(path, &answer, answer.status)?;
            assert!(!answer.text().contains("<h1>"), "markup is not passed on as a message");
        }
    }
    // With status 200 only a translated answer has to be understood, and an Anthropic client never gets HTML.
    for (path, model) in [("/v1/chat/completions", "sonnet"), ("/v1/messages", "gpt")] {
        upstream.next(Script::raw(html).header("content-type", "text/html"));
        let answer = hub.client().post(path, &question(path, model, false)).await?;
        ensure!(answer.status >= 500, "{}", answer.status);
        refused(path, &answer, answer.status)?;
    }
    hub.rows(10).await?;
    Ok(())
}

#[tokio::test]
async fn a_providers_errors_keep_their_meaning() -> Outcome {
    let (upstream, hub) = stage().await?;
    let mut count = 0;
    for (theirs, ours) in [(400, 400), (404, 404), (422, 422), (429, 429)] {
        for (path, model) in CROSSINGS {
            upstream.next(Script { message: Some("because of this".into()), ..Script::status(theirs) });
            let answer = hub.client().post(path, &question(path, model, true)).await?;
            let error = refused(path, &answer, ours)?;
            assert!(
                error["message"].as_str().is_some_and(|message| message.contains("because of this")),
                "{error}"
            );
            count += 1;
        }
    }
    for theirs in [500, 502, 503, 529] {
        for (path, model) in CROSSINGS {
            upstream.next(Script::status(theirs));
            let answer = hub.client().post(path, &question(path, model, false)).await?;
            ensure!(answer.status >= 500, "{theirs} {path} {model}: {}", answer.status);
            refused(path, &answer, answer.status)?;
            count += 1;
        }
    }
    // The provider's account is the hub's affair: the client's own key is fine.
    for theirs in [401, 402, 403] {
        upstream.next(Script::status(theirs));
        let answer = hub.client().chat(&chat("gpt", "hi")).await?;
        ensure!(answer.status >= 500, "{theirs}: {}", answer.status);
        count += 1;
    }
    for row in hub.rows(count).await? {
        assert_eq!((row.output_tokens, &row.status), (0, &json!("Failed")), "{row:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn retry_after_is_passed_on() -> Outcome {
    let (upstream, hub) = stage().await?;
    // One crossing each: the pair of credential and model is cooling afterwards.
    for (path, model) in [CROSSINGS[0], CROSSINGS[2]] {
        upstream.next(Script::status(429).header("retry-after", "17"));
        let answer = hub.client().post(path, &question(path, model, false)).await?;
        refused(path, &answer, 429)?;
        assert_eq!(answer.header("retry-after"), "17", "{path} {model}");
    }
    // Without it the client decides; nothing is invented that would not be an integer.
    let hub = impatient(&upstream).start().await?;
    upstream.next(Script::status(429));
    let answer = hub.client().chat(&chat("gpt", "hi")).await?;
    answer.openai_error(429)?;
    let advised = answer.header("retry-after");
    assert!(advised.is_empty() || advised.parse::<u32>().is_ok(), "{advised}");
    Ok(())
}

#[tokio::test]
async fn a_stall_before_the_first_byte_is_a_timeout() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::default().ending(Ending::Stall { after: 0 }));
    for (path, model) in CROSSINGS {
        for stream in [false, true] {
            let answer = hub.client().post(path, &question(path, model, stream)).await?;
            if answer.status == 200 {
                broken_off(path, &answer)?.ok_or_else(|| anyhow::anyhow!("no error: {}", answer.text()))?;
            } else {
                refused(path, &answer, 504)?;
            }
        }
    }
    for row in hub.rows(8).await? {
        assert_ne!(row.status, json!("Completed"), "{row:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn slow_headers_are_a_timeout() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.next(Script::default().direct("before=20000"));
    hub.client().chat(&chat("gpt", "hi")).await?.openai_error(504)?;
    upstream.next(Script::default().direct("drip=100"));
    hub.client().messages(&message("sonnet", "hi")).await?.anthropic_error(504)?;
    hub.rows(2).await?;
    Ok(())
}

#[tokio::test]
async fn streams_that_break_end_in_an_error() -> Outcome {
    let (upstream, hub) = stage().await?;
    let endings = [
        Ending::Stall { after: 6 },
        Ending::Cut { after: 6 },
        Ending::Reset { after: 6 },
        Ending::Endless { after: 6 },
        Ending::Error { after: 6 },
        Ending::Unterminated { after: 6 },
    ];
    for ending in endings {
        for (path, model) in CROSSINGS {
            upstream.next(Script {
                pace: std::time::Duration::from_millis(5),
                ..Script::chunks(20).ending(ending)
            });
            let answer = hub.client().post(path, &question(path, model, true)).await?;
            let error = broken_off(path, &answer)
                .map_err(|error| error.context(format!("{ending:?} {path} {model}")))?;
            assert!(error.is_some(), "{ending:?} {path} {model}: {}", answer.text());
            if !matches!(ending, Ending::Reset { .. }) {
                assert!(text(&answer.events()?).contains("piece 0"), "what came before was relayed");
            }
        }
    }
    for row in hub.rows(endings.len() * CROSSINGS.len()).await? {
        assert_eq!(row.status, json!("Broken"), "{row:#?}");
        assert!(row.output_tokens > 0, "{row:#?}");
    }
    assert!(!hub.logs().text().contains("panicked"), "{}", hub.logs().text());
    Ok(())
}

#[tokio::test]
async fn plain_answers_that_break_are_a_bad_gateway() -> Outcome {
    let (upstream, hub) = stage().await?;
    let endings = [Ending::Cut { after: 1 }, Ending::Unterminated { after: 1 }];
    for ending in endings {
        for (path, model) in [("/v1/chat/completions", "sonnet"), ("/v1/messages", "gpt")] {
            upstream.next(Script::chunks(20).ending(ending));
            let answer = hub.client().post(path, &question(path, model, false)).await?;
            ensure!(answer.status >= 500, "{ending:?}: {} {}", answer.status, answer.text());
            refused(path, &answer, answer.status)?;
        }
    }
    hub.rows(endings.len() * 2).await?;
    Ok(())
}

#[tokio::test]
async fn bodies_that_stall_end_by_the_idle_time() -> Outcome {
    let (upstream, hub) = stage().await?;
    // Far below `timeouts.request`, with room for a busy machine.
    let soon = std::time::Duration::from_secs(3);
    for script in [Script::chunks(20), Script::status(500), Script::status(400)] {
        for (path, model) in CROSSINGS {
            upstream.next(script.clone().ending(Ending::Stall { after: 1 }));
            let begun = std::time::Instant::now();
            let answer = hub.client().post(path, &question(path, model, false)).await?;
            ensure!(answer.status >= 400, "{path} {model}: {} {}", answer.status, answer.text());
            refused(path, &answer, answer.status)?;
            ensure!(begun.elapsed() < soon, "{path} {model}: {:?}", begun.elapsed());
        }
    }
    hub.rows(12).await?;
    Ok(())
}

#[tokio::test]
async fn a_missing_terminator_after_a_whole_answer_is_still_metered() -> Outcome {
    let (upstream, hub) = stage().await?;
    // Everything but `[DONE]`: the usage was read.
    upstream.always(Script::chunks(3).ending(Ending::Unterminated { after: usize::MAX }));
    hub.client().chat(&streamed(chat("gpt", "hi"))).await?.ok()?;
    let row = hub.row().await?;
    assert_eq!((row.source.as_str(), row.output_tokens), ("Provider", 3), "{row:#?}");
    Ok(())
}

#[tokio::test]
async fn a_closed_port_is_a_bad_gateway() -> Outcome {
    // Bound and let go again: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let hub = Blueprint::default()
        .provider(Provider::at("openai", "OpenAI", &format!("http://127.0.0.1:{port}/v1")).model("gpt"))
        .provider(Provider::at("claude", "Anthropic", &format!("http://127.0.0.1:{port}")).model("sonnet"))
        .tenant(Tenant::new("acme"))
        .start()
        .await?;
    for (path, model) in CROSSINGS {
        let answer = hub.client().post(path, &question(path, model, true)).await?;
        refused(path, &answer, 502)?;
        assert!(!answer.text().contains(&port.to_string()), "no address of ours: {}", answer.text());
    }
    for row in hub.rows(4).await? {
        assert_eq!((row.output_tokens, &row.status), (0, &json!("Unreachable")), "{row:#?}");
        assert_eq!(row.cost_nanos.unwrap_or_default(), 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_sends_no_more_is_let_go() -> Outcome {
    let (_upstream, hub) = stage().await?;
    let address = hub.origin().trim_start_matches("http://").to_owned();
    for half in [
        "POST /v1/chat/comp",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: hub\r\ncontent-length: 100\r\n\r\n{\"mo",
    ] {
        let mut socket = TcpStream::connect(&address).await?;
        socket.write_all(half.as_bytes()).await?;
        drop(socket);
    }
    hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    assert!(!hub.logs().text().contains("panicked"));
    Ok(())
}

#[tokio::test]
async fn a_framing_that_could_smuggle_is_refused() -> Outcome {
    let (upstream, hub) = stage().await?;
    let address = hub.origin().trim_start_matches("http://").to_owned();
    let key = aigne_hub_tests::harness::key("acme", "app");
    let body = chat("gpt", "hi").to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\n\
         content-length: {}\r\ncontent-length: 5\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(&address).await?;
    socket.write_all(request.as_bytes()).await?;
    // Refused in words, or by closing; a reset may swallow the words.
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(upstream.asked().len(), 0);
    Ok(())
}

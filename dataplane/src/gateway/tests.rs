//! What happens at the edges of a request's life, seen from both ends of a running gateway.

mod addresses;
mod headers;
mod leaving;
mod media;
mod tier;
mod video;

use std::{
    io::Write as _,
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use aigne_hub_crds::config::{ClientGone, Credential, ProviderType};

use super::testing::{
    ANSWER, ERROR, KEY, Rig, SOON, Upstream, answer, chunk, connect, is_closed, plain, read_until, request,
    stream_head,
};
use crate::{ledger::Status, usage::Source};

const TYPE: ProviderType = ProviderType::OpenAICompatible;
/// The first piece of an answer.
const PIECE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello there\"}}]}\n\n";
/// Its last pieces.
const REST: &str = concat!(
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}\n\n",
    "data: [DONE]\n\n",
);

/// A way for the provider to say that it has a request, and to be told to go on.
fn gate() -> (mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>) {
    let (sender, receiver) = mpsc::channel();
    (sender, Mutex::new(receiver))
}

#[test]
fn a_whole_answer_is_settled_once_by_the_providers_count() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, ANSWER));
    let mut rig = Rig::start(TYPE, &upstream, |_| {});
    assert!(answer(rig.chat(false)).contains("hello"));
    rig.drain();
    let outcomes = rig.outcomes(1);
    assert_eq!(outcomes.len(), 1);
    assert_eq!((outcomes[0].status, outcomes[0].source), (Status::Completed, Source::Provider));
    assert_eq!((outcomes[0].usage.input, outcomes[0].usage.output), (7, 3));
}

#[test]
fn where_the_policy_is_to_finish_a_plain_answer_is_read_though_the_client_left_before_it() {
    let (asked, was_asked) = gate();
    let upstream = Upstream::start(move |_, _, stream| {
        asked.send(()).unwrap();
        !is_closed(stream, Duration::from_millis(500)) && plain(stream, 200, ANSWER)
    });
    let mut rig = Rig::start(TYPE, &upstream, |setup| setup.tenant.policy.client_gone = ClientGone::Finish);
    let client = rig.chat(false);
    was_asked.lock().unwrap().recv_timeout(SOON).unwrap();
    drop(client);
    let outcomes = rig.outcomes(1);
    assert_eq!((outcomes[0].status, outcomes[0].source), (Status::Completed, Source::Provider));
    let log = rig.log();
    assert!(log.contains("\"status\":499") && log.contains("\"output_tokens\":3"), "{log}");
}

#[test]
fn where_the_policy_is_to_finish_a_stream_is_read_though_the_client_left_before_it() {
    let (asked, was_asked) = gate();
    let upstream = Upstream::start(move |_, _, stream| {
        asked.send(()).unwrap();
        if is_closed(stream, Duration::from_millis(500)) {
            return false;
        }
        stream_head(stream);
        chunk(stream, PIECE);
        chunk(stream, REST);
        chunk(stream, "");
        true
    });
    let mut rig = Rig::start(TYPE, &upstream, |setup| setup.tenant.policy.client_gone = ClientGone::Finish);
    let client = rig.chat(true);
    was_asked.lock().unwrap().recv_timeout(SOON).unwrap();
    drop(client);
    let outcomes = rig.outcomes(1);
    assert_eq!((outcomes[0].status, outcomes[0].usage.output), (Status::Completed, 3));
    assert!(rig.log().contains("\"error\":\"client_gone\""));
}

#[test]
fn nothing_is_tried_again_for_a_client_that_has_left() {
    let (asked, was_asked) = gate();
    let upstream = Upstream::start(move |_, _, stream| {
        asked.send(()).unwrap();
        !is_closed(stream, Duration::from_millis(500)) && plain(stream, 500, ERROR)
    });
    let mut rig = Rig::start(TYPE, &upstream, |setup| setup.tenant.policy.client_gone = ClientGone::Finish);
    let client = rig.chat(false);
    was_asked.lock().unwrap().recv_timeout(SOON).unwrap();
    drop(client);
    assert_eq!(rig.outcomes(1)[0].status, Status::Failed);
    rig.drain();
    assert_eq!(rig.outcomes(1).len(), 1);
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn where_the_policy_is_to_cancel_the_provider_is_left_and_the_prompt_estimated() {
    let (asked, was_asked) = gate();
    let (closed, was_closed) = gate();
    let upstream = Upstream::start(move |_, _, stream| {
        asked.send(()).unwrap();
        if is_closed(stream, SOON) {
            closed.send(()).unwrap();
        }
        false
    });
    let mut rig = Rig::start(TYPE, &upstream, |_| {});
    let client = rig.chat(false);
    was_asked.lock().unwrap().recv_timeout(SOON).unwrap();
    drop(client);
    was_closed.lock().unwrap().recv_timeout(SOON).unwrap();
    rig.drain();
    let outcomes = rig.outcomes(1);
    assert_eq!(outcomes.len(), 1);
    assert_eq!((outcomes[0].status, outcomes[0].source), (Status::ClientGone, Source::Estimated));
    assert!(outcomes[0].usage.input > 0);
    let log = rig.log();
    assert!(
        log.contains(r#""source":"estimated""#) && log.contains(r#""status":499"#),
        "the log says it too: {log}"
    );
}

#[test]
fn at_the_end_of_the_grace_period_what_is_still_read_on_is_settled_by_what_came() {
    let upstream = Upstream::start(move |_, _, stream| {
        stream_head(stream);
        chunk(stream, PIECE);
        is_closed(stream, SOON);
        false
    });
    let mut rig = Rig::start(TYPE, &upstream, |setup| {
        setup.tenant.policy.client_gone = ClientGone::Finish;
        setup.grace = Duration::from_millis(300);
    });
    let mut client = rig.chat(true);
    read_until(&mut client, "hello there");
    drop(client);
    rig.drain();
    let outcomes = rig.outcomes(1);
    assert_eq!((outcomes.len(), outcomes[0].status), (1, Status::ClientGone));
    assert!(outcomes[0].usage.output > 0, "{outcomes:?}");
}

#[test]
fn a_provider_that_stays_open_after_the_terminator_does_not_hold_up_the_client() {
    let upstream = Upstream::start(move |_, _, stream| {
        stream_head(stream);
        chunk(stream, PIECE);
        chunk(stream, REST);
        is_closed(stream, SOON);
        false
    });
    let rig = Rig::start(TYPE, &upstream, |setup| setup.provider.timeouts.idle = 5_000);
    let began = Instant::now();
    let text = answer(rig.chat(true));
    assert!(text.contains("[DONE]") && !text.contains("error"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(!rig.log().contains("\"error\""));
}

#[test]
fn a_provider_that_breaks_off_after_the_terminator_has_answered_in_full() {
    let upstream = Upstream::start(move |_, _, stream| {
        stream_head(stream);
        chunk(stream, PIECE);
        chunk(stream, REST);
        false
    });
    let mut rig = Rig::start(TYPE, &upstream, |_| {});
    let text = answer(rig.chat(true));
    assert!(text.contains("[DONE]") && !text.contains("error"), "{text}");
    assert_eq!(rig.outcomes(1)[0].status, Status::Completed);
}

#[test]
fn a_client_that_leaves_at_the_terminator_had_everything_and_the_connection_is_kept() {
    let (go, may_go) = gate();
    let upstream = Upstream::start(move |number, _, stream| {
        stream_head(stream);
        chunk(stream, PIECE);
        chunk(stream, REST);
        if number == 0 {
            may_go.lock().unwrap().recv_timeout(SOON).unwrap();
        }
        chunk(stream, "");
        true
    });
    let mut rig = Rig::start(TYPE, &upstream, |_| {});
    let mut client = rig.chat(true);
    read_until(&mut client, "[DONE]");
    drop(client);
    rig.outcomes(1);
    // By now the gateway has seen that the client is gone, or sees it first.
    assert!(answer(connect_and_ask_for_models(&rig)).contains("200 OK"));
    go.send(()).unwrap();
    // The connection is free again as soon as its end was read.
    let until = Instant::now() + SOON;
    let mut asked = 1;
    loop {
        answer(rig.chat(true));
        asked += 1;
        if upstream.connections() < asked {
            break;
        }
        assert!(Instant::now() < until, "never used again");
    }
    let log = rig.log();
    assert!(!log.contains("client_gone"), "{log}");
}

fn connect_and_ask_for_models(rig: &Rig) -> std::net::TcpStream {
    let mut client = connect(rig.address);
    let head = format!("GET /v1/models HTTP/1.1\r\nhost: h\r\nx-api-key: {KEY}\r\nconnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).unwrap();
    client
}

#[test]
fn an_error_after_mere_comments_is_tried_again() {
    let upstream = Upstream::start(|number, _, stream| {
        stream_head(stream);
        chunk(stream, ": PROCESSING\n\n");
        if number == 0 {
            chunk(stream, "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n");
        } else {
            chunk(stream, PIECE);
            chunk(stream, REST);
        }
        chunk(stream, "");
        true
    });
    let mut rig = Rig::start(TYPE, &upstream, |_| {});
    let text = answer(rig.chat(true));
    assert!(text.contains("hello there") && !text.contains("overloaded"), "{text}");
    let statuses: Vec<_> = rig.outcomes(2).iter().map(|outcome| outcome.status).collect();
    assert_eq!(statuses, [Status::Failed, Status::Completed]);
}

#[test]
fn what_came_before_an_unreadable_event_is_given_out_before_the_error() {
    let upstream = Upstream::start(|_, _, stream| {
        stream_head(stream);
        chunk(
            stream,
            "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n",
        );
        chunk(
            stream,
            concat!(
                "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
                "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n",
                "data: {nonsense\n\n",
            ),
        );
        is_closed(stream, SOON);
        false
    });
    let mut rig = Rig::start(ProviderType::Anthropic, &upstream, |_| {});
    let text = answer(rig.chat(true));
    let (content, error) = (text.find("hello"), text.find("\"error\""));
    assert!(content.is_some() && content < error, "{text}");
    assert_eq!(rig.outcomes(1)[0].status, Status::Broken);
}

#[test]
fn head_and_first_byte_share_one_timeout() {
    let upstream = Upstream::start(|_, _, stream| {
        std::thread::sleep(Duration::from_millis(700));
        stream_head(stream);
        std::thread::sleep(Duration::from_millis(700));
        chunk(stream, PIECE);
        chunk(stream, REST);
        chunk(stream, "");
        true
    });
    let rig = Rig::start(TYPE, &upstream, |setup| {
        setup.provider.timeouts.first_token = 1_000;
    });
    let text = answer(rig.chat(true));
    assert!(text.starts_with("HTTP/1.1 504"), "{text}");
    assert_eq!(upstream.requests().len(), 1, "whoever waited that long does not wait once more");
}

#[test]
fn a_whole_answer_may_take_longer_than_a_first_token() {
    let upstream = Upstream::start(|_, _, stream| {
        std::thread::sleep(Duration::from_millis(200));
        plain(stream, 200, ANSWER)
    });
    let rig = Rig::start(TYPE, &upstream, |setup| setup.provider.timeouts.first_token = 50);
    assert!(answer(rig.chat(false)).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_plain_answer_that_stands_still_is_given_up() {
    let upstream = Upstream::start(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\"").unwrap();
        is_closed(stream, SOON);
        false
    });
    let mut rig = Rig::start(TYPE, &upstream, |setup| {
        setup.provider.timeouts.idle = 100;
    });
    let text = answer(rig.chat(false));
    assert!(text.starts_with("HTTP/1.1 504") && text.contains("stood still"), "{text}");
    assert_eq!(rig.outcomes(1)[0].status, Status::Unreachable);
}

#[test]
fn a_connection_is_used_again_after_an_error_answer() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 400, ERROR));
    let rig = Rig::start(TYPE, &upstream, |_| {});
    for _ in 0..3 {
        let text = answer(rig.chat(false));
        assert!(text.starts_with("HTTP/1.1 400") && text.contains("some_code"), "{text}");
    }
    assert_eq!((upstream.requests().len(), upstream.connections()), (3, 1));
}

#[test]
fn a_connection_that_the_provider_closes_under_a_request_is_no_ones_error() {
    let upstream = Upstream::start(|number, _, stream| number != 1 && plain(stream, 200, ANSWER));
    let mut rig = Rig::start(TYPE, &upstream, |_| {});
    for _ in 0..2 {
        assert!(answer(rig.chat(false)).starts_with("HTTP/1.1 200"));
    }
    assert_eq!((upstream.requests().len(), upstream.connections()), (3, 2));
    let statuses: Vec<_> = rig.outcomes(3).iter().map(|outcome| outcome.status).collect();
    assert_eq!(statuses, [Status::Completed, Status::Unreachable, Status::Completed]);
}

#[test]
fn a_refused_credential_is_not_the_one_that_is_tried_next() {
    let upstream = Upstream::start(|_, text, stream| {
        let status = if text.contains("sk-revoked") { 401 } else { 200 };
        plain(stream, status, if status == 200 { ANSWER } else { ERROR })
    });
    let rig = Rig::start(TYPE, &upstream, |setup| {
        let good = setup.provider.credentials.remove(0);
        let mut revoked = good.clone();
        revoked.name = "revoked".into();
        revoked.secret.name = "revoked".into();
        revoked.weight = 1_000_000;
        setup.provider.credentials = vec![revoked, good];
    });
    assert!(answer(rig.chat(false)).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_credential_of_weight_zero_is_never_used() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 429, ERROR));
    let rig = Rig::start(TYPE, &upstream, |setup| {
        let used = setup.provider.credentials.remove(0);
        let mut resting = Credential { name: "resting".into(), weight: 0, ..used.clone() };
        resting.secret.name = "resting".into();
        setup.provider.credentials = vec![resting, used];
    });
    for _ in 0..3 {
        assert!(answer(rig.chat(false)).starts_with("HTTP/1.1 429"));
    }
    assert!(!upstream.requests().iter().any(|text| text.contains("sk-resting")));
}

#[test]
fn a_clients_mistake_neither_opens_nor_closes_a_circuit() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 400, ERROR));
    let rig = Rig::start(TYPE, &upstream, |setup| {
        for _ in 0..5 {
            setup.registry.circuit("ai/p/c").failed(1_000);
        }
    });
    let open_until = rig.registry.circuit("ai/p/c").open_until_ms();
    assert!(open_until > 1_000);
    answer(rig.chat(false));
    assert_eq!(rig.registry.circuit("ai/p/c").open_until_ms(), open_until);
}

#[test]
fn a_stream_keeps_its_place_at_the_provider_until_it_ends() {
    let (go, may_go) = gate();
    let upstream = Upstream::start(move |number, _, stream| {
        stream_head(stream);
        chunk(stream, PIECE);
        if number == 0 {
            may_go.lock().unwrap().recv_timeout(SOON).unwrap();
        }
        chunk(stream, REST);
        chunk(stream, "");
        true
    });
    let mut rig = Rig::start(TYPE, &upstream, |setup| setup.provider.concurrency = Some(1));
    let mut first = rig.chat(true);
    read_until(&mut first, "hello there");
    let text = answer(rig.chat(true));
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 1\r\n"), "{text}");
    go.send(()).unwrap();
    read_until(&mut first, "[DONE]");
    answer(first);
    assert!(answer(rig.chat(true)).contains("[DONE]"));
    rig.drain();
    assert_eq!(rig.outcomes(2).len(), 2);
}

#[test]
fn a_stream_is_not_held_back_by_what_the_client_sends_meanwhile() {
    let (go, may_go) = gate();
    let upstream = Upstream::start(move |_, _, stream| {
        stream_head(stream);
        chunk(stream, PIECE);
        may_go.lock().unwrap().recv_timeout(2 * SOON).unwrap();
        chunk(stream, REST);
        chunk(stream, "");
        true
    });
    let rig = Rig::start(TYPE, &upstream, |_| {});
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    let mut client = connect(rig.address);
    let text = request("/v1/chat/completions", KEY, body).replace("connection: close\r\n", "");
    client.write_all((text + "GET /v1/models HTTP/1.1\r\n").as_bytes()).unwrap();
    read_until(&mut client, "hello there");
    go.send(()).unwrap();
    read_until(&mut client, "[DONE]");
}

#[test]
fn a_client_with_a_large_body_learns_why_it_is_refused() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, ANSWER));
    let rig = Rig::start(TYPE, &upstream, |_| {});
    let body = format!(r#"{{"model":"m","messages":[],"padding":"{}"}}"#, "x".repeat(16 << 20));
    for (key, status) in [("hub-wrong", "401"), (KEY, "413")] {
        let mut client = connect(rig.address);
        client.write_all(request("/v1/chat/completions", key, &body).as_bytes()).unwrap();
        let text = answer(client);
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        assert!(text.contains("x-request-id: ") && text.contains("\"error\""), "{text}");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_one() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, ANSWER));
    let rig = Rig::start(TYPE, &upstream, |_| {});
    assert!(answer(rig.post("/v1/models/m", "{}")).contains("allow: GET\r\n"));
    let mut client = connect(rig.address);
    client.write_all(b"GET /v1/messages HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    assert!(answer(client).contains("allow: POST\r\n"));
}

#[test]
fn a_body_that_is_announced_as_too_large_is_not_asked_for() {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 200, ANSWER));
    let rig = Rig::start(TYPE, &upstream, |_| {});
    let mut client = connect(rig.address);
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nx-api-key: {KEY}\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n"
    );
    client.write_all(head.as_bytes()).unwrap();
    assert!(answer(client).starts_with("HTTP/1.1 413"));
}

#[test]
fn tokens_are_estimated_where_the_provider_does_not_count_them() {
    for status in [500, 404, 429] {
        let upstream = Upstream::start(move |_, _, stream| plain(stream, status, ERROR));
        let rig = Rig::start(ProviderType::Anthropic, &upstream, |_| {});
        let body = r#"{"model":"m","messages":[{"role":"user","content":"how many are these?"}]}"#;
        let text = answer(rig.post("/v1/messages/count_tokens", body));
        assert!(text.starts_with("HTTP/1.1 200") && text.contains("x-aigne-hub-estimated: true"), "{text}");
        assert!(text.contains("request-id: ") && text.contains("input_tokens"), "{text}");
    }
    let upstream = Upstream::start(|_, _, stream| plain(stream, 400, ERROR));
    let rig = Rig::start(ProviderType::Anthropic, &upstream, |_| {});
    let body = r#"{"model":"m","messages":[]}"#;
    assert!(answer(rig.post("/v1/messages/count_tokens", body)).starts_with("HTTP/1.1 400"));
}

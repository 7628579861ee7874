//! Service tiers: which may be asked for, and which is charged.

use std::io::Write as _;

use aigne_hub_crds::config::{Amounts, ProviderType};

use crate::gateway::testing::{ANSWER, Rig, Setup, Upstream, answer, chunk, plain, stream_head};

/// A thousand nano-dollars for each token, half of that in `flex` and twice as much in `priority`.
fn priced(setup: &mut Setup) {
    let amount = "1".parse().ok();
    setup.prices = Some(Amounts { input: amount, output: amount, ..Amounts::default() });
    setup.service_tiers = vec![("flex", "0.5"), ("priority", "2")];
}

/// A provider that says what the request tells it to: ten tokens, served from the tier `x`.
fn obedient() -> Upstream {
    Upstream::start(|_, request, stream| {
        let told = request.split(r#""x":""#).nth(1).and_then(|rest| rest.split('"').next());
        let tier = told.map(|tier| format!(r#","service_tier":"{tier}"}}"#));
        let body = match tier {
            Some(tier) => ANSWER.strip_suffix('}').unwrap().to_owned() + &tier,
            None => ANSWER.to_owned(),
        };
        if !request.contains(r#""stream":true"#) {
            return plain(stream, 200, &body);
        }
        stream_head(stream);
        let told = told.map(|tier| format!(r#""service_tier":"{tier}","#)).unwrap_or_default();
        chunk(
            stream,
            &format!(
                "data: {{{told}\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"a\"}},\"finish_reason\":\"stop\"}}]}}\n\n"
            ),
        );
        chunk(
            stream,
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n",
        );
        chunk(stream, "");
        false
    })
}

#[test]
fn the_tier_that_served_is_charged() {
    let upstream = obedient();
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, priced);
    let cases = [
        ("", 10_000),
        (r#","service_tier":"flex""#, 5_000),
        (r#","service_tier":"flex","x":"flex""#, 5_000),
        (r#","service_tier":"flex","x":"default""#, 10_000),
        (r#","service_tier":"priority","x":"priority""#, 20_000),
        (r#","service_tier":"fast","x":"priority""#, 20_000),
        (r#","service_tier":"priority","x":"default""#, 10_000),
        // As the account is set.
        (r#","x":"priority""#, 20_000),
        (r#","service_tier":"auto","x":"priority""#, 20_000),
        (r#","service_tier":"auto","x":"auto""#, 10_000),
        (r#","service_tier":"default","x":"scale""#, 10_000),
        (r#","stream":true,"service_tier":"flex""#, 5_000),
        (r#","stream":true,"service_tier":"flex","x":"default""#, 10_000),
        (r#","stream":true,"x":"priority""#, 20_000),
    ];
    for (count, (members, price)) in cases.into_iter().enumerate() {
        let body = format!(r#"{{"model":"m","messages":[]{members}}}"#);
        let told = answer(rig.post("/v1/chat/completions", &body));
        assert!(told.starts_with("HTTP/1.1 200"), "{members}: {told}");
        assert_eq!(rig.outcomes(count + 1)[count].charge.price.0, price, "{members}");
    }
}

#[test]
fn a_tier_without_a_price_is_refused_by_name() {
    let upstream = obedient();
    for (members, allowed, change) in [
        (r#""service_tier":"scale""#, "allowed: auto, default, flex, priority", priced as fn(&mut Setup)),
        (r#""service\u005ftier":"flex""#, "allowed: auto, default", |_| ()),
        (r#""service_tier":["flex"]"#, "must be a text", priced),
    ] {
        let rig = Rig::start(ProviderType::OpenAI, &upstream, change);
        let body = format!(r#"{{"model":"m","messages":[],{members}}}"#);
        let told = answer(rig.post("/v1/chat/completions", &body));
        assert!(told.starts_with("HTTP/1.1 400"), "{told}");
        assert!(told.contains(r#""param":"service_tier""#) && told.contains(allowed), "{told}");
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn what_googles_head_says_counts() {
    let upstream = Upstream::start(|number, _, stream| {
        let body = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":3}}"#;
        let tier = if number == 0 { "standard" } else { "priority" };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-gemini-service-tier: {tier}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).is_ok()
    });
    let mut rig = Rig::start(ProviderType::Gemini, &upstream, priced);
    for (count, price) in [10_000, 20_000].into_iter().enumerate() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"service_tier":"priority"}"#;
        let told = answer(rig.post("/v1/chat/completions", body));
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
        assert!(upstream.requests()[count].contains(r#""serviceTier":"priority""#));
        assert_eq!(rig.outcomes(count + 1)[count].charge.price.0, price);
    }
}

//! The rules that nobody gets round.

use aigne_hub_tests::harness::asks::{chat, message, streamed, with};
use aigne_hub_tests::harness::{Blueprint, Client, Hub, Outcome, Provider, Tenant, key};
use aigne_hub_tests::scripted::{Entry, Script, Scripted};
use anyhow::Context;
use serde_json::{Value, json};

async fn stage() -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    Ok((upstream, hub))
}

fn last(upstream: &Scripted) -> anyhow::Result<Entry> {
    upstream.asked().pop().context("nothing arrived")
}

#[tokio::test]
async fn request_headers_cross_by_an_allow_list() -> Outcome {
    let (upstream, hub) = stage().await?;
    let client = hub
        .client()
        .header("cookie", "session=secret")
        .header("openai-organization", "org-of-the-client")
        .header("openai-project", "proj-of-the-client")
        .header("x-forwarded-for", "10.1.2.3")
        .header("x-api-key-2", "another")
        .header("x-custom", "anything")
        .header("x-request-id", "mine-1")
        .header("proxy-authorization", "Basic eDp5")
        .header("user-agent", "an-app/1.0")
        .header("x-stainless-lang", "python");
    for (path, body) in [
        ("/v1/chat/completions", chat("gpt", "hi")),
        ("/v1/chat/completions", chat("sonnet", "hi")),
        ("/v1/messages", message("sonnet", "hi")),
        ("/v1/messages", message("gpt", "hi")),
    ] {
        let answer = client.post(path, &body).await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let entry = last(&upstream)?;
        let mut allowed =
            ["host", "content-type", "content-length", "accept", "accept-encoding", "user-agent"].to_vec();
        let (own, version) = match entry.path.as_str() {
            "/v1/messages" => ("x-api-key", Some("2023-06-01")),
            _ => ("authorization", None),
        };
        allowed.extend([own, "anthropic-version"]);
        let strange: Vec<_> =
            entry.headers.iter().filter(|(name, _)| !allowed.contains(&name.as_str())).collect();
        assert!(strange.is_empty(), "{path}: {strange:?}");
        assert_eq!(entry.header("anthropic-version"), version);
        assert!(matches!(entry.header("accept-encoding"), None | Some("identity")), "identity is asked for");
        assert_ne!(answer.request_id(), "mine-1", "the hub's own id is never the client's");
    }
    Ok(())
}

#[tokio::test]
async fn the_clients_key_never_reaches_a_provider_nor_the_providers_a_client() -> Outcome {
    let (upstream, hub) = stage().await?;
    let ours = key("acme", "app");
    for client in [hub.client(), Client::new(hub.origin(), None).header("x-api-key", &ours)] {
        for (path, body) in
            [("/v1/chat/completions", chat("gpt", "hi")), ("/v1/messages", message("sonnet", "hi"))]
        {
            let answer = client.post(path, &body).await?;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let entry = last(&upstream)?;
            assert!(!format!("{entry:?}").contains(&ours), "{entry:?}");
            let theirs = if path.ends_with("messages") { "claude" } else { "openai" };
            assert!(format!("{:?}", entry.headers).contains(&Provider::credential(theirs)));
            let heard = format!("{:?}{}", answer.headers, answer.text());
            assert!(!heard.contains(&Provider::credential(theirs)));
        }
    }
    Ok(())
}

#[tokio::test]
async fn answer_headers_cross_by_an_allow_list() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(
        Script::text("x")
            .header("x-ratelimit-limit-tokens", "1000")
            .header("anthropic-ratelimit-requests-remaining", "7")
            .header("openai-processing-ms", "12")
            .header("request-id", "req_provider")
            .header("x-served-by", "cache-7")
            .header("server", "cloud"),
    );
    for (path, body) in [
        ("/v1/chat/completions", chat("gpt", "hi")),
        ("/v1/messages", message("sonnet", "hi")),
        ("/v1/chat/completions", streamed(chat("gpt", "hi"))),
        ("/v1/messages", streamed(message("gpt", "hi"))),
    ] {
        let answer = hub.client().post(path, &body).await?;
        assert_eq!(answer.status, 200);
        for name in [
            "set-cookie",
            "openai-organization",
            "anthropic-organization-id",
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-requests",
            "anthropic-ratelimit-requests-remaining",
            "x-served-by",
        ] {
            assert_eq!(answer.header(name), "", "{path}: {name}");
        }
        assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
        assert_eq!(answer.request_id().len(), 36, "a UUID: {}", answer.request_id());
        assert_eq!(answer.request_id().as_bytes()[14], b'7', "version 7");
    }
    Ok(())
}

#[tokio::test]
async fn fields_that_choose_a_model_a_tier_or_a_paid_tool_are_refused_by_name() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream)
        .provider(Provider::new("router", "OpenRouter", &upstream).model("routed"))
        .provider(Provider::new("grok", "XAI", &upstream).model("grok-4"))
        .start()
        .await?;
    let openai = [
        ("gpt", "service_tier", json!("priority")),
        ("gpt", "web_search_options", json!({})),
        ("routed", "models", json!(["expensive/model"])),
        ("routed", "route", json!("fallback")),
        ("routed", "plugins", json!([{"id": "web"}])),
        ("routed", "provider", json!({"order": ["elsewhere"]})),
        ("grok-4", "search_parameters", json!({"mode": "on"})),
        ("grok-4", "deferred", json!(true)),
    ];
    for (model, field, value) in openai {
        let answer = hub.client().chat(&with(chat(model, "hi"), json!({ field: value }))).await?;
        let error = answer.openai_error(400).with_context(|| format!("{model} {field}"))?;
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    let anthropic = [
        ("sonnet", "service_tier", json!("priority")),
        ("sonnet", "speed", json!("fast")),
        ("sonnet", "container", json!("c-1")),
        ("sonnet", "mcp_servers", json!([{"type": "url", "url": "https://example.com", "name": "x"}])),
        ("sonnet", "tools", json!([{"type": "web_search_20250305", "name": "web_search"}])),
        ("sonnet", "tools", json!([{"type": "code_execution_20250522", "name": "code_execution"}])),
    ];
    for (model, field, value) in anthropic {
        let answer = hub.client().messages(&with(message(model, "hi"), json!({ field: value }))).await?;
        let error = answer.anthropic_error(400).with_context(|| format!("{model} {field}"))?;
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    assert_eq!(upstream.asked().len(), 0);
    assert!(hub.rows_now().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn harmless_values_of_those_fields_pass() -> Outcome {
    let (_upstream, hub) = stage().await?;
    hub.client().chat(&with(chat("gpt", "hi"), json!({"service_tier": "default"}))).await?.good()?;
    hub.client()
        .messages(&with(message("sonnet", "hi"), json!({"service_tier": "standard_only"})))
        .await?
        .good()?;
    let custom = json!([{"type": "custom", "name": "f", "input_schema": {"type": "object"}}]);
    hub.client().messages(&with(message("sonnet", "hi"), json!({ "tools": custom }))).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn betas_cross_if_they_cost_nothing() -> Outcome {
    let (upstream, hub) = stage().await?;
    let betas = "interleaved-thinking-2025-05-14, some-beta-of-tomorrow-2027-01-01";
    for body in [message("sonnet", "hi"), message("gpt", "hi")] {
        hub.client().header("anthropic-beta", betas).messages(&body).await?.good()?;
    }
    let crossed: Vec<_> =
        upstream.asked().iter().map(|entry| entry.header("anthropic-beta").map(str::to_owned)).collect();
    assert_eq!(crossed, [Some("interleaved-thinking-2025-05-14".to_owned()), None]);
    let paid = hub
        .client()
        .header("anthropic-beta", "context-1m-2025-08-07")
        .messages(&message("sonnet", "hi"))
        .await?;
    assert!(paid.anthropic_error(400)?.to_string().contains("context-1m"), "{}", paid.text());
    assert_eq!(upstream.asked().len(), 2);
    Ok(())
}

#[tokio::test]
async fn keys_are_checked_before_anything_else() -> Outcome {
    let upstream = Scripted::start().await?;
    let tenant = Tenant::new("acme")
        .key(json!({"name": "late", "expiresAt": "2020-01-01T00:00:00Z"}))
        .key(json!({"name": "later", "expiresAt": "2099-01-01T00:00:00Z"}))
        .key(json!({"name": "off", "disabled": true}));
    let hub = Blueprint::usual(&upstream).tenant(tenant).start().await?;
    let strangers = [
        None,
        Some(String::new()),
        Some("hub-nobody-knows-this-key-0123456789abcdef".to_owned()),
        Some(key("acme", "app").to_uppercase()),
        Some(format!("{} ", key("acme", "app")) + "x"),
        Some(key("acme", "late")),
        Some(key("acme", "off")),
    ];
    for stranger in &strangers {
        let client = Client::new(hub.origin(), stranger.as_deref());
        let error = client.chat(&chat("gpt", "hi")).await?.openai_error(401)?;
        assert_eq!(error["code"], "invalid_api_key", "{error}");
        let error = client.messages(&message("sonnet", "hi")).await?.anthropic_error(401)?;
        assert_eq!(error["type"], "authentication_error");
        client.get("/v1/models").await?.openai_error(401)?;
        // Not even a malformed body is looked at.
        client.post_bytes("/v1/chat/completions", "{".into()).await?.openai_error(401)?;
    }
    hub.client_with(&key("acme", "later")).chat(&chat("gpt", "hi")).await?.good()?;
    assert_eq!(upstream.asked().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_suspended_tenant_is_refused() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub =
        Blueprint::usual(&upstream).tenant(Tenant::new("acme").set("suspended", json!(true))).start().await?;
    let error = hub.client().chat(&chat("gpt", "hi")).await?.openai_error(403)?;
    assert!(error["message"].as_str().is_some_and(|message| message.contains("suspended")), "{error}");
    hub.client().messages(&message("sonnet", "hi")).await?.anthropic_error(403)?;
    assert_eq!(upstream.asked().len(), 0);
    Ok(())
}

#[tokio::test]
async fn allow_and_deny_lists_hold() -> Outcome {
    let upstream = Scripted::start().await?;
    let tenant = Tenant::new("acme")
        .set("models", json!({"allow": ["openai/*", "claude/*"], "deny": ["openai/gpt-secret"]}))
        .key(json!({"name": "narrow", "models": {"allow": ["claude/*"]}}));
    let hub = Blueprint::usual(&upstream)
        .provider(Provider::new("openai", "OpenAI", &upstream).model("gpt").model("gpt-secret"))
        .provider(Provider::new("other", "OpenAICompatible", &upstream).model("unlisted"))
        .tenant(tenant)
        .start()
        .await?;
    let wide = hub.client();
    let narrow = hub.client_with(&key("acme", "narrow"));
    let cases: [(&Client, &str, u16); 9] = [
        (&wide, "gpt", 200),
        (&wide, "openai/gpt", 200),
        (&wide, "gpt-secret", 403),
        (&wide, "openai/gpt-secret", 403),
        (&wide, "other/unlisted", 403),
        (&wide, "no-such-model", 404),
        (&narrow, "sonnet", 200),
        (&narrow, "gpt", 403),
        (&narrow, "openai/gpt-secret", 403),
    ];
    for (client, model, status) in cases {
        let answer = client.chat(&chat(model, "hi")).await?;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
        if status != 200 {
            answer.openai_error(status)?;
            client.messages(&message(model, "hi")).await?.anthropic_error(status)?;
        }
    }
    let listed = |answer: Value| -> Vec<String> {
        let data = answer["data"].as_array().cloned().unwrap_or_default();
        data.iter().filter_map(|model| model["id"].as_str().map(str::to_owned)).collect()
    };
    let names = listed(wide.get("/v1/models").await?.good()?);
    assert!(
        names.iter().any(|name| name.ends_with("gpt")) && names.iter().any(|name| name.ends_with("sonnet"))
    );
    assert!(!names.iter().any(|name| name.contains("secret") || name.contains("unlisted")), "{names:?}");
    let names = listed(narrow.get("/v1/models").await?.good()?);
    assert!(!names.is_empty() && names.iter().all(|name| name.contains("sonnet")), "{names:?}");
    wide.get("/v1/models/gpt-secret").await?.openai_error(404)?;
    assert_eq!(wide.get("/v1/models/openai%2Fgpt").await?.good()?["object"], "model");
    Ok(())
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() -> Outcome {
    let upstream = Scripted::start().await?;
    let port = upstream.address().port();
    let mut blueprint = Blueprint::default().tenant(Tenant::new("acme"));
    let hosts = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
    ];
    for (number, host) in hosts.iter().enumerate() {
        let provider =
            Provider::at(&format!("p{number}"), "OpenAI", &format!("http://{host}:{port}/v1")).model("m");
        blueprint = blueprint.provider(provider.set("allowPrivate", json!(false)));
    }
    let hub = blueprint.start().await?;
    for (number, host) in hosts.iter().enumerate() {
        let answer = hub.client().chat(&chat(&format!("p{number}/m"), "hi")).await?;
        // Refused when the file is read (then the model is unknown) or when the connection is made.
        assert!(matches!(answer.status, 404 | 502), "{host}: {} {}", answer.status, answer.text());
    }
    assert_eq!(upstream.entries().len(), 0, "nothing was connected");
    Ok(())
}

#[tokio::test]
async fn redirects_are_never_followed() -> Outcome {
    let (upstream, hub) = stage().await?;
    let elsewhere = Scripted::start().await?;
    upstream.always(
        Script::raw("")
            .with_status(307)
            .header("location", &format!("{}/v1/chat/completions", elsewhere.origin())),
    );
    let answer = hub.client().chat(&chat("gpt", "hi")).await?;
    answer.openai_error(502)?;
    assert_eq!(answer.header("location"), "");
    assert_eq!(elsewhere.entries().len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_too_short_or_a_secret_without_its_label_is_not_used() -> Outcome {
    let upstream = Scripted::start().await?;
    let unlabelled = Provider::new("plain", "OpenAI", &upstream).model("plain-model").set(
        "credentials",
        json!([{"name": "primary", "secretKeyRef": {"name": "database", "key": "password"}}]),
    );
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "database", "namespace": "hub"},
        "stringData": {"password": "the-password-of-the-database-itself"}});
    let hub = Blueprint::usual(&upstream)
        .provider(unlabelled)
        .file("database.yaml", &secret.to_string())
        .tenant(Tenant::new("acme").key(json!({"name": "short"})))
        .start()
        .await?;
    let answer = hub.client().chat(&chat("plain/plain-model", "hi")).await?;
    assert!(answer.status >= 400, "{}", answer.text());
    assert_eq!(upstream.asked().len(), 0, "the password went nowhere");
    // The tenant's Secrets are in its own file: replace the short one there.
    let tenant = std::fs::read_to_string(hub.config().join("tenant-acme.yaml"))?;
    hub.write("tenant-acme.yaml", &tenant.replace(&key("acme", "short"), "too-short"))?;
    aigne_hub_tests::harness::eventually("the long key is gone", async || {
        let answer = hub.client_with(&key("acme", "short")).get("/v1/models").await?;
        Ok((answer.status == 401).then_some(()))
    })
    .await?;
    assert_eq!(hub.client_with("too-short").get("/v1/models").await?.status, 401);
    hub.client().get("/v1/models").await?.good()?;
    Ok(())
}

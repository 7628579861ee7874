//! `aigne-hub sidecar`: an application without a key, its pod's token in its place, bytes untouched.

use aigne_hub_tests::harness::asks::{chat, message, streamed, text, with};
use aigne_hub_tests::harness::{
    Authority, Beside, Blueprint, Client, Cluster, Command, Hub, Outcome, Sidecar, Signing, Tenant,
    eventually, free_port, until,
};
use aigne_hub_tests::scripted::{Gate, Outcome as Ended, Script, Scripted};
use anyhow::ensure;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Stage {
    upstream: Scripted,
    cluster: Cluster,
    authority: Authority,
    hub: Hub,
    sidecar: Sidecar,
}

/// A hub of TLS that trusts the cluster, and a sidecar in a pod of `team/app`, which the tenant claims.
async fn stage() -> anyhow::Result<Stage> {
    let (upstream, cluster) = (Scripted::start().await?, Cluster::new(Signing::Es256)?);
    let authority = Authority::new()?;
    let hub = cluster.trusted(blueprint(&upstream)).tls(&authority.certificate(), &authority.key());
    let hub = hub.option("--listen", "off").start().await?;
    let beside = Beside::tls(hub.tls_origin()?, &authority.roots());
    let sidecar = beside.start(&cluster.token("team", "app")?).await?;
    Ok(Stage { upstream, cluster, authority, hub, sidecar })
}

fn blueprint(upstream: &Scripted) -> Blueprint {
    let claimed = json!([{"namespace": "team", "serviceAccount": "app"}]);
    Blueprint::usual(upstream).tenant(Tenant::new("acme").set("workloadIdentities", claimed))
}

#[tokio::test]
async fn an_application_needs_no_key_and_gets_the_hubs_own_bytes() -> Outcome {
    let place = stage().await?;
    let Stage { cluster, authority, hub, sidecar, .. } = &place;
    let token = cluster.token("team", "app")?;
    let direct = authority.client(hub.tls_origin()?, &token)?;
    for (path, body) in [
        ("/v1/chat/completions", streamed(chat("gpt", "hi"))),
        ("/v1/messages", streamed(message("sonnet", "hi"))),
        ("/v1/messages/count_tokens", message("sonnet", "hi")),
    ] {
        let beside = sidecar.client().post(path, &body).await?;
        let direct = direct.post(path, &body).await?;
        beside.ok()?;
        ensure!(beside.body == direct.body, "{path}: {} {}", beside.text(), direct.text());
        let names = |answer: &aigne_hub_tests::harness::Answer| -> Vec<String> {
            let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        };
        ensure!(names(&beside) == names(&direct), "{:?} {:?}", beside.headers, direct.headers);
    }
    let models = sidecar.client().get("/v1/models?limit=3").await?;
    ensure!(models.body == direct.get("/v1/models?limit=3").await?.body, "{}", models.text());
    // The hub's own errors are the hub's.
    sidecar.client().chat(&chat("nothing", "hi")).await?.openai_error(404)?;
    // A count is none.
    let rows = hub.rows(4).await?;
    ensure!(rows.iter().all(|row| row.key == "serviceaccount:team/app"), "{rows:#?}");
    Ok(())
}

#[tokio::test]
async fn headers_pass_but_for_what_the_application_shows_as_its_key() -> Outcome {
    // Where the hub would be: it writes down what it is sent.
    let upstream = Scripted::start().await?;
    let sidecar = Beside::new(&upstream.origin()).start("the-pods-token").await?;
    let client = Client::new(&sidecar.origin(), Some("the-applications-key"));
    let client = client
        .header("x-api-key", "another")
        .header("x-goog-api-key", "a-third")
        .header("connection", "x-private")
        .header("x-private", "of this connection")
        .header("x-request-id", "mine")
        .header("x-aigne-hub-user", "ada");
    client.post("/v1/chat/completions?beta=true", &chat("gpt", "hi")).await?.good()?;
    let entry = &upstream.asked()[0];
    assert_eq!(entry.path, "/v1/chat/completions?beta=true");
    let credentials: Vec<_> =
        entry.headers.iter().filter(|(_, value)| value.contains("ken") || value.contains("key")).collect();
    assert_eq!(credentials.len(), 1, "{:?}", entry.headers);
    assert_eq!(entry.header("authorization"), Some("Bearer the-pods-token"));
    for absent in ["x-api-key", "x-goog-api-key", "x-private", "connection"] {
        assert_eq!(entry.header(absent), None);
    }
    assert_eq!((entry.header("x-request-id"), entry.header("x-aigne-hub-user")), (Some("mine"), Some("ada")));
    ensure!(upstream.origin().ends_with(entry.header("host").unwrap_or("no host")), "{:?}", entry.headers);
    Ok(())
}

#[tokio::test]
async fn a_token_that_the_kubelet_replaces_is_shown_with_the_next_request() -> Outcome {
    let place = stage().await?;
    let Stage { cluster, sidecar, .. } = &place;
    sidecar.rotate(&cluster.token_with("team", "app", "hub.aigne.io", -60)?)?;
    let error = sidecar.client().chat(&chat("gpt", "hi")).await?.openai_error(401)?;
    ensure!(error["message"].as_str().is_some_and(|message| message.contains("expired")), "{error}");
    sidecar.rotate(&cluster.token("team", "app")?)?;
    sidecar.client().chat(&chat("gpt", "hi")).await?.good()?;
    // Nothing to show is the sidecar's own error.
    sidecar.rotate("\n")?;
    let answer = sidecar.client().messages(&message("sonnet", "hi")).await?;
    answer.anthropic_error(503)?;
    assert_eq!(answer.header("x-aigne-hub-source"), "sidecar");
    ensure!(
        sidecar.logs().text().contains("is empty") && sidecar.logs().text().contains("audience hub.aigne.io")
    );
    let token = cluster.token("team", "app")?;
    sidecar.rotate(&token)?;
    sidecar.client().chat(&chat("gpt", "hi")).await?.good()?;
    ensure!(sidecar.logs().text().contains("answers again"), "{}", sidecar.logs().text());
    ensure!(!sidecar.logs().text().contains(token.rsplit('.').next().unwrap_or_default()));
    Ok(())
}

#[tokio::test]
async fn where_the_hub_is_away_clients_are_told_in_their_own_format_and_its_return_is_noticed() -> Outcome {
    let (upstream, cluster) = (Scripted::start().await?, Cluster::new(Signing::Es256)?);
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut hub = cluster.trusted(blueprint(&upstream)).option("--listen", &address).start().await?;
    let sidecar = Beside::new(hub.origin()).start(&cluster.token("team", "app")?).await?;
    let client = sidecar.client();
    client.chat(&chat("gpt", "hi")).await?.good()?;
    hub.sigkill().await?;
    let answer = client.chat(&chat("gpt", "hi")).await?;
    assert_eq!(answer.openai_error(502)?["code"], "hub_unreachable");
    assert_eq!((answer.header("x-aigne-hub-source"), answer.header("retry-after")), ("sidecar", "1"));
    client.messages(&message("sonnet", "hi")).await?.anthropic_error(502)?;
    let said = sidecar.logs().json();
    let said: Vec<_> = said.iter().filter(|line| line["level"] == "ERROR").collect();
    ensure!(said.len() == 1 && said[0]["hint"].to_string().contains("NetworkPolicy"), "{said:?}");
    hub.restart().await?;
    // What is in the pool is known to be closed: the first request after it is answered.
    client.chat(&chat("gpt", "hi")).await?.good()?;
    hub.restart().await?;
    client.chat(&chat("gpt", "hi")).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_is_gone_for_the_provider_too() -> Outcome {
    let place = stage().await?;
    let Stage { upstream, sidecar, .. } = &place;
    let gate = Gate::admitting(2);
    upstream.always(Script::chunks(6).gate(&gate));
    let mut stream = sidecar.client().live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    stream.event().await?;
    drop(stream);
    until("the provider sees it leave", || upstream.entries()[0].outcome == Ended::ClientLeft).await
}

#[tokio::test]
async fn at_the_end_streams_are_whole_and_nobody_is_turned_away_before() -> Outcome {
    let Stage { upstream, mut sidecar, cluster: _cluster, authority: _authority, hub: _hub } =
        stage().await?;
    let gate = Gate::admitting(2);
    upstream.next(Script::chunks(6).gate(&gate));
    let mut stream = sidecar.client().live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    stream.event().await?;
    sidecar.sigterm().await?;
    until("the end is begun", || sidecar.logs().text().contains("draining")).await?;
    let answer = sidecar.client().chat(&chat("gpt", "hi")).await?;
    answer.good()?;
    assert_eq!(answer.header("connection"), "close");
    gate.open();
    ensure!(text(&stream.rest().await?).ends_with("piece 5 "));
    ensure!(sidecar.ended().await?, "{}", sidecar.logs().text());
    Ok(())
}

#[tokio::test]
async fn an_idle_sidecar_ends_at_once_and_a_stream_at_the_latest_with_the_grace_period() -> Outcome {
    let (upstream, token) = (Scripted::start().await?, "token");
    let mut idle = Beside::new(&upstream.origin()).start(token).await?;
    let client = idle.client();
    client.chat(&chat("gpt", "hi")).await?.good()?;
    idle.sigterm().await?;
    ensure!(idle.ended().await?, "{}", idle.logs().text());

    let mut busy = Beside::new(&upstream.origin()).option("--grace", "100ms").start(token).await?;
    upstream.next(Script::chunks(6).gate(&Gate::admitting(2)));
    let mut stream = busy.client().live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    stream.event().await?;
    busy.sigterm().await?;
    ensure!(busy.ended().await? && stream.rest().await.is_err());
    ensure!(busy.logs().text().contains("cut off"), "{}", busy.logs().text());
    Ok(())
}

#[tokio::test]
async fn large_bodies_pass_and_what_the_hub_refuses_is_said_by_the_hub() -> Outcome {
    let place = stage().await?;
    let Stage { upstream, sidecar, .. } = &place;
    sidecar.client().chat(&chat("gpt", "hi")).await?.good()?;
    let (_, before) = sidecar.memory()?;
    let large = chat("gpt", &"x".repeat(16 << 20));
    sidecar.client().chat(&large).await?.good()?;
    ensure!(upstream.asked()[1].body == large.to_string());
    let answer = sidecar.client().chat(&chat("gpt", &"x".repeat(40 << 20))).await?;
    answer.openai_error(413)?;
    assert_eq!(answer.header("x-aigne-hub-source"), "");
    let (_, most) = sidecar.memory()?;
    println!("at most {before} KiB before 56 MiB of requests, {most} KiB after");
    ensure!(most - before < 4 * 1024, "bodies are not kept: {before} KiB, then {most} KiB");
    Ok(())
}

#[tokio::test]
async fn bodies_of_unknown_length_and_those_that_break_off_do_no_harm() -> Outcome {
    let place = stage().await?;
    let Stage { upstream, sidecar, .. } = &place;
    let body = chat("gpt", "in pieces").to_string();
    let mut raw = TcpStream::connect(sidecar.address()).await?;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n";
    raw.write_all(head.as_bytes()).await?;
    for piece in body.as_bytes().chunks(5) {
        let piece = format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece));
        raw.write_all(piece.as_bytes()).await?;
    }
    raw.write_all(b"0\r\n\r\n").await?;
    until("it has arrived", || upstream.asked().len() == 1).await?;
    ensure!(upstream.asked()[0].body == body);

    let mut broken = TcpStream::connect(sidecar.address()).await?;
    broken.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: 99\r\n\r\n{").await?;
    broken.shutdown().await?;
    let mut rest = Vec::new();
    let _ = broken.read_to_end(&mut rest).await;
    sidecar.client().chat(&chat("gpt", "hi")).await?.good()?;
    ensure!(!sidecar.logs().text().contains("ERROR"), "{}", sidecar.logs().text());
    Ok(())
}

#[tokio::test]
async fn it_listens_for_its_pod_alone_and_says_whether_it_is_ready() -> Outcome {
    let upstream = Scripted::start().await?;
    let sidecar = Beside::new(&upstream.origin()).start("token").await?;
    let check = async |address: &str| {
        Command::new(["sidecar", "--check", "--listen"]).path(address.as_ref()).run().await
    };
    check(sidecar.address()).await?.ok()?;
    sidecar.rotate("")?;
    let ran = check(sidecar.address()).await?;
    ensure!(!ran.success && ran.stderr.contains("is empty"), "{}", ran.stderr);
    let nobody = check(&format!("127.0.0.1:{}", free_port()?)).await?;
    ensure!(!nobody.success && nobody.stderr.contains("no sidecar answers"), "{}", nobody.stderr);
    // Where the machine has it.
    let port = sidecar.address().rsplit(':').next().unwrap_or_default();
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        ensure!(check(&format!("[::1]:{port}")).await?.stderr.contains("is empty"));
    }
    ensure!(upstream.entries().is_empty(), "a probe is no request to the hub");

    let token = tempfile::NamedTempFile::new()?;
    std::fs::write(token.path(), "token")?;
    let start = async |words: [&str; 5]| {
        Command::new(words).path("--token-file".as_ref()).path(token.path()).run().await
    };
    for (words, says) in [
        (["sidecar", "--hub", "https://hub.ai.svc", "--listen", "0.0.0.0:0"], "not a loopback address"),
        (["sidecar", "--hub", "http://hub.ai.svc", "--listen", "127.0.0.1:0"], "--allow-insecure"),
        (["sidecar", "--hub", "https://hub.ai.svc/v1", "--listen", "127.0.0.1:0"], "without a path"),
        (
            ["sidecar", "--hub", "https://hub.ai.svc", "--token-file", "/none"],
            "cannot be used multiple times",
        ),
    ] {
        let ran = start(words).await?;
        ensure!(!ran.success && ran.stderr.contains(says), "{says}: {}", ran.stderr);
    }
    let ran = Command::new(["sidecar", "--hub", "https://hub", "--token-file", "/none/token"]).run().await?;
    ensure!(!ran.success && ran.stderr.contains("/none/token cannot be read"), "{}", ran.stderr);
    Ok(())
}

#[tokio::test]
async fn a_hub_that_is_not_trusted_is_told_nothing() -> Outcome {
    let place = stage().await?;
    let Stage { cluster, hub, .. } = &place;
    let other = Authority::new()?;
    let token = cluster.token("team", "app")?;
    let sidecar = Beside::tls(hub.tls_origin()?, &other.roots()).start(&token).await?;
    let answer = sidecar.client().chat(&chat("gpt", "hi")).await?;
    assert_eq!(answer.openai_error(502)?["code"], "hub_unreachable");
    ensure!(sidecar.logs().text().contains("--ca-file"), "{}", sidecar.logs().text());
    Ok(())
}

#[tokio::test]
async fn fifty_streams_take_little_memory() -> Outcome {
    let place = stage().await?;
    let Stage { upstream, sidecar, .. } = &place;
    sidecar.client().chat(&chat("gpt", "hi")).await?.good()?;
    let (before, _) = sidecar.memory()?;
    let body = streamed(with(chat("gpt", "hi"), json!({"user": "ada"})));
    let client = sidecar.client();
    let mut streams = Vec::new();
    for _ in 0..50 {
        let gate = Gate::admitting(2);
        upstream.next(Script::chunks(6).gate(&gate));
        let mut stream = client.live("/v1/chat/completions", &body).await?;
        stream.event().await?;
        streams.push((stream, gate));
    }
    let (during, most) = sidecar.memory()?;
    println!("idle {before} KiB, with 50 streams {during} KiB, at most {most} KiB");
    for (stream, gate) in &mut streams {
        gate.open();
        ensure!(text(&stream.rest().await?).ends_with("piece 5 "));
    }
    // A debug build is larger than the 10 MiB that a release has in all; what streams add is alike.
    ensure!(during - before.min(during) < 4 * 1024, "{before} KiB, then {during} KiB");
    eventually("all are answered", async || Ok((upstream.asked().len() == 51).then_some(()))).await
}

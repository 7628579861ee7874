//! The commands beside `run`.

use aigne_hub_tests::harness::asks::{chat, with};
use aigne_hub_tests::harness::{Blueprint, Command, Hub, Outcome, Provider, Ran, Tenant, key};
use aigne_hub_tests::scripted::{Script, Scripted};
use anyhow::Context;
use serde_json::{Value, json};

async fn check(hub: &Hub, output: Option<&str>) -> anyhow::Result<Ran> {
    let command = match output {
        None => Command::new(["check", "-f"]),
        Some(output) => Command::new(["check", "--output", output, "-f"]),
    };
    command.path(&hub.config()).run().await
}

async fn usage<const N: usize>(hub: &Hub, arguments: [&str; N]) -> anyhow::Result<String> {
    let mut command = Command::new(["usage"]);
    for argument in arguments {
        command = command.path(argument.as_ref());
    }
    let ran = command.path("--data".as_ref()).path(&hub.data()).run().await?;
    anyhow::ensure!(ran.success, "{arguments:?}: {}", ran.stderr);
    Ok(ran.stdout)
}

#[tokio::test]
async fn check_accepts_what_is_right_and_names_what_is_wrong() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    let ran = check(&hub, None).await?;
    assert!(ran.success, "{}{}", ran.stdout, ran.stderr);

    // What cannot be read, each with its file and line.
    hub.write("a-syntax.yaml", "apiVersion: hub.aigne.io/v1alpha1\nkind: Tenant\nmetadata: {name: a\n")?;
    let field = "apiVersion: hub.aigne.io/v1alpha1\nkind: Tenant\nmetadata: {name: b, namespace: hub}\nspec:\n  kyes: []\n";
    hub.write("b-field.yaml", field)?;
    let ran = check(&hub, None).await?;
    assert!(!ran.success, "a CI step has to fail");
    let told = ran.stdout + &ran.stderr;
    for hint in ["a-syntax.yaml:", "b-field.yaml:5", "kyes"] {
        assert!(told.contains(hint), "{hint}: {told}");
    }
    let ran = check(&hub, Some("json")).await?;
    assert!(!ran.success);
    let report: Value = serde_json::from_str(&ran.stdout).with_context(|| ran.stdout.clone())?;
    assert!(report.to_string().contains("b-field.yaml") && report.to_string().contains("kyes"), "{report}");

    // What can be read and makes no sense.
    std::fs::remove_file(hub.config().join("a-syntax.yaml"))?;
    std::fs::remove_file(hub.config().join("b-field.yaml"))?;
    hub.write(
        "c-price.yaml",
        "apiVersion: hub.aigne.io/v1alpha1\nkind: ModelPricing\nmetadata: {name: c, namespace: hub}\nspec:\n  \
         providerRef: {name: nobody}\n  rates: [{model: x, cost: {input: \"1\"}}]\n",
    )?;
    let ran = check(&hub, None).await?;
    let told = ran.stdout + &ran.stderr;
    assert!(!ran.success && told.contains("c-price.yaml:") && told.contains("nobody"), "{told}");
    Ok(())
}

#[tokio::test]
async fn usage_adds_up_by_every_dimension() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).tenant(Tenant::new("other")).start().await?;
    for (tenant, model, user) in
        [("acme", "gpt", "ada"), ("acme", "sonnet", "bob"), ("other", "gpt", "ada"), ("acme", "gpt", "ada")]
    {
        upstream.next(Script::text("a b c d"));
        let body = with(chat(model, "hi"), json!({ "user": user }));
        hub.client_with(&key(tenant, "app")).chat(&body).await?.good()?;
    }
    let rows = hub.rows(4).await?;
    let cost: i64 = rows.iter().filter_map(|row| row.cost_nanos).sum();
    assert!(cost > 0);
    for (dimension, groups) in [("tenant", 2), ("user", 2), ("key", 1), ("model", 2), ("day", 1)] {
        let text = usage(&hub, ["--by", dimension, "--output", "json"]).await?;
        let list = lines(&text)?;
        // The same key name in two tenants may be told apart.
        assert!(list.len() == groups || dimension == "key" && list.len() == 2, "{dimension}: {text}");
        let sum: i64 = list.iter().filter_map(|group| group["cost_nanos"].as_i64()).sum();
        assert_eq!(sum, cost, "{dimension}: {text}");
        let output: u64 = list.iter().filter_map(|group| group["output_tokens"].as_u64()).sum();
        assert_eq!(output, 16, "{dimension}: {text}");
    }
    let both = lines(&usage(&hub, ["--by", "tenant,model", "--output", "json"]).await?)?;
    assert_eq!(both.len(), 3);
    let csv = usage(&hub, ["--by", "tenant", "--output", "csv"]).await?;
    assert_eq!(csv.lines().count(), 3, "a head and two tenants: {csv}");
    assert!(
        csv.lines().next().is_some_and(|head| head.contains("tenant") && head.contains("output_tokens")),
        "{csv}"
    );
    let table = usage(&hub, ["--by", "tenant", "--output", "table"]).await?;
    assert!(table.contains("hub/acme") && table.contains("hub/other"), "{table}");
    Ok(())
}

/// A JSON array, or one object a line.
fn lines(text: &str) -> anyhow::Result<Vec<Value>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).with_context(|| text.to_owned());
    }
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

#[tokio::test]
async fn keys_show_what_a_tenant_was_given() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    let shown = Command::new(["keys", "show", "hub/acme", "app", "-f"])
        .path(&hub.config())
        .path("--data".as_ref())
        .path(&hub.data())
        .run()
        .await?;
    assert!(shown.success, "{}", shown.stderr);
    assert_eq!(shown.stdout.trim(), key("acme", "app"));
    Ok(())
}

#[tokio::test]
async fn a_sealed_secret_works_and_shows_nothing() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    // The provider's Secret alone, sealed in its own file.
    let (name, value) = ("openai-credential", Provider::credential("openai"));
    let manifest = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": name, "namespace": "hub", "labels": {"hub.aigne.io/credential": "true"}},
        "stringData": {"apiKey": value}});
    let plain = tempfile::NamedTempFile::new()?;
    std::fs::write(plain.path(), manifest.to_string())?;
    let data = hub.data();
    let sealed =
        Command::new(["seal", "-f"]).path(plain.path()).path("--data".as_ref()).path(&data).run().await?;
    assert!(sealed.success, "{}{}", sealed.stdout, sealed.stderr);
    let sealed =
        if sealed.stdout.contains("kind") { sealed.stdout } else { std::fs::read_to_string(plain.path())? };
    assert!(!sealed.contains(&value) && sealed.contains(name), "{sealed}");

    let provider = std::fs::read_to_string(hub.config().join("provider-openai.yaml"))?;
    let (resource, _) = provider.split_once("---").context("two documents")?;
    hub.write("provider-openai.yaml", resource)?;
    hub.write("sealed.yaml", &sealed)?;
    aigne_hub_tests::harness::eventually("the sealed key is used", async || {
        let answer = hub.client().chat(&chat("gpt", "hi")).await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await?;
    let bearer = format!("Bearer {value}");
    let last = upstream.asked().pop().context("nothing arrived")?;
    assert_eq!(last.header("authorization"), Some(bearer.as_str()));
    Ok(())
}

/// A second process, which must end by itself and say why.
async fn refused(hub: &Hub, data: &std::path::Path, listen: &str) -> anyhow::Result<String> {
    let second =
        Command::new(["run", "--listen", listen, "--admin-listen", "127.0.0.1:0", "--data"]).path(data);
    let ran = second.path("-f".as_ref()).path(&hub.config()).run().await?;
    anyhow::ensure!(!ran.success, "it ended well: {}", ran.stderr);
    Ok(ran.stderr)
}

/// It would be given every other connection.
#[tokio::test]
async fn a_second_gateway_on_the_same_port_is_refused() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    let data = tempfile::tempdir()?;
    let address = hub.origin().trim_start_matches("http://");
    let said = refused(&hub, data.path(), address).await?;
    assert!(said.contains(address) || said.contains("in use"), "{said}");
    Ok(())
}

#[tokio::test]
async fn wrong_arguments_are_told_on_stderr() -> Outcome {
    let ran = Command::new(["run", "-f", "/no/such/folder"]).run().await?;
    assert!(!ran.success && ran.stderr.contains("/no/such/folder"), "{}", ran.stderr);
    let ran = Command::new(["check", "-f", "/no/such/folder"]).run().await?;
    assert!(!ran.success && !ran.stderr.contains("panicked"), "{}", ran.stderr);
    Ok(())
}

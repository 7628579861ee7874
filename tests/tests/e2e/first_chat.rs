//! From nothing to the first answered chat with the README's commands; what an uninstall leaves, and a reinstall finds.

use std::time::Instant;

use aigne_hub_tests::harness::Outcome;
use aigne_hub_tests::harness::e2e::{Pod, Release, Space, Upstream, alone, readme, say};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::kept::{Kept, rows};

const MODEL: &str = "gpt";

/// The environment alone says where the hub is and what the key is.
const BY_ENVIRONMENT: &str = r#"
import anthropic, openai
chat = openai.OpenAI().chat.completions.create(model="gpt", messages=[{"role": "user", "content": "Hello"}])
message = anthropic.Anthropic().messages.create(model="gpt", max_tokens=64, messages=[{"role": "user", "content": "Hello"}])
print("tokens", chat.usage.total_tokens, message.usage.input_tokens + message.usage.output_tokens)
"#;

/// No key at all: the token of the pod's ServiceAccount stands for one.
const BY_TOKEN: &str = r#"
import openai
token = open("/var/run/secrets/hub/token").read()
client = openai.OpenAI(base_url="ADDRESS/v1", api_key=token)
chat = client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": "Hello"}])
print("tokens", chat.usage.total_tokens)
"#;

#[tokio::test]
async fn the_readme_leads_to_a_chat_and_a_reinstall_finds_money_and_keys() -> Outcome {
    // It measures how long the first chat takes.
    alone(async |stage| {
        stage.kinds().await?;
        // Somebody's own cluster may have a namespace of that name in use.
        let node = stage.node("the README's namespace, and refusals in the API server's audit log")?;
        let space = if node.is_some() { stage.adopt(readme::NAMESPACE) } else { stage.space("hub").await? };
        let upstream = Upstream::start(&space).await?;

        let began = Instant::now();
        let notes = readme::install_hub(&space).await?;
        let ready = began.elapsed();
        ensure!(notes.contains("Applications reach it at"), "{notes}");
        let said = readme::first_chat(&space).await?;
        ensure!(said.contains("You wrote: ") && said.contains(" tokens in, "), "{said}");
        let answered = began.elapsed();
        space.apply(upstream.manifests("openai", MODEL)).await?;
        space.apply(tenants(&space)).await?;
        let hub = Release::of(&space);
        hub.ready().await?;
        for object in ["aiprovider/openai", "tenant/first", "tenant/keyless"] {
            space.condition(object, "Ready").await?;
        }
        chats(&space, "app", &Pod::python("app", BY_ENVIRONMENT).env_from("first-hub"), 2).await?;
        say(format_args!(
            "from helm install to ready: {ready:.1?}; to the README's first answer: {answered:.1?}"
        ));

        let by_token = BY_TOKEN.replace("ADDRESS", &address(&space));
        chats(&space, "keyless", &Pod::python("keyless", &by_token).token("app", "hub.aigne.io"), 1).await?;
        assert_eq!(upstream.totals().await?.answers, 3);
        if let Some(node) = &node {
            let own = format!("system:serviceaccount:{}:aigne-hub", space.name());
            let asked = node.audited()?;
            ensure!(asked.iter().any(|asked| asked.user.starts_with(&own)), "the hub has asked nothing?");
            let refused: Vec<_> =
                asked.iter().filter(|asked| asked.user.starts_with(&own) && asked.status == 403).collect();
            ensure!(refused.is_empty(), "{refused:#?}");
        }

        let kept = settled(&hub).await?;
        let kinds = kinds(&space).await?;
        let uninstalled = Instant::now();
        hub.uninstall().await?;
        say(format_args!("helm uninstall until all pods are gone: {:.1?}", uninstalled.elapsed()));
        for kept in [
            "persistentvolumeclaim/data-aigne-hub-postgres-0",
            "secret/aigne-hub-database",
            "secret/first-hub",
        ] {
            space.get(kept).await?;
        }
        space.get("tenant/first").await.context("our kinds stay, and what is of them")?;

        readme::install_hub(&space).await?;
        hub.ready().await?;
        assert_eq!(self::kinds(&space).await?, kinds, "the same kinds, not new ones");
        // The same key, grants, usage and balance to the nano-dollar.
        kept.stays_in(&settled(&hub).await?)?;
        chats(&space, "again", &Pod::python("again", BY_ENVIRONMENT).env_from("first-hub"), 2).await?;
        Ok(())
    })
    .await
}

/// One on credits with a key; one without, whose pods' ServiceAccount is known.
fn tenants(space: &Space) -> [Value; 3] {
    let tenant = |name: &str, spec: Value| json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec});
    let identity = json!({"namespace": space.name(), "serviceAccount": "app"});
    [
        tenant(
            "first",
            json!({"displayName": "First", "keys": [{"name": "app", "secretName": "first-hub"}],
                "billing": {"mode": "Credits", "starterCredits": "5.00"}}),
        ),
        tenant("keyless", json!({"displayName": "Keyless", "workloadIdentities": [identity]})),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}}),
    ]
}

fn address(space: &Space) -> String {
    format!("http://aigne-hub.{}.svc:8080", space.name())
}

/// Runs a pod that says how many tokens each of its chats has used.
async fn chats(space: &Space, what: &str, pod: &Pod, count: usize) -> Outcome {
    let said = space.finish(pod.clone()).await?;
    let tokens = said.lines().find_map(|line| line.strip_prefix("tokens "));
    let tokens: Vec<u64> =
        tokens.with_context(|| said.clone())?.split(' ').filter_map(|one| one.parse().ok()).collect();
    ensure!(tokens.len() == count && tokens.iter().all(|tokens| *tokens > 0), "{what}: {said}");
    Ok(())
}

/// What tenants have, once all that was used is in the ledger.
async fn settled(hub: &Release) -> anyhow::Result<Kept> {
    let (_way, ledger) = hub.postgres().await?;
    // The README's own chat, and three of ours.
    rows(&ledger, 4).await?;
    Kept::of(hub, &ledger, &["first-hub"]).await
}

/// Which objects our kinds are.
async fn kinds(space: &Space) -> anyhow::Result<String> {
    let names = ["aiproviders", "modelpricings", "tenants"].map(|name| format!("{name}.hub.aigne.io"));
    let uids = ["get", "crd", "--output=jsonpath={.items[*].metadata.uid}"];
    space.kubectl(uids).args(names).ok().await
}

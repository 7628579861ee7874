//! What the hub's accounts ask of the API server in a life with pods: they are refused nothing, and what gateways are granted they use.
//! That the operator uses all that it is granted takes hundreds of tenants: `controlplane::operator::rights`.

use aigne_hub_tests::harness::Outcome;
use aigne_hub_tests::harness::controlplane::Audited;
use aigne_hub_tests::harness::e2e::{Pod, Release, SMALL, Space, Upstream, on_stage, say};
use aigne_hub_tests::harness::operator::{Grants, grants};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::customers::tenant;
use crate::team::app;

const LEADER: &str = "lease/aigne-hub-operator";
/// A server-side apply that makes something is allowed only with `create` too, and is logged as `patch`.
const BEHIND_AN_APPLY: [(&str, &str); 1] = [("leases", "create")];

#[tokio::test]
#[ignore = "long"]
async fn the_hub_is_refused_nothing_and_gateways_use_what_they_are_granted() -> Outcome {
    on_stage(async |stage| {
        let Some(node) = stage.node("the hub's rights, by the API server's audit log")? else {
            return Ok(());
        };
        let (space, team) = (stage.space("rights").await?, stage.space("team").await?);
        let upstream = Upstream::start(&space).await?;
        let namespaces = format!("--set=tenantNamespaces={{{}}}", team.name());
        let values = [SMALL, &["--set=operator.replicas=2", &namespaces]].concat();
        let hub = Release::install(stage, &space, &values).await?;
        space.apply(upstream.both()).await?;
        life(&hub, &team).await?;

        let accounts = format!("system:serviceaccount:{}:", space.name());
        let asked: Vec<_> =
            node.audited()?.into_iter().filter(|one| one.user.starts_with(&accounts)).collect();
        let refused: Vec<_> = asked.iter().filter(|one| one.status == 403).map(|one| &one.event).collect();
        ensure!(refused.is_empty(), "{refused:#?}");

        let gateways = grants(&space.get("role/aigne-hub-gateway").await?["rules"]);
        let secrets = grants(&space.get("role/aigne-hub-gateway-secrets").await?["rules"]);
        let granted: Grants = gateways.union(&secrets).cloned().collect();
        let mut used = used(&asked, &format!("{accounts}aigne-hub-gateway"), space.name());
        used.extend(BEHIND_AN_APPLY.map(|(resource, verb)| (resource.to_owned(), verb.to_owned())));
        ensure!(used == granted, "gateways: used {used:#?}, granted {granted:#?}");
        let discovery = asked.iter().any(|one| one.event["requestURI"] == "/openid/v1/jwks");
        ensure!(discovery, "the keys of ServiceAccount tokens were not asked for");

        for (place, role) in [(&space, "role/aigne-hub-operator"), (&team, "role/aigne-hub-tenants")] {
            let granted = grants(&place.get(role).await?["rules"]);
            let used = self::used(&asked, &format!("{accounts}aigne-hub-operator"), place.name());
            let beyond: Vec<_> = used.difference(&granted).collect();
            ensure!(beyond.is_empty() && !used.is_empty(), "beyond {role}: {beyond:?}");
            say(format_args!(
                "{role}: {} of {} used; not in this life: {:?}",
                used.len(),
                granted.len(),
                granted.difference(&used).collect::<Vec<_>>()
            ));
        }
        say(format_args!("{} requests by the hub's accounts, none refused", asked.len()));
        Ok(())
    })
    .await
}

/// What an account has asked for in a namespace.
fn used(asked: &[Audited], account: &str, namespace: &str) -> Grants {
    let here = asked.iter().filter(|one| one.user == account && one.namespace == namespace);
    here.map(|one| (one.resource.clone(), one.verb.clone())).collect()
}

/// Tenants come, are used, rotated and go; a provider's Secret is replaced; operator and gateways are replaced.
async fn life(hub: &Release, team: &Space) -> Outcome {
    let space = hub.space();
    let brought = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "brought-hub"},
        "stringData": {"apiKey": format!("brought-along-0123456789-{}", team.name())}});
    let by_token = json!({"workloadIdentities": [{"namespace": team.name(), "serviceAccount": "app"}]});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}});
    space.apply([tenant("own", &json!({}))]).await?;
    team.apply([
        account,
        brought,
        tenant("made", &json!({})),
        tenant("brought", &json!({})),
        tenant("keyless", &by_token),
    ])
    .await?;
    space.condition("tenant/own", "Ready").await?;
    for name in ["made", "brought", "keyless"] {
        team.condition(&format!("tenant/{name}"), "Ready").await?;
    }
    team.finish(app("by-key", "made-hub")).await?;
    let program = format!(
        "import openai\nclient = openai.OpenAI(base_url='http://aigne-hub.{}.svc:8080/v1', api_key=open('/var/run/secrets/hub/token').read())\n\
         print(client.chat.completions.create(model='gpt', messages=[{{'role': 'user', 'content': 'Hello'}}]).usage)",
        space.name()
    );
    team.finish(Pod::python("by-token", &program).token("app", "hub.aigne.io")).await?;

    team.kubectl(["annotate", "secret", "made-hub", "hub.aigne.io/rotate=1"]).ok().await?;
    let rotated = |secret: &Value| secret["metadata"]["annotations"]["hub.aigne.io/rotated"] == "1";
    team.await_object("secret/made-hub", "rotated", rotated).await?;
    team.finish(app("rotated", "made-hub")).await?;
    let label = json!({"hub.aigne.io/credential": "true"});
    space.apply([json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "near-credential", "labels": label},
        "stringData": {"apiKey": "sk-upstream-another-one-0123456789"}})]).await?;
    team.kubectl(["delete", "tenant", "brought"]).ok().await?;

    let holder = |lease: &Value| lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
    let leader = holder(&space.get(LEADER).await?);
    space.kubectl(["delete", "pod", &leader, "--force", "--grace-period=0"]).ok().await?;
    let other = |lease: &Value| !holder(lease).is_empty() && holder(lease) != leader;
    space.await_object(LEADER, "held by another", other).await.context("the operator's failover")?;
    let before = hub.pods("gateway").await?;
    space
        .kubectl(["delete", "pod", "--wait=false", "--selector=app.kubernetes.io/component=gateway"])
        .ok()
        .await?;
    hub.replaced("gateway", 2, &before).await?;
    for pod in &before {
        let name = pod["metadata"]["name"].as_str().context("name")?;
        space.await_gone(&format!("lease/aigne-hub-gateway-{name}")).await?;
    }
    // The new leader works, and new gateways have what they need.
    team.apply([tenant("later", &json!({}))]).await?;
    team.condition("tenant/later", "Ready").await?;
    team.finish(app("later", "later-hub")).await.map(drop)
}

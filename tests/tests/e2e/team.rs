//! A team's own namespace: its Tenant, its key and its application are there, the hub is elsewhere, and neither takes a pod that
//! Pod Security does not call restricted.

use aigne_hub_tests::harness::Outcome;
use aigne_hub_tests::harness::e2e::{Pod, Release, SMALL, Upstream, on_stage};
use anyhow::ensure;
use serde_json::json;

use crate::customers::tenant;

/// All that it knows is its environment.
const PROGRAM: &str = "import openai\n\
    print(openai.OpenAI().chat.completions.create(model='gpt', messages=[{'role': 'user', 'content': 'Hello'}]).usage)";

/// An application with a tenant's Secret as its environment.
pub(super) fn app(name: &str, secret: &str) -> Pod {
    Pod::python(name, PROGRAM).env_from(secret)
}

#[tokio::test]
async fn a_team_has_its_tenant_and_its_application_in_a_restricted_namespace_of_its_own() -> Outcome {
    on_stage(async |stage| {
        let (space, team) = (stage.space("hub").await?, stage.space("team").await?);
        let upstream = Upstream::start(&space).await?;
        let namespaces = format!("--set=tenantNamespaces={{{}}}", team.name());
        Release::install(stage, &space, &[SMALL, &[&namespaces]].concat()).await?;
        space.apply(upstream.both()).await?;
        team.apply([tenant("app", &json!({}))]).await?;
        team.condition("tenant/app", "Ready").await?;
        team.finish(app("app", "app-hub")).await?;

        for place in [&space, &team] {
            let namespace = place.get(&format!("namespace/{}", place.name())).await?;
            assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
            let root = Pod::python("root", "").container(json!({"securityContext": {"runAsUser": 0}}));
            let refused = place.apply([root.manifest()]).await.expect_err("it runs as root");
            ensure!(format!("{refused:#}").contains("PodSecurity \"restricted"), "{refused:#}");
        }
        Ok(())
    })
    .await
}

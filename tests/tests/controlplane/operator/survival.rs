//! What happens to the cluster around it: missing rights, an API server that goes, histories that are forgotten.

use aigne_hub_tests::harness::controlplane::{self, ControlPlane};
use aigne_hub_tests::harness::{Operator, Operators, Outcome, eventually, eventually_within};
use anyhow::ensure;
use serde_json::json;
use std::time::Duration;

async fn apply(plane: &ControlPlane, namespace: &str, name: &str) -> Outcome {
    let tenant = json!({
        "apiVersion": "hub.aigne.io/v1alpha1",
        "kind": "Tenant",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {}
    });
    plane.kubectl(["apply", "-f", "-"]).input(tenant.to_string()).ok().await.map(drop)
}

async fn tenants(operator: &Operator) -> anyhow::Result<f64> {
    let text = operator.metrics().await?;
    let counts = text.lines().filter_map(|line| line.strip_prefix("aigne_hub_operator_objects{"));
    Ok(counts
        .filter(|line| line.contains("kind=\"Tenant\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum())
}

async fn sees(operator: &Operator, count: f64) -> Outcome {
    let what = format!("{count} Tenants are seen");
    let seen = async || Ok(((tenants(operator).await? - count).abs() < 0.5).then_some(()));
    eventually_within(Duration::from_secs(40), &what, seen).await
}

#[tokio::test]
async fn a_forbidden_namespace_does_not_stop_the_others_and_joins_when_it_is_granted() -> Outcome {
    let plane = controlplane::shared().await?;
    let (hub, team) = (plane.namespace("hub").await?, plane.namespace("team").await?);
    let closed = plane.namespace("closed").await?;
    apply(plane, &team, "a").await?;
    apply(plane, &closed, "b").await?;
    let operators = Operators::new(plane, &hub, &[&team]).await?.forbidden(&closed);
    let operator = operators.start().await?;
    operator.leads().await?;
    sees(&operator, 1.0).await?;
    let forbidden = format!("aigne_hub_operator_watch_forbidden{{kind=\"Tenant\",namespace=\"{closed}\"}}");
    assert_eq!(operator.metric(&forbidden).await?, Some(1.0));
    let said = |operator: &Operator| {
        let lines = operator.logs().lines();
        lines
            .iter()
            .filter(|line| line.contains("a RoleBinding is missing") && line.contains("Tenant"))
            .count()
    };
    assert_eq!(said(&operator), 1, "{}", operator.logs().text());

    operators.grant(plane, &closed).await?;
    sees(&operator, 2.0).await?;
    assert_eq!(operator.metric(&forbidden).await?, Some(0.0));
    Ok(())
}

#[tokio::test]
async fn without_its_rights_in_the_hubs_namespace_it_is_not_ready_and_says_why() -> Outcome {
    let plane = controlplane::shared().await?;
    let hub = plane.namespace("hub").await?;
    let operators = Operators::new(plane, &hub, &[]).await?;
    let role = format!("operator-of-{hub}");
    plane.kubectl(["delete", "rolebinding", "-n", &hub, &role]).ok().await?;
    let operator = operators.start().await?;
    let why = "a RoleBinding is missing";
    eventually("it says why", async || Ok(operator.logs().text().contains(why).then_some(()))).await?;
    let errors = "aigne_hub_operator_watch_errors_total{kind=\"Tenant\"}";
    let often = async || Ok(operator.metric(errors).await?.filter(|errors| *errors >= 5.0));
    eventually("it has tried often", often).await?;
    assert_eq!(operator.readyz().await?, 503);
    Ok(())
}

#[tokio::test]
async fn it_survives_an_api_server_that_goes_histories_that_are_forgotten_and_an_etcd_that_restarts()
-> Outcome {
    let mut plane = ControlPlane::start().await?;
    plane.install_crds().await?;
    let (hub, team) = (plane.namespace("hub").await?, plane.namespace("team").await?);
    let operators = Operators::new(&plane, &hub, &[&team]).await?;
    let operator = operators.start().await?;
    operator.leads().await?;
    apply(&plane, &team, "a").await?;
    apply(&plane, &team, "b").await?;
    sees(&operator, 2.0).await?;

    // Longer than its Lease lasts.
    plane.stop_api_server().await?;
    let deposed = "not leading any more; everything is looked at anew";
    eventually("it stops leading", async || Ok(operator.logs().text().contains(deposed).then_some(())))
        .await?;
    plane.start_api_server().await?;
    operator.leads().await?;
    sees(&operator, 2.0).await?;

    // What went while nobody could tell of it is gone.
    plane.expire_watches().await?;
    plane.kubectl(["delete", "tenant", "-n", &team, "a"]).ok().await?;
    apply(&plane, &team, "c").await?;
    apply(&plane, &team, "d").await?;
    sees(&operator, 3.0).await?;
    operator.leads().await?;

    plane.restart_etcd().await?;
    let deleted = async || {
        let ran = plane.kubectl(["delete", "tenant", "-n", &team, "b", "--ignore-not-found"]).run().await?;
        Ok(ran.success.then_some(()))
    };
    eventually("etcd answers again", deleted).await?;
    sees(&operator, 2.0).await?;
    operator.leads().await?;
    let logs = operator.logs().text();
    ensure!(!logs.contains("panic"), "{logs}");
    Ok(())
}

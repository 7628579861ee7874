//! Who leads, and what is made once however many there are.

use std::time::Duration;

use aigne_hub_tests::harness::controlplane::{self, ControlPlane};
use aigne_hub_tests::harness::{Operators, Outcome, eventually};
use anyhow::{Context, ensure};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Secret};
use kube::Api;
use tokio::time::Instant;

async fn holder(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Option<String>> {
    let leases = Api::<Lease>::namespaced(plane.client().await?, namespace);
    let lease = leases.get_opt("aigne-hub-operator").await?;
    Ok(lease.and_then(|lease| lease.spec).and_then(|spec| spec.holder_identity))
}

#[tokio::test]
async fn one_leads_and_the_other_takes_over_when_it_dies() -> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("leads").await?;
    let operators = Operators::new(plane, &namespace, &[]).await?;
    let mut first = operators.start().await?;
    first.leads().await?;
    let second = operators.start().await?;
    second.ready().await?;
    assert_eq!(holder(plane, &namespace).await?.as_deref(), Some(first.identity()));
    assert_eq!(second.metric("aigne_hub_operator_leader").await?, Some(0.0));

    first.sigkill().await?;
    let died = Instant::now();
    second.leads().await?;
    let took = died.elapsed();
    // Within the Lease's three seconds and a look, on a busy machine; and not before it can know.
    ensure!(took < Duration::from_secs(8), "{took:?}");
    assert_eq!(holder(plane, &namespace).await?.as_deref(), Some(second.identity()));
    Ok(())
}

#[tokio::test]
async fn one_that_ends_hands_over_at_once() -> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("hands-over").await?;
    // So long that waiting for the end of the Lease would be seen.
    let operators = Operators::new(plane, &namespace, &[]).await?.lease("60s");
    let mut first = operators.start().await?;
    first.leads().await?;
    let second = operators.start().await?;
    second.ready().await?;
    first.sigterm().await?;
    let ended = Instant::now();
    second.leads().await?;
    ensure!(ended.elapsed() < Duration::from_secs(5), "{:?}", ended.elapsed());
    Ok(())
}

#[tokio::test]
async fn one_whose_lease_was_taken_stops_leading() -> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("taken").await?;
    let operator = Operators::new(plane, &namespace, &[]).await?.start().await?;
    operator.leads().await?;
    let patch = r#"{"spec":{"holderIdentity":"somebody-else"}}"#;
    let lease = ["-n", &namespace, "patch", "lease", "aigne-hub-operator", "--type=merge", "-p", patch];
    plane.kubectl(lease).ok().await?;
    let deposed = "not leading any more; everything is looked at anew";
    eventually("it notices", async || Ok(operator.logs().text().contains(deposed).then_some(()))).await?;
    // The other one is silent, so it leads again.
    operator.leads().await
}

#[tokio::test]
async fn the_databases_password_is_made_once_and_never_touched_again() -> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("database").await?;
    let operators = Operators::new(plane, &namespace, &[]).await?.args([
        "--database-secret",
        "db",
        "--database-host",
        "postgres",
    ]);
    let (first, second) = tokio::try_join!(operators.start(), operators.start())?;
    let secrets = Api::<Secret>::namespaced(plane.client().await?, &namespace);
    let made = eventually("the Secret", async || Ok(secrets.get_opt("db").await?)).await?;
    let text = |name: &str| -> anyhow::Result<String> {
        let data = made.data.as_ref().and_then(|data| data.get(name)).with_context(|| name.to_owned())?;
        Ok(String::from_utf8(data.0.clone())?)
    };
    let password = text("password")?;
    assert_eq!(text("url")?, format!("postgres://aigne_hub:{password}@postgres:5432/aigne_hub"));
    let kept = made.metadata.annotations.as_ref().and_then(|all| all.get("helm.sh/resource-policy"));
    assert_eq!(kept.map(String::as_str), Some("keep"));

    first.ready().await?;
    second.ready().await?;
    let mut logs = vec![first.logs().text(), second.logs().text()];
    drop((first, second));
    let restarted = operators.start().await?;
    restarted.leads().await?;
    let now = secrets.get("db").await?;
    assert_eq!(now.metadata.resource_version, made.metadata.resource_version);
    logs.push(restarted.logs().text());
    ensure!(!logs.concat().contains(&password), "the password is in a log");
    Ok(())
}

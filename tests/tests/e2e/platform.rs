//! The cluster itself: what all other tests here stand on.

use aigne_hub_tests::harness::Outcome;
use aigne_hub_tests::harness::e2e::{Pod, Upstream, alone, on_stage};
use anyhow::ensure;
use serde_json::json;

#[tokio::test]
async fn a_pod_finds_a_service_by_name() -> Outcome {
    on_stage(async |stage| {
        let space = stage.space("platform").await?;
        let upstream = Upstream::start(&space).await?;
        let program = format!(
            "import urllib.request; print(urllib.request.urlopen('{}/v1/models', timeout=10).read().decode())",
            upstream.origin()
        );
        let answer = space.finish(Pod::python("app", &program)).await?;
        ensure!(answer.contains("scripted-1"), "{answer}");
        assert_eq!(upstream.totals().await?.requests, 1, "and the way from here shows what it counted");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_unrestricted_pod_is_refused() -> Outcome {
    on_stage(async |stage| {
        let space = stage.space("platform").await?;
        let root = Pod::python("root", "").container(json!({"securityContext": {"runAsUser": 0}}));
        let refused = space.apply([root.manifest()]).await.expect_err("it runs as root");
        ensure!(format!("{refused:#}").contains("PodSecurity \"restricted"), "{refused:#}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_killed_container_and_a_killed_api_server_come_back() -> Outcome {
    alone(async |stage| {
        let Some(node) = stage.node("kill -9 of containers and of the API server")? else { return Ok(()) };
        let space = stage.space("platform").await?;
        let pod = Pod::program("app", &["/scripted-provider"]).spec(json!({"restartPolicy": "Always"}));
        space.apply([pod.manifest()]).await?;
        let ready = space.condition("pod/app", "Ready").await?;

        node.kill_container(space.name(), "app", "app", "KILL").await?;
        let restarts =
            |pod: &serde_json::Value| pod["status"]["containerStatuses"][0]["restartCount"].clone();
        space.await_object("pod/app", "started again", |pod| restarts(pod) == 1).await?;

        node.restart("kube-apiserver").await?;
        let after = space.condition("pod/app", "Ready").await?;
        assert_eq!(after["metadata"]["uid"], ready["metadata"]["uid"]);
        Ok(())
    })
    .await
}

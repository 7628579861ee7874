//! What the other files stand on: the control plane and Postgres themselves.

use aigne_hub_tests::harness::controlplane::{self, ControlPlane, Options};
use aigne_hub_tests::harness::postgres::{self, Postgres, Stop};
use aigne_hub_tests::harness::{Outcome, eventually};
use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, Row};

fn config_map(name: &str) -> anyhow::Result<ConfigMap> {
    Ok(serde_json::from_value(json!({ "metadata": { "name": name }, "data": { "a": "b" } }))?)
}

fn is_forbidden<T>(answer: &Result<T, kube::Error>) -> bool {
    matches!(answer, Err(kube::Error::Api(status)) if status.code == 403)
}

#[tokio::test]
async fn tests_share_a_plane_and_have_a_namespace_each() -> Outcome {
    let plane = controlplane::shared().await?;
    let (one, other) = (plane.namespace("harness").await?, plane.namespace("harness").await?);
    assert_ne!(one, other);
    let maps = Api::<ConfigMap>::namespaced(plane.client().await?, &one);
    maps.create(&PostParams::default(), &config_map("a")?).await?;
    let seen = plane.kubectl(["get", "configmaps", "-o", "name", "-n", &one]).ok().await?;
    assert_eq!(seen, "configmap/a\n");
    assert_eq!(plane.kubectl(["get", "configmaps", "-o", "name", "-n", &other]).ok().await?, "");
    Ok(())
}

#[tokio::test]
async fn a_service_account_has_the_rights_that_it_was_given_and_no_others() -> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("rights").await?;
    let client = plane.client_as(&namespace, "nobody").await?;
    let secrets = Api::<Secret>::namespaced(client.clone(), &namespace);
    let maps = Api::<ConfigMap>::namespaced(client, &namespace);
    ensure!(
        is_forbidden(&secrets.get("any").await) && is_forbidden(&maps.list(&ListParams::default()).await)
    );

    let role = ["-n", &namespace, "create", "role", "reader", "--verb=get,list", "--resource=configmaps"];
    plane.kubectl(role).ok().await?;
    let account = format!("--serviceaccount={namespace}:nobody");
    let binding = ["-n", &namespace, "create", "rolebinding", "reader", "--role=reader", &account];
    plane.kubectl(binding).ok().await?;
    eventually("the role is known", async || Ok(maps.list(&ListParams::default()).await.ok())).await?;
    ensure!(is_forbidden(&secrets.get("any").await));

    // A program under test is somebody by a file.
    let file = plane.kubeconfig_as(&namespace, "nobody").await?;
    let ran = plane.kubectl(["get", "secrets", "-n", &namespace]).kubeconfig(&file).run().await?;
    let who = format!("User \"system:serviceaccount:{namespace}:nobody\" cannot list resource \"secrets\"");
    ensure!(!ran.success && ran.stderr.contains(&who), "{}", ran.stderr);
    Ok(())
}

#[tokio::test]
async fn tokens_have_the_audience_asked_for_and_the_keys_that_verify_them_are_public_in_the_cluster()
-> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("tokens").await?;
    let token = plane.token(&namespace, "app", &["hub.aigne.io"]).await?;
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": { "token": token, "audiences": ["hub.aigne.io"] }
    });
    let reviewed = plane.kubectl(["create", "-o", "json", "-f", "-"]).input(review.to_string()).ok().await?;
    let reviewed: serde_json::Value = serde_json::from_str(&reviewed)?;
    assert_eq!(reviewed["status"]["user"]["username"], format!("system:serviceaccount:{namespace}:app"));
    // For another audience it is none of the API server's own.
    let client = plane.client_as(&namespace, "app").await?;
    let jwks = client.request_text(http::Request::get("/openid/v1/jwks").body(Vec::new())?).await?;
    ensure!(jwks.contains("RS256"), "{jwks}");
    Ok(())
}

#[tokio::test]
async fn the_api_server_and_etcd_restart_and_keep_objects_and_watches_expire() -> Outcome {
    let mut plane = ControlPlane::start().await?;
    let client = plane.client().await?;
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let first = maps.create(&PostParams::default(), &config_map("kept")?).await?;
    let before = first.metadata.resource_version.context("resourceVersion")?;

    plane.stop_api_server().await?;
    ensure!(maps.get("kept").await.is_err(), "it still answers");
    plane.start_api_server().await?;
    maps.get("kept").await?;

    plane.restart_etcd().await?;
    // The API server connects again by itself.
    eventually("objects are read from etcd", async || Ok(maps.get("kept").await.ok())).await?;
    maps.delete("kept", &DeleteParams::default()).await?;

    maps.create(&PostParams::default(), &config_map("later")?).await?;
    plane.expire_watches().await?;
    let expired = expiry(&maps, &before).await?;
    assert_eq!(expired, 410);
    Ok(())
}

/// How a watch from this revision ends at once.
async fn expiry(maps: &Api<ConfigMap>, from: &str) -> anyhow::Result<u16> {
    use futures::StreamExt;
    match maps.watch(&WatchParams::default(), from).await {
        Err(kube::Error::Api(status)) => Ok(status.code),
        Err(error) => Err(error.into()),
        Ok(stream) => match Box::pin(stream).next().await.context("the watch ended")?? {
            WatchEvent::Error(status) => Ok(status.code),
            other => anyhow::bail!("{other:?}"),
        },
    }
}

#[tokio::test]
async fn the_audit_log_says_who_asked_for_what() -> Outcome {
    let plane = ControlPlane::start_with(Options { audit_log: true }).await?;
    let client: Client = plane.client_as("default", "asker").await?;
    let _ = Api::<Secret>::namespaced(client, "default").get("any").await;
    let audited = plane.audited()?;
    let asked = audited.iter().find(|asked| asked.user == "system:serviceaccount:default:asker");
    let asked = asked.context("nothing of the ServiceAccount")?;
    let said = (asked.verb.as_str(), asked.resource.as_str(), asked.name.as_str(), asked.status);
    assert_eq!(said, ("get", "secrets", "any", 403));
    Ok(())
}

#[tokio::test]
async fn a_given_cluster_is_used_and_never_stopped() -> Outcome {
    let mut given = ControlPlane::given(controlplane::shared().await?.kubeconfig())?;
    let namespace = given.namespace("given").await?;
    let client = given.client_as(&namespace, "nobody").await?;
    ensure!(is_forbidden(&Api::<Secret>::namespaced(client, &namespace).get("any").await));
    ensure!(given.stop_api_server().await.is_err() && given.restart_etcd().await.is_err());
    ensure!(given.expire_watches().await.is_err());
    given.kubectl(["get", "namespace", &namespace]).ok().await?;
    Ok(())
}

#[tokio::test]
async fn helm_speaks_to_the_plane() -> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("helm").await?;
    let listed = plane.helm(["list", "-n", &namespace, "-o", "json"]).ok().await?;
    assert_eq!(listed.trim(), "[]");
    Ok(())
}

async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect(url).await?)
}

#[tokio::test]
async fn a_new_database_is_empty_and_its_owner_is_no_superuser() -> Outcome {
    let postgres = postgres::shared().await?;
    let (one, other) = (postgres.database().await?, postgres.database().await?);
    let mut connection = connect(&one).await?;
    connection.execute("CREATE TABLE t (a int)").await?;
    let mut other = connect(&other).await?;
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(other.fetch_one(tables).await?.get::<i64, _>(0), 0);
    assert_eq!(connection.fetch_one(tables).await?.get::<i64, _>(0), 1);
    let superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    assert!(!connection.fetch_one(superuser).await?.get::<bool, _>(0));
    let mut superuser_of_one = connect(&postgres.as_superuser(&one)).await?;
    assert!(superuser_of_one.fetch_one(superuser).await?.get::<bool, _>(0));
    assert_eq!(superuser_of_one.fetch_one(tables).await?.get::<i64, _>(0), 1);
    Ok(())
}

#[tokio::test]
async fn postgres_stops_hangs_and_comes_back_with_what_was_committed() -> Outcome {
    let mut postgres = Postgres::start().await?;
    let url = postgres.database().await?;
    connect(&url).await?.execute("CREATE TABLE t AS SELECT 7 AS a").await?;
    for how in [Stop::Fast, Stop::Immediate] {
        postgres.stop(how).await?;
        ensure!(connect(&url).await.is_err(), "it still answers");
        postgres.start_again().await?;
        let mut connection = connect(&url).await?;
        assert_eq!(connection.fetch_one("SELECT a FROM t").await?.get::<i32, _>(0), 7);
    }
    let mut connection = connect(&url).await?;
    connection.ping().await?;
    postgres.pause()?;
    let hangs = tokio::time::timeout(std::time::Duration::from_millis(300), connection.ping()).await;
    ensure!(hangs.is_err(), "it answers while it is paused: {hangs:?}");
    postgres.resume()?;
    let mut connection = connect(&url).await?;
    assert_eq!(connection.fetch_one("SELECT a FROM t").await?.get::<i32, _>(0), 7);
    Ok(())
}

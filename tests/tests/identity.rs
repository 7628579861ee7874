//! A pod's `ServiceAccount` token in the place of a key.

use aigne_hub_tests::harness::asks::{chat, message};
use aigne_hub_tests::harness::{Blueprint, Client, Cluster, Outcome, Signing, Tenant, eventually};
use aigne_hub_tests::scripted::Scripted;
use anyhow::ensure;
use serde_json::json;

fn claiming() -> Tenant {
    Tenant::new("acme").set("workloadIdentities", json!([{"namespace": "team", "serviceAccount": "app"}]))
}

#[tokio::test]
async fn a_token_of_either_kind_of_key_stands_for_a_key_and_is_in_the_books() -> Outcome {
    for signing in [Signing::Rs256, Signing::Es256] {
        let (upstream, cluster) = (Scripted::start().await?, Cluster::new(signing)?);
        let hub = cluster.trusted(Blueprint::usual(&upstream).tenant(claiming())).start().await?;
        let token = cluster.token("team", "app")?;
        let client = hub.client_with(&token);
        for _ in 0..2 {
            client.chat(&chat("gpt", "hi")).await?.good()?;
        }
        let other = Client::new(hub.origin(), None).header("x-api-key", &token);
        other.messages(&message("sonnet", "hi")).await?.good()?;
        hub.client().chat(&chat("gpt", "hi")).await?.good()?;
        let rows = hub.rows(4).await?;
        let named =
            rows.iter().filter(|row| row.key == "serviceaccount:team/app" && row.tenant == "hub/acme");
        assert_eq!(named.count(), 3, "{rows:#?}");
        let logged = || hub.access_log().text().matches(r#""key":"serviceaccount:team/app""#).count() == 3;
        aigne_hub_tests::harness::until("the access log names it", logged).await?;
        ensure!(!hub.logs().text().contains(&token) && !hub.access_log().text().contains(&token));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_refused_says_why_and_never_repeats_the_token() -> Outcome {
    let (upstream, cluster) = (Scripted::start().await?, Cluster::new(Signing::Es256)?);
    let stranger = Cluster::new(Signing::Es256)?;
    let hub = cluster.trusted(Blueprint::usual(&upstream).tenant(claiming())).start().await?;
    for (token, status, says) in [
        (cluster.token("team", "other")?, 403, "spec.workloadIdentities"),
        (cluster.token("team", "other")?, 403, "team/other"),
        (cluster.token_with("team", "app", "https://kubernetes.default.svc", 3600)?, 401, "hub.aigne.io"),
        (cluster.token_with("team", "app", "hub.aigne.io", -60)?, 401, "expired"),
        (stranger.token("team", "app")?, 401, "signature"),
    ] {
        let answer = hub.client_with(&token).chat(&chat("gpt", "hi")).await?;
        let error = answer.openai_error(status)?;
        ensure!(error["message"].as_str().is_some_and(|message| message.contains(says)), "{says}: {error}");
        let signature = token.rsplit('.').next().unwrap_or_default();
        ensure!(!answer.text().contains(signature) && !hub.logs().text().contains(signature));
    }
    assert!(hub.rows_now().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_lets_go_or_is_suspended_is_served_no_longer() -> Outcome {
    let (upstream, cluster) = (Scripted::start().await?, Cluster::new(Signing::Es256)?);
    let hub = cluster.trusted(Blueprint::usual(&upstream).tenant(claiming())).start().await?;
    let client = hub.client_with(&cluster.token("team", "app")?);
    client.chat(&chat("gpt", "hi")).await?.good()?;
    for (tenant, code) in
        [(claiming().set("suspended", json!(true)), "suspended"), (Tenant::new("acme"), "unclaimed")]
    {
        hub.apply(tenant)?;
        eventually(code, async || {
            let answer = client.chat(&chat("gpt", "hi")).await?;
            Ok((answer.status == 403 && answer.openai_error(403)?["code"] == code).then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_new_signing_key_is_fetched_when_it_shows_up() -> Outcome {
    let (upstream, mut cluster) = (Scripted::start().await?, Cluster::new(Signing::Rs256)?);
    let hub = cluster.trusted(Blueprint::usual(&upstream).tenant(claiming())).start().await?;
    cluster.rotate(Signing::Es256)?;
    let client = hub.client_with(&cluster.token("team", "app")?);
    let answer = client.chat(&chat("gpt", "hi")).await?;
    answer.openai_error(401)?;
    ensure!(answer.header("retry-after") == "10", "{:?}", answer.headers);
    cluster.publish()?;
    eventually("the new key is known", async || {
        Ok((client.chat(&chat("gpt", "hi")).await?.status == 200).then_some(()))
    })
    .await
}

#[tokio::test]
async fn where_no_cluster_is_trusted_identities_do_nothing_and_that_is_said() -> Outcome {
    let (upstream, cluster) = (Scripted::start().await?, Cluster::new(Signing::Es256)?);
    let hub = Blueprint::usual(&upstream).tenant(claiming()).start().await?;
    let answer = hub.client_with(&cluster.token("team", "app")?).chat(&chat("gpt", "hi")).await?;
    ensure!(answer.openai_error(401)?["message"].to_string().contains("trusts no cluster"));
    ensure!(hub.logs().text().contains("--identity-jwks"), "{}", hub.logs().text());
    Ok(())
}

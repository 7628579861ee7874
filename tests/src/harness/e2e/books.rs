//! The books of a hub in a cluster are opened.

use super::super::client::Client;
use super::super::{Outcome, eventually_within};
use super::space::PATIENCE;
use super::{Release, Traffic, Upstream};
use crate::chaos::{Books, compare};

/// Compares what clients got, what the provider counted and what the ledger has, once all of it is there: call it when
/// nothing is under way any more. Whoever drains may end by then.
pub async fn books(hub: &Release, upstream: &Upstream, traffic: &[&Traffic]) -> anyhow::Result<Books> {
    settled(hub).await?;
    let mut got = Vec::new();
    for traffic in traffic {
        got.extend(traffic.got().await?);
    }
    let (_way, ledger) = hub.postgres().await?;
    compare(&got, &upstream.records().await?, &ledger).await
}

/// Waits until no gateway is about to end and no journal has anything that is not in the ledger.
async fn settled(hub: &Release) -> Outcome {
    eventually_within(PATIENCE, "gateways that drain have ended", async || {
        let all = hub.space().list("pods", "app.kubernetes.io/component=gateway").await?;
        Ok((all.len() == hub.pods("gateway").await?.len()).then_some(()))
    })
    .await?;
    for gateway in hub.gateways().await? {
        let way = hub.space().forward(&format!("pod/{gateway}"), 9090).await?;
        let admin = Client::new(way.origin(), None);
        eventually_within(PATIENCE, &format!("the journal of {gateway} is empty"), async || {
            let metrics = admin.get("/metrics").await?.text();
            Ok(metrics.lines().any(|line| line == "aigne_hub_journal_pending_bytes 0").then_some(()))
        })
        .await?;
    }
    Ok(())
}

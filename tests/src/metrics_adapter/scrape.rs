//! Pods, and what each says of itself.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt, api::ListParams};

use super::api::Pods;
use super::exposition::sum;

/// Of the container port that metrics are at.
const PORT: &str = "admin";
/// A pod that says nothing is left out: the autoscaler knows what to think of that.
const WITHIN: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(super) struct Scraper {
    client: Client,
    http: reqwest::Client,
}

impl Scraper {
    pub(super) fn new(client: Client) -> anyhow::Result<Self> {
        // Pods are asked in the clear. The system's certificates would be looked for nevertheless, and an image has none.
        let http = reqwest::Client::builder().tls_certs_only([]).timeout(WITHIN).build()?;
        Ok(Self { client, http })
    }

    /// By pod, in the order of their names.
    pub(super) async fn values(&self, pods: &Pods) -> anyhow::Result<Vec<(String, f64)>> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &pods.namespace);
        let list = api.list(&ListParams::default().labels(&pods.selector)).await?;
        let chosen =
            list.into_iter().filter(|pod| pods.name.as_ref().is_none_or(|name| *name == pod.name_any()));
        let scraped = chosen.filter_map(|pod| Some((pod.name_any(), address(&pod)?))).map(
            async |(name, address): (String, String)| {
                let page = self
                    .http
                    .get(format!("http://{address}/metrics"))
                    .send()
                    .await
                    .ok()?
                    .text()
                    .await
                    .ok()?;
                Some((name, sum(&page, &pods.metric)?))
            },
        );
        let mut values: Vec<_> = join_all(scraped).await.into_iter().flatten().collect();
        values.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(values)
    }
}

/// Where its metrics are, if it runs.
fn address(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref().filter(|status| status.phase.as_deref() == Some("Running"))?;
    let ports = pod.spec.as_ref()?.containers.iter().flat_map(|container| container.ports.iter().flatten());
    let port = ports.into_iter().find(|port| port.name.as_deref() == Some(PORT))?.container_port;
    Some(format!("{}:{port}", status.pod_ip.as_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_scraped_at_its_admin_port_while_it_runs() {
        let pod = |phase: &str, port: &str| -> Pod {
            serde_json::from_value(serde_json::json!({
                "metadata": {"name": "p"},
                "spec": {"containers": [{"name": "c", "ports": [
                    {"name": "http", "containerPort": 8080}, {"name": port, "containerPort": 9090}]}]},
                "status": {"phase": phase, "podIP": "10.0.0.7"},
            }))
            .unwrap()
        };
        assert_eq!(address(&pod("Running", "admin")).as_deref(), Some("10.0.0.7:9090"));
        assert_eq!(address(&pod("Running", "other")), None);
        assert_eq!(address(&pod("Pending", "admin")), None);
    }
}

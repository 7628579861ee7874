//! A metrics adapter for tests of autoscaling.

use std::net::SocketAddr;

use aigne_hub_tests::{metrics_adapter, told_to_end};
use anyhow::Context;
use clap::Parser;
use tokio::net::TcpListener;

/// Serves one metric of pods as custom.metrics.k8s.io/v1beta2, by scraping their port `admin`.
#[derive(Debug, Parser)]
#[command(after_help = "Example:
  custom-metrics --listen 0.0.0.0:8443 --metric aigne_hub_open_streams
  kubectl get --raw '/apis/custom.metrics.k8s.io/v1beta2/namespaces/ai/pods/*/aigne_hub_open_streams'")]
struct Arguments {
    /// Where the API server asks, over TLS.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// A gauge that the pods show.
    #[arg(long, value_name = "NAME", default_value = "aigne_hub_open_streams")]
    metric: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // The connection to the API server and our own listener; another one may have been first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.listen).await.context("--listen")?;
    let client = kube::Client::try_default().await.context("this is no pod, and there is no kubeconfig")?;
    tokio::select! {
        served = metrics_adapter::serve(listener, client, &arguments.metric) => served,
        told = told_to_end() => told,
    }
}

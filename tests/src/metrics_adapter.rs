//! A metrics adapter as small as a `HorizontalPodAutoscaler` allows: the API `custom.metrics.k8s.io/v1beta2`, answered
//! by scraping the pods' own `/metrics`. Real clusters have a grown one, such as prometheus-adapter.
//!
//! The autoscaler takes the version that the API server prefers of those it knows (v1beta2, v1beta1), so one is enough. Who may
//! ask has been decided by the API server; nobody else is told of this address.

mod api;
mod exposition;
mod scrape;

use std::sync::Arc;

use anyhow::Context;
use http::StatusCode;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::web::{self, Question, Reply};
use api::Asked;
pub use exposition::sum;
use scrape::Scraper;

/// Serves this metric of pods, over TLS with a certificate of its own making, until it is dropped. `client` has to be
/// allowed to list pods.
pub async fn serve(listener: TcpListener, client: kube::Client, metric: &str) -> anyhow::Result<()> {
    let scraper = Scraper::new(client)?;
    let metric: Arc<str> = metric.into();
    web::serve(listener, Some(certified()?), move |question| {
        answer(question, scraper.clone(), Arc::clone(&metric))
    })
    .await;
    Ok(())
}

async fn answer(question: Question, scraper: Scraper, metric: Arc<str>) -> Reply {
    match Asked::of(&question.path, &question.query) {
        Some(Asked::Health) => Reply::text(StatusCode::OK, "ok"),
        Some(Asked::Groups) => Reply::json(&api::groups()),
        Some(Asked::Group) => Reply::json(&api::group()),
        Some(Asked::Resources) => Reply::json(&api::resources(&metric)),
        Some(Asked::Pods(pods)) if pods.metric == *metric => match scraper.values(&pods).await {
            Ok(values) => Reply::json(&api::values(&pods, &values, crate::now())),
            Err(error) => Reply::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")),
        },
        Some(Asked::Pods(_)) | None => Reply::unknown(),
    }
}

/// The API server is told not to look at it.
fn certified() -> anyhow::Result<TlsAcceptor> {
    let made = rcgen::generate_simple_self_signed(["custom-metrics".to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .context("its own certificate")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

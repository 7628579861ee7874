//! What a person wants to see of a namespace in which a test has failed.

use std::io::Write;

use super::Space;

/// Of each pod.
const LINES: &str = "--tail=40";

/// Writes it to standard error, as far as it can be had.
pub(super) async fn show(space: &Space) {
    let mut text = format!("\n===== namespace {}", space.name());
    let mut add = async |title: &str, words: &[&str]| {
        let shown = match space.kubectl(words).run().await {
            Ok(ran) => ran.stdout + &ran.stderr,
            Err(error) => format!("{error:#}"),
        };
        text.extend(["\n----- ", title, "\n", &shown]);
    };
    add("objects", &["get", "pods,services,persistentvolumeclaims", "--output=wide"]).await;
    add("ours", &["get", "aiproviders,modelpricings,tenants", "--output=wide"]).await;
    add("events", &["get", "events", "--sort-by=.lastTimestamp"]).await;
    let pods = space.list("pods", "").await.unwrap_or_default();
    for name in pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str()) {
        add(name, &["logs", name, "--all-containers", "--prefix", LINES]).await;
        add(&format!("{name} before"), &["logs", name, "--all-containers", "--previous", LINES]).await;
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}

//! Those who are told of entries: CloudEvents, Standard Webhooks and Stripe, as others implement them
//! (`tests/receivers`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::hub::Blueprint;
use super::place::free_port;
use super::{Tool, eventually};

const TOKEN: &str = "bearer-of-the-test";
/// Base64 of 24 bytes; the first is being exchanged.
const SECRETS: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Something that a receiver accepted.
#[derive(Clone, Debug, Deserialize)]
pub struct Accepted {
    /// `cloudevents`, `webhook` or `stripe`.
    pub via: String,
    /// What tells it from others.
    pub id: String,
    /// CloudEvents' and the webhook's type; Stripe's event name.
    pub r#type: String,
    /// The rest.
    pub data: serde_json::Value,
}

impl Accepted {
    /// Nano-dollars, seen from the account; Stripe is told what is owed.
    pub fn amount(&self) -> Option<i64> {
        let owed = || self.data["value"].as_str()?.parse::<i64>().ok().map(|value| -value);
        self.data["amount_nanos"].as_i64().or_else(owed)
    }
}

/// The receivers. They end when dropped; what they accepted stays with this.
#[derive(Debug)]
pub struct Receivers {
    folder: String,
    place: TempDir,
    ports: [u16; 2],
    mock: Option<Child>,
    server: Option<Child>,
}

impl Receivers {
    /// Builds them if need be, and starts them.
    pub async fn start() -> anyhow::Result<Self> {
        let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("receivers/setup");
        let folder = Tool::new(setup, [""; 0]).ok().await?.trim().to_owned();
        let ports = [free_port()?, free_port()?];
        let mut receivers = Self { folder, place: tempfile::tempdir()?, ports, mock: None, server: None };
        receivers.resume().await?;
        Ok(receivers)
    }

    /// Starts them again, on the same addresses.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        let [own, stripe] = self.ports;
        let mut mock = Command::new(format!("{}/stripe-mock", self.folder));
        mock.args(["-http-addr", &format!("127.0.0.1:{stripe}"), "-strict-version-check=false"]);
        let mut server = Command::new(format!("{}/receivers", self.folder));
        server.args([
            "-listen",
            &format!("127.0.0.1:{own}"),
            "-stripe",
            &format!("http://127.0.0.1:{stripe}"),
            "-log",
        ]);
        server.arg(self.place.path().join("accepted"));
        server.env("RECEIVERS_TOKEN", TOKEN).env("RECEIVERS_WEBHOOK_SECRET", SECRET);
        for command in [&mut mock, &mut server] {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        }
        (self.mock, self.server) = (Some(mock.spawn()?), Some(server.spawn()?));
        for (port, path) in [(own, "ready"), (stripe, "")] {
            let url = format!("http://127.0.0.1:{port}/{path}");
            eventually("a receiver listens", async || Ok(reqwest::get(&url).await.ok())).await?;
        }
        Ok(())
    }

    /// Ends them without warning.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for mut child in [self.mock.take(), self.server.take()].into_iter().flatten() {
            child.kill().await.context("kill")?;
        }
        Ok(())
    }

    /// A gateway that tells all of them.
    #[must_use]
    pub fn told_by(&self, hub: Blueprint) -> Blueprint {
        let origin = format!("http://127.0.0.1:{}", self.ports[0]);
        hub.option("--export-stripe-event", "hub_nanos")
            .option("--export-stripe-url", &origin)
            .option("--export-cloudevents-url", format!("{origin}/cloudevents"))
            .option("--export-webhook-url", format!("{origin}/webhook"))
            .environment("AIGNE_HUB_EXPORT_STRIPE_KEY", "sk_test_123")
            .environment("AIGNE_HUB_EXPORT_CLOUDEVENTS_TOKEN", TOKEN)
            .environment("AIGNE_HUB_EXPORT_WEBHOOK_SECRET", SECRETS)
    }

    /// What they have accepted, repetitions included, in its order.
    pub fn accepted(&self) -> anyhow::Result<Vec<Accepted>> {
        let text = std::fs::read_to_string(self.place.path().join("accepted"))?;
        // The last line may be half written yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// What one of them has accepted, by id; what came again must have said the same.
    pub fn distinct(&self, via: &str) -> anyhow::Result<BTreeMap<String, Accepted>> {
        let mut distinct = BTreeMap::<String, Accepted>::new();
        for accepted in self.accepted()?.into_iter().filter(|accepted| accepted.via == via) {
            if let Some(before) = distinct.insert(accepted.id.clone(), accepted.clone()) {
                ensure!(before.data == accepted.data, "{before:?} came again as {accepted:?}");
            }
        }
        Ok(distinct)
    }
}

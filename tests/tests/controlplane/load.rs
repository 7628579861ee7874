//! The programs that put load on a hub in a cluster, here beside one gateway: what they say is true.

use std::process::Stdio;

use aigne_hub_tests::chaos::compare;
use aigne_hub_tests::harness::{
    Blueprint, Client, Hub, Outcome, Pricing, Provider, Tenant, eventually, free_port, postgres,
};
use aigne_hub_tests::load::got_in;
use aigne_hub_tests::scripted::{Scripted, records_in};
use anyhow::ensure;
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::process::Child;

/// A gateway on Postgres, a provider that counts, and a load that waits to be started.
struct Stage {
    hub: Hub,
    provider: Client,
    load: Client,
    ledger: PgPool,
    _upstream: Scripted,
    _process: Child,
    _place: TempDir,
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        let database = postgres::shared().await?.database().await?;
        let upstream = Scripted::counting(([127, 0, 0, 1], 0).into()).await?;
        let place = tempfile::tempdir()?;
        let url = place.path().join("database-url");
        std::fs::write(&url, &database)?;
        let near = Provider::at("near", "OpenAI", &format!("{}/as/near/v1", upstream.origin()));
        let anear = Provider::at("anear", "Anthropic", &format!("{}/as/anear", upstream.origin()));
        let mut blueprint = Blueprint::default()
            .provider(near.model("gpt"))
            .provider(anear.model("sonnet"))
            .pricing(Pricing::new("near"))
            .pricing(Pricing::new("anear"))
            .option("--database-url-file", &url);
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_load"));
        for name in ["acme", "other"] {
            let tenant = Tenant::new(name);
            let file = place.path().join(name);
            std::fs::write(&file, tenant.app_key())?;
            command.arg("--key-file").arg(file);
            blueprint = blueprint.tenant(tenant);
        }
        let hub = blueprint.start().await?;
        let control = format!("127.0.0.1:{}", free_port()?);
        let target = hub.origin().trim_start_matches("http://");
        command.args(["--listen", &control, "--target", target, "--model", "gpt", "--model", "sonnet"]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
        let stage = Self {
            provider: Client::new(&upstream.origin(), None),
            load: Client::new(&format!("http://{control}"), None),
            ledger: PgPool::connect(&database).await?,
            hub,
            _upstream: upstream,
            _process: process,
            _place: place,
        };
        eventually("the load can be asked", async || Ok(stage.load.get("/healthz").await.ok())).await?;
        Ok(stage)
    }

    async fn report(&self) -> anyhow::Result<Value> {
        self.load.get("/report").await?.json()
    }

    async fn start(&self, plan: Value) -> anyhow::Result<()> {
        self.load.post("/start", &plan).await?.ok()
    }

    /// Until nothing is open any more.
    async fn stop(&self) -> anyhow::Result<Value> {
        self.load.post("/stop", &json!({})).await?.ok()?;
        eventually("what was open has ended", async || {
            let report = self.report().await?;
            Ok((report["open"] == 0).then_some(report))
        })
        .await
    }

    /// The gateway ends with an empty journal, and the books are opened.
    async fn books(&mut self) -> anyhow::Result<aigne_hub_tests::chaos::Books> {
        self.hub.sigterm().await?;
        ensure!(self.hub.ended().await?, "{}", self.hub.logs().text());
        let records = records_in(&self.provider.get("/__scripted/records").await?.text())?;
        let got = got_in(&self.load.get("/got").await?.text())?;
        compare(&got, &records, &self.ledger).await
    }
}

#[tokio::test]
async fn where_nothing_happens_nothing_fails_and_the_provider_counts_what_the_ledger_has() -> Outcome {
    let mut stage = Stage::set().await?;
    stage.start(json!({"workers": 4, "long_seconds": [1], "longs": 3, "pause": 20})).await?;
    ensure!(stage.load.post("/start", &json!({})).await?.status == 409, "it runs already");
    ensure!(stage.load.post("/start", &json!({"wrokers": 1})).await?.status == 400);
    eventually("some of each kind", async || {
        let kinds = &stage.report().await?["kinds"];
        let enough =
            ["chat", "stream", "long"].iter().all(|kind| kinds[kind]["answered"].as_u64() >= Some(5));
        Ok(enough.then_some(()))
    })
    .await?;
    let report = stage.stop().await?;
    ensure!(report["failed"] == 0 && report["sent"] == report["answered"], "{report:#}");
    ensure!(report["kinds"]["long"]["end_ms"]["p50"].as_f64() >= Some(500.0), "{report:#}");

    // As many a second as are asked for, whatever becomes of them.
    stage.start(json!({"rate": 50.0, "long_seconds": [1], "name": "open"})).await?;
    eventually("fifty more", async || {
        let sent = stage.report().await?["sent"].as_u64();
        Ok((sent >= report["sent"].as_u64().map(|sent| sent + 50)).then_some(()))
    })
    .await?;
    let report = stage.stop().await?;
    ensure!(report["failed"] == 0, "{report:#}");

    let books = stage.books().await?;
    ensure!(books.violations.is_empty() && books.joined.rows > 0, "{books}");
    assert_eq!(books.joined.rows, books.joined.provider);
    assert_eq!(books.by_source.get("Provider").map(|rows| *rows as u64), report["sent"].as_u64(), "{books}");
    Ok(())
}

#[tokio::test]
async fn a_killed_gateway_is_seen_for_what_it_is() -> Outcome {
    let mut stage = Stage::set().await?;
    stage.start(json!({"workers": 8, "chats": 1, "streams": 1, "longs": 6, "long_seconds": [120]})).await?;
    eventually("long streams are open", async || {
        let kinds = &stage.report().await?["kinds"];
        Ok((kinds["long"]["open"].as_u64() >= Some(4)).then_some(()))
    })
    .await?;
    stage.hub.sigkill().await?;
    let report = eventually("it is seen", async || {
        let report = stage.report().await?;
        let faults = &report["faults"];
        let count = |kind: &str| faults[kind]["count"].as_u64().unwrap_or_default();
        // One that was open may not have heard anything yet.
        let lost = count("cut") + count("no_answer");
        Ok((lost >= 4 && count("cut") >= 1 && count("refused") >= 1).then_some(report))
    })
    .await?;
    let cut = &report["faults"]["cut"]["first"][0];
    ensure!(cut["status"] == 200 && cut["words"].as_u64() < cut["of"].as_u64(), "{cut}");
    let kinds = report["faults"].as_object().into_iter().flatten().map(|(kind, _)| kind.as_str());
    ensure!(kinds.into_iter().all(|kind| ["cut", "refused", "no_answer"].contains(&kind)), "{report:#}");
    stage.stop().await?;

    // What was in flight is in suspense, and the books say so.
    stage.hub.restart().await?;
    let books = stage.books().await?;
    ensure!(books.violations.is_empty(), "{books}");
    assert_eq!(books.joined.rows, books.joined.provider);
    ensure!(books.by_source.get("Bound").copied() >= Some(4) && books.suspense > 0, "{books}");
    Ok(())
}

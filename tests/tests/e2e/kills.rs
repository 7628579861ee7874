//! A gateway's process is killed under load, by SIGKILL and by the kernel for want of memory: what was in flight there fails,
//! nothing else does, and the books say what is not known.

use std::time::Duration;

use aigne_hub_tests::harness::Outcome;
use aigne_hub_tests::harness::e2e::{Release, SMALL, Space, Traffic, Upstream, alone, books, say};
use aigne_hub_tests::now;
use anyhow::{Context, ensure};
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::customers;

/// What a killed process may do to a client that never retries.
const INEVITABLE: &[&str] = &["cut", "no_answer", "refused", "no_connection"];
/// Seconds from a kill until the pod is ready again; a busy machine takes several times as long as a free one.
const LONGEST: f64 = 30.0;
const VALUES: &[&str] = &["--set=gateway.resources.limits.memory=256Mi"];

#[tokio::test]
#[ignore = "long"]
async fn a_killed_gateway_fails_what_was_in_flight_there_and_nothing_else() -> Outcome {
    alone(async |stage| {
        let Some(node) = stage.node("kill -9 and an OOM kill of a gateway under load")? else {
            return Ok(());
        };
        let space = stage.space("kills").await?;
        let upstream = Upstream::start(&space).await?;
        let hub = Release::install(stage, &space, &[SMALL, VALUES].concat()).await?;
        let keys = customers::open(&space, &upstream).await?;
        let pods = hub.pods("gateway").await?;
        let [one, two] = &pods[..] else { anyhow::bail!("{pods:#?}") };

        // One at each gateway's own address, so that it is known whose connection it is; one as everybody comes.
        let at_one = Traffic::prepare(&space, "at-one", &address(one), &keys).await?;
        let at_two = Traffic::prepare(&space, "at-two", &address(two), &keys).await?;
        let service = Traffic::prepare(&space, "service", &customers::target(&space), &keys).await?;
        let all = [&at_one, &at_two, &service];
        for traffic in all {
            let plan = json!({"rate": 4.0, "chats": 4, "streams": 4, "longs": 2, "long_seconds": [10]});
            traffic.start(plan).await?;
            traffic
                .until("streams are open", |report| report["kinds"]["long"]["open"].as_u64() >= Some(3))
                .await?;
        }

        let killed = Outage::of(&space, one, "Error", async || {
            node.kill_container(space.name(), name(one), "gateway", "KILL").await
        })
        .await?;
        calm(&all).await?;
        let starved = Outage::of(&space, two, "OOMKilled", async || {
            fill(&address(two), &hub.key(&keys[0]).await?).await;
            Ok(())
        })
        .await?;
        calm(&all).await?;

        let mut failed = 0;
        for (traffic, outages) in
            [(&at_one, &[killed][..]), (&at_two, &[starved]), (&service, &[killed, starved])]
        {
            let report = traffic.stop(Duration::from_secs(10)).await?;
            say(format_args!("{report:#}"));
            let failures = traffic.failures().await?;
            for failure in &failures {
                let inevitable = failure["fault"].as_str().is_some_and(|fault| INEVITABLE.contains(&fault));
                let at = failure["at"].as_str().context("at")?.parse()?;
                ensure!(
                    inevitable && outages.iter().any(|outage| outage.explains(at)),
                    "{outages:?}: {failure}"
                );
            }
            ensure!(!failures.is_empty(), "nothing was in flight");
            failed += failures.len();
        }
        let books = books(&hub, &upstream, &all).await?;
        say(format_args!("failed {failed}; {books}"));
        ensure!(books.violations.is_empty(), "{books}");
        assert_eq!(books.joined.rows, books.joined.provider);
        let bound = books.by_source.get("Bound").copied();
        ensure!(bound >= Some(2) && bound <= Some(failed), "in suspense is what failed, no more: {books}");
        Ok(())
    })
    .await
}

/// From a kill until the pod is ready again.
#[derive(Clone, Copy, Debug)]
struct Outage {
    from: Timestamp,
    until: Timestamp,
}

impl Outage {
    /// Does it to the gateway of this pod, whose container must end for this reason, and waits until it is back.
    async fn of(
        space: &Space,
        pod: &Value,
        reason: &str,
        kill: impl AsyncFnOnce() -> Outcome,
    ) -> anyhow::Result<Self> {
        let object = format!("pod/{}", name(pod));
        let from = now();
        kill().await?;
        let back = |pod: &Value| {
            let container = &pod["status"]["containerStatuses"][0];
            let last = &container["lastState"]["terminated"];
            container["ready"] == true && last["exitCode"] == 137 && last["reason"] == reason
        };
        space.await_object(&object, &format!("back after {reason}"), back).await?;
        let until = now();
        let took = until.duration_since(from).as_secs_f64();
        say(format_args!("{reason}: {took:.1} s until it was seen ready again"));
        ensure!(took < LONGEST, "{took} s are more than a restart takes");
        Ok(Self { from, until })
    }

    /// A request that had no end by then may be told of it a moment later.
    fn explains(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.until + Duration::from_secs(1)
    }
}

/// Waits until each has got further answers, so that what fails after an outage would be seen.
async fn calm(all: &[&Traffic]) -> Outcome {
    for traffic in all {
        let answered = |report: &Value| report["answered"].as_u64().unwrap_or_default();
        let before = answered(&traffic.report().await?);
        traffic.until("it is answered again", |report| answered(report) >= before + 20).await?;
    }
    Ok(())
}

/// More bodies at once than there is memory for, none of which ever ends.
async fn fill(address: &str, key: &str) {
    const BODY: usize = 24 << 20;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {BODY}\r\n\r\n"
    );
    let send = async || {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&vec![b' '; BODY - 1]).await?;
        stream.read_u8().await
    };
    // Each ends when the gateway does.
    join_all((0..20).map(|_| send())).await;
}

/// Its own, which it keeps as long as the pod is there.
fn address(pod: &Value) -> String {
    format!("{}:8080", pod["status"]["podIP"].as_str().unwrap_or_default())
}

fn name(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap_or_default()
}

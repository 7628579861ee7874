//! The run itself, from an empty database to the verdict.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Options;
use super::client::{Asking, End, Got};
use super::deed::Deeds;
use super::events::{self, Happened};
use super::gateway::Gateway;
use super::proxy::Proxy;
use super::tenants::{Customer, customers, manifests};
use super::verdict::{Evidence, Verdict, judge};
use crate::harness::{Command, Postgres, eventually_within};
use crate::scripted::{Scripted, records};

/// How far clocks are off, gateway by gateway: one is in the next month's partition for a part of each month.
const OFFSETS: [&str; 6] = ["-45s", "+90s", "+216h", "0s", "-20m", "+1h"];

/// A replay, with everything well.
const REPLAY: std::time::Duration = std::time::Duration::from_mins(2);

/// Does all of it; `say` hears how it goes on.
pub async fn run(options: &Options, say: impl Fn(String) + Send + Sync) -> anyhow::Result<Verdict> {
    let place = tempfile::Builder::new().prefix("aigne-hub-chaos-").tempdir()?;
    let mut postgres = Postgres::start().await?;
    let database = postgres.database().await?;
    let ledger_network = Proxy::start(postgres.address(), options.seed, "ledger network").await?;
    let through = database.replace(&postgres.address().to_string(), &ledger_network.address().to_string());
    let url_file = place.path().join("database-url");
    std::fs::write(&url_file, through)?;

    let count = place.path().join("provider");
    let upstream = Scripted::recording(&count).await?;
    let provider_network = Proxy::start(upstream.address(), options.seed, "provider network").await?;
    let customers = Arc::new(customers(options));
    let folder = place.path().join("manifests");
    let zone = noon(&database).await?;
    manifests(options, &zone, &customers, &upstream, &provider_network).write(&folder)?;

    let mut gateways = Vec::new();
    for (number, offset) in OFFSETS.iter().cycle().take(options.gateways).enumerate() {
        let name = format!("gateway-{number}");
        let mut gateway = Gateway::new(&name, &folder, &place.path().join(&name), &url_file, offset)?;
        gateway.start().await?;
        gateways.push(gateway);
    }
    say(format!("{} gateways and {} tenants are there", gateways.len(), customers.len()));

    let addresses: Vec<_> = gateways.iter().map(Gateway::address).collect();
    let until = Instant::now() + options.time;
    let asking = ask(options, &customers, &addresses, until);
    let (got, to_gateways, to_ledger, to_provider) = tokio::try_join!(
        asking,
        events::to_gateways(options.seed, until, &mut gateways, &say),
        events::to_ledger(options.seed, until, &mut postgres, &ledger_network, &say),
        events::to_provider(options.seed, until, &provider_network, &say),
    )?;
    say(format!("{} requests; now the journals are emptied", got.len()));
    let panicked = settle(&mut gateways).await?;

    let happened = [to_ledger, to_provider].into_iter().fold(to_gateways, Happened::with);
    let reconciled =
        Command::new(["reconcile"]).environment("AIGNE_HUB_DATABASE_URL", &database).run().await?;
    let evidence = Evidence {
        got,
        records: records(&count)?,
        happened,
        cuts: ledger_network.cuts() + provider_network.cuts(),
        reconciled: if reconciled.success { Ok(()) } else { Err(reconciled.stdout + &reconciled.stderr) },
        panicked,
    };
    judge(options, &customers, evidence, &PgPool::connect(&database).await?).await
}

/// A time zone in which it is about noon: no day, week or month ends within the run.
async fn noon(database: &str) -> anyhow::Result<String> {
    let pool = PgPool::connect(database).await?;
    let asked = "SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::int";
    let hour: i32 = sqlx::query_scalar(asked).fetch_one(&pool).await?;
    // Of these names, the ones with a minus are ahead.
    Ok(match 12 - hour {
        0 => "Etc/GMT".to_owned(),
        ahead @ 1.. => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", -behind),
    })
}

/// All clients, until the time is over.
async fn ask(
    options: &Options,
    customers: &Arc<Vec<Customer>>,
    addresses: &[SocketAddr],
    until: Instant,
) -> anyhow::Result<Vec<Got>> {
    let mut clients = JoinSet::new();
    for number in 0..options.clients {
        let deeds = Deeds::new(options.seed, number, customers.len(), addresses.len());
        let (customers, addresses) = (Arc::clone(customers), addresses.to_vec());
        clients.spawn(async move {
            let (mut asking, mut got) = (Asking::default(), Vec::new());
            for deed in deeds {
                sleep(deed.pause).await;
                if Instant::now() >= until {
                    break;
                }
                let (Some(customer), Some(address)) =
                    (customers.get(deed.tenant), addresses.get(deed.gateway))
                else {
                    break;
                };
                let one = asking.act(&deed, *address, &customer.key()).await;
                if one.end != End::Closed {
                    got.push(one);
                }
            }
            got
        });
    }
    Ok(clients.join_all().await.into_iter().flatten().collect())
}

/// Ends all gateways, lets each replay what its earlier lives have left, and ends it again. Returns what panicked.
async fn settle(gateways: &mut [Gateway]) -> anyhow::Result<Vec<String>> {
    for gateway in &mut *gateways {
        gateway.terminate().await?;
    }
    let mut panicked = Vec::new();
    for gateway in &mut *gateways {
        gateway.start().await?;
        eventually_within(REPLAY, "earlier journals are replayed", async || {
            Ok((gateway.journals().len() <= 1).then_some(()))
        })
        .await
        .with_context(|| gateway.log())?;
        gateway.terminate().await?;
        let left = gateway.journals();
        anyhow::ensure!(left.is_empty(), "journals are left: {left:?}");
        panicked.extend(gateway.log().lines().filter(|line| line.contains("panic")).map(str::to_owned));
    }
    Ok(panicked)
}

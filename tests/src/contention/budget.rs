//! A small budget and many clients that don't take no for an answer.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::load::{Client, reservation};
use super::stage::Stage;
use crate::harness::{Tenant, key};

/// What came of it.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Gateways that it was spent through.
    pub gateways: usize,
    /// Nano-dollars.
    pub amount: i64,
    /// Nano-dollars that were charged.
    pub charged: i64,
    /// The most that one request reserves.
    pub reservation: i64,
    /// Requests that were served and refused.
    pub requests: (usize, usize),
}

impl Budget {
    /// At or below the budget, and nobody was refused who could have been served.
    pub fn holds(&self) -> bool {
        self.charged <= self.amount && self.charged >= self.amount - self.reservation
    }
}

/// In a row, rounds in which all were refused: what others had reserved has come back by then.
const ROUNDS: usize = 3;
/// Longer than an idle slice stays away.
const BETWEEN: Duration = Duration::from_millis(1_500);

/// $0.05, and all clients in rounds until all are refused.
pub async fn budget(gateways: usize, clients: usize) -> anyhow::Result<Budget> {
    let amount = 50_000_000;
    let mut stage = Stage::start(gateways).await?;
    let budget = json!([{"name": "cap", "amount": "0.05", "period": "Month", "action": "Block"}]);
    stage.add(vec![Tenant::new("small").set("budgets", budget)]).await?;
    let addresses = stage.addresses();
    let mut all: Vec<_> = (0..clients)
        .filter_map(|number| addresses.get(number % addresses.len()))
        .map(|address| Client::new(*address, &key("small", "app")))
        .collect();
    let (mut requests, mut rounds) = ((0, 0), 0);
    while rounds < ROUNDS && requests.0 < 20_000 {
        let mut asking = JoinSet::new();
        for mut client in all.drain(..) {
            asking.spawn(async move {
                let answer = client.ask().await;
                (client, answer)
            });
        }
        let mut served = 0;
        for (client, answer) in asking.join_all().await {
            match answer?.0 {
                200 => served += 1,
                402 | 429 => requests.1 += 1,
                status => anyhow::bail!("answered {status}"),
            }
            all.push(client);
        }
        requests.0 += served;
        rounds = if served == 0 { rounds + 1 } else { 0 };
        if served == 0 {
            tokio::time::sleep(BETWEEN).await;
        }
    }
    stage.end().await?;
    let charged = stage.charged("small").await?;
    Ok(Budget { gateways, amount, charged, reservation: reservation(), requests })
}

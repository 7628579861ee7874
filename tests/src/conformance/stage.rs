//! One gateway with every provider, and the run of all cells.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use anyhow::ensure;
use futures::future::try_join_all;
use serde_json::json;

use super::cell::{Cell, Counted, Outcome};
use super::double::Double;
use super::features::{self, tier, usage};
use super::provider::{BEGIN, PROVIDERS, Provider, begun, begun_model};
use super::wire::Wire;
use super::{endpoints, open};
use crate::harness::{self, Blueprint, Emulator, Hub, Pricing, Sdk, Tenant, eventually};
use crate::scripted::{Scripted, Tokens};

/// All of it.
#[derive(Debug)]
pub struct Stage {
    /// The gateway.
    pub hub: Hub,
    /// The providers, and who stands for each.
    pub doubles: Vec<(Provider, Double)>,
    /// Stands for those where conversations begin that go on at another.
    pub elsewhere: Scripted,
}

/// By wire, feature and kind of provider.
pub type Outcomes = BTreeMap<(&'static str, &'static str, &'static str), Outcome>;

impl Stage {
    /// Starts the stand-ins and the gateway.
    pub async fn start() -> anyhow::Result<Self> {
        let sdk = Sdk::setup().await?;
        let mut doubles = Vec::new();
        let mut hub = Blueprint::default().tenant(Tenant::new("acme"));
        for provider in PROVIDERS {
            let double = if provider.kind == "Bedrock" {
                Double::Bedrock(Emulator::bedrock(&sdk, &[]).await?, reqwest::Client::new())
            } else {
                Double::Scripted(Scripted::start().await?)
            };
            let chats = Wire::ALL.iter().map(|wire| (provider.model(wire.id()), "Chat", None));
            let others =
                ["Chat", "Embedding", "Image", "Speech", "Transcription", "Video"].into_iter().map(|kind| {
                    (endpoints::model(&provider, kind), kind, endpoints::upstream_model(&provider, kind))
                });
            // A chat is the wire of that name's, too.
            let models: Vec<_> = chats.chain(others.skip(1)).collect();
            let cost = json!({"input": "1", "output": "1"});
            let rate = |wire: &Wire| json!({"model": provider.model(wire.id()), "cost": cost, "serviceTiers": tier::priced()});
            let rates: Vec<_> = Wire::ALL.iter().map(rate).collect();
            hub = hub
                .provider(provider.manifest(&double.origin(), &models))
                .pricing(Pricing::new(&provider.id()).set("rates", json!(rates)));
            doubles.push((provider, double));
        }
        let elsewhere = Scripted::start().await?;
        for provider in BEGIN.into_iter().filter_map(begun) {
            let name = format!("begun-{}", provider.id());
            let manifest = harness::Provider::new(&name, provider.kind, &elsewhere);
            hub = hub.provider(manifest.model(&begun_model(&provider)));
        }
        Ok(Self { hub: hub.start().await?, doubles, elsewhere })
    }

    /// Tries every cell: providers beside each other, each one's cells one after the other.
    pub async fn run(&self) -> anyhow::Result<Outcomes> {
        let counted = &Counted::default();
        let each = self.doubles.iter().map(|(provider, double)| async move {
            let client = self.hub.client();
            let mut outcomes = Vec::new();
            for wire in Wire::ALL {
                for feature in features::ALL {
                    let outcome = Cell { feature, wire, provider, counted }.run(&client, double).await;
                    outcomes.push(((wire.id(), feature.name, provider.kind), outcome));
                }
            }
            for endpoint in endpoints::ALL {
                let outcome = endpoint.run(provider, &client, double).await;
                outcomes.push(((endpoints::ID, endpoint.name, provider.kind), outcome));
            }
            for ((wire, feature, kind), outcome) in &mut outcomes {
                if let (Outcome::Wrong(_), Some(why)) = (&outcome, open::known(wire, feature, kind)) {
                    *outcome = Outcome::Open(why);
                }
            }
            anyhow::Ok(outcomes)
        });
        let outcomes = try_join_all(each).await?.into_iter().flatten().collect();
        let counted = std::mem::take(&mut *counted.lock().unwrap_or_else(PoisonError::into_inner));
        self.ledger_agrees(counted).await?;
        Ok(outcomes)
    }

    /// What is charged is what the provider counted, whatever the client was told in.
    async fn ledger_agrees(&self, mut counted: Vec<(String, Provider)>) -> anyhow::Result<()> {
        ensure!(!counted.is_empty(), "no usage was tried");
        let rows = eventually("all usage rows", async || {
            let rows = self.hub.rows_now().await?;
            let there = |id: &str| rows.iter().any(|row| row.request_id == id);
            Ok(counted.iter().all(|(id, _)| there(id)).then_some(rows))
        })
        .await?;
        for row in rows {
            let Some(at) = counted.iter().position(|(id, _)| *id == row.request_id) else { continue };
            let (_, provider) = counted.swap_remove(at);
            let [input, cached, cache_write, output, reasoning] = row.tokens();
            let charged = Tokens { input, cached, cache_write, output, reasoning, cost: None };
            let agrees = row.source == "Provider" && usage::possible(&provider).contains(&charged);
            ensure!(agrees, "{}, {}: {row:#?}", provider.kind, row.model);
        }
        Ok(())
    }
}

/// What is wrong, or said to be and is not.
pub fn complaints(outcomes: &Outcomes) -> Vec<String> {
    let wrong = outcomes.iter().filter_map(|((wire, feature, kind), outcome)| match outcome {
        Outcome::Wrong(why) => Some(format!("{wire} | {feature} | {kind}: {why}")),
        _ => None,
    });
    wrong.chain(open::outdated(outcomes)).collect()
}

//! Who stands for a provider, and what it received.

use anyhow::Context;
use serde_json::Value;

use super::heard::Format;
use crate::harness::Emulator;
use crate::scripted::Scripted;

/// A stand-in.
#[derive(Debug)]
pub enum Double {
    /// Ours.
    Scripted(Scripted),
    /// Bedrock on botocore.
    Bedrock(Emulator, reqwest::Client),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// With its query.
    pub path: String,
    /// As JSON; null where it is none.
    pub body: Value,
}

impl Arrived {
    /// In whose words.
    pub fn format(&self) -> Option<Format> {
        Format::of(&self.path)
    }
}

impl Double {
    /// Where it listens.
    pub fn origin(&self) -> String {
        match self {
            Self::Scripted(scripted) => scripted.origin(),
            Self::Bedrock(emulator, _) => emulator.origin().to_owned(),
        }
    }

    /// What has arrived by now is of no interest any more.
    pub async fn mark(&self) -> anyhow::Result<u64> {
        match self {
            Self::Scripted(scripted) => Ok(scripted.totals().requests),
            Self::Bedrock(_, http) => {
                http.delete(self.journal()).send().await.context("journal")?;
                Ok(0)
            }
        }
    }

    /// What has arrived since.
    pub async fn arrived(&self, mark: u64) -> anyhow::Result<Vec<Arrived>> {
        match self {
            Self::Scripted(scripted) => Ok(scripted
                .entries_after(mark)
                .into_iter()
                .map(|entry| Arrived { body: entry.json(), path: entry.path })
                .collect()),
            Self::Bedrock(_, http) => {
                let entries: Vec<Value> = {
                    let text = http.get(self.journal()).send().await?.text().await?;
                    serde_json::from_str(&text)?
                };
                let arrived = entries.into_iter().map(|mut entry| Arrived {
                    path: entry["path"].as_str().unwrap_or_default().to_owned(),
                    body: entry["body"].take(),
                });
                Ok(arrived.collect())
            }
        }
    }

    fn journal(&self) -> String {
        format!("{}/__bedrock/journal", self.origin())
    }
}

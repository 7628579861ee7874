//! What is to be asked, and each request drawn from it.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::chaos::dice::Dice;

/// What is to be asked.
#[derive(Clone, Debug, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Begins every marker: rows of this load are told from others by it.
    #[arg(long, value_name = "NAME", default_value = "load")]
    pub name: String,
    /// The hub's host and port. It is looked up once, when the load starts.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub target: String,
    /// A file with a tenant's key; several for several tenants.
    #[arg(long = "key-file", value_name = "FILE")]
    pub key_files: Vec<PathBuf>,
    /// The scripted provider's models, as clients name them; several to choose from.
    #[arg(long = "model", value_name = "NAME", default_value = "gpt")]
    pub models: Vec<String>,
    /// Clients with one request at a time each.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub workers: usize,
    /// Requests a second whatever becomes of them, instead of workers.
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// Share of plain chats.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub chats: usize,
    /// Share of short streams.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub streams: usize,
    /// Share of long streams.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub longs: usize,
    /// How long a long stream takes; several to choose from.
    #[arg(long = "long-seconds", value_name = "N", default_values_t = [30, 120, 240])]
    pub long_seconds: Vec<u64>,
    /// Percent of requests on a connection of their own.
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub fresh: usize,
    /// The longest pause of a worker between two requests.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100)]
    pub pause: u64,
    /// Repeats the sequence.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// What kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Chat,
    Stream,
    Long,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Chat, Self::Stream, Self::Long];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Stream => "stream",
            Self::Long => "long",
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) kind: Kind,
    pub(super) marker: String,
    /// The number of its key.
    pub(super) tenant: usize,
    pub(super) path: &'static str,
    pub(super) body: Value,
    /// Words that the provider was told to say: a delta each.
    pub(super) words: usize,
    /// On a connection of its own.
    pub(super) fresh: bool,
    /// Before it, where a worker asks.
    pub(super) pause: Duration,
    /// It takes no longer, unless something hangs.
    pub(super) within: Duration,
}

/// Between two words of a short stream, and of a long one.
const SHORT_PACE: u64 = 20;
const LONG_PACE: u64 = 500;
/// On top of the time that the provider was told to take.
const PATIENCE: Duration = Duration::from_mins(1);

impl Plan {
    /// With some members replaced.
    pub(super) fn with(&self, members: &[u8]) -> serde_json::Result<Self> {
        let mut whole = serde_json::to_value(self)?;
        let given: serde_json::Map<String, Value> = match members {
            [] => serde_json::Map::new(),
            members => serde_json::from_slice(members)?,
        };
        if let Value::Object(whole) = &mut whole {
            whole.extend(given);
        }
        serde_json::from_value(whole)
    }

    /// One request more of a worker's.
    pub(super) fn job(&self, dice: &mut Dice, marker: String) -> Job {
        let shares = [self.chats, self.streams, self.longs];
        let drawn = dice.roll(shares.iter().sum());
        let kind = match drawn {
            drawn if drawn < self.chats => Kind::Chat,
            drawn if drawn < self.chats + self.streams => Kind::Stream,
            _ => Kind::Long,
        };
        let (words, pace) = match kind {
            Kind::Chat => (1 + dice.roll(30), 0),
            Kind::Stream => (5 + dice.roll(40), SHORT_PACE),
            Kind::Long => {
                let seconds = dice.pick(&self.long_seconds).unwrap_or(30);
                (usize::try_from(seconds * 1000 / LONG_PACE).unwrap_or(1).max(1), LONG_PACE)
            }
        };
        let anthropic = dice.percent(50);
        let model = self.models.get(dice.roll(self.models.len())).map_or("", String::as_str);
        let text = format!("[[marker={marker} chunks={words} pace={pace}]]");
        let body = json!({"model": model, "max_tokens": words + 8, "stream": kind != Kind::Chat,
            "messages": [{"role": "user", "content": text}]});
        Job {
            kind,
            marker,
            tenant: dice.roll(self.key_files.len()),
            path: if anthropic { "/v1/messages" } else { "/v1/chat/completions" },
            body,
            words,
            fresh: dice.percent(self.fresh),
            pause: dice.milliseconds(0, self.pause),
            within: Duration::from_millis(u64::try_from(words).unwrap_or_default() * pace) + PATIENCE,
        }
    }
}

#[cfg(test)]
pub(super) fn sample() -> Plan {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        plan: Plan,
    }
    let line = ["load", "--key-file", "a", "--key-file", "b", "--model", "gpt", "--model", "sonnet"];
    <Line as clap::Parser>::parse_from(line).plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_the_same_each_time_and_of_every_kind() {
        let plan = sample();
        let jobs = || {
            let mut dice = Dice::new(plan.seed, "load", 0);
            (0..300).map(|n| plan.job(&mut dice, format!("m{n}"))).collect::<Vec<_>>()
        };
        let (one, two) = (jobs(), jobs());
        assert!(one.iter().zip(&two).all(|(a, b)| format!("{a:?}") == format!("{b:?}")));
        for kind in Kind::ALL {
            assert!(one.iter().any(|job| job.kind == kind), "{kind:?}");
        }
        assert!(one.iter().any(|job| job.tenant == 1) && one.iter().any(|job| job.fresh));
        let longest = one.iter().map(|job| job.words).max();
        assert_eq!(longest, Some(480), "four minutes");
    }

    #[test]
    fn members_are_replaced_and_unknown_ones_refused() {
        let plan = sample().with(br#"{"workers": 3, "long_seconds": [5], "rate": 2.5}"#).unwrap();
        assert_eq!((plan.workers, plan.long_seconds, plan.rate), (3, vec![5], Some(2.5)));
        assert_eq!(sample().with(b"").unwrap().workers, 16);
        assert!(sample().with(br#"{"wrokers": 3}"#).is_err());
    }
}

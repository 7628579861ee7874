//! One cell: a feature, in a wire, at a provider.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail, ensure};

use serde_json::Value;

use super::double::Double;
use super::feature::{Again, Ask, Expect, Feature, Reach};
use super::features::usage::USAGE;
use super::gathered;
use super::heard::Heard;
use super::provider::{Provider, begun, begun_model};
use super::said;
use super::wire::Wire;
use crate::harness::{Answer, Client};

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It reached the provider, and the client got what it must.
    Pass,
    /// The hub said no before it asked the provider, in these words.
    Refused(String),
    /// It did not cross, and this is why that is no loss.
    LeftOut(&'static str),
    /// There is nothing to try.
    NotApplicable(&'static str),
    /// Not as it must be, and known: this is left to do.
    Open(&'static str),
    /// Not as it must be.
    Wrong(String),
}

/// A feature in a wire.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// What is tried.
    pub feature: &'a Feature,
    /// In whose words.
    pub wire: Wire,
    /// At whom.
    pub provider: &'a Provider,
    /// Where answers are noted whose usage is known beforehand.
    pub counted: &'a Counted,
}

/// Ids of requests, and who served them.
pub type Counted = Mutex<Vec<(String, Provider)>>;

impl Cell<'_> {
    /// Tries it, whole and streamed where both are answers.
    pub async fn run(&self, client: &Client, double: &Double) -> Outcome {
        let streams: &[bool] = match self.feature.expect {
            Expect::Answer(_) => &[false, true],
            Expect::Error(_) => &[false],
            Expect::BrokenStream => &[true],
        };
        let mut outcomes = Vec::new();
        for stream in streams {
            let outcome = self.once(client, double, *stream).await;
            outcomes.push(outcome.unwrap_or_else(|error| Outcome::Wrong(format!("{error:#}"))));
        }
        match (outcomes.pop(), outcomes.pop()) {
            (Some(streamed), Some(whole)) if streamed != whole => match (&streamed, &whole) {
                (Outcome::Wrong(why), _) => Outcome::Wrong(format!("streamed: {why}")),
                (_, Outcome::Wrong(why)) => Outcome::Wrong(format!("whole: {why}")),
                _ => Outcome::Wrong(format!("whole: {whole:?}; streamed: {streamed:?}")),
            },
            (Some(outcome), _) => outcome,
            (None, _) => Outcome::NotApplicable("nothing is tried"),
        }
    }

    async fn once(&self, client: &Client, double: &Double, stream: bool) -> anyhow::Result<Outcome> {
        let (wire, feature) = (self.wire, self.feature);
        let text = format!("hello [[dialect={} {}]]", self.provider.dialect, feature.script);
        let more = match (feature.ask)(wire, &text) {
            Ask::With(more) => more,
            Ask::Not(why) => return Ok(Outcome::NotApplicable(why)),
        };
        let model = self.provider.model(wire.id());
        let mut more = more;
        if let Some(again) = feature.again {
            if again.begun_at == Some(self.provider.kind) {
                return Ok(Outcome::NotApplicable("it goes on where it began"));
            }
            let begun = self.begin(again, client, stream, more.clone()).await.context("the first turn")?;
            if let (Some(more), Value::Object(later)) = (more.as_object_mut(), (again.goes_on)(wire, &begun))
            {
                more.extend(later);
            }
        }
        let mark = double.mark().await?;
        let answer =
            client.post(&wire.path(&model, stream), &wire.request(&model, &text, stream, more)).await?;
        let arrived = double.arrived(mark).await?;
        if arrived.is_empty() {
            ensure!(
                answer.status == 400,
                "nothing reached the provider: {} {}",
                answer.status,
                answer.text()
            );
            return Ok(Outcome::Refused(message(wire, &answer)?.replace(&model, "…")));
        }
        let [arrived] = &arrived[..] else { bail!("it was asked {} times", arrived.len()) };
        let format = arrived.format().with_context(|| format!("asked at {}", arrived.path))?;
        if let Expect::Error(status) = feature.expect {
            let as_wanted = answer.status == status || (status >= 500 && answer.status >= 500);
            ensure!(as_wanted, "status {} instead of {status}: {}", answer.status, answer.text());
            message(wire, &answer)?;
            return Ok(Outcome::Pass);
        }
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        if feature.name == USAGE.name {
            let counted = (answer.request_id().to_owned(), *self.provider);
            self.counted.lock().unwrap_or_else(PoisonError::into_inner).push(counted);
        }
        let told = said::read(wire, &answer, stream)?;
        let reach = match feature.expect {
            Expect::Answer(check) => check(&told, self.provider),
            _ => Reach::must(told.error.is_some(), &told),
        };
        let heard = Heard { at: self.provider.kind, ..format.read(&arrived.body) };
        match (feature.heard)(&heard).and(reach) {
            Reach::Whole => Ok(Outcome::Pass),
            Reach::Wrong(why) => bail!("{why}"),
            Reach::Absent => {
                let why = super::losses::why(format, self.provider, feature);
                Ok(Outcome::LeftOut(why.with_context(|| format!("lost on the way to {format:?}"))?))
            }
        }
    }

    /// The answer to a first turn, put together where it was streamed.
    async fn begin(&self, again: Again, client: &Client, stream: bool, more: Value) -> anyhow::Result<Value> {
        let first = again.begun_at.map_or(Some(*self.provider), begun).context("no such provider")?;
        let model = again.begun_at.map_or_else(|| first.model(self.wire.id()), |_| begun_model(&first));
        let text = format!("hello [[dialect={} {}]]", first.dialect, self.feature.script);
        let request = self.wire.request(&model, &text, stream, more);
        let answer = self.wire.path(&model, stream);
        let answer = client.post(&answer, &request).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        if stream { Ok(gathered::whole(self.wire, &said::bodies(&answer, true)?)) } else { answer.json() }
    }
}

/// The message of an error in the wire's own shape.
fn message(wire: Wire, answer: &Answer) -> anyhow::Result<String> {
    let body = answer.json()?;
    let error = &body["error"];
    let shaped = match wire {
        Wire::Messages => body["type"] == "error" && error["type"].is_string(),
        Wire::Gemini => error["code"] == answer.status && error["status"].is_string(),
        _ => error["type"].is_string() && error.get("code").is_some() && error.get("param").is_some(),
    };
    ensure!(shaped, "not an error of this wire: {body}");
    ensure!(!answer.request_id().is_empty(), "no x-request-id");
    let message = error["message"].as_str().filter(|message| !message.is_empty());
    Ok(message.with_context(|| format!("no message: {body}"))?.to_owned())
}

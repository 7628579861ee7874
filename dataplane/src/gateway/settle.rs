//! The end of an attempt and of a request: usage, money, journal, metrics, one log line. The only writer of usage.
//!
//! | how the attempt ended | tokens | source | price to the tenant |
//! |---|---|---|---|
//! | answered in full, provider counted | the provider's | Provider | yes |
//! | answered in full, provider did not count | estimated from the bytes of both | Estimated | yes |
//! | client left, rest was read (`Finish`) | as answered in full | | yes |
//! | client left before there was a connection to the provider | none | Estimated | no |
//! | client left, rest was cancelled (`Cancel`) | the provider's where complete, else estimated from what came | Estimated | yes |
//! | provider broke off after content | the provider's where complete, else estimated from what came | Estimated | yes |
//! | provider answered with an error, or kept its answer back | the provider's where complete (a cost), else none | Provider | no |
//! | no connection, nothing sent | none | Estimated | no |
//! | sent, but no answer in time, or one that broke off before the client saw any of it, or that cannot be read | the prompt, estimated: the provider may charge it | Estimated | no |
//! | process killed | the most it can have been | Bound | in suspense |
//!
//! Where an answer says no more than units (images, seconds, characters) and the rate is by tokens, these are estimated.

use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    admit::Candidate,
    exchange::{CLIENT_GONE, Exchange},
};
use crate::{
    allowance::Reservation,
    chat::estimate,
    error::{GatewayError, Kind},
    ledger::{Charge, Intent, Nanos, Outcome, Status, journal::AppendError, price::Rate},
    percore::Core,
    provider::Observed,
    telemetry::{self, access::AccessLine},
    usage::{Source, Units, Usage, Word},
    wire::Operation,
};
use aigne_hub_crds::config::LedgerUnavailable;

/// An attempt that the journal knows of. Settled once: explicitly, or as "the client left" when it is dropped.
pub(super) struct Attempt {
    core: Rc<Core>,
    candidate: Candidate,
    operation: Operation,
    request_id: uuid::Uuid,
    number: u32,
    /// The journal has its intent.
    journaled: bool,
    started: Instant,
    estimate: Estimate,
    /// The request's.
    totals: Rc<Cell<Totals>>,
    state: State,
    /// The service tier that serves it: as asked for, until the answer says another.
    tier: Option<Word>,
}

/// What a request probably uses, for where nobody says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Estimate {
    /// Tokens of the prompt.
    pub(super) input: u64,
    /// Milliseconds of audio or video.
    pub(super) millis: u64,
    /// Bytes that a second of the sound takes which it asks for; 0 where it asks for none.
    pub(super) sound: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has left the hub.
    Begun,
    /// The provider can have seen the request.
    Sent,
    Settled,
}

/// How an attempt ended, as far as the one who saw it can tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending<'a> {
    pub(super) status: Status,
    pub(super) http_status: u16,
    pub(super) observed: &'a Observed,
}

/// What a request's attempts came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Of the last attempt: the answer's.
    usage: Usage,
    /// Of the last attempt; absent where none was settled.
    source: Option<Source>,
    /// Of all attempts.
    charge: Charge,
}

impl Totals {
    fn with(self, usage: Usage, source: Source, charge: Charge) -> Self {
        let add = |a: Nanos, b: Nanos| Nanos(a.0.saturating_add(b.0));
        let Charge { cost, price } = self.charge;
        let charge = Charge { cost: add(cost, charge.cost), price: add(price, charge.price) };
        Self { usage, source: Some(source), charge }
    }
}

impl Attempt {
    /// Writes the intent: nothing may be sent before. Refused where the journal is full and the tenant's policy
    /// says so.
    pub(super) fn begin(
        exchange: &mut Exchange,
        candidate: &Candidate,
        estimate: Estimate,
    ) -> Result<Self, GatewayError> {
        exchange.attempts += 1;
        let core = Rc::clone(&exchange.core);
        let intent = intent(exchange, candidate);
        let journaled = match core.journal.borrow_mut().intent(&intent) {
            Ok(()) => true,
            Err(error) => {
                unavailable(exchange, &error).inspect_err(|_| exchange.attempts -= 1)?;
                false
            }
        };
        Ok(Self {
            core,
            candidate: candidate.clone(),
            operation: exchange.operation,
            request_id: exchange.id,
            number: exchange.attempts,
            journaled,
            started: Instant::now(),
            estimate,
            totals: Rc::clone(&exchange.totals),
            state: State::Begun,
            tier: candidate.tier,
        })
    }

    /// Whether the provider can have seen the request, from here on.
    pub(super) fn sent(&mut self, sent: bool) {
        self.state = if sent { State::Sent } else { State::Begun };
    }

    /// The service tier that an answer's head names.
    pub(super) fn served_from(&mut self, tier: Option<Word>) {
        self.tier = tier.or(self.tier);
    }

    /// Milliseconds since the attempt began.
    pub(super) fn elapsed_ms(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX)
    }

    /// The truth is recorded, whatever it is. Only the first call counts.
    pub(super) fn settle(&mut self, ending: Ending<'_>, first_byte_ms: Option<u32>) {
        self.settle_job(ending, first_byte_ms, |_| None);
    }

    /// The same where a job was made: its id, sealed for who is charged so much. With the charge it is recorded that somebody
    /// is to see the job's end. None where that failed, or it was settled before.
    pub(super) fn settle_job(
        &mut self,
        ending: Ending<'_>,
        first_byte_ms: Option<u32>,
        seal: impl Fn(Nanos) -> Option<String>,
    ) -> Option<String> {
        if self.state == State::Settled {
            return None;
        }
        let sent = self.state == State::Sent;
        self.state = State::Settled;
        let guess = Guess { likely: self.estimate, most: self.candidate.bound };
        let (source, usage) = count(ending.status, ending.observed, guess, sent);
        // Also not the rate per request.
        let rate = self.candidate.rate.as_deref().filter(|_| sent);
        let (source, usage) = match (ending.status, rate) {
            (Status::Completed | Status::ClientGone | Status::Broken, Some(rate)) => {
                in_tokens(rate, source, usage, ending.observed, guess)
            }
            _ => (source, usage),
        };
        let tier = ending.observed.service_tier.or(self.tier);
        let charge = charge(rate, ending.status, &usage, tier.as_ref().map(Word::as_str));
        // What is not recorded is not charged, and so never given back.
        let mut id = seal(if self.journaled { charge.price } else { Nanos(0) });
        let outcome = Outcome {
            request_id: self.request_id,
            attempt: self.number,
            at: self.core.shared.clock.now_ms(),
            status: ending.status,
            http_status: ending.http_status,
            source,
            usage,
            charge,
            first_byte_ms,
            job: id.as_deref().filter(|_| charge.price.0 > 0).map(Arc::from),
        };
        if self.journaled
            && let Err(error) = self.core.journal.borrow_mut().outcome(&outcome)
        {
            // The intent stands: the attempt is found in suspense, never lost.
            tracing::error!(request_id = %self.request_id, %error, "an outcome could not be journaled");
            id = seal(Nanos(0));
        }
        let provider = &self.candidate.served.provider;
        self.core.metrics.attempt(&telemetry::Attempt {
            operation: self.operation,
            target: telemetry::Target {
                provider: &provider.id,
                provider_type: provider.config.r#type,
                model: &self.candidate.served.model().name,
            },
            status: ending.status,
            http_status: ending.http_status,
            duration: self.started.elapsed(),
            source,
            usage,
            charge,
        });
        self.totals.set(self.totals.get().with(usage, source, charge));
        id
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.state != State::Settled {
            // The client left before anything was relayed, and its tenant's policy is to cancel.
            let observed = Observed::default();
            self.settle(Ending { status: Status::ClientGone, http_status: 0, observed: &observed }, None);
        }
    }
}

fn intent(exchange: &Exchange, candidate: &Candidate) -> Intent {
    let (tenant, account) = match &exchange.tenant {
        Some(tenant) => (Arc::clone(&tenant.id), Arc::clone(&tenant.account)),
        None => (Arc::default(), Arc::default()),
    };
    Intent {
        request_id: exchange.id,
        attempt: exchange.attempts,
        at: exchange.at_ms,
        tenant,
        account,
        key: exchange.key.as_ref().map(|key| Arc::clone(&key.name)).unwrap_or_default(),
        user: exchange.user.clone(),
        project: exchange.project.clone(),
        provider: Arc::clone(&candidate.served.provider.id),
        model: Arc::clone(&candidate.served.model().name),
        price_revision: candidate.rate.as_ref().map(|rate| Arc::clone(rate.revision())),
        bound: candidate.bound,
        bound_charge: candidate.bound_charge,
        draws: exchange.reservation.as_ref().map(Reservation::draws).unwrap_or_default(),
    }
}

fn unavailable(exchange: &Exchange, error: &AppendError) -> Result<(), GatewayError> {
    exchange.core.shared.journal_full.inc();
    let policy = exchange.tenant.as_ref().map(|tenant| tenant.config.policy.ledger_unavailable);
    if policy == Some(LedgerUnavailable::Allow) {
        tracing::warn!(request_id = %exchange.id, %error, "serving although usage cannot be recorded");
        return Ok(());
    }
    tracing::error!(request_id = %exchange.id, %error, "refused, as usage cannot be recorded");
    let message = "usage cannot be recorded at the moment; try again shortly";
    Err(GatewayError { retry_after_ms: Some(1_000), ..GatewayError::new(Kind::LedgerUnavailable, message) })
}

/// What stands in for numbers that the provider did not give. It is never more than the bound, which is what was reserved:
/// nobody generates more than was allowed.
#[derive(Clone, Copy)]
struct Guess {
    likely: Estimate,
    /// The bound.
    most: Usage,
}

/// The table at the top, as far as tokens go.
fn count(status: Status, observed: &Observed, guess: Guess, sent: bool) -> (Source, Usage) {
    let nothing = Usage::default();
    match status {
        Status::Completed => match observed.usage {
            Some(usage) => (source(observed), guess.told(usage)),
            None => (Source::Estimated, estimated(observed, guess)),
        },
        Status::ClientGone | Status::Broken => match observed.usage {
            Some(usage) if observed.usage_complete => (source(observed), guess.told(usage)),
            _ if sent => (Source::Estimated, estimated(observed, guess)),
            _ => (Source::Estimated, nothing),
        },
        // Where it made something before it kept it back, it says so.
        Status::Failed if observed.usage_complete => (source(observed), observed.usage.unwrap_or(nothing)),
        Status::Failed => (Source::Provider, nothing),
        Status::Unreachable if sent => {
            let prompt = Usage { input: guess.input(), characters: guess.most.characters, ..nothing };
            (Source::Estimated, prompt)
        }
        Status::Unreachable | Status::Interrupted => (Source::Estimated, nothing),
    }
}

fn source(observed: &Observed) -> Source {
    if observed.usage_is_estimate { Source::Estimated } else { Source::Provider }
}

impl Guess {
    fn input(self) -> u64 {
        self.likely.input.min(self.most.input)
    }

    /// With what the request has settled and answers need not say: which images, and how many characters.
    fn told(self, usage: Usage) -> Usage {
        let characters = if usage.characters == 0 { self.most.characters } else { usage.characters };
        let image = if usage.images == 0 { usage.image } else { usage.image.or(self.most.image) };
        Usage { image, characters, ..usage }
    }
}

/// What the provider has said so far (an Anthropic stream says the prompt first), the rest from bytes, and as many images
/// and characters as were asked for, and as many seconds as there probably are.
fn estimated(observed: &Observed, guess: Guess) -> Usage {
    let output = estimate::output(observed.output_bytes).min(guess.most.output);
    let units = Units { millis: guess.likely.millis.min(guess.most.millis), ..guess.most.units() };
    match observed.usage {
        Some(partial) if !partial.units().is_none() => {
            guess.told(Usage { output: partial.output.max(output), ..partial })
        }
        Some(partial) => Usage { output: partial.output.max(output), ..partial }.with_units(units),
        None => Usage { input: guess.input(), output, ..Usage::default() }.with_units(units),
    }
}

/// Of sound that is heard, as `OpenAI` documents it, and of sound that is spoken, as Gemini does (`OpenAI`: 20).
const HEARD_TOKENS_A_SECOND: u64 = 10;
const SPOKEN_TOKENS_A_SECOND: u64 = 25;
/// Thirteen bytes of text are spoken in a second, whatever the script: a token of it takes a third of a second.
const SPOKEN_TOKENS_A_TOKEN: u64 = 8;

/// A provider that charges by tokens and says none has used some all the same: units alone would cost nothing. What a
/// provider counted, and what has a rate by the unit, stays as it is.
fn in_tokens(
    rate: &Rate,
    source: Source,
    usage: Usage,
    observed: &Observed,
    guess: Guess,
) -> (Source, Usage) {
    let counted = source == Source::Provider && (usage.prompt() > 0 || usage.output > 0);
    if counted || rate.prices_units(&usage) {
        return (source, usage);
    }
    // Nothing is promised of tokens where a model's numbers are not known.
    let within = |count: u64, most: u64| if most == 0 { count } else { count.min(most) };
    let Guess { likely, most } = guess;
    let heard = usage.millis.saturating_mul(HEARD_TOKENS_A_SECOND).div_ceil(1_000);
    let (mut audio_output, mut image_output) = (0, 0);
    let written = if usage.images > 0 {
        // As many as each of them can have.
        let each = most.output.checked_div(most.images).filter(|each| *each > 0);
        image_output = usage.images.saturating_mul(each.unwrap_or(estimate::MEDIA_TOKENS));
        image_output
    } else if usage.characters > 0 {
        let by_sound = observed.output_bytes.saturating_mul(SPOKEN_TOKENS_A_SECOND).checked_div(likely.sound);
        audio_output = by_sound.unwrap_or(0).max(likely.input.saturating_mul(SPOKEN_TOKENS_A_TOKEN));
        audio_output
    } else {
        estimate::output(observed.output_bytes)
    };
    let mut usage = usage;
    if usage.prompt() == 0 {
        usage.input = within(likely.input.saturating_add(heard), most.input);
        usage.audio_input = heard.min(usage.input);
    }
    if usage.output == 0 {
        usage.output = within(written, most.output);
        (usage.audio_output, usage.image_output) =
            (audio_output.min(usage.output), image_output.min(usage.output));
    }
    (Source::Estimated, usage)
}

/// The table at the top, as far as money goes.
fn charge(rate: Option<&Rate>, status: Status, usage: &Usage, tier: Option<&str>) -> Charge {
    let Some(rate) = rate else { return Charge::default() };
    match status {
        Status::Completed | Status::ClientGone | Status::Broken => rate.charge(usage, tier),
        Status::Failed | Status::Unreachable if *usage != Usage::default() => {
            Charge { price: Nanos(0), ..rate.charge(usage, tier) }
        }
        Status::Failed | Status::Unreachable | Status::Interrupted => Charge::default(),
    }
}

/// The end of a request: what was reserved and not spent goes back; metrics and its one log line.
pub(super) fn finish(exchange: &mut Exchange) {
    let totals = exchange.totals.get();
    if let Some(mut reservation) = exchange.reservation.take() {
        let tokens = totals.usage.prompt().saturating_add(totals.usage.output);
        reservation.settle(i64::try_from(tokens).unwrap_or(i64::MAX), totals.charge.price.0);
    }
    let core = &exchange.core;
    let error = exchange.error.or((exchange.status == CLIENT_GONE).then_some("client_gone"));
    let duration = exchange.started.elapsed();
    let metrics = &core.metrics;
    metrics.request(&telemetry::Request {
        operation: exchange.provider.is_some().then_some(exchange.operation),
        target: exchange.provider.as_ref().zip(exchange.model.as_ref()).map(|(provider, model)| {
            telemetry::Target { provider: &provider.id, provider_type: provider.config.r#type, model }
        }),
        http_status: exchange.status,
        error,
        duration,
        first_token: exchange
            .first_byte_ms
            .filter(|_| exchange.stream)
            .filter(|_| exchange.stream)
            .map(|ms| Duration::from_millis(ms.into())),
    });
    if let Some(error) = exchange.error.filter(|_| exchange.attempts == 0) {
        metrics.refused(error);
    }
    core.access.borrow_mut().write(&AccessLine {
        at: exchange.at_ms,
        request_id: exchange.id,
        client_request_id: exchange.client_request_id.as_deref(),
        method: exchange.method.as_str(),
        path: &exchange.path,
        status: exchange.status,
        tenant: exchange.tenant.as_ref().map(|tenant| &*tenant.id),
        key: exchange.key.as_ref().map(|key| &*key.name),
        user: exchange.user.as_deref(),
        provider: exchange.provider.as_ref().map(|provider| &*provider.id),
        model: exchange.model.as_deref(),
        stream: exchange.stream,
        attempts: exchange.attempts,
        usage: totals.usage,
        source: totals.source,
        charge: totals.charge,
        duration,
        first_byte: exchange.first_byte_ms.map(|ms| Duration::from_millis(ms.into())),
        error,
    });
}

#[cfg(test)]
mod tests;

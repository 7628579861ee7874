//! One attempt: choose a credential, journal the intent, send, and look at how the answer begins.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use hyper::body::Incoming;

use super::{
    Call, jobs,
    media::{self, Expected, Unfit},
    plan::{Plan, Verdict},
    prepare::{Prepared, Way},
    reading::{Patience, begin, read},
    send,
};
use crate::{
    error::{GatewayError, Kind},
    gateway::{
        admit::Candidate,
        exchange::Exchange,
        ingress::Content,
        respond::{self, Answer, Plain, Pump, Stream},
        settle::{Attempt, Ending},
    },
    ledger::Status,
    provider::{Fault, Observed, UpstreamError},
    snapshot::{Credential, Provider, Served},
    upstream::{self, Endpoint, Pool},
};

/// A plain answer that is longer is a failure of the provider.
const LONGEST_ANSWER: usize = 64 << 20;
/// As much of an error answer is read.
const LONGEST_ERROR: usize = 64 << 10;
/// An error answer whose body takes longer is judged by its status alone.
const ERROR_WITHIN: Duration = Duration::from_secs(5);

/// Why an attempt did not answer, and what that means for the next.
pub(super) struct Failure {
    pub(super) error: GatewayError,
    pub(super) verdict: Verdict,
}

/// Whether some credential of the provider is neither suspended nor cooling for this model.
pub(super) fn is_well(served: &Served, now_ms: i64) -> bool {
    (0..served.provider.credentials.len()).any(|place| unwell_until(served, place) <= now_ms)
}

fn unwell_until(served: &Served, place: usize) -> i64 {
    let circuit =
        served.provider.credentials.get(place).map_or(0, |credential| credential.circuit.open_until_ms());
    circuit.max(served.model().cooling.get(place).map_or(0, |cooling| cooling.until_ms()))
}

/// By weight among those that are well; the one that is well soonest where none is, so that the last is never
/// taken away, only half-open. One that was refused in this request comes after all others.
pub(super) fn choose(served: &Served, now_ms: i64, random: u128, plan: &Plan) -> usize {
    let credentials = &served.provider.credentials;
    if credentials.len() == 1 {
        return 0;
    }
    let mut well: Vec<usize> =
        (0..credentials.len()).filter(|place| unwell_until(served, *place) <= now_ms).collect();
    if well.iter().any(|place| !plan.was_refused(*place)) {
        well.retain(|place| !plan.was_refused(*place));
    }
    let weight = |place: &usize| credentials.get(*place).map_or(0, |credential| u64::from(credential.weight));
    let total: u64 = well.iter().map(weight).sum();
    if total == 0 {
        let soonest = (0..credentials.len()).min_by_key(|place| unwell_until(served, *place));
        return well.first().copied().or(soonest).unwrap_or_default();
    }
    // Each further attempt draws anew from the request's own randomness.
    #[expect(clippy::cast_possible_truncation, reason = "any 64 of the random bits")]
    let drawn = (random.rotate_right(17 * plan.done()) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % total;
    let mut below = 0;
    well.iter()
        .copied()
        .find(|place| {
            below += weight(place);
            drawn < below
        })
        .unwrap_or_default()
}

/// One attempt against one candidate.
pub(super) async fn attempt(
    call: &Call,
    candidate: &Candidate,
    prepared: &Prepared,
    plan: &Plan,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let served = &candidate.served;
    let now_ms = exchange.core.shared.clock.now_ms();
    let place = choose(served, now_ms, exchange.id.as_u128(), plan);
    let Some(credential) = served.provider.credentials.get(place) else {
        return Err(not_here(GatewayError::new(Kind::Saturated, "the provider has no credential")));
    };
    let request = send::request(call, served, credential, prepared, now_ms).map_err(not_here)?;
    let started = Attempt::begin(exchange, candidate, call.arrival.estimate)
        .map_err(|error| Failure { error, verdict: Verdict::Final })?;
    let flight = Flight { served, credential, place, now_ms, attempt: started };
    flight.fly(call, prepared, request, exchange).await
}

fn not_here(error: GatewayError) -> Failure {
    Failure { error, verdict: Verdict::NotHere }
}

/// An attempt under way.
struct Flight<'a> {
    served: &'a Served,
    credential: &'a Credential,
    place: usize,
    now_ms: i64,
    attempt: Attempt,
}

impl Flight<'_> {
    async fn fly(
        mut self,
        call: &Call,
        prepared: &Prepared,
        request: http::Request<upstream::Outgoing>,
        exchange: &mut Exchange,
    ) -> Result<Answer, Failure> {
        let provider = &self.served.provider;
        let timeouts = provider.config.timeouts;
        let patience = Patience::new(timeouts, call.arrival.stream);
        let pool = std::rc::Rc::clone(&exchange.core.pool);
        // Not before there is a connection: a client that leaves while one is made has caused nothing.
        let sending = pool.send(&provider.endpoint, request, |sent| self.attempt.sent(sent));
        let answer = match tokio::time::timeout_at(patience.first, sending).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.unreachable(&error)),
            Err(_) => return Err(self.timed_out(&patience.no_answer())),
        };
        let upstream::Answer { response, connection } = answer;
        let (head, mut body) = response.into_parts();
        self.attempt.served_from(provider.adapter.served_tier(&head.headers));
        if !head.status.is_success() {
            let text = match read(&mut body, LONGEST_ERROR, &patience.hurried(ERROR_WITHIN)).await {
                Ok(text) => {
                    pool.give_back(connection);
                    text
                }
                Err(cut) => cut.so_far,
            };
            let error = provider.adapter.error(head.status, &head.headers, &text);
            return Err(self.failed(&error, &Observed::default()));
        }
        let expected = Expected::of(call, prepared, provider.adapter);
        if expected.is(&head.headers) {
            let length = body.size_hint().exact();
            let Prepared { way, body: sent, .. } = prepared;
            let mut pump = Pump::new(provider.adapter, &call.arrival, *way, sent, length, exchange);
            let began = tokio::time::timeout_at(patience.first, begin(&mut body, &mut pump)).await;
            // Nothing has reached the client yet: an error that comes first is as good as an error status.
            if let Some(error) = pump.observed().error.clone() {
                return Err(self.failed(&error, pump.observed()));
            }
            return match began {
                Ok(Ok(())) => Ok(self.stream(call, head, body, pump, connection, &patience, exchange)),
                Ok(Err(error)) => Err(self.broken(&error, head.status)),
                Err(_) => Err(self.timed_out(&patience.no_answer())),
            };
        }
        let text = match read(&mut body, LONGEST_ANSWER, &patience).await {
            Ok(text) => text,
            Err(cut) if cut.timed_out => return Err(self.timed_out(&cut.reason)),
            Err(cut) => return Err(self.broken(&cut.reason, head.status)),
        };
        pool.give_back(connection);
        if let (Content::Media(_, request), Way::Media(how)) = (&call.arrival.content, prepared.way) {
            let read =
                media::read(request, how, expected, head, &text, &respond::meta(&call.arrival, exchange))
                    .and_then(|(answer, observed)| Ok((media::of_wire(&call.arrival, answer)?, observed)))
                    .and_then(|(answer, observed)| Ok((jobs::made(request, &answer)?, answer, observed)));
            return match read {
                Ok((None, answer, observed)) => Ok(self.whole(answer, &observed, exchange)),
                Ok((Some(made), answer, observed)) => self.job(&made, answer, &observed, exchange),
                Err(Unfit::Said(error, usage)) => {
                    let usage = usage.map(|usage| *usage);
                    let usage_complete = usage.is_some();
                    Err(self.failed(&error, &Observed { usage, usage_complete, ..Observed::default() }))
                }
                Err(Unfit::Unreadable(reason, status)) => Err(self.broken(&reason, status)),
            };
        }
        self.plain(call, prepared, head, text, exchange)
    }

    fn plain(
        mut self,
        call: &Call,
        prepared: &Prepared,
        head: http::response::Parts,
        text: Bytes,
        exchange: &mut Exchange,
    ) -> Result<Answer, Failure> {
        let adapter = self.served.provider.adapter;
        if call.arrival.stream {
            // A stream was asked for and something else came: an error in a 200, or a page of HTML.
            let observed = adapter.observe(call.arrival.wire, &text);
            return Err(match &observed.error {
                Some(error) => self.failed(error, &observed),
                None => self.broken("it is no stream", head.status),
            });
        }
        let (body, observed) = if prepared.way.is_verbatim() {
            if !looks_like_json(&text) {
                return Err(self.broken("it is no JSON", head.status));
            }
            let observed = adapter.observe(call.arrival.wire, &text);
            (text, observed)
        } else {
            match adapter.decode(&text) {
                Ok(response) if response.error.is_none() => {
                    let observed = Observed {
                        usage: response.usage,
                        usage_complete: true,
                        output_bytes: response.output_bytes(),
                        service_tier: response.service_tier,
                        ..Observed::default()
                    };
                    (respond::encode(&call.arrival, exchange, &response), observed)
                }
                Ok(_) => (Bytes::new(), adapter.observe(call.arrival.wire, &text)),
                Err(error) => return Err(self.broken(&error.to_string(), head.status)),
            }
        };
        if let Some(error) = &observed.error {
            return Err(self.failed(error, &observed));
        }
        let answer = Plain { status: head.status, headers: head.headers, body };
        Ok(self.whole(answer, &observed, exchange))
    }

    /// A whole answer that is as it should be.
    fn whole(&mut self, answer: Plain, observed: &Observed, exchange: &mut Exchange) -> Answer {
        self.credential.circuit.succeeded();
        let ending = Ending { status: Status::Completed, http_status: answer.status.as_u16(), observed };
        let first_byte_ms = self.attempt.elapsed_ms();
        self.attempt.settle(ending, Some(first_byte_ms));
        exchange.first_byte_ms = Some(exchange.elapsed_ms());
        Answer::Plain(answer)
    }

    /// A whole answer that tells of a job: its id says what was charged for it.
    fn job(
        mut self,
        made: &jobs::Made,
        answer: Plain,
        observed: &Observed,
        exchange: &mut Exchange,
    ) -> Result<Answer, Failure> {
        self.credential.circuit.succeeded();
        let ending = Ending { status: Status::Completed, http_status: answer.status.as_u16(), observed };
        let first_byte_ms = self.attempt.elapsed_ms();
        let (served, credential) = (self.served, self.credential);
        let seal = |charged| made.seal(served, credential, exchange, charged);
        let id = self.attempt.settle_job(ending, Some(first_byte_ms), seal);
        exchange.first_byte_ms = Some(exchange.elapsed_ms());
        let failed = || {
            let error = GatewayError::new(Kind::UpstreamFailed, "the system's cryptography failed");
            Failure { error, verdict: Verdict::Final }
        };
        let body = made.answer(&id.ok_or_else(failed)?);
        Ok(Answer::Plain(Plain { body, ..answer }))
    }

    #[expect(clippy::too_many_arguments, reason = "everything that a stream goes on with")]
    fn stream(
        self,
        call: &Call,
        head: http::response::Parts,
        body: Incoming,
        pump: Pump,
        connection: upstream::Connection,
        patience: &Patience,
        exchange: &mut Exchange,
    ) -> Answer {
        self.credential.circuit.succeeded();
        let first_byte_ms = self.attempt.elapsed_ms();
        exchange.first_byte_ms = Some(exchange.elapsed_ms());
        Answer::Stream(Box::new(Stream {
            status: head.status,
            headers: head.headers,
            upstream: body,
            connection: Some(connection),
            pump,
            attempt: Some(self.attempt),
            first_byte_ms,
            idle: patience.idle,
            deadline: patience.last,
            finish: call.finish,
            held: None,
        }))
    }

    /// The provider answered with an error before any content. What it used all the same, where it says so, is a cost.
    fn failed(mut self, error: &UpstreamError, observed: &Observed) -> Failure {
        let cooling = self.served.model().cooling.get(self.place);
        let circuit = &self.credential.circuit;
        let provider = &self.served.provider;
        let verdict = match error.fault {
            // Says nothing about the provider: whoever sends bad requests neither opens nor closes a circuit.
            Fault::Request => Verdict::Final,
            Fault::Credential => {
                if circuit.unauthorized(self.now_ms) {
                    tracing::error!(
                        provider = %provider.id,
                        credential = %self.credential.name,
                        "the provider refuses this credential; it is suspended for a minute"
                    );
                }
                Verdict::Credential { place: self.place }
            }
            Fault::Forbidden => {
                tracing::warn!(
                    provider = %provider.id,
                    credential = %self.credential.name,
                    status = error.status,
                    message = %error.message,
                    "the provider does not let this credential use the model"
                );
                if let Some(cooling) = cooling {
                    cooling.forbidden(self.now_ms);
                }
                Verdict::Credential { place: self.place }
            }
            Fault::Throttled => {
                if let Some(cooling) = cooling {
                    cooling.throttled(self.now_ms, error.retry_after_ms);
                }
                Verdict::Throttled { retry_after_ms: error.retry_after_ms }
            }
            Fault::Provider => {
                circuit.failed(self.now_ms);
                Verdict::Provider
            }
        };
        let ending = Ending { status: Status::Failed, http_status: error.status, observed };
        self.attempt.settle(ending, None);
        Failure { error: GatewayError::upstream(error, &provider.config.name), verdict }
    }

    /// The answer broke off before the client saw any of it, or cannot be read: the provider may charge for it, the tenant
    /// does not pay.
    fn broken(mut self, reason: &str, status: StatusCode) -> Failure {
        let error = UpstreamError {
            status: status.as_u16(),
            fault: Fault::Provider,
            message: format!("the provider did not answer in full: {reason}"),
            code: None,
            param: None,
            retry_after_ms: None,
        };
        self.credential.circuit.failed(self.now_ms);
        self.end(Status::Unreachable, status.as_u16());
        let name = &self.served.provider.config.name;
        Failure { error: GatewayError::upstream(&error, name), verdict: Verdict::Provider }
    }

    fn unreachable(mut self, error: &upstream::SendError) -> Failure {
        self.credential.circuit.failed(self.now_ms);
        tracing::warn!(provider = %self.served.provider.id, %error, "the provider could not be reached");
        self.end(Status::Unreachable, 0);
        let message = format!("provider {:?} could not be reached", self.served.provider.config.name);
        let error = GatewayError::new(Kind::UpstreamUnreachable, message);
        Failure { error, verdict: Verdict::Provider }
    }

    fn timed_out(mut self, reason: &str) -> Failure {
        self.credential.circuit.failed(self.now_ms);
        self.end(Status::Unreachable, 0);
        let name = &self.served.provider.config.name;
        let error = GatewayError::new(Kind::UpstreamTimeout, format!("provider {name:?} {reason}"));
        // The provider may be at work on it, and charge for it: whoever waited this long does not wait for the same
        // once more, but somebody else may be asked.
        Failure { error, verdict: Verdict::NotHere }
    }

    fn end(&mut self, status: Status, http_status: u16) {
        let observed = Observed::default();
        self.attempt.settle(Ending { status, http_status, observed: &observed }, None);
    }
}

pub(super) fn looks_like_json(text: &[u8]) -> bool {
    // DeepSeek sends blank lines while a request waits in its queue.
    text.trim_ascii_start().first() == Some(&b'{')
}

/// Relays a request that uses nothing, and its answer.
pub(super) async fn relay(
    provider: &Provider,
    request: http::Request<upstream::Outgoing>,
    pool: &Pool,
) -> Result<Plain, GatewayError> {
    let patience = Patience::new(provider.config.timeouts, true);
    let answer = ask(provider, &provider.endpoint, request, pool, &patience).await?;
    let (head, text) = whole(provider, answer, pool, &patience).await?;
    if !looks_like_json(&text) {
        let message = format!("provider {:?} did not answer with JSON", provider.config.name);
        return Err(GatewayError::new(Kind::UpstreamFailed, message));
    }
    Ok(Plain { status: head.status, headers: head.headers, body: text })
}

/// Sends a request that uses nothing, to the provider itself or to where it keeps things.
pub(super) async fn ask(
    provider: &Provider,
    at: &Endpoint,
    request: http::Request<upstream::Outgoing>,
    pool: &Pool,
    patience: &Patience,
) -> Result<upstream::Answer<upstream::Outgoing>, GatewayError> {
    let sending = pool.send(at, request, |_| ());
    match tokio::time::timeout_at(patience.first, sending).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::warn!(provider = %provider.id, %error, "the provider could not be reached");
            let message = format!("provider {:?} could not be reached", provider.config.name);
            Err(GatewayError::new(Kind::UpstreamUnreachable, message))
        }
        Err(_) => Err(late(provider)),
    }
}

/// All of an answer that is no error, and not long.
pub(super) async fn whole(
    provider: &Provider,
    answer: upstream::Answer<upstream::Outgoing>,
    pool: &Pool,
    patience: &Patience,
) -> Result<(http::response::Parts, Bytes), GatewayError> {
    let (head, mut body) = answer.response.into_parts();
    let text = match read(&mut body, LONGEST_ERROR, patience).await {
        Ok(text) => text,
        Err(cut) if cut.timed_out => return Err(late(provider)),
        Err(cut) => return Err(GatewayError::new(Kind::UpstreamFailed, cut.reason)),
    };
    pool.give_back(answer.connection);
    if !head.status.is_success() {
        let error = provider.adapter.error(head.status, &head.headers, &text);
        return Err(GatewayError::upstream(&error, &provider.config.name));
    }
    Ok((head, text))
}

fn late(provider: &Provider) -> GatewayError {
    let message = format!("provider {:?} did not answer in time", provider.config.name);
    GatewayError::new(Kind::UpstreamTimeout, message)
}

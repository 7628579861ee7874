//! The server: accept, match, answer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::ask::{Ask, Endpoint};
use super::journal::{Entry, Journal, Outcome, Ticket, Totals};
use super::play::{self, Played, Step};
use super::record::Recorder;
use super::reply::Reply;
use super::script::Script;
use super::usage::anthropic_error;
use super::wire::{Line, Shaped};
use super::{anthropic, openai};

/// Which requests a script answers.
#[derive(Clone, Debug)]
pub struct Rule {
    model: Option<String>,
    times: Option<u64>,
    script: Script,
}

impl Rule {
    /// Answers every chat or message request, always.
    pub fn always(script: Script) -> Self {
        Self { model: None, times: None, script }
    }

    /// Answers the next one only.
    pub fn once(script: Script) -> Self {
        Self { model: None, times: Some(1), script }
    }

    /// Only requests for this upstream model.
    #[must_use]
    pub fn model(mut self, model: &str) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn take(&mut self, ask: &Ask) -> Option<Script> {
        let matches = self.model.as_ref().is_none_or(|model| *model == ask.model);
        if !matches || self.times == Some(0) {
            return None;
        }
        self.times = self.times.map(|left| left - 1);
        Some(self.script.clone())
    }
}

/// What connections share.
#[derive(Debug, Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    models: Mutex<Vec<String>>,
    journal: Journal,
    recorder: Option<Recorder>,
}

/// A running provider; dropping it closes the listener and all connections.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    state: Arc<State>,
    accepting: AbortHandle,
}

impl Scripted {
    /// Listens on a free port of the loopback interface.
    pub async fn start() -> std::io::Result<Self> {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Listens here.
    pub async fn listen(address: SocketAddr) -> std::io::Result<Self> {
        Self::begin(address, None).await
    }

    /// As [`start`](Self::start), with what was asked for with a `marker` kept in a file that [`records`](super::records)
    /// reads: none is forgotten, and what is in it outlives this process.
    pub async fn recording(path: &Path) -> std::io::Result<Self> {
        Self::begin(SocketAddr::from(([127, 0, 0, 1], 0)), Some(Recorder::create(path)?)).await
    }

    /// As [`listen`](Self::listen), with what was asked for with a `marker` kept in memory and shown at `/__scripted/records`.
    pub async fn counting(address: SocketAddr) -> std::io::Result<Self> {
        Self::begin(address, Some(Recorder::in_memory())).await
    }

    async fn begin(address: SocketAddr, recorder: Option<Recorder>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { recorder, ..State::default() });
        state.models.lock().unwrap_or_else(PoisonError::into_inner).push("scripted-1".into());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state))).abort_handle();
        Ok(Self { address, state, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`: what Anthropic's base URL is, or OpenAI's with `/v1` added.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule. The first that matches answers; without one the default script does.
    pub fn rule(&self, rule: Rule) {
        self.state.rules.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// Answers the next request with this.
    pub fn next(&self, script: Script) {
        self.rule(Rule::once(script));
    }

    /// Answers all requests with this, after the rules that were added before.
    pub fn always(&self, script: Script) {
        self.rule(Rule::always(script));
    }

    /// Forgets all rules.
    pub fn unscript(&self) {
        self.state.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Every request so far, in order of arrival.
    pub fn entries(&self) -> Vec<Entry> {
        self.state.journal.entries()
    }

    /// The chat and message requests among them.
    pub fn asked(&self) -> Vec<Entry> {
        let mut entries = self.entries();
        entries.retain(|entry| matches!(endpoint(&entry.path), Endpoint::Chat | Endpoint::Messages));
        entries
    }

    /// Its own count.
    pub fn totals(&self) -> Totals {
        self.state.journal.totals()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, number, Arc::clone(&state)));
        number += 1;
    }
}

async fn connection(stream: TcpStream, number: u64, state: Arc<State>) {
    // A connection that is gone already shows when it is written to.
    let _ = stream.set_nodelay(true);
    let line = Line::of(&stream);
    let io = TokioIo::new(Shaped::new(stream, line.clone()));
    let service = service_fn(|request| answer(request, number, Arc::clone(&state), line.clone()));
    // It ends in an error when a script breaks it off.
    let _ = hyper::server::conn::http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(io, service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    connection: u64,
    state: Arc<State>,
    line: Line,
) -> Result<Response<Played>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = head.uri.to_string();
    let endpoint = endpoint(&path);
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let from_anthropic = headers.iter().any(|(name, _)| name == "anthropic-version");
    let about_itself = matches!(endpoint, Endpoint::Journal | Endpoint::Records);
    let journal = if about_itself { Journal::default() } else { state.journal.clone() };
    let mut ask = Ask::of(&serde_json::from_slice(&body).unwrap_or_default());
    let recording = state.recorder.as_ref().and_then(|recorder| recorder.arrived(&path, &mut ask));
    let ticket = journal.open(
        Entry {
            number: 0,
            connection,
            method: head.method.to_string(),
            path,
            headers,
            body,
            status: 0,
            tokens: None,
            events: 0,
            outcome: Outcome::Running,
        },
        recording,
    );
    let script = script(&state, &endpoint, &ask);
    if !script.before.is_zero() {
        tokio::time::sleep(script.before).await;
    }
    let answer = match &endpoint {
        Endpoint::Chat | Endpoint::Messages => complete(&script, &endpoint, &ask, &ticket),
        other => list(&state, other, &head.method, from_anthropic, &ask, &ticket),
    };
    line.drip(script.drip);
    let played = Played::new(answer.steps, script.gate.clone(), line, ticket);
    Ok(respond(answer.status, answer.kind, &script.headers, played))
}

/// An answer before its delivery.
struct Answer {
    status: u16,
    kind: &'static str,
    steps: VecDeque<Step>,
}

impl Answer {
    fn json(script: &Script, status: u16, body: &Bytes) -> Self {
        Self { status, kind: "application/json", steps: play::plain(script, body) }
    }
}

fn complete(script: &Script, endpoint: &Endpoint, ask: &Ask, ticket: &Ticket) -> Answer {
    let status = script.status.unwrap_or(200);
    let message = script.message.as_deref().unwrap_or("scripted failure");
    if let Some(body) = &script.body {
        ticket.answering(status, None);
        let mut answer = Answer::json(script, status, body);
        if ask.stream {
            answer.kind = "text/event-stream";
        }
        return answer;
    }
    let anthropic = endpoint.is_anthropic();
    if status >= 400 {
        ticket.answering(status, None);
        let body = if anthropic {
            anthropic_error(status, message)
        } else {
            script.dialect.openai_error(status, message)
        };
        return Answer::json(script, status, &body.to_string().into());
    }
    let reply = Reply::compose(script, ask);
    ticket.answering(status, Some(reply.tokens.clone()));
    let steps = match (ask.stream, anthropic) {
        (false, true) => play::plain(script, &anthropic::plain(script, ask, &reply)),
        (false, false) => play::plain(script, &openai::plain(script, ask, &reply)),
        (true, true) => {
            let error = anthropic::error_event(message);
            play::stream(script, anthropic::stream(script, ask, &reply), error)
        }
        (true, false) => {
            let error = openai::error_event(script, ask, message);
            play::stream(script, openai::stream(script, ask, &reply), error)
        }
    };
    Answer { status, kind: if ask.stream { "text/event-stream" } else { "application/json" }, steps }
}

/// Everything but answers of a model.
fn list(
    state: &State,
    endpoint: &Endpoint,
    method: &http::Method,
    from_anthropic: bool,
    ask: &Ask,
    ticket: &Ticket,
) -> Answer {
    let names = state.models.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (status, body) = match endpoint {
        Endpoint::CountTokens => (200, anthropic::count(ask)),
        Endpoint::Models if from_anthropic => (200, anthropic::models(&names)),
        Endpoint::Models => (200, openai::models(&names)),
        Endpoint::Model(name) if from_anthropic => (200, anthropic::model(name).to_string().into()),
        Endpoint::Model(name) => (200, openai::model(name).to_string().into()),
        Endpoint::Journal => {
            let body = json!({"totals": state.journal.totals(), "entries": state.journal.entries()});
            if *method == http::Method::DELETE {
                state.journal.forget();
            }
            (200, body.to_string().into())
        }
        Endpoint::Records => (200, state.recorder.as_ref().map(Recorder::text).unwrap_or_default().into()),
        _ => (404, Script::default().dialect.openai_error(404, "no such path").to_string().into()),
    };
    ticket.answering(status, None);
    Answer::json(&Script::default(), status, &body)
}

/// The script that the rules and the request's own directives make.
fn script(state: &State, endpoint: &Endpoint, ask: &Ask) -> Script {
    if !matches!(endpoint, Endpoint::Chat | Endpoint::Messages) {
        return Script::default();
    }
    let mut rules = state.rules.lock().unwrap_or_else(PoisonError::into_inner);
    rules.iter_mut().find_map(|rule| rule.take(ask)).unwrap_or_default().direct(&ask.directives)
}

fn respond(status: u16, kind: &'static str, headers: &[(String, String)], body: Played) -> Response<Played> {
    let mut response = Response::new(body);
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let own = response.headers_mut();
    own.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // A provider's own headers, of which some must not reach a client.
    own.insert("x-request-id", HeaderValue::from_static("req_scripted"));
    own.insert("openai-organization", HeaderValue::from_static("org-scripted"));
    own.insert("x-ratelimit-remaining-requests", HeaderValue::from_static("99"));
    own.insert("anthropic-organization-id", HeaderValue::from_static("org-scripted"));
    own.insert(http::header::SET_COOKIE, HeaderValue::from_static("__cf_bm=scripted"));
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            own.insert(name, value);
        }
    }
    response
}

fn endpoint(uri: &str) -> Endpoint {
    Endpoint::of(uri.split('?').next().unwrap_or_default())
}

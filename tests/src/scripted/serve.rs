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
use super::jobs::{Jobs, Looked};
use super::journal::{Entry, Journal, Outcome, Ticket, Totals};
use super::play::{self, Played, Step};
use super::record::Recorder;
use super::reply::Reply;
use super::script::{Ending, Script};
use super::usage::{Tokens, anthropic_error};
use super::wire::{Events, Line, Shaped};
use super::{anthropic, gemini, media, ollama, openai, responses};

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
    jobs: Mutex<Jobs>,
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

    /// Those after this many, in order of arrival; few at a time, as they are copied.
    pub fn entries_after(&self, count: u64) -> Vec<Entry> {
        self.state.journal.after(count)
    }

    /// Those among them that a model is asked with.
    pub fn asked(&self) -> Vec<Entry> {
        let mut entries = self.entries();
        entries.retain(|entry| endpoint(&entry.path).is_of_a_model());
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
    let said = |header: &str| headers.iter().any(|(name, _)| name == header);
    let from = match () {
        () if said("anthropic-version") => Client::Anthropic,
        () if said("x-goog-api-key") => Client::Gemini,
        () => Client::OpenAI,
    };
    let about_itself = matches!(endpoint, Endpoint::Journal | Endpoint::Records);
    let journal = if about_itself { Journal::default() } else { state.journal.clone() };
    let mut ask = ask(&endpoint, &body);
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
    let answer = if endpoint.is_of_a_model() {
        complete(&state, &script, &endpoint, &ask, &ticket)
    } else if endpoint.is_of_a_job() {
        job(&state, &endpoint, &head, &ticket)
    } else {
        list(&state, &endpoint, &head.method, from, &ask, &ticket)
    };
    line.drip(script.drip);
    let played = Played::new(answer.steps, script.gate.clone(), line, ticket);
    let headers = [answer.headers, script.headers].concat();
    Ok(respond(answer.status, answer.kind, &headers, played))
}

/// An answer before its delivery.
struct Answer {
    status: u16,
    kind: &'static str,
    /// Beside the script's.
    headers: Vec<(String, String)>,
    steps: VecDeque<Step>,
}

impl Answer {
    fn json(script: &Script, status: u16, body: &Bytes) -> Self {
        Self { status, kind: "application/json", headers: Vec::new(), steps: play::plain(script, body) }
    }
}

fn complete(state: &State, script: &Script, endpoint: &Endpoint, ask: &Ask, ticket: &Ticket) -> Answer {
    let wrong = ask.wrong.as_deref().filter(|_| script.status.is_none() && script.body.is_none());
    let status = script.status.unwrap_or(if wrong.is_some() { 400 } else { 200 });
    let message = wrong.or(script.message.as_deref()).unwrap_or("scripted failure");
    if let Some(body) = &script.body {
        ticket.answering(status, None);
        let mut answer = Answer::json(script, status, body);
        if ask.stream {
            answer.kind = stream_kind(endpoint);
        }
        return answer;
    }
    if status >= 400 {
        ticket.answering(status, None);
        let body = if endpoint.is_anthropic() {
            anthropic_error(status, message)
        } else if endpoint.is_gemini() {
            gemini::error(status, message)
        } else if *endpoint == Endpoint::Ollama {
            ollama::error(message)
        } else {
            script.dialect.openai_error(status, message)
        };
        return Answer::json(script, status, &body.to_string().into());
    }
    let reply = Reply::compose(script, ask);
    let (tokens, content) = content(state, script, endpoint, ask, &reply, message);
    ticket.answering(status, Some(tokens));
    match content {
        Content::Plain(kind, body) => {
            Answer { status, kind, headers: Vec::new(), steps: play::plain(script, &body) }
        }
        Content::Stream(events, error) => Answer {
            status,
            kind: stream_kind(endpoint),
            headers: Vec::new(),
            steps: play::stream(script, events, error),
        },
    }
}

fn stream_kind(endpoint: &Endpoint) -> &'static str {
    if *endpoint == Endpoint::Ollama { "application/x-ndjson" } else { "text/event-stream" }
}

/// An answer, before it is known how it ends.
enum Content {
    /// Content type and body.
    Plain(&'static str, Bytes),
    /// Events, and what an error among them is.
    Stream(Events, Bytes),
}

/// What a request is answered, and what that uses.
fn content(
    state: &State,
    script: &Script,
    endpoint: &Endpoint,
    ask: &Ask,
    reply: &Reply,
    message: &str,
) -> (Tokens, Content) {
    let json = |body: Bytes| Content::Plain("application/json", body);
    let generated = match (endpoint, ask.stream) {
        (Endpoint::Messages, false) => json(anthropic::plain(script, ask, reply)),
        (Endpoint::Messages, true) => {
            Content::Stream(anthropic::stream(script, ask, reply), anthropic::error_event(message))
        }
        (Endpoint::Ollama, false) => json(ollama::plain(script, ask, reply)),
        (Endpoint::Ollama, true) => {
            Content::Stream(ollama::stream(script, ask, reply), ollama::error_line(message))
        }
        (Endpoint::Gemini(..), false) => json(gemini::plain(script, ask, reply)),
        (Endpoint::Gemini(..), true) => {
            Content::Stream(gemini::stream(script, ask, reply), gemini::error_event(message))
        }
        (Endpoint::Responses, false) => json(responses::plain(script, ask, reply)),
        (Endpoint::Responses, true) => {
            Content::Stream(responses::stream(script, ask, reply), responses::error_event(script, message))
        }
        (Endpoint::Completions, false) => json(responses::completion(script, ask, reply)),
        (Endpoint::Completions, true) => Content::Stream(
            responses::completion_stream(script, ask, reply),
            openai::error_event(script, ask, message),
        ),
        (Endpoint::Transcription, false) => json(media::transcription(ask, reply)),
        (Endpoint::Transcription, true) => {
            Content::Stream(media::transcription_stream(ask, reply), responses::error_event(script, message))
        }
        (
            Endpoint::Embeddings
            | Endpoint::Images
            | Endpoint::Speech
            | Endpoint::Videos
            | Endpoint::LongRunning(_)
            | Endpoint::Generations
            | Endpoint::Tasks
            | Endpoint::GeminiEmbed(_)
            | Endpoint::Predict,
            _,
        ) => {
            return made(state, script, endpoint, ask, message);
        }
        (_, false) => json(openai::plain(script, ask, reply)),
        (_, true) => {
            Content::Stream(openai::stream(script, ask, reply), openai::error_event(script, ask, message))
        }
    };
    (reply.tokens.clone(), generated)
}

/// The same where no text is generated.
fn made(state: &State, script: &Script, endpoint: &Endpoint, ask: &Ask, message: &str) -> (Tokens, Content) {
    let jobs = || state.jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let json = |body: Bytes| Content::Plain("application/json", body);
    let tokens = media::prompt(script, ask);
    let content = match endpoint {
        Endpoint::Embeddings => json(media::embeddings(ask, &tokens)),
        Endpoint::GeminiEmbed(batch) => json(gemini::embeddings(ask, *batch)),
        Endpoint::Predict => json(gemini::predictions(ask)),
        Endpoint::LongRunning(_) => json(jobs().operation(script, ask)),
        Endpoint::Videos => json(jobs().video(script, ask)),
        Endpoint::Generations => json(jobs().generation(script, ask)),
        Endpoint::Tasks => json(jobs().task(script, ask)),
        Endpoint::Speech if ask.encoding.as_deref() == Some("sse") => {
            Content::Stream(media::speech_stream(&tokens), responses::error_event(script, message))
        }
        Endpoint::Speech => Content::Plain("audio/mpeg", media::speech()),
        _ if ask.stream => {
            Content::Stream(media::images_stream(&tokens), responses::error_event(script, message))
        }
        _ => json(media::images(ask, &tokens)),
    };
    (tokens, content)
}

/// What is asked of a job.
fn job(state: &State, endpoint: &Endpoint, head: &http::request::Parts, ticket: &Ticket) -> Answer {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let looked = Looked {
        endpoint,
        method: &head.method,
        host: header("host").unwrap_or_default(),
        query: head.uri.query().unwrap_or_default(),
        range: header("range"),
    };
    let told = state.jobs.lock().unwrap_or_else(PoisonError::into_inner).look(&looked);
    ticket.answering(told.status, None);
    let ending = if told.cut { Ending::Cut { after: 0 } } else { Ending::Proper };
    let answer = Answer::json(&Script::default().ending(ending), told.status, &told.body);
    Answer { kind: told.kind.unwrap_or(answer.kind), headers: told.headers, ..answer }
}

/// Whose list of models a client expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    OpenAI,
    Anthropic,
    Gemini,
}

/// Everything but answers of a model.
fn list(
    state: &State,
    endpoint: &Endpoint,
    method: &http::Method,
    from: Client,
    ask: &Ask,
    ticket: &Ticket,
) -> Answer {
    let names = state.models.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (status, body) = match endpoint {
        Endpoint::CountTokens => (200, anthropic::count(ask)),
        Endpoint::GeminiCount => (200, gemini::count(ask)),
        Endpoint::Models => (
            200,
            match from {
                Client::OpenAI => openai::models(&names),
                Client::Anthropic => anthropic::models(&names),
                Client::Gemini => gemini::models(&names),
            },
        ),
        Endpoint::Model(name) => {
            let model = match from {
                Client::OpenAI => openai::model(name),
                Client::Anthropic => anthropic::model(name),
                Client::Gemini => gemini::model(name),
            };
            (200, model.to_string().into())
        }
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
    if !endpoint.is_of_a_model() {
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

fn ask(endpoint: &Endpoint, body: &[u8]) -> Ask {
    let read = || serde_json::from_slice(body).unwrap_or_default();
    match endpoint {
        Endpoint::Gemini(model, stream) => Ask::of_gemini(model, *stream, &read()),
        Endpoint::LongRunning(model) => Ask::of_gemini(model, false, &read()),
        _ if endpoint.is_gemini() => Ask::of_gemini("", false, &read()),
        Endpoint::Ollama => Ask::of_ollama(&read()),
        // A form's boundary begins so.
        _ if body.starts_with(b"--") => Ask::of_form(body),
        _ => Ask::of(&read()),
    }
}

fn endpoint(uri: &str) -> Endpoint {
    Endpoint::of(uri.split('?').next().unwrap_or_default())
}

//! Jobs that outlive their request: videos in OpenAI's way and xAI's, Google's operations, Doubao's tasks. Each look at one
//! goes a state on, and the last stays.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::ask::{Ask, Endpoint};
use super::gemini;
use super::script::Script;

/// What looks see where a script says nothing.
const USUAL: [&str; 2] = ["in_progress", "completed"];
/// A second of a film that nobody can see.
const LENGTH: u32 = 5_000;

/// All jobs that were made here.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    made: usize,
    jobs: HashMap<String, Job>,
}

#[derive(Debug)]
struct Job {
    /// Told of in xAI's way, where OpenAI's has the same path.
    is_xai: bool,
    model: String,
    seconds: String,
    size: Option<String>,
    state: String,
    next: VecDeque<String>,
}

/// What is asked of one, and how.
pub(super) struct Looked<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) method: &'a Method,
    /// As the client wrote it.
    pub(super) host: &'a str,
    pub(super) query: &'a str,
    pub(super) range: Option<&'a str>,
}

/// What it is answered.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) kind: Option<&'static str>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// The connection is closed in the midst of it.
    pub(super) cut: bool,
}

impl Jobs {
    /// `POST /videos`.
    pub(super) fn video(&mut self, script: &Script, ask: &Ask) -> Bytes {
        let id = self.make("video_scripted", script, ask);
        let job = self.jobs.get(&id).map(|job| openai(&id, job)).unwrap_or_default();
        job.to_string().into()
    }

    /// Veo's `predictLongRunning`, of the model that its path names.
    pub(super) fn operation(&mut self, script: &Script, ask: &Ask) -> Bytes {
        let id = self.make("scripted", script, ask);
        json!({ "name": name(&ask.model, &id) }).to_string().into()
    }

    /// xAI's `POST /videos/generations`.
    pub(super) fn generation(&mut self, script: &Script, ask: &Ask) -> Bytes {
        json!({ "request_id": self.make("xai", script, ask) }).to_string().into()
    }

    /// Doubao's `POST /contents/generations/tasks`.
    pub(super) fn task(&mut self, script: &Script, ask: &Ask) -> Bytes {
        json!({ "id": self.make("cgt", script, ask) }).to_string().into()
    }

    fn make(&mut self, prefix: &str, script: &Script, ask: &Ask) -> String {
        self.made += 1;
        let id = format!("{prefix}_{}", self.made);
        let next =
            if script.job.is_empty() { USUAL.map(str::to_owned).into() } else { script.job.clone().into() };
        let seconds = ask.seconds.clone().unwrap_or_else(|| "4".to_owned());
        let size = ask.size.clone();
        self.jobs.insert(
            id.clone(),
            Job {
                is_xai: prefix == "xai",
                model: ask.model.clone(),
                seconds,
                size,
                state: "queued".into(),
                next,
            },
        );
        id
    }

    /// Looks at a job, or fetches or deletes it.
    pub(super) fn look(&mut self, looked: &Looked<'_>) -> Told {
        match looked.endpoint {
            Endpoint::Video(id) if looked.method == Method::DELETE => match self.jobs.remove(id) {
                Some(_) => told(&json!({"id": id, "object": "video.deleted", "deleted": true})),
                None => missing(looked.endpoint),
            },
            Endpoint::Video(id) => self
                .seen(id, looked, |job| if job.is_xai { xai(looked.host, id, job) } else { openai(id, job) }),
            Endpoint::Task(id) => self.seen(id, looked, |job| task(looked.host, id, job)),
            Endpoint::Operation(model, id) => {
                let host = looked.host;
                self.seen(id, looked, |job| operation(&name(model, id), host, id, job))
            }
            Endpoint::VideoContent(id) | Endpoint::File(id) => match self.jobs.get(id) {
                Some(job) if job.state == "completed" => content(looked),
                _ => missing(looked.endpoint),
            },
            // Google points on to another path.
            Endpoint::FileMoved(id) => {
                let place = format!("/download/v1beta/files/{id}:download?{}", looked.query);
                Told { status: 302, headers: vec![("location".into(), place)], ..Told::default() }
            }
            _ => missing(looked.endpoint),
        }
    }

    fn seen(&mut self, id: &str, looked: &Looked<'_>, tell: impl FnOnce(&Job) -> Value) -> Told {
        let Some(job) = self.jobs.get_mut(id) else { return missing(looked.endpoint) };
        let next = job.next.pop_front();
        match next.as_deref() {
            Some("cut") => Told { cut: true, ..told(&tell(job)) },
            Some(status) if status.parse::<u16>().is_ok() => {
                error(looked.endpoint, status.parse().unwrap_or(500), "scripted failure")
            }
            Some(state) => {
                state.clone_into(&mut job.state);
                told(&tell(job))
            }
            None => told(&tell(job)),
        }
    }
}

fn name(model: &str, id: &str) -> String {
    format!("models/{model}/operations/{id}")
}

fn told(body: &Value) -> Told {
    Told { status: 200, body: body.to_string().into(), ..Told::default() }
}

fn missing(endpoint: &Endpoint) -> Told {
    error(endpoint, 404, "no such video")
}

fn error(endpoint: &Endpoint, status: u16, message: &str) -> Told {
    let body = if endpoint.is_gemini() {
        gemini::error(status, message)
    } else {
        Script::default().dialect.openai_error(status, message)
    };
    Told { status, ..told(&body) }
}

fn openai(id: &str, job: &Job) -> Value {
    let state = job.state.as_str();
    let error = (state == "failed").then(|| json!({"code": "moderation_blocked", "message": "not this"}));
    json!({"id": id, "object": "video", "created_at": 1_700_000_000, "status": state, "model": job.model,
        "progress": if state == "completed" { 100 } else { 0 }, "seconds": job.seconds,
        "size": job.size.as_deref().unwrap_or("1280x720"), "completed_at": null, "expires_at": null,
        "remixed_from_video_id": null, "error": error})
}

/// Where its film is said to be.
fn place(host: &str, id: &str) -> String {
    format!("http://{host}/v1beta/files/{id}:download?alt=media")
}

fn xai(host: &str, id: &str, job: &Job) -> Value {
    match job.state.as_str() {
        "completed" => json!({"status": "done", "model": job.model, "progress": 100,
            "video": {"url": place(host, id), "duration": 4, "respect_moderation": true}}),
        "failed" => json!({"status": "failed", "code": "invalid_argument", "error": "not this"}),
        "filtered" => json!({"status": "done", "video": {"url": "", "respect_moderation": false}}),
        "expired" => json!({"status": "expired"}),
        _ => json!({"status": "pending", "progress": 0}),
    }
}

fn task(host: &str, id: &str, job: &Job) -> Value {
    let (status, content, error) = match job.state.as_str() {
        "completed" => ("succeeded", json!({"video_url": place(host, id)}), Value::Null),
        "failed" | "filtered" => (
            "failed",
            Value::Null,
            json!({"code": "OutputVideoSensitiveContentDetected", "message": "not this"}),
        ),
        "in_progress" => ("running", Value::Null, Value::Null),
        other => (other, Value::Null, Value::Null),
    };
    json!({"id": id, "model": job.model, "status": status, "content": content, "error": error})
}

fn operation(name: &str, host: &str, id: &str, job: &Job) -> Value {
    let response = |inner: Value| {
        json!({"name": name, "done": true, "response": {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse",
        "generateVideoResponse": inner}})
    };
    match job.state.as_str() {
        "completed" => response(json!({"generatedSamples": [{"video": {"uri": place(host, id)}}]})),
        "failed" => json!({"name": name, "done": true, "error": {"code": 3, "message": "not this"}}),
        "filtered" => {
            response(json!({"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["not this either"]}))
        }
        _ => json!({ "name": name }),
    }
}

/// The film, or the part of it that a single range asks for.
fn content(looked: &Looked<'_>) -> Told {
    let film: Vec<u8> = (0..LENGTH).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
    let film = [b"\0\0\0\x18ftypmp42".as_slice(), &film].concat();
    let length = film.len();
    let kind = if looked.query.contains("variant=thumbnail") { "image/webp" } else { "video/mp4" };
    let mut headers = vec![("accept-ranges".to_owned(), "bytes".to_owned())];
    let asked = looked.range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (status, part) = match asked {
        None => (200, 0..length),
        Some((from, to)) => {
            let (from, to) = (from.parse::<usize>().ok(), to.parse::<usize>().ok());
            let part = match (from, to) {
                (Some(from), to) => from..to.map_or(length, |to| length.min(to + 1)),
                (None, last) => length.saturating_sub(last.unwrap_or(0))..length,
            };
            if part.is_empty() {
                headers.push(("content-range".into(), format!("bytes */{length}")));
                return Told { headers, ..error(looked.endpoint, 416, "there is no such range") };
            }
            headers.push(("content-range".into(), format!("bytes {}-{}/{length}", part.start, part.end - 1)));
            (206, part)
        }
    };
    headers.push(("content-length".into(), part.len().to_string()));
    let body = film.get(part).map(Bytes::copy_from_slice).unwrap_or_default();
    Told { status, kind: Some(kind), headers, body, cut: false }
}

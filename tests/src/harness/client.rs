//! A client that shows everything: status, headers, bytes.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::HeaderMap;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use super::sse::{self, Event};

/// Nothing may take longer, whatever a provider does.
const HANG: Duration = Duration::from_mins(1);

/// Speaks to one origin, with or without a key.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    origin: String,
    headers: Vec<(String, String)>,
}

impl Client {
    /// The key goes into `Authorization`.
    pub fn new(origin: &str, key: Option<&str>) -> Self {
        Self::with(reqwest::Client::new(), origin, key)
    }

    /// The same, on connections made this way.
    pub(super) fn with(http: reqwest::Client, origin: &str, key: Option<&str>) -> Self {
        let headers =
            key.map(|key| ("authorization".to_owned(), format!("Bearer {key}"))).into_iter().collect();
        Self { http, origin: origin.to_owned(), headers }
    }

    /// Sends this header with every request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        Answer::read(self.send(self.request(Method::GET, path)).await?).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        Answer::read(self.send(self.request(Method::DELETE, path)).await?).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.post_bytes(path, body.to_string().into()).await
    }

    /// `POST` of any bytes, said to be JSON.
    pub async fn post_bytes(&self, path: &str, body: Bytes) -> anyhow::Result<Answer> {
        Answer::read(self.send(self.request(Method::POST, path).body(body)).await?).await
    }

    /// `POST` of a form with these fields and one file.
    pub async fn post_form(
        &self,
        path: &str,
        fields: &[(&str, String)],
        file: &str,
        bytes: Bytes,
    ) -> anyhow::Result<Answer> {
        const BOUNDARY: &str = "boundary-of-a-form";
        let mut body = Vec::new();
        for (name, value) in fields {
            let part =
                format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{file}\"; filename=\"a.png\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.request(Method::POST, path).body(body);
        let mut request = request.build()?;
        request.headers_mut().insert("content-type", kind.parse()?);
        Answer::read(self.http.execute(request).await.context("no answer")?).await
    }

    /// OpenAI's chat completions.
    pub async fn chat(&self, body: &Value) -> anyhow::Result<Answer> {
        self.post("/v1/chat/completions", body).await
    }

    /// Anthropic's messages.
    pub async fn messages(&self, body: &Value) -> anyhow::Result<Answer> {
        self.post("/v1/messages", body).await
    }

    /// A `POST` whose answer is read bit by bit.
    pub async fn live(&self, path: &str, body: &Value) -> anyhow::Result<Live> {
        let response = self.send(self.request(Method::POST, path).body(body.to_string())).await?;
        Ok(Live { response, unread: String::new() })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.origin)).timeout(HANG);
        request = request.header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        request.send().await.context("no answer")
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP's.
    pub status: u16,
    /// All of them.
    pub headers: HeaderMap,
    /// As received.
    pub body: Bytes,
}

impl Answer {
    async fn read(response: Response) -> anyhow::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.context("the answer breaks off")?;
        Ok(Self { status, headers, body })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{}: {}", self.status, self.text()))
    }

    /// The body as JSON, of an answer with status 200.
    pub fn good(&self) -> anyhow::Result<Value> {
        ensure!(self.status == 200, "{}: {}", self.status, self.text());
        self.json()
    }

    /// The body's events, of an answer with status 200.
    pub fn events(&self) -> anyhow::Result<Vec<Event>> {
        ensure!(self.status == 200, "{}: {}", self.status, self.text());
        Ok(sse::events(&self.text()))
    }

    /// Asserts status 200, whatever the body is.
    pub fn ok(&self) -> anyhow::Result<()> {
        self.events().map(drop)
    }

    /// The first header of this name; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The gateway's id of the request.
    pub fn request_id(&self) -> &str {
        self.header("x-request-id")
    }

    /// Asserts an error in OpenAI's shape, and gives it.
    pub fn openai_error(&self, status: u16) -> anyhow::Result<Value> {
        let error = self.json()?["error"].take();
        ensure!(self.status == status, "{status} expected: {} {}", self.status, self.text());
        ensure!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "no message: {error}");
        ensure!(error["type"].is_string(), "no type: {error}");
        ensure!(error.get("param").is_some() && error.get("code").is_some(), "param, code: {error}");
        ensure!(!self.request_id().is_empty(), "no x-request-id");
        Ok(error)
    }

    /// Asserts an error in Anthropic's shape, and gives it.
    pub fn anthropic_error(&self, status: u16) -> anyhow::Result<Value> {
        let mut body = self.json()?;
        ensure!(self.status == status, "{status} expected: {} {}", self.status, self.text());
        ensure!(body["type"] == "error", "type: {body}");
        let error = body["error"].take();
        ensure!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "no message: {error}");
        ensure!(error["type"].is_string(), "no type: {error}");
        ensure!(!self.request_id().is_empty(), "no x-request-id");
        Ok(error)
    }
}

/// An answer that is still coming. Dropping it disconnects.
#[derive(Debug)]
pub struct Live {
    response: Response,
    unread: String,
}

impl Live {
    /// HTTP's.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The first header of this name; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The next event; none at the proper end of the body, an error if it breaks off.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            let mut rest = self.unread.as_str();
            if let Some(event) = sse::take(&mut rest) {
                self.unread = rest.into();
                return Ok(Some(event));
            }
            match self.response.chunk().await? {
                Some(bytes) => self.unread.push_str(&String::from_utf8_lossy(&bytes)),
                None => return Ok(None),
            }
        }
    }

    /// The next event, which must come.
    pub async fn event(&mut self) -> anyhow::Result<Event> {
        let status = self.status();
        self.next().await?.with_context(|| format!("{status}: the stream ended: {}", self.unread))
    }

    /// Everything up to the end.
    pub async fn rest(&mut self) -> anyhow::Result<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            events.push(event);
        }
        Ok(events)
    }
}

//! What the demo provider answers in a chat: pure, request in, bytes out, in the words of the hub's own wires.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    body,
    chat::{self, Content, Event, FinishReason, Request, Response, estimate},
    usage::Usage,
    wire::{BadRequest, Meta, Wire},
};

/// The model that is listed. Any name is answered.
const MODEL: &str = "demo";

/// Characters of the question that are repeated.
const QUOTED: usize = 200;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Ask {
    wire: Wire,
    request: Request,
    prompt_tokens: u64,
}

/// Why there is no answer: the client's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("the demo provider has no such path: it chats, completes, embeds, paints, speaks and listens")]
    NoSuchPath,
    #[error("{0}")]
    Malformed(String),
    #[error(transparent)]
    Bad(#[from] BadRequest),
}

/// An answer before it is written down.
#[derive(Debug)]
pub(super) struct Answer {
    wire: Wire,
    meta: Meta,
    words: Vec<String>,
    /// The limit was met.
    cut: bool,
    prompt_tokens: u64,
}

impl Ask {
    /// Reads a request in this wire.
    pub(super) fn read(wire: Wire, bytes: Bytes) -> Result<Self, Failure> {
        let malformed =
            |error: body::Malformed| Failure::Malformed(format!("the body is not a JSON object: {error}"));
        let body = body::scan(bytes).map_err(malformed)?;
        Ok(Self { wire, request: wire.decode(&body)?, prompt_tokens: estimate::request(&body) })
    }

    /// Whether the answer is to come word by word.
    pub(super) fn streams(&self) -> bool {
        self.request.stream
    }

    /// The same for the same question.
    pub(super) fn answer(&self, id: String, created: i64) -> Answer {
        let question = self.question();
        let mut quoted: String = question.chars().take(QUOTED).collect();
        if quoted.len() < question.len() {
            quoted.push('…');
        }
        let whole = format!(
            "Hello from the demo provider of AIGNE Hub. There is no model here: whatever is asked, this is the answer, \
             and it is metered and priced like any other. You wrote: {quoted}"
        );
        let limit = self.request.max_output_tokens.unwrap_or(u64::MAX);
        let mut words = Vec::new();
        let mut written = String::new();
        let mut cut = false;
        for word in whole.split_inclusive(' ') {
            written.push_str(word);
            if estimate::text(written.as_bytes()) > limit {
                cut = true;
                break;
            }
            words.push(word.to_owned());
        }
        let include_usage = self.request.include_usage;
        let meta = Meta { model: self.request.model.clone(), id, created, include_usage };
        Answer { wire: self.wire, meta, words, cut, prompt_tokens: self.prompt_tokens }
    }

    /// The text of the last message.
    fn question(&self) -> String {
        let parts = self.request.messages.last().map(|message| message.parts.as_slice()).unwrap_or_default();
        let texts = parts.iter().filter_map(|part| match &part.content {
            Content::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

impl Answer {
    /// At once.
    pub(super) fn plain(&self) -> Bytes {
        let answer = chat::Answer {
            parts: vec![Content::Text(self.words.concat()).into()],
            finish: Some(self.reason().into()),
            ..chat::Answer::default()
        };
        let response = Response { answers: vec![answer], usage: Some(self.usage()), ..Response::default() };
        self.wire.encode(&response, &self.meta)
    }

    /// Word by word, each with the events that it takes; then the end, and usage where it is asked for.
    pub(super) fn pieces(&self) -> Vec<Bytes> {
        let mut encoder = self.wire.encoder(self.meta.clone());
        let start = Event::Start { id: None, model: None, usage: None };
        let words = self.words.iter().cloned().map(Event::Text);
        let end = [Event::Finish(self.reason().into()), Event::Usage(self.usage())];
        let mut pieces: Vec<Bytes> = std::iter::once(start)
            .chain(words)
            .chain(end)
            .map(|event| {
                let mut out = Vec::new();
                encoder.event(&event, &mut out);
                out.into()
            })
            .collect();
        let mut out = Vec::new();
        encoder.finish(&mut out);
        pieces.push(out.into());
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    fn reason(&self) -> FinishReason {
        if self.cut { FinishReason::Length } else { FinishReason::Stop }
    }

    fn usage(&self) -> Usage {
        let output = estimate::text(self.words.concat().as_bytes());
        Usage { input: self.prompt_tokens, output, ..Usage::default() }
    }
}

impl Failure {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::NoSuchPath => 404,
            Self::Malformed(_) | Self::Bad(_) => 400,
        }
    }

    /// In `OpenAI`'s format.
    pub(super) fn body(&self) -> Value {
        let param = if let Self::Bad(bad) = self { bad.param.as_deref() } else { None };
        let told = json!({"message": self.to_string(), "type": "invalid_request_error", "param": param, "code": null});
        Value::Object([("error".to_owned(), told)].into_iter().collect())
    }
}

/// `GET /v1/models`.
pub(super) fn models() -> Value {
    json!({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "aigne-hub"}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &Value) -> Result<Ask, Failure> {
        Ask::read(Wire::OpenAiChat, body.to_string().into())
    }

    fn answer(ask: &Ask) -> Answer {
        ask.answer("chatcmpl-1".into(), 7)
    }

    fn plain(answer: &Answer) -> Value {
        serde_json::from_slice(&answer.plain()).unwrap()
    }

    /// The data of all events.
    fn data(answer: &Answer) -> Vec<String> {
        let text = String::from_utf8(answer.pieces().concat()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }

    #[test]
    fn the_answer_repeats_the_question_and_counts() {
        let asked =
            ask(&json!({"model": "any", "messages": [{"role": "user", "content": "Hello world!"}]})).unwrap();
        assert!(!asked.streams());
        let answer = plain(&answer(&asked));
        let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(content.ends_with("You wrote: Hello world!"), "{content}");
        assert_eq!(
            (&answer["model"], &answer["choices"][0]["finish_reason"]),
            (&json!("any"), &json!("stop"))
        );
        let count = |name: &str| answer["usage"][name].as_u64().unwrap();
        assert_eq!(count("prompt_tokens"), 7);
        assert_eq!(count("completion_tokens"), estimate::text(content.as_bytes()));
        assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"));
    }

    #[test]
    fn a_stream_says_the_same_and_usage_only_where_it_is_asked_for() {
        let mut body = json!({"model": "demo", "stream": true,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "你好"}]}]});
        let asked = ask(&body).unwrap();
        assert!(asked.streams());
        let answer = answer(&asked);
        let parsed = |chunks: &[String]| -> Vec<Value> {
            chunks.iter().filter_map(|chunk| serde_json::from_str(chunk).ok()).collect()
        };
        let bare = data(&answer);
        assert_eq!(bare.last().map(String::as_str), Some("[DONE]"));
        let bare = parsed(&bare);
        let said: String =
            bare.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(json!(said), plain(&answer)["choices"][0]["message"]["content"]);
        assert!(bare.iter().all(|chunk| chunk["usage"].is_null()));

        body["stream_options"] = json!({"include_usage": true});
        let asked = ask(&body).unwrap();
        let told = parsed(&data(&super::tests::answer(&asked)));
        assert_eq!(told.last().unwrap()["usage"], plain(&answer)["usage"]);
    }

    #[test]
    fn an_answer_is_no_longer_than_its_limit_and_a_question_is_cut() {
        let long = "x".repeat(1000);
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": long}]});
        assert!(answer(&ask(&body).unwrap()).plain().len() < 900);
        for limit in [0, 1, 2, 10, 30] {
            body["max_tokens"] = json!(limit);
            let answer = plain(&answer(&ask(&body).unwrap()));
            assert!(answer["usage"]["completion_tokens"].as_u64() <= Some(limit), "{answer}");
            assert_eq!(answer["choices"][0]["finish_reason"], "length");
        }
    }

    #[test]
    fn the_other_formats_of_openai_are_answered_alike() {
        let completion = r#"{"model":"demo","prompt":"Once upon a time","max_tokens":500}"#;
        let answer =
            Ask::read(Wire::OpenAiCompletions, completion.into()).unwrap().answer("cmpl-1".into(), 7);
        let written: Value = serde_json::from_slice(&answer.plain()).unwrap();
        assert_eq!(written["object"], "text_completion");
        assert!(written["choices"][0]["text"].as_str().unwrap().ends_with("Once upon a time"), "{written}");

        let response = r#"{"model":"demo","input":"Hello","stream":true}"#;
        let asked = Ask::read(Wire::OpenAiResponses, response.into()).unwrap();
        let text = String::from_utf8(asked.answer("resp_1".into(), 7).pieces().concat()).unwrap();
        assert!(asked.streams() && text.contains("event: response.completed"), "{text}");
    }

    #[test]
    fn mistakes_are_named() {
        let failure = |body: Value| ask(&body).unwrap_err();
        assert!(failure(json!({"model": "m"})).to_string().contains("messages"));
        let failure = failure(json!({"model": "m", "messages": [], "temperature": "x"}));
        assert_eq!((failure.status(), &failure.body()["error"]["param"]), (400, &json!("temperature")));
        let failure = Ask::read(Wire::OpenAiChat, "[1]".into()).unwrap_err();
        assert_eq!(failure.status(), 400);
        assert!(failure.body()["error"]["message"].as_str().unwrap().contains("JSON"));
    }
}

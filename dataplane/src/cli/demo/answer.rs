//! What the demo provider answers: pure, request in, JSON out.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    body::{self, Body},
    chat::estimate,
};

/// The one model that is listed. Any name is answered.
const MODEL: &str = "demo";

/// Characters of the question that are repeated.
const QUOTED: usize = 200;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Ask {
    model: String,
    /// Of the last message.
    question: String,
    pub(super) stream: bool,
    /// The client wants usage in its stream.
    pub(super) include_usage: bool,
    /// The longest answer, in tokens.
    limit: u64,
    prompt_tokens: u64,
}

/// Why there is no answer: the client's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("the demo provider has /v1/chat/completions and /v1/models alone")]
    NoSuchPath,
    #[error("the body is not a JSON object: {0}")]
    Malformed(String),
    #[error("`{0}` is missing")]
    Missing(&'static str),
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Value,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// An answer before it is written down.
#[derive(Debug)]
pub(super) struct Answer {
    id: String,
    /// Seconds since 1970.
    created: i64,
    model: String,
    /// Each with the white space after it.
    words: Vec<String>,
    /// The limit cut it short.
    cut: bool,
    prompt_tokens: u64,
}

impl Ask {
    /// Reads what matters; the rest is ignored.
    pub(super) fn read(bytes: Bytes) -> Result<Self, Failure> {
        let body: Body = body::scan(bytes).map_err(|error| Failure::Malformed(error.to_string()))?;
        let messages: Vec<Message> = body.get("messages").ok_or(Failure::Missing("messages"))?;
        let last = messages.last().ok_or(Failure::Missing("messages"))?;
        let limit = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| body.get(name));
        Ok(Self {
            model: body.get("model").ok_or(Failure::Missing("model"))?,
            question: text(&last.content),
            stream: body.get("stream").unwrap_or(false),
            include_usage: body
                .get("stream_options")
                .is_some_and(|options: StreamOptions| options.include_usage),
            limit: limit.unwrap_or(u64::MAX),
            prompt_tokens: estimate::request(&body),
        })
    }

    /// The same for the same question.
    pub(super) fn answer(&self, id: String, created: i64) -> Answer {
        let mut quoted: String = self.question.chars().take(QUOTED).collect();
        if quoted.len() < self.question.len() {
            quoted.push('…');
        }
        let whole = format!(
            "Hello from the demo provider of AIGNE Hub. There is no model here: whatever is asked, this is the answer, \
             and it is metered and priced like any other. You wrote: {quoted}"
        );
        let mut words = Vec::new();
        let mut written = String::new();
        let mut cut = false;
        for word in whole.split_inclusive(' ') {
            written.push_str(word);
            if estimate::text(written.as_bytes()) > self.limit {
                cut = true;
                break;
            }
            words.push(word.to_owned());
        }
        Answer { id, created, model: self.model.clone(), words, cut, prompt_tokens: self.prompt_tokens }
    }
}

impl Answer {
    /// As one JSON object.
    pub(super) fn plain(&self) -> Value {
        let message = json!({"role": "assistant", "content": self.words.concat(), "refusal": null});
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": self.reason()}],
            "usage": self.usage(),
        })
    }

    /// As the data of events: the role, a word each, the end, and usage where it is asked for.
    pub(super) fn chunks(&self, include_usage: bool) -> Vec<String> {
        let chunk = |choices: Value| {
            json!({"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
                "choices": choices})
        };
        let delta = |delta: Value, reason: Option<&str>| {
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}])).to_string()
        };
        let mut chunks = vec![delta(json!({"role": "assistant", "content": ""}), None)];
        chunks.extend(self.words.iter().map(|word| delta(json!({"content": word}), None)));
        chunks.push(delta(json!({}), Some(self.reason())));
        if include_usage {
            let mut last = chunk(json!([]));
            last["usage"] = self.usage();
            chunks.push(last.to_string());
        }
        chunks.push("[DONE]".to_owned());
        chunks
    }

    fn reason(&self) -> &'static str {
        if self.cut { "length" } else { "stop" }
    }

    fn usage(&self) -> Value {
        let completion = estimate::text(self.words.concat().as_bytes());
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        })
    }
}

impl Failure {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::NoSuchPath => 404,
            Self::Malformed(_) | Self::Missing(_) => 400,
        }
    }

    /// In `OpenAI`'s format.
    pub(super) fn body(&self) -> Value {
        let told = json!({"message": self.to_string(), "type": "invalid_request_error", "param": null, "code": null});
        Value::Object([("error".to_owned(), told)].into_iter().collect())
    }
}

/// `GET /v1/models`.
pub(super) fn models() -> Value {
    json!({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "aigne-hub"}]})
}

/// A message's text: a string, or the texts of its parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &Value) -> Result<Ask, Failure> {
        Ask::read(body.to_string().into())
    }

    fn answer(ask: &Ask) -> Answer {
        ask.answer("chatcmpl-1".into(), 7)
    }

    #[test]
    fn the_answer_repeats_the_question_and_counts() {
        let asked =
            ask(&json!({"model": "any", "messages": [{"role": "user", "content": "Hello world!"}]})).unwrap();
        assert!(!asked.stream && !asked.include_usage);
        let answer = answer(&asked).plain();
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
        assert!(asked.stream);
        let answer = answer(&asked);
        let parsed = |chunks: &[String]| -> Vec<Value> {
            chunks.iter().filter_map(|chunk| serde_json::from_str(chunk).ok()).collect()
        };
        let bare = answer.chunks(false);
        assert_eq!(bare.last().map(String::as_str), Some("[DONE]"));
        let bare = parsed(&bare);
        let said: String =
            bare.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(json!(said), answer.plain()["choices"][0]["message"]["content"]);
        assert!(bare.iter().all(|chunk| chunk["usage"].is_null()));

        body["stream_options"] = json!({"include_usage": true});
        let asked = ask(&body).unwrap();
        let told = parsed(&answer.chunks(asked.include_usage));
        assert_eq!(told.last().unwrap()["usage"], answer.plain()["usage"]);
    }

    #[test]
    fn an_answer_is_no_longer_than_its_limit_and_a_question_is_cut() {
        let long = "x".repeat(1000);
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": long}]});
        assert!(answer(&ask(&body).unwrap()).plain().to_string().len() < 800);
        for limit in [0, 1, 2, 10, 30] {
            body["max_tokens"] = json!(limit);
            let answer = answer(&ask(&body).unwrap()).plain();
            assert!(answer["usage"]["completion_tokens"].as_u64() <= Some(limit), "{answer}");
            assert_eq!(answer["choices"][0]["finish_reason"], "length");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let missing = |body: Value| ask(&body).unwrap_err();
        assert_eq!(missing(json!({"model": "m"})), Failure::Missing("messages"));
        assert_eq!(missing(json!({"model": "m", "messages": []})), Failure::Missing("messages"));
        let failure = Ask::read("[1]".into()).unwrap_err();
        assert_eq!(failure.status(), 400);
        assert!(failure.body()["error"]["message"].as_str().unwrap().contains("JSON"));
    }
}

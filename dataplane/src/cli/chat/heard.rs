//! What a hub answers, read: pure.

use std::{fmt, io};

use serde::Deserialize;
use serde_json::Value;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Whoever asks has to mend it.
    #[error("the key cannot be used: {0}")]
    Key(String),
    /// Likewise.
    #[error("the hub's address cannot be used: {0}")]
    Address(String),
    /// Nothing was answered.
    #[error("the hub cannot be reached: {0}")]
    Unreachable(String),
    /// The hub said no.
    #[error("the hub answered {status}: {message} (request {request_id})")]
    Refused {
        /// HTTP's.
        status: u16,
        /// The hub's words.
        message: String,
        /// To look for in its log.
        request_id: String,
    },
    /// The answer began, and did not end well.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// Nobody reads what is printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// What an answer tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    model: String,
    /// Input and output tokens.
    usage: Option<(u64, u64)>,
}

/// A stream while it comes.
#[derive(Debug, Default)]
pub(super) struct Stream {
    said: Said,
    done: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    #[serde(alias = "delta")]
    message: Message,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl Trouble {
    /// Whether it may be another answer in a moment: the hub is starting, or has not loaded the key or the model yet.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => [401, 404, 502, 503, 504].contains(status),
            Self::Key(_) | Self::Address(_) | Self::Broken(_) | Self::Output(_) => false,
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "model {}", self.model)?;
        match self.usage {
            Some((input, output)) => write!(formatter, ", {input} tokens in, {output} out"),
            None => formatter.write_str(", no usage told"),
        }
    }
}

/// A plain answer's text, and what it tells of itself.
pub(super) fn plain(body: &[u8]) -> Result<(String, Said), Trouble> {
    let answer = parse(body)?;
    let mut said = Said::default();
    said.take(&answer);
    let text = answer.text().ok_or_else(|| Trouble::Broken("there is no text in it".to_owned()))?;
    Ok((text, said))
}

/// An answer with a status other than 200.
pub(super) fn refusal(status: u16, body: &[u8], request_id: String) -> Trouble {
    let message = parse(body).ok().and_then(|answer| answer.error).map(|error| message(&error));
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    Trouble::Refused { status, message, request_id }
}

impl Stream {
    /// The text that an event adds.
    pub(super) fn hear(&mut self, data: &[u8]) -> Result<String, Trouble> {
        if data == b"[DONE]" {
            self.done = true;
            return Ok(String::new());
        }
        let event = parse(data)?;
        if let Some(error) = &event.error {
            return Err(Trouble::Broken(message(error)));
        }
        self.said.take(&event);
        Ok(event.text().unwrap_or_default())
    }

    /// Whole, or cut off.
    pub(super) fn end(self) -> Result<Said, Trouble> {
        if self.done {
            Ok(self.said)
        } else {
            Err(Trouble::Broken("there is no [DONE] at its end".to_owned()))
        }
    }
}

impl Said {
    fn take(&mut self, answer: &Answer) {
        if !answer.model.is_empty() {
            self.model.clone_from(&answer.model);
        }
        let usage = answer.usage.as_ref();
        self.usage = usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens)).or(self.usage);
    }
}

impl Answer {
    fn text(&self) -> Option<String> {
        self.choices.first()?.message.content.clone()
    }
}

fn parse(body: &[u8]) -> Result<Answer, Trouble> {
    serde_json::from_slice(body)
        .map_err(|error| Trouble::Broken(format!("it is not what OpenAI's API says: {error}")))
}

fn message(error: &Value) -> String {
    error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned)
}

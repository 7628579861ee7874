//! `aigne-hub chat`: one question to a hub, asked as an application asks it.

mod heard;

use std::{io::Write, path::PathBuf, time::Duration};

use http::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use serde_json::json;
use tokio::time::{Instant, sleep};

use self::heard::{Said, Stream, Trouble};
use super::values;
use crate::{
    environment::Environment, export::secret::Secret, provider::Auth, secret::SecretValue, sse, upstream,
};

/// The variable with the key, as `OpenAI`'s SDKs have it.
const KEY_VARIABLE: &str = "OPENAI_API_KEY";
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// For a connection, and for a whole answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_mins(10);

/// Ask a hub, as an application with its tenant's Secret would: one chat, and what it used.
///
/// The key is in `OPENAI_API_KEY` or in a file; a pod's projected ServiceAccount token is one, too. Exits with 1 where there
/// is no whole answer, and says why in the hub's words.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  aigne-hub chat --model gpt-5-mini 'Say hello in five words.'
  aigne-hub chat --model demo --stream --base-url http://aigne-hub.ai.svc:8080/v1 --key-file ./key --wait 30s Hello")]
pub struct Args {
    /// What to say.
    #[arg(value_name = "MESSAGE", default_value = "Hello")]
    message: String,
    /// Which model.
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Where the hub is.
    #[arg(long, value_name = "URL", env = "OPENAI_BASE_URL", default_value = "http://127.0.0.1:8080/v1")]
    base_url: String,
    /// The file that holds the key; without it, `OPENAI_API_KEY` is the key.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Print the answer as it comes.
    #[arg(long)]
    stream: bool,
    /// How long to go on trying while the hub cannot be reached, does not serve, or does not know the key or the model yet.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = values::duration)]
    wait: Duration,
}

/// Prints the answer, and a line with its usage.
pub async fn run(args: &Args, environment: &Environment, output: &mut dyn Write) -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(upstream::tls_config()?)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .user_agent(concat!("aigne-hub/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let key = args.key(environment)?;
    let began = Instant::now();
    let mut told = String::new();
    loop {
        let trouble = match args.ask(&client, &key, output).await {
            Ok(()) => return Ok(()),
            Err(Trouble::Output(error)) => return Err(error.into()),
            Err(trouble) => trouble,
        };
        if !trouble.may_pass() || began.elapsed() + PAUSE > args.wait {
            return Err(trouble.into());
        }
        let reason = trouble.to_string();
        if reason != told {
            tracing::warn!("{reason}; trying again");
            told = reason;
        }
        sleep(PAUSE).await;
    }
}

impl Args {
    fn key(&self, environment: &Environment) -> anyhow::Result<Secret> {
        let file = self.key_file.clone().map(Secret::File);
        let value = || Some(Secret::Value(SecretValue::new(environment.get(KEY_VARIABLE)?)));
        file.or_else(value).ok_or_else(|| {
            anyhow::anyhow!("there is no key: set {KEY_VARIABLE}, or name a file with --key-file")
        })
    }

    async fn ask(
        &self,
        client: &reqwest::Client,
        key: &Secret,
        output: &mut dyn Write,
    ) -> Result<(), Trouble> {
        let key = key.read().map_err(|error| Trouble::Key(error.to_string()))?;
        let (name, value) =
            upstream::authorization(Auth::Bearer, &key).filter(|_| !key.is_empty()).ok_or_else(|| {
                Trouble::Key("the key is empty, or has characters that no header may have".to_owned())
            })?;
        let mut body = json!({"model": self.model, "stream": self.stream,
            "messages": [{"role": "user", "content": self.message}]});
        if self.stream {
            body["stream_options"] = json!({"include_usage": true});
        }
        let url = format!("{}/chat/completions", self.base_url.trim_end_matches('/'));
        let began = Instant::now();
        let request = client.post(url).header(name, value).header(CONTENT_TYPE, "application/json");
        let answer = request.body(body.to_string()).send().await.map_err(|error| {
            if error.is_builder() {
                Trouble::Address(reason(&error))
            } else {
                Trouble::Unreachable(reason(&error))
            }
        })?;
        let status = answer.status().as_u16();
        let request_id = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        let request_id = request_id.unwrap_or("none").to_owned();
        let said = if status == 200 && self.stream {
            self.follow(answer, output).await?
        } else {
            let whole = answer.bytes().await.map_err(|error| Trouble::Broken(reason(&error)))?;
            if status != 200 {
                return Err(heard::refusal(status, &whole, request_id));
            }
            let (text, said) = heard::plain(&whole)?;
            write!(output, "{text}")?;
            said
        };
        writeln!(output, "\n{said}, request {request_id}, {:.2} s", began.elapsed().as_secs_f64())?;
        Ok(())
    }

    /// Prints a stream as it comes.
    async fn follow(&self, mut answer: reqwest::Response, output: &mut dyn Write) -> Result<Said, Trouble> {
        let mut splitter = sse::Splitter::default();
        let mut stream = Stream::default();
        while let Some(frame) = answer.chunk().await.map_err(|error| Trouble::Broken(reason(&error)))? {
            splitter.push(frame);
            while let Some(event) =
                splitter.next_event().map_err(|error| Trouble::Broken(error.to_string()))?
            {
                if let Some(text) = event.data.map(|data| stream.hear(&data)).transpose()? {
                    write!(output, "{text}")?;
                    output.flush()?;
                }
            }
        }
        stream.end()
    }
}

/// With what is behind it.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;

//! The process's own log, on stderr.

use std::io::{IsTerminal as _, stderr};

use tracing::{Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt, fmt::MakeWriter, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Which lines: a `tracing` filter, for example `info,aigne_hub::source=debug`.
pub const FILTER_VARIABLE: &str = "AIGNE_HUB_LOG";
/// `json` or `text`; text on a terminal and JSON elsewhere when it is not set.
pub const FORMAT_VARIABLE: &str = "AIGNE_HUB_LOG_FORMAT";
/// Libraries' own words say nothing to an operator: that a folder is not there any more is told by the source.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn,notify=error";

/// Starts logging. A filter that cannot be read is replaced by the default; a second call does nothing.
pub fn init(filter: &str, format: Option<&str>) {
    let json = format.map_or_else(|| !stderr().is_terminal(), |format| format == "json");
    let parsed = EnvFilter::try_new(filter);
    let wrong = parsed.is_err();
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    if subscriber(filter, json, stderr).try_init().is_ok() && wrong {
        tracing::warn!("{FILTER_VARIABLE} cannot be read as a filter; {DEFAULT_FILTER} is used");
    }
}

fn subscriber<W>(filter: EnvFilter, json: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let as_json = json.then(|| fmt::layer().json().flatten_event(true).with_writer(writer.clone()));
    let as_text = (!json)
        .then(|| fmt::layer().with_target(false).with_ansi(stderr().is_terminal()).with_writer(writer));
    tracing_subscriber::registry().with(filter).with(filter_fn(may_be_heard)).with(as_json).with(as_text)
}

/// Some libraries print what no log may hold, and no filter turns them on: the signer the requests that it signs (prompts
/// too, where a variable says so), the client of the API server whole answers that it cannot read, which may be Secrets.
fn may_be_heard(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let signer =
        target.strip_prefix("aws_sigv4").is_some_and(|below| below.is_empty() || below.starts_with("::"));
    !signer && target != "kube_client::client"
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{
        secret::SecretValue,
        upstream::{Identity, Shown, Signer},
    };

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_filter_makes_the_signer_or_the_api_servers_client_speak() {
        for filter in
            ["trace", "info,aws_sigv4=trace,aws_sigv4::http_request::sign=trace,kube_client::client=trace"]
        {
            for json in [true, false] {
                let written = Written::default();
                let to = written.clone();
                let subscriber = subscriber(EnvFilter::new(filter), json, move || to.clone());
                tracing::subscriber::with_default(subscriber, || {
                    let secret = |text: &str| SecretValue::new(text.to_owned());
                    let identity = Identity::keys(
                        "AKIAHIDDEN",
                        &secret("hidden-key"),
                        Some(&secret("hidden-session")),
                        None,
                    );
                    let mut request =
                        http::Request::post("https://bedrock.eu-central-1.amazonaws.com/model/m/converse")
                            .header("host", "bedrock.eu-central-1.amazonaws.com")
                            .body(())
                            .unwrap();
                    let shown = Shown::Aws(Signer::fixed("eu-central-1", identity));
                    shown.show(&mut request, || "hidden prompt".into(), 1_772_600_767_008).unwrap();
                    assert!(request.headers().contains_key("x-amz-security-token"));
                    tracing::warn!(target: "kube_client::client", "a hidden Secret, that cannot be read");
                    tracing::warn!(target: "kube_client::client::builder", "others are heard");
                    tracing::info!("and so are we");
                });
                let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
                assert!(text.contains("others are heard") && text.contains("and so are we"), "{text}");
                for never in ["hidden", "AKIA", "aws_sigv4", "signing request", "canonical"] {
                    assert!(!text.to_lowercase().contains(&never.to_lowercase()), "{never}: {text}");
                }
            }
        }
    }
}

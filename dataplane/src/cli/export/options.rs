//! Who is told of entries: options of the commands that serve.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use http::Uri;

use crate::environment::Environment;
use crate::export::Sink;
use crate::export::cloudevents::CloudEvents;
use crate::export::secret::Secret;
use crate::export::stripe::Stripe;
use crate::export::webhook::Webhook;
use crate::secret::SecretValue;

const STRIPE_KEY: &str = "AIGNE_HUB_EXPORT_STRIPE_KEY";
const CLOUDEVENTS_TOKEN: &str = "AIGNE_HUB_EXPORT_CLOUDEVENTS_TOKEN";
const WEBHOOK_SECRET: &str = "AIGNE_HUB_EXPORT_WEBHOOK_SECRET";

/// Secrets are no arguments themselves: whoever lists processes would see them.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Export")]
#[expect(clippy::struct_field_names, reason = "a field is named as its option")]
pub(in crate::cli) struct Sinks {
    /// Send a Stripe meter event for each charge: the meter's event name.
    #[arg(long, value_name = "NAME")]
    export_stripe_event: Option<String>,
    /// The file of the Stripe API key; without it, `AIGNE_HUB_EXPORT_STRIPE_KEY` is the key.
    #[arg(long, value_name = "FILE", requires = "export_stripe_event")]
    export_stripe_key_file: Option<PathBuf>,
    /// A YAML or JSON map of accounts to Stripe customers; without it, an account's name is its customer's.
    #[arg(long, value_name = "FILE", requires = "export_stripe_event")]
    export_stripe_customers: Option<PathBuf>,
    /// Where Stripe's API is.
    #[arg(long, value_name = "URL", default_value = "https://api.stripe.com")]
    export_stripe_url: String,
    /// Send a CloudEvent for each entry and each low balance there: OpenMeter's is
    /// <https://openmeter.cloud/api/v1/events>.
    #[arg(long, value_name = "URL")]
    export_cloudevents_url: Option<String>,
    /// The file of the bearer token; without it, `AIGNE_HUB_EXPORT_CLOUDEVENTS_TOKEN` is the token, if it is set.
    #[arg(long, value_name = "FILE", requires = "export_cloudevents_url")]
    export_cloudevents_token_file: Option<PathBuf>,
    /// What tells this hub's events from those of others.
    #[arg(long, value_name = "URI", default_value = "aigne-hub")]
    export_cloudevents_source: String,
    /// Events a request; 1: each alone, for receivers that take no batches.
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = clap::value_parser!(u16).range(1..=256))]
    export_cloudevents_batch: u16,
    /// Post each entry and each low balance there, signed as Standard Webhooks has it.
    #[arg(long, value_name = "URL")]
    export_webhook_url: Option<String>,
    /// The file of the signing secret (`whsec_…`), or of several, one a line; without it,
    /// `AIGNE_HUB_EXPORT_WEBHOOK_SECRET` is the secret.
    #[arg(long, value_name = "FILE", requires = "export_webhook_url")]
    export_webhook_secret_file: Option<PathBuf>,
}

impl Sinks {
    /// Those that are asked for. A secret that is missing is a mistake.
    pub(in crate::cli) fn sinks(self, environment: &Environment) -> anyhow::Result<Vec<Sink>> {
        let secret = |file: Option<PathBuf>, variable: &str| {
            let value = || environment.get(variable).map(|value| Secret::Value(SecretValue::new(value)));
            file.map(Secret::File).or_else(value)
        };
        let mut sinks = Vec::new();
        if let Some(event) = self.export_stripe_event {
            let key = secret(self.export_stripe_key_file, STRIPE_KEY);
            sinks.push(Sink::Stripe(Stripe {
                url: address(self.export_stripe_url)?,
                key: key.with_context(|| format!("--export-stripe-key-file or {STRIPE_KEY} is missing"))?,
                event,
                customers: self.export_stripe_customers,
            }));
        }
        if let Some(url) = self.export_cloudevents_url {
            let token = secret(self.export_cloudevents_token_file, CLOUDEVENTS_TOKEN);
            ensure!(!self.export_cloudevents_source.is_empty(), "--export-cloudevents-source is empty");
            sinks.push(Sink::CloudEvents(CloudEvents {
                url: address(url)?,
                token,
                source: self.export_cloudevents_source,
                batch: self.export_cloudevents_batch.into(),
            }));
        }
        if let Some(url) = self.export_webhook_url {
            let secret = secret(self.export_webhook_secret_file, WEBHOOK_SECRET);
            sinks.push(Sink::Webhook(Webhook {
                url: address(url)?,
                secret: secret.with_context(|| {
                    format!("--export-webhook-secret-file or {WEBHOOK_SECRET} is missing")
                })?,
            }));
        }
        Ok(sinks)
    }
}

/// What is sent over plain HTTP can be read on the way; within a cluster that may be meant.
fn address(url: String) -> anyhow::Result<String> {
    let uri: Uri = url.parse().with_context(|| format!("not a URL: {url}"))?;
    let scheme = uri.scheme_str();
    ensure!(
        uri.host().is_some() && matches!(scheme, Some("http" | "https")),
        "must begin with https://: {url}"
    );
    ensure!(
        !uri.authority().is_some_and(|authority| authority.as_str().contains('@')),
        "a URL of --export has a password"
    );
    if scheme == Some("http") {
        let host = uri.host().unwrap_or_default();
        tracing::warn!(host, "entries are exported over plain HTTP");
    }
    Ok(url)
}

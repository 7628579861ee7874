//! `aigne-hub keys`: which keys there are, what one is, and a new one.

use std::{io::Write, process::ExitCode};

use aigne_hub_crds::{
    compile::ObjectKey,
    distribution::{VARIABLES, Variables},
};
use anyhow::{Context as _, anyhow, bail};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::{Context, Data, Manifests, Output, table::Table};
use crate::{
    secret::SecretValue,
    source::{
        Problem,
        keys::{self, TenantKey},
        secrets::Missing,
    },
};

/// The keys that tenants' applications use.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  aigne-hub keys list -f examples/quickstart
  aigne-hub keys show team-acme/acme app -f deploy/ --output env
  aigne-hub keys rotate team-acme/acme app -f deploy/")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every key of every tenant, without its value.
    List {
        #[command(flatten)]
        at: At,
        /// How to say it.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// A key's value, made now if it was not yet.
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        at: At,
        /// The value alone, or the variables that SDKs read.
        #[arg(short, long, value_enum, default_value = "value")]
        output: Form,
        /// Where applications reach the hub.
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        url: String,
    },
    /// Makes a new key; the old one works on for the Tenant's rotationGrace.
    Rotate {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        at: At,
    },
}

#[derive(Debug, clap::Args)]
struct At {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// NAMESPACE/NAME of the Tenant.
    tenant: String,
    /// The key's name.
    key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Value,
    Env,
}

/// Does it.
pub fn run(args: &Args, context: &Context, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let now = context.clock.now();
    match &args.command {
        Command::List { at, output: Output::Text } => list_text(&at.keys(context)?, now, output)?,
        Command::List { at, output: Output::Json } => list_json(&at.keys(context)?, now, output)?,
        Command::Show { which, at, output: form, url } => {
            let key = which.find(at.keys(context)?)?;
            show(&at.value(key, now)?, *form, url.trim_end_matches('/'), output)?;
        }
        Command::Rotate { which, at } => {
            let key = which.find(at.keys(context)?)?;
            let (name, old_ends) = (format!("{} {}", key.tenant, key.name), at.rotate(&key, now)?);
            match old_ends {
                Some(end) => writeln!(output, "{name}: rotated; the old key works until {end}")?,
                None => writeln!(output, "{name}: rotated")?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl At {
    fn keys(&self, context: &Context) -> anyhow::Result<Vec<TenantKey>> {
        let keyring = self.data.keyring();
        let directory =
            self.manifests.directory(context, Some(&self.data.data), Missing::Make(keyring.clone()));
        keys::list(&directory, &keyring).map_err(|problems| joined(&problems))
    }

    fn value(&self, key: TenantKey, now: Timestamp) -> anyhow::Result<SecretValue> {
        if let Some(trouble) = key.trouble {
            bail!("the key cannot be had: {trouble}");
        }
        match key.value {
            Some(value) => Ok(value),
            None => Ok(self.data.keyring().read_or_make(&key.secret, now)?.value),
        }
    }

    /// Until when the old key works.
    fn rotate(&self, key: &TenantKey, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
        if let Some(file) = &key.brought_by {
            bail!("the key comes from Secret {} in {file}: change it there", key.secret);
        }
        let made =
            self.data.keyring().rotate(&key.secret, now, key.grace).context("the key was not rotated")?;
        Ok(made.rotated.first().map(|old| old.expires_at).filter(|end| *end > now))
    }
}

impl Which {
    fn find(&self, keys: Vec<TenantKey>) -> anyhow::Result<TenantKey> {
        let (namespace, name) = self.tenant.split_once('/').unwrap_or(("default", &self.tenant));
        let tenant = ObjectKey::new(namespace, name);
        let known: Vec<_> =
            keys.iter().filter(|key| key.tenant == tenant).map(|key| key.name.clone()).collect();
        keys.into_iter().find(|key| key.tenant == tenant && key.name == self.key).ok_or_else(|| {
            if known.is_empty() {
                anyhow!("there is no Tenant {tenant} with keys")
            } else {
                anyhow!("Tenant {tenant} has no key {}; it has {}", self.key, known.join(", "))
            }
        })
    }
}

fn joined(problems: &[Problem]) -> anyhow::Error {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    anyhow!("{}", lines.join("\n"))
}

/// A key without its value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    tenant: String,
    key: &'a str,
    secret: String,
    state: &'static str,
    origin: &'static str,
    /// The first 12 digits.
    sha256: Option<String>,
    expires_at: Option<Timestamp>,
    /// Old keys that still work.
    rotated: usize,
    trouble: Option<&'a str>,
}

fn line(key: &TenantKey, now: Timestamp) -> Line<'_> {
    Line {
        tenant: key.tenant.to_string(),
        key: &key.name,
        secret: key.secret.to_string(),
        state: key.state(now),
        origin: if key.brought_by.is_some() { "brought" } else { "made" },
        sha256: key.value.as_ref().map(|value| value.sha256()[..12].to_owned()),
        expires_at: key.expires_at,
        rotated: key.rotated.iter().filter(|old| old.expires_at > now).count(),
        trouble: key.trouble.as_deref(),
    }
}

fn list_json(keys: &[TenantKey], now: Timestamp, output: &mut dyn Write) -> anyhow::Result<()> {
    let lines: Vec<_> = keys.iter().map(|key| line(key, now)).collect();
    serde_json::to_writer_pretty(&mut *output, &lines)?;
    Ok(writeln!(output)?)
}

fn list_text(keys: &[TenantKey], now: Timestamp, output: &mut dyn Write) -> std::io::Result<()> {
    let mut table = Table::new(["TENANT", "KEY", "SECRET", "STATE", "ORIGIN", "SHA256", "EXPIRES"]);
    for line in keys.iter().map(|key| line(key, now)) {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([
            line.tenant,
            line.key.to_owned(),
            line.secret,
            line.state.to_owned(),
            line.origin.to_owned(),
            or_dash(line.sha256),
            or_dash(line.expires_at.map(|end| end.to_string())),
        ]);
    }
    table.write(output)
}

/// `/v1` is what the OpenAI SDKs expect in their base URL; the others add it themselves.
fn show(value: &SecretValue, form: Form, url: &str, output: &mut dyn Write) -> std::io::Result<()> {
    let value = value.expose();
    match form {
        Form::Value => writeln!(output, "{value}"),
        Form::Env => {
            for Variables { key, address, suffix } in VARIABLES {
                writeln!(output, "{key}={value}\n{address}={url}{suffix}")?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;

//! `aigne-hub inject`: manifests with the sidecar in their pods.

use std::{
    fs,
    io::{self, Read as _, Write},
    path::PathBuf,
    process::ExitCode,
};

use aigne_hub_crds::distribution::{IDENTITY_AUDIENCE, INJECT_LABEL, INJECT_SIDECAR};
use anyhow::{Context as _, bail, ensure};

use crate::{
    inject::{self, Settings, Trust, Which},
    sidecar::LISTEN,
};

/// Put the sidecar into the pods of manifests.
///
/// Does what the chart's `sidecar.injection` does to pods in a cluster: those with the label `hub.aigne.io/inject: sidecar`
/// get a container that relays to the hub with their ServiceAccount token, and the variables by which SDKs find it. Writes
/// the manifests to standard output; what has the sidecar already stays as it is. Documents that change lose their
/// comments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  aigne-hub inject -f deployment.yaml --ca-configmap hub-ca | kubectl apply -f -
  kustomize build overlays/prod | aigne-hub inject -f - --hub https://hub.example.com > deploy.yaml
  aigne-hub inject -f pod.yaml --all --hub http://aigne-hub.ai.svc:8080 --allow-insecure")]
pub struct Args {
    /// Manifests: pods and what has templates of them; `-` reads standard input.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: PathBuf,
    /// Every pod, labelled or not.
    #[arg(long)]
    all: bool,
    /// Where the hub is: https://HOST:PORT, no path [default: that of a chart named aigne-hub in namespace ai].
    #[arg(long, value_name = "URL")]
    hub: Option<String>,
    /// The hub may be reached over plain HTTP: tokens and prompts then pass in clear.
    #[arg(long)]
    allow_insecure: bool,
    /// The hub's image [default: that of this version's chart].
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// What the pods' tokens are made for: the hub's workloadIdentity.audience.
    #[arg(long, value_name = "NAME", default_value = IDENTITY_AUDIENCE)]
    audience: String,
    /// Where the sidecar listens on the pod's loopback.
    #[arg(long, value_name = "PORT", default_value_t = LISTEN.port(), value_parser = clap::value_parser!(u16).range(1024..))]
    port: u16,
    /// A ConfigMap of the pods' namespaces with the CA of the hub's certificate (PEM).
    #[arg(long, value_name = "NAME", conflicts_with = "ca_file")]
    ca_configmap: Option<String>,
    /// Its data key.
    #[arg(long, value_name = "KEY", default_value = "ca.crt", requires = "ca_configmap")]
    ca_key: String,
    /// The CA itself (PEM), written into the pods.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Args {
    fn settings(&self) -> anyhow::Result<Settings> {
        let usual = Settings::default();
        let trust = match (&self.ca_configmap, &self.ca_file) {
            (Some(name), _) => Trust::ConfigMap { name: name.clone(), key: self.ca_key.clone() },
            (None, Some(file)) => Trust::Pem(
                fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?,
            ),
            (None, None) => Trust::Public,
        };
        let hub = self.hub.as_deref().map_or(usual.hub, |hub| hub.trim_end_matches('/').to_owned());
        ensure!(
            hub.starts_with("https://") || self.allow_insecure,
            "--hub: over plain HTTP tokens pass in clear: use https, or --allow-insecure if that is meant"
        );
        Ok(Settings {
            hub,
            image: self.image.clone().unwrap_or(usual.image),
            trust,
            allow_insecure: self.allow_insecure,
            audience: self.audience.clone(),
            port: self.port,
        })
    }
}

/// Writes the manifests.
pub fn run(args: &Args, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let settings = args.settings()?;
    let (name, text) = if args.file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        ("standard input".to_owned(), text)
    } else {
        let name = args.file.display().to_string();
        let text = fs::read_to_string(&args.file).with_context(|| format!("{name} cannot be read"))?;
        (name, text)
    };
    let which = if args.all { Which::All } else { Which::Labelled };
    match inject::inject(&name, &text, &settings, which) {
        Err(errors) => bail!("{}", errors.join("\n")),
        Ok(injected) if injected.pods == 0 => bail!(
            "no pod in {name} has the label {INJECT_LABEL}: {INJECT_SIDECAR}; give it to those that are to have the \
             sidecar (in a Deployment: to its template), or use --all"
        ),
        Ok(injected) => {
            output.write_all(injected.text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

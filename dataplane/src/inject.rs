//! The sidecar, put into manifests: what the chart's `MutatingAdmissionPolicy` does to pods as they are created, for
//! clusters that have no such policies and for whoever wants to see it in Git. A test on a real API server holds the
//! two equal.
//!
//! ```text
//! text ─► pieces ─► a document ─► pods in it (manifest.rs) ─► each changed (pod.rs) ─► text
//! ```
//!
//! Pure: text in, text out.

mod manifest;
mod pod;
mod yaml;

use aigne_hub_crds::{distribution::IDENTITY_AUDIENCE, manifest::values};

pub use manifest::Which;
pub use pod::Trust;

use crate::sidecar::LISTEN;

/// What is put into pods. The defaults are the chart's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the hub is, without a path.
    pub hub: String,
    /// The sidecar's image.
    pub image: String,
    /// Whom TLS trusts beside public authorities.
    pub trust: Trust,
    /// The hub is reached over plain HTTP.
    pub allow_insecure: bool,
    /// The audience of tokens.
    pub audience: String,
    /// On the pod's loopback.
    pub port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self {
            hub: "https://aigne-hub.ai.svc:8443".to_owned(),
            image: format!("ghcr.io/aigne-io/aigne-hub-kubernetes:{version}"),
            trust: Trust::Public,
            allow_insecure: false,
            audience: IDENTITY_AUDIENCE.to_owned(),
            port: LISTEN.port(),
        }
    }
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// Documents that did not change are as they were written; others are written anew, without their comments.
    pub text: String,
    /// Pods and templates of pods that were meant, changed or not.
    pub pods: usize,
}

/// Puts the sidecar into the pods of a file. Doing it again changes nothing. Errors are for people, one a line.
pub fn inject(file: &str, text: &str, settings: &Settings, which: Which) -> Result<Injected, Vec<String>> {
    let mut injected = Injected { text: String::new(), pods: 0 };
    let mut errors = Vec::new();
    let mut line = 0;
    for piece in yaml::pieces(text) {
        // Empty lines before it, so that errors name the file's own lines.
        let read = values(file, &format!("{}{piece}", "\n".repeat(line)));
        line += piece.matches('\n').count();
        match read {
            Err(wrong) => errors.extend(wrong.iter().map(ToString::to_string)),
            Ok(mut documents) => {
                let before = documents.clone();
                for document in &mut documents {
                    match manifest::inject(document, settings, which) {
                        Ok(pods) => injected.pods += pods,
                        Err(refused) => errors.extend(refused),
                    }
                }
                if documents == before {
                    injected.text.push_str(piece);
                } else {
                    injected.text.push_str(if piece.starts_with("---") { "---\n" } else { "" });
                    let written: Vec<_> = documents.iter().map(yaml::write).collect();
                    injected.text.push_str(&written.join("---\n"));
                }
            }
        }
    }
    if errors.is_empty() { Ok(injected) } else { Err(errors) }
}

#[cfg(test)]
mod tests;

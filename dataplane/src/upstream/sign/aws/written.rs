//! What people put into a Secret for AWS.

use serde::Deserialize;

use super::Identity;
use crate::secret::SecretValue;

/// Why a value is no credential for AWS. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BadCredential {
    #[error("it begins as JSON and is no object with accessKeyId and secretAccessKey")]
    NotJson,
    #[error("it looks like an AWS credentials file and has no {0}")]
    Missing(&'static str),
    #[error("it has characters that no Bedrock API key has")]
    NotAKey,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Json {
    #[serde(alias = "AccessKeyId")]
    access_key_id: String,
    #[serde(alias = "SecretAccessKey")]
    secret_access_key: String,
    #[serde(alias = "SessionToken")]
    session_token: Option<String>,
}

pub(super) fn read(value: &SecretValue) -> Result<Identity, BadCredential> {
    let text = value.expose().trim();
    if text.starts_with('{') {
        let json: Json = serde_json::from_str(text).map_err(|_| BadCredential::NotJson)?;
        if json.access_key_id.is_empty() || json.secret_access_key.is_empty() {
            return Err(BadCredential::NotJson);
        }
        return Ok(keys(&json.access_key_id, json.secret_access_key, json.session_token));
    }
    if text.starts_with('[') || text.to_ascii_lowercase().contains("aws_access_key_id") {
        return file(text);
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadCredential::NotAKey);
    }
    Identity::api_key(value).ok_or(BadCredential::NotAKey)
}

fn keys(id: &str, secret: String, session: Option<String>) -> Identity {
    let session = session.filter(|token| !token.is_empty()).map(SecretValue::new);
    Identity::keys(id.trim(), &SecretValue::new(secret), session.as_ref(), None)
}

/// The profile `default`, or the first one. Variables as `export` writes them are read alike.
fn file(text: &str) -> Result<Identity, BadCredential> {
    let mut profiles: Vec<(&str, Vec<&str>)> = vec![("", Vec::new())];
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(name) => profiles.push((name.trim(), Vec::new())),
            None => profiles.last_mut().into_iter().for_each(|(_, lines)| lines.push(line)),
        }
    }
    profiles.retain(|(_, lines)| lines.iter().any(|line| line.contains('=')));
    let profile = profiles.iter().find(|(name, _)| *name == "default").or(profiles.first());
    let lines = profile.map(|(_, lines)| lines.as_slice()).unwrap_or_default();
    let find = |wanted: &str| {
        lines.iter().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            let name = name.trim().trim_start_matches("export ").trim();
            let value = value.trim().trim_matches(['"', '\'']);
            (name.eq_ignore_ascii_case(wanted) && !value.is_empty()).then(|| value.to_owned())
        })
    };
    let need = |name: &'static str| find(name).ok_or(BadCredential::Missing(name));
    Ok(keys(&need("aws_access_key_id")?, need("aws_secret_access_key")?, find("aws_session_token")))
}

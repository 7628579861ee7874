//! The gateway under test: its YAML, its start, and its ledger's word on what it served.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    cli::{Arguments, free_address},
    process::Process,
    script::{PROVIDER_KEY, TENANT_KEY, TRANSLATED_MODEL, VERBATIM_MODEL},
};

const RESOURCES: &str = include_str!("../../../bench/resources.yaml");

/// Starts it before `upstream`, on a free port, everything on: keys, metering, journal, ledger, metrics, access log.
pub(crate) fn start(
    arguments: &Arguments,
    upstream: SocketAddr,
    folder: &Path,
) -> Result<(SocketAddr, Process)> {
    let (address, admin) = (free_address()?, free_address()?);
    let resources = folder.join("resources");
    fs::create_dir_all(&resources)?;
    let yaml = RESOURCES
        .replace("@UPSTREAM@", &upstream.to_string())
        .replace("@TENANT_KEY@", TENANT_KEY)
        .replace("@PROVIDER_KEY@", PROVIDER_KEY)
        .replace("@VERBATIM_MODEL@", VERBATIM_MODEL)
        .replace("@TRANSLATED_MODEL@", TRANSLATED_MODEL);
    fs::write(resources.join("bench.yaml"), yaml)?;
    let [resources, data] = [resources, folder.join("data")].map(|path| path.display().to_string());
    let (listen, admin) = (address.to_string(), admin.to_string());
    let mut flags = vec!["run", "-f", &resources, "--listen", &listen, "--admin-listen", &admin];
    flags.extend(["--data", &data, "--threads", "1"]);
    let process = Process::start(
        "the gateway",
        arguments.target_core,
        &arguments.gateway_binary,
        &flags,
        &folder.join("access.log"),
        &folder.join("stderr.log"),
    )?;
    Ok((address, process))
}

/// Whether the gateway has said that it serves.
pub(crate) fn is_ready(folder: &Path) -> bool {
    fs::read_to_string(folder.join("stderr.log")).is_ok_and(|log| log.contains(r#""message":"ready""#))
}

/// How many requests the ledger of a gateway that has ended holds.
pub(crate) fn recorded_requests(arguments: &Arguments, folder: &Path) -> Result<u64> {
    let output = Command::new(&arguments.gateway_binary)
        .args(["usage", "--output", "json", "--data"])
        .arg(folder.join("data"))
        .output()
        .context("ask for the usage")?;
    ensure!(output.status.success(), "usage: {}", String::from_utf8_lossy(&output.stderr));
    requests_in(&serde_json::from_slice(&output.stdout).context("usage is no JSON")?)
}

/// The sum of `requests` over the rows of `usage --output json`.
fn requests_in(usage: &Value) -> Result<u64> {
    let Some(rows) = usage.as_array() else { bail!("usage is no list: {usage}") };
    rows.iter()
        .map(|row| row["requests"].as_u64().with_context(|| format!("a row without `requests`: {row}")))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_summed_over_rows() -> Result<()> {
        let usage = serde_json::json!([{"requests": 2, "model": "a"}, {"requests": 40, "model": "b"}]);
        assert_eq!(requests_in(&usage)?, 42);
        assert!(requests_in(&serde_json::json!([{"rows": 2}])).is_err());
        assert!(requests_in(&serde_json::json!({})).is_err());
        Ok(())
    }
}

//! The reference: Debian's nginx with the configuration in `tests/bench/nginx.conf`.

use std::{fs, net::SocketAddr, path::Path};

use anyhow::Result;

use crate::{
    cli::{Arguments, free_address},
    process::Process,
    script::{PROVIDER_KEY, TENANT_KEY},
};

const CONFIGURATION: &str = include_str!("../../../bench/nginx.conf");

/// Starts it before `upstream`, on a free port.
pub(crate) fn start(
    arguments: &Arguments,
    upstream: SocketAddr,
    folder: &Path,
) -> Result<(SocketAddr, Process)> {
    let address = free_address()?;
    let configuration = CONFIGURATION
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@LISTEN@", &address.to_string())
        .replace("@UPSTREAM@", &upstream.to_string())
        .replace("@TENANT_KEY@", TENANT_KEY)
        .replace("@PROVIDER_KEY@", PROVIDER_KEY);
    let (path, log) = (folder.join("nginx.conf"), folder.join("error.log"));
    fs::write(&path, configuration)?;
    let flags = ["-c", &path.display().to_string(), "-e", &log.display().to_string()];
    let process = Process::start(
        "nginx",
        arguments.target_core,
        &arguments.nginx_binary,
        &flags,
        &folder.join("stdout.log"),
        &folder.join("stderr.log"),
    )?;
    Ok((address, process))
}

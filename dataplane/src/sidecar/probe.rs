//! Whether a sidecar is ready: asked by `aigne-hub sidecar --check` within its container, as the kubelet's own probes go
//! to the pod's address, where nobody listens.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode};

use super::PodToken;

/// No path of the hub's: what it has begins with a version.
pub(super) const PATH: &str = "/-/ready";
/// For each step of asking.
const WITHIN: Duration = Duration::from_secs(3);

/// Ready, or why not.
pub(super) fn answer(token: &PodToken) -> Response<Bytes> {
    let (status, text) = match token.header() {
        Ok(_) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    };
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
}

/// Asks the sidecar that listens there. An error says why it is not ready.
pub fn check(address: SocketAddr) -> anyhow::Result<()> {
    let answer = ask(address).map_err(|error| anyhow::anyhow!("no sidecar answers at {address}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let ready = head.split(' ').nth(1) == Some("200") && body == "ready\n";
    anyhow::ensure!(ready, "the sidecar at {address} is not ready: {}", body.trim());
    Ok(())
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    write!(stream, "GET {PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}

//! Resolve, check the address, connect, TLS.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http_body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Endpoint, SendError, address::is_public};

/// Roots of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured); Mozilla's where the system has none,
/// as in an image made from scratch.
pub fn tls_config() -> io::Result<ClientConfig> {
    tls_config_with([])
}

/// The same, and these roots.
pub fn tls_config_with(
    further: impl IntoIterator<Item = CertificateDer<'static>>,
) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in further {
        roots.add(certificate).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A request's body: what hyper asks of one.
pub trait Sendable: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static {}

impl<B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static> Sendable for B {}

/// Until a peer that says nothing is asked whether it is still there, between such questions, and how many: one that
/// vanished without a word would hold a stream open for ever where nothing else limits it.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_EVERY: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

/// A fresh connection, within the endpoint's connect timeout.
pub(super) async fn connect<B: Sendable>(
    endpoint: &Endpoint,
    tls: &TlsConnector,
) -> Result<SendRequest<B>, SendError> {
    let within = Duration::from_millis(endpoint.connect_timeout_ms);
    match tokio::time::timeout(within, open(endpoint, tls)).await {
        Ok(result) => result,
        Err(_) => Err(SendError::ConnectTimeout {
            host: endpoint.host.clone(),
            timeout_ms: endpoint.connect_timeout_ms,
        }),
    }
}

async fn open<B: Sendable>(endpoint: &Endpoint, tls: &TlsConnector) -> Result<SendRequest<B>, SendError> {
    let failed = |source| SendError::Connect { host: endpoint.host.clone(), source };
    let stream = open_tcp(endpoint).await?;
    // Small writes must not wait for acknowledgements.
    stream.set_nodelay(true).map_err(failed)?;
    let keepalive =
        TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY).with_retries(PROBES);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive).map_err(failed)?;
    if endpoint.tls {
        let name = ServerName::try_from(endpoint.host.clone())
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let stream = tls.connect(name, stream).await.map_err(failed)?;
        handshake(endpoint, TokioIo::new(stream)).await
    } else {
        handshake(endpoint, TokioIo::new(stream)).await
    }
}

async fn open_tcp(endpoint: &Endpoint) -> Result<TcpStream, SendError> {
    let addresses = resolve(endpoint).await?;
    let mut last: Option<SendError> = None;
    for address in addresses {
        if !endpoint.allow_private && !is_public(address.ip()) {
            last = Some(SendError::Private { host: endpoint.host.clone(), address: address.ip() });
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(source) => last = Some(SendError::Connect { host: endpoint.host.clone(), source }),
        }
    }
    Err(last.unwrap_or_else(|| SendError::Resolve {
        host: endpoint.host.clone(),
        source: io::Error::new(io::ErrorKind::NotFound, "no address"),
    }))
}

async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, SendError> {
    if let Ok(ip) = endpoint.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, endpoint.port)]);
    }
    match tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(source) => Err(SendError::Resolve { host: endpoint.host.clone(), source }),
    }
}

async fn handshake<B, T>(endpoint: &Endpoint, io: T) -> Result<SendRequest<B>, SendError>
where
    B: Sendable,
    T: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(256 * 1024)
        .handshake(io)
        .await
        .map_err(|source| SendError::Broken { host: endpoint.host.clone(), source })?;
    // Ends with the connection; its errors reach whoever waits for the answer.
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an upstream connection ended");
        }
    });
    Ok(sender)
}

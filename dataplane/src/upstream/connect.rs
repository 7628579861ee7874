//! Resolve, check the address, connect, TLS.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Endpoint, SendError, address::is_public};

/// Roots of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured); Mozilla's where the system has none,
/// as in an image made from scratch.
pub fn tls_config() -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
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

pub(super) fn tls_connector() -> io::Result<TlsConnector> {
    Ok(TlsConnector::from(Arc::new(tls_config()?)))
}

/// A fresh connection, within the endpoint's connect timeout.
pub(super) async fn connect(
    endpoint: &Endpoint,
    tls: &TlsConnector,
) -> Result<SendRequest<Full<Bytes>>, SendError> {
    let within = Duration::from_millis(endpoint.connect_timeout_ms);
    match tokio::time::timeout(within, open(endpoint, tls)).await {
        Ok(result) => result,
        Err(_) => Err(SendError::ConnectTimeout {
            host: endpoint.host.clone(),
            timeout_ms: endpoint.connect_timeout_ms,
        }),
    }
}

async fn open(endpoint: &Endpoint, tls: &TlsConnector) -> Result<SendRequest<Full<Bytes>>, SendError> {
    let failed = |source| SendError::Connect { host: endpoint.host.clone(), source };
    let stream = open_tcp(endpoint).await?;
    // Small writes must not wait for acknowledgements.
    stream.set_nodelay(true).map_err(failed)?;
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

async fn handshake<T>(endpoint: &Endpoint, io: T) -> Result<SendRequest<Full<Bytes>>, SendError>
where
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

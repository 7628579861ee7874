//! Idle connections of one core, by endpoint; the newest is used first.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

use super::{Endpoint, Outgoing, SendError, connect};

/// How often [`Pool::sweep`] is to be called.
pub const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Connections that have been idle for more sweeps are closed: a provider or a load balancer may have done so
/// silently (many do after a minute).
const MOST_SWEEPS: u64 = 4;
/// A connection that was given back becomes ready at once, or something is wrong with it.
const READY_WITHIN: Duration = Duration::from_millis(50);
/// More than this are closed rather than kept.
const MOST_IDLE: usize = 1024;

struct Idle<B> {
    sender: SendRequest<B>,
    /// The sweep before which it became idle.
    since: u64,
}

/// One core's connections, for requests with bodies of this kind.
pub struct Pool<B = Outgoing> {
    idle: RefCell<HashMap<Arc<str>, Vec<Idle<B>>>>,
    /// Counts sweeps: a clock that costs nothing to read.
    sweeps: Cell<u64>,
    tls: TlsConnector,
}

/// An answer, and the connection it comes on.
pub struct Answer<B = Outgoing> {
    /// Status and headers have come, the body may not have.
    pub response: Response<Incoming>,
    /// Give it back with [`Pool::give_back`] once the body was read to its end; dropping it closes the connection.
    pub connection: Connection<B>,
}

/// A connection in use.
pub struct Connection<B = Outgoing> {
    sender: SendRequest<B>,
    pool_key: Arc<str>,
}

impl<B: connect::Sendable> Pool<B> {
    /// An empty pool that trusts [the usual roots](super::tls_config). Fails where TLS cannot be set up.
    pub fn new() -> io::Result<Rc<Self>> {
        Ok(Rc::new(Self::with_tls(super::tls_config()?)))
    }

    /// An empty pool whose TLS is this.
    pub fn with_tls(config: ClientConfig) -> Self {
        let tls = TlsConnector::from(Arc::new(config));
        Self { idle: RefCell::default(), sweeps: Cell::new(0), tls }
    }

    /// Sends on an idle connection or a fresh one. An idle connection that turns out to be closed before the
    /// request was written is replaced silently: the provider never saw it. `sent` hears whether the provider can have
    /// seen the request (and so charges for it): true as it is handed to a connection, false when it turns out that it
    /// was not written there.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        mut request: Request<B>,
        mut sent: impl FnMut(bool),
    ) -> Result<Answer<B>, SendError> {
        loop {
            let (mut sender, fresh) = match self.take(endpoint).await {
                Some(sender) => (sender, false),
                None => (connect::connect(endpoint, &self.tls).await?, true),
            };
            sent(true);
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let connection = Connection { sender, pool_key: Arc::clone(&endpoint.pool_key) };
                    return Ok(Answer { response, connection });
                }
                Err(mut error) => {
                    let unsent = error.take_message();
                    if unsent.is_some() {
                        sent(false);
                    }
                    match unsent {
                        Some(unsent) if !fresh => request = unsent,
                        _ => {
                            let source = error.into_error();
                            return Err(SendError::Broken { host: endpoint.host.clone(), source });
                        }
                    }
                }
            }
        }
    }

    /// Keeps a connection whose answer was read to its end.
    pub fn give_back(&self, connection: Connection<B>) {
        if connection.sender.is_closed() {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        let kept = match idle.get_mut(&connection.pool_key) {
            Some(kept) => kept,
            None => idle.entry(connection.pool_key).or_default(),
        };
        if kept.len() < MOST_IDLE {
            kept.push(Idle { sender: connection.sender, since: self.sweeps.get() });
        }
    }

    /// Closes what has been idle for too long. Call it every [`SWEEP_EVERY`].
    pub fn sweep(&self) {
        let now = self.sweeps.get() + 1;
        self.sweeps.set(now);
        self.idle.borrow_mut().retain(|_, kept| {
            kept.retain(|idle| !idle.sender.is_closed() && now - idle.since <= MOST_SWEEPS);
            !kept.is_empty()
        });
    }

    async fn take(&self, endpoint: &Endpoint) -> Option<SendRequest<B>> {
        loop {
            let candidate = self.idle.borrow_mut().get_mut(&endpoint.pool_key).and_then(Vec::pop)?;
            let mut sender = candidate.sender;
            if sender.is_closed() {
                continue;
            }
            // One whose provider answered without reading the whole request may never become ready.
            if sender.is_ready()
                || matches!(tokio::time::timeout(READY_WITHIN, sender.ready()).await, Ok(Ok(())))
            {
                return Some(sender);
            }
        }
    }
}

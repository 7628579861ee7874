//! The sidecar: an application talks to its own pod's loopback without a key, and the pod's token is shown to the hub.
//!
//! ```text
//! application ─► loopback ─► headers: its keys dropped, the pod's token in their place ─► hub
//!             ◄────────────────────── bytes as they come ◄────────────────────────────────┘
//! ```
//!
//! It knows nothing of what it relays: no configuration, no provider, no key. One thread, one runtime.

mod headers;
mod probe;
mod relay;
mod token;
mod troubles;

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use rustls::ClientConfig;
use tokio::{net::TcpListener, sync::watch, task, time::Instant};
use uuid::Uuid;

pub use probe::check;
pub use token::{BadToken, PodToken};

use crate::{
    gateway,
    percore::Live,
    server::{Ending, connection, listen},
    upstream::{Endpoint, Pool, SWEEP_EVERY},
};
use relay::{Asked, Counted, Relayed};
use troubles::Troubles;

/// Where it listens unless told otherwise. Applications like 8080 and its neighbours for themselves, and who listens
/// on every address finds a port taken that is taken on loopback alone.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 19080);
/// Where the pod's token is mounted.
pub const TOKEN_FILE: &str = "/var/run/secrets/hub.aigne.io/token";

/// Marks an answer that did not come from the hub.
const SOURCE: &str = "x-aigne-hub-source";

/// How a sidecar runs.
#[derive(Debug)]
pub struct Options {
    /// A loopback address; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where the hub is.
    pub hub: Endpoint,
    /// Whom TLS trusts.
    pub tls: ClientConfig,
    /// What is shown to it.
    pub token: PodToken,
    /// After SIGTERM: how long to go on accepting at least.
    pub drain_delay: Duration,
    /// After that: how long open requests may take.
    pub grace: Duration,
}

/// What the one thread works with.
struct Sidecar {
    hub: Endpoint,
    pool: Rc<Pool<Incoming>>,
    token: PodToken,
    connections: Live,
    /// Each until its answer has been given to the last byte.
    requests: Live,
    draining: Cell<bool>,
    troubles: Troubles,
}

/// Serves until told to end, and then until nothing is open any more. Must run on a `LocalSet`.
pub async fn serve(options: Options, told: impl Future<Output = ()>) -> anyhow::Result<()> {
    // Without one, nothing could ever be asked: that is said now, and not to each request.
    options.token.header()?;
    let doors = open(options.listen)?;
    let address = doors[0].local_addr()?;
    let hub = String::from_utf8_lossy(options.hub.authority.as_bytes()).into_owned();
    let sidecar = Rc::new(Sidecar {
        hub: options.hub,
        pool: Rc::new(Pool::with_tls(options.tls)),
        token: options.token,
        connections: Live::default(),
        requests: Live::default(),
        draining: Cell::new(false),
        troubles: Troubles::default(),
    });
    let (closing, closed) = watch::channel(None);
    let mut accepting = Vec::new();
    for door in doors {
        let (sidecar, closed, door) = (Rc::clone(&sidecar), closed.clone(), TcpListener::from_std(door)?);
        accepting.push(task::spawn_local(async move {
            connection::accept(&sidecar, door, None, closed).await;
        }));
    }
    let sweeps = task::spawn_local(sweep(Rc::clone(&sidecar.pool)));
    tracing::info!(sidecar = %address, hub, "ready");

    told.await;
    tracing::info!("draining");
    sidecar.draining.set(true);
    tokio::time::sleep(options.drain_delay).await;
    let deadline = Instant::now() + options.grace;
    // Whoever is still served may ask for more: nobody is turned away before that has come to an end.
    let _ = tokio::time::timeout_at(deadline, sidecar.requests.none_left()).await;
    // All who could still speak are in this pod, and have had their time.
    let _ = closing.send(Some(Ending { deadline, patient: false }));
    for accepted in accepting {
        accepted.await?;
    }
    if tokio::time::timeout_at(deadline, sidecar.connections.none_left()).await.is_err() {
        tracing::warn!("the grace period has ended with requests still open; they are cut off");
    }
    sweeps.abort();
    tracing::info!("ended");
    Ok(())
}

/// The address, and IPv6's loopback with the same port where the pod has it: `localhost` may mean either.
fn open(address: SocketAddr) -> anyhow::Result<Vec<std::net::TcpListener>> {
    anyhow::ensure!(
        address.ip().is_loopback(),
        "{address} is not a loopback address: whoever reaches the sidecar has this pod's rights, so it listens for \
         this pod alone"
    );
    let mut doors = listen::open(address, 1)?;
    let port = doors[0].local_addr()?.port();
    if address.ip() == LISTEN.ip() {
        match listen::open(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port), 1) {
            Ok(further) => doors.extend(further),
            Err(error) => tracing::debug!(%error, "IPv4's loopback alone"),
        }
    }
    Ok(doors)
}

async fn sweep(pool: Rc<Pool<Incoming>>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        pool.sweep();
    }
}

impl connection::Answers for Sidecar {
    type Body = Counted;

    async fn answer(self: Rc<Self>, request: Request<Incoming>) -> Response<Counted> {
        if request.uri().path() == probe::PATH {
            return probe::answer(&self.token).map(|body| Counted::new(Relayed::own(body), None));
        }
        let asked = Asked::new(Rc::clone(&self));
        let wire = gateway::wire(request.uri().path(), request.headers());
        let mut response = match relay::relay(&self, request).await {
            Ok(response) => response,
            Err(error) => {
                let mut response = gateway::refuse_before(wire, &error, Uuid::now_v7());
                response.headers_mut().insert(SOURCE, HeaderValue::from_static("sidecar"));
                response.map(Relayed::own)
            }
        };
        if self.draining.get() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| Counted::new(body, Some(asked)))
    }

    fn live(&self) -> &Live {
        &self.connections
    }
}

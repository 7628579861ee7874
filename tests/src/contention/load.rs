//! Clients that ask as fast as they are answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What each of them asks: six tokens out, of at most [`MOST`].
const BODY: &str = r#"{"model":"gpt","max_tokens":16,"messages":[{"role":"user","content":"hi"}]}"#;
/// Tokens of an answer at most.
const MOST: i64 = 16;

/// The most that a request can cost, in nano-dollars: what is reserved for it. Input may be written to a cache, which is
/// its dearest rate.
pub(super) fn reservation() -> i64 {
    let bytes = i64::try_from(BODY.len()).unwrap_or_default();
    (bytes + 64) * 1_500 + MOST * 12_000
}

/// A client with one connection.
pub(super) struct Client {
    address: SocketAddr,
    key: String,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(super) fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_owned(), sender: None }
    }

    /// One request: its status and how long it took.
    pub(super) async fn ask(&mut self) -> anyhow::Result<(u16, Duration)> {
        let mut kept = self.sender.take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            kept = None;
        }
        let mut sender = match kept {
            Some(sender) => sender,
            None => connect(self.address).await?,
        };
        let request = http::Request::post("/v1/chat/completions")
            .header("host", "hub")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(BODY.as_bytes())))?;
        let began = Instant::now();
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await?;
        self.sender = Some(sender);
        Ok((status, began.elapsed()))
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// How long good answers took, and what else came.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Of each answer with status 200; sorted.
    pub good: Vec<Duration>,
    /// Answers that refuse for money or rate.
    pub refused: usize,
    /// From the first to the last.
    pub within: Duration,
}

impl Latencies {
    /// Of good answers.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.good.len().saturating_sub(1);
        self.good.get((last * percent).div_ceil(100)).copied().unwrap_or_default()
    }

    /// Good answers a second.
    pub fn rate(&self) -> f64 {
        let good = u32::try_from(self.good.len()).unwrap_or(u32::MAX);
        f64::from(good) / self.within.as_secs_f64().max(1e-9)
    }
}

/// So many clients, spread over the gateways, until `over` says so.
pub(super) async fn closed_loop(
    addresses: &[SocketAddr],
    keys: &[String],
    clients: usize,
    over: impl Fn(usize, usize) -> bool + Clone + Send + 'static,
) -> anyhow::Result<Latencies> {
    let mut asking = JoinSet::new();
    let began = Instant::now();
    for number in 0..clients {
        let address = addresses.get(number % addresses.len()).context("no gateway")?;
        let key = keys.get(number % keys.len()).context("no key")?;
        let (mut client, over) = (Client::new(*address, key), over.clone());
        asking.spawn(async move {
            let (mut good, mut refused) = (Vec::new(), 0);
            while !over(good.len(), refused) {
                match client.ask().await? {
                    (200, time) => good.push(time),
                    (402 | 429, _) => refused += 1,
                    (status, _) => anyhow::bail!("answered {status}"),
                }
            }
            anyhow::Ok((good, refused))
        });
    }
    let mut all = Latencies::default();
    while let Some(one) = asking.join_next().await {
        let (good, refused) = one??;
        all.good.extend(good);
        all.refused += refused;
    }
    all.within = began.elapsed();
    all.good.sort_unstable();
    Ok(all)
}

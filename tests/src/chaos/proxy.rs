//! A network between two parts that can be slow and can break off anywhere.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::dice::Dice;

/// What a network is like at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weather {
    /// Each piece waits for up to this long.
    pub(super) delay: Duration,
    /// Each connection, also one that is open already, breaks off within so many bytes, in either direction.
    pub(super) cut_within: Option<usize>,
}

/// Passes TCP connections on. Dropping it closes them.
#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    sky: Arc<Sky>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Sky {
    weather: watch::Sender<Weather>,
    cuts: Mutex<u64>,
}

impl Proxy {
    /// To this address, on a free port of loopback.
    pub(super) async fn start(target: SocketAddr, seed: u64, purpose: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let sky = Arc::new(Sky { weather: watch::Sender::default(), cuts: Mutex::default() });
        let passing = accept(listener, target, Arc::clone(&sky), seed, purpose);
        Ok(Self { address, sky, accepting: tokio::spawn(passing).abort_handle() })
    }

    /// Where to connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes it for all connections.
    pub(super) fn set(&self, weather: Weather) {
        self.sky.weather.send_replace(weather);
    }

    /// Connections that were broken off.
    pub(super) fn cuts(&self) -> u64 {
        *self.sky.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, sky: Arc<Sky>, seed: u64, purpose: &'static str) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(pass(stream, target, Arc::clone(&sky), Dice::new(seed, purpose, number)));
        number += 1;
    }
}

async fn pass(near: TcpStream, target: SocketAddr, sky: Arc<Sky>, mut dice: Dice) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    for stream in [&near, &far] {
        // What is not possible now shows when it is written to.
        let _ = stream.set_nodelay(true);
    }
    // Half of those that break off do so with a reset.
    let reset = dice.percent(50);
    let ends: Vec<_> = [&near, &far].into_iter().map(|end| socket2::SockRef::from(end).try_clone()).collect();
    let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
    let back = dice.clone();
    dice.roll(2);
    let passed = tokio::try_join!(
        pour(near_reads, far_writes, sky.weather.subscribe(), dice),
        pour(far_reads, near_writes, sky.weather.subscribe(), back)
    );
    if let Err(Ended::Cut) = passed {
        *sky.cuts.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        for end in ends.into_iter().flatten() {
            let _ = if reset { end.set_linger(Some(Duration::ZERO)) } else { Ok(()) };
            let _ = end.shutdown(std::net::Shutdown::Both);
        }
    }
}

enum Ended {
    Cut,
    Broken,
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// One direction. What is passed on before the cut is any part of a message.
async fn pour(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    mut dice: Dice,
) -> Result<(), Ended> {
    let mut buffer = vec![0; 16 * 1024];
    let mut left = draw(&weather, &mut dice);
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read?,
            Ok(()) = weather.changed() => {
                weather.mark_unchanged();
                left = draw(&weather, &mut dice);
                continue;
            }
        };
        if read == 0 {
            return Ok(to.shutdown().await?);
        }
        let delay = weather.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(dice.milliseconds(0, u64::try_from(delay.as_millis()).unwrap_or_default()))
                .await;
        }
        let passed = left.map_or(read, |left| left.min(read));
        to.write_all(buffer.get(..passed).unwrap_or_default()).await?;
        if passed < read {
            return Err(Ended::Cut);
        }
        left = left.map(|left| left - passed);
    }
}

fn draw(weather: &watch::Receiver<Weather>, dice: &mut Dice) -> Option<usize> {
    weather.borrow().cut_within.map(|most| dice.roll(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reads, mut writes) = stream.split();
                    let _ = tokio::io::copy(&mut reads, &mut writes).await;
                });
            }
        });
        Ok(address)
    }

    #[tokio::test]
    async fn bytes_pass_in_calm_and_break_off_in_a_storm() -> anyhow::Result<()> {
        let proxy = Proxy::start(echo().await?, 1, "test").await?;
        let mut stream = TcpStream::connect(proxy.address()).await?;
        let mut back = [0; 5];
        stream.write_all(b"hello").await?;
        stream.read_exact(&mut back).await?;
        assert_eq!(&back, b"hello");
        // An open connection breaks off too.
        proxy.set(Weather { cut_within: Some(2), ..Weather::default() });
        stream.write_all(b"hello").await?;
        assert!(stream.read_exact(&mut back).await.is_err(), "it is cut");
        assert_eq!(proxy.cuts(), 1);
        Ok(())
    }
}

//! Runs one scenario against one address: keeps the connections busy, and counts what is answered within the window.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use anyhow::{Result, anyhow};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    client::{Connection, Expected, Timing},
    sample::{Counted, Window},
    scenario::{Load, Scenario},
    script::{Request, plain_pieces},
    upstream::Pace,
    usage::Reading,
};

/// Errors after which a connection gives up: the scenario is lost anyway, and the log stays short.
const PATIENCE: u32 = 3;
/// How long answers under way may take once the window is over.
const STRAGGLERS: Duration = Duration::from_secs(10);

/// What the connections of one scenario share.
struct Shared {
    address: SocketAddr,
    scenario: Scenario,
    expected: Expected,
    start: Instant,
    /// Number of the next request at a fixed rate.
    next: Cell<u32>,
    measuring: Cell<bool>,
    over: Cell<bool>,
    counted: RefCell<Counted>,
}

/// Runs `scenario` for its warm-up and then `window`; `read` takes the counters.
pub(crate) async fn run(
    scenario: Scenario,
    address: SocketAddr,
    request: &Request,
    window: Duration,
    read: impl Fn() -> Reading,
) -> Result<Window> {
    let pieces = scenario.pace().map_or(plain_pieces(), |pace| pace.pieces as usize);
    let shared = Rc::new(Shared {
        address,
        scenario,
        expected: Expected { stream: scenario.pace().is_some(), pieces },
        start: Instant::now(),
        next: Cell::new(0),
        measuring: Cell::new(false),
        over: Cell::new(false),
        counted: RefCell::default(),
    });
    let mut connections = JoinSet::new();
    for number in 0..scenario.connections {
        connections.spawn_local(shared.clone().keep_busy(number, request.clone()));
    }

    sleep(scenario.warm_up()).await;
    let (before, start) = (read(), Instant::now());
    shared.measuring.set(true);
    sleep(window).await;
    shared.measuring.set(false);
    let (wall, spent) = (start.elapsed(), read().since(&before));
    shared.over.set(true);

    timeout(STRAGGLERS, async { while connections.join_next().await.is_some() {} })
        .await
        .map_err(|_| anyhow!("{}: answers were still incomplete after {STRAGGLERS:?}", scenario.name))?;
    Ok(Window { wall, spent, counted: shared.counted.take() })
}

impl Shared {
    /// One connection's life: opened at its place in the stagger, used until the window is over.
    async fn keep_busy(self: Rc<Self>, number: u32, mut request: Request) {
        // Streams that all start together would also end together; spread them over one stream's length.
        let length = self.scenario.pace().map(Pace::duration).unwrap_or_default();
        sleep_until(self.start + length * number / self.scenario.connections).await;
        let (mut connection, mut failures) = (None, 0);
        while !self.over.get() && failures < PATIENCE {
            if let Load::Rate(per_second) = self.scenario.load {
                let turn = self.next.replace(self.next.get() + 1);
                sleep_until(self.start + Duration::from_secs(1) * turn / per_second).await;
                if self.over.get() {
                    break;
                }
            }
            match self.exchange(connection.take(), &mut request).await {
                Ok(open) => connection = (!open.closing).then_some(open),
                Err(error) => {
                    failures += 1;
                    self.counted.borrow_mut().fail(&error);
                }
            }
        }
    }

    async fn exchange(&self, connection: Option<Connection>, request: &mut Request) -> Result<Connection> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let number = self.counted.borrow_mut().send();
        let count_pieces = |pieces| {
            if self.measuring.get() && self.expected.stream {
                self.counted.borrow_mut().pieces += pieces;
            }
        };
        let began = self.measuring.get();
        let Timing { first_piece, whole } =
            connection.exchange(request.numbered(number), self.expected, count_pieces).await?;
        let mut counted = self.counted.borrow_mut();
        counted.answered += 1;
        if self.measuring.get() {
            counted.requests += 1;
        }
        // Waiting times count by when the request began, so that slow answers are not left out at the window's end.
        if began {
            counted.whole.push(whole);
            counted.first_piece.push(first_piece);
        }
        Ok(connection)
    }
}

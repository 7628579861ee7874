//! The work that every target is given.

use std::time::Duration;

use crate::upstream::Pace;

/// Pieces in a measured stream, as an answer of about 640 tokens has them.
const PIECES: u32 = 64;
/// Time between two pieces of a paced stream: 50 a second, a fast model.
const INTERVAL: Duration = Duration::from_millis(20);

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// Its name in tables, JSON and `--only`.
    pub(crate) name: &'static str,
    /// Connections that are kept open.
    pub(crate) connections: u32,
    /// How they are used.
    pub(crate) load: Load,
}

/// How connections are used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// Plain requests, one after another on each connection.
    Closed,
    /// Plain requests at a fixed rate, whether or not earlier ones are answered.
    Rate(u32),
    /// Streams, one after another on each connection.
    Stream(Pace),
}

/// Every scenario, in the order in which they run.
pub(crate) const ALL: [Scenario; 8] = [
    Scenario { name: "plain-c1", connections: 1, load: Load::Closed },
    Scenario { name: "plain-500rps", connections: 16, load: Load::Rate(500) },
    Scenario { name: "plain-c32", connections: 32, load: Load::Closed },
    Scenario { name: "plain-c256", connections: 256, load: Load::Closed },
    Scenario {
        name: "stream-c1",
        connections: 1,
        load: Load::Stream(Pace { pieces: 8, interval: Duration::from_millis(1) }),
    },
    Scenario {
        name: "stream-c64",
        connections: 64,
        load: Load::Stream(Pace { pieces: PIECES, interval: INTERVAL }),
    },
    Scenario {
        name: "stream-c256",
        connections: 256,
        load: Load::Stream(Pace { pieces: PIECES, interval: INTERVAL }),
    },
    Scenario {
        name: "stream-unpaced",
        connections: 64,
        load: Load::Stream(Pace { pieces: PIECES, interval: Duration::ZERO }),
    },
];

impl Scenario {
    /// Time before measuring: connections are made and streams have spread out, so that the load is level.
    pub(crate) fn warm_up(&self) -> Duration {
        Duration::from_millis(250) + self.pace().map(Pace::duration).unwrap_or_default()
    }

    /// How streams run, if this is about streams.
    pub(crate) fn pace(&self) -> Option<Pace> {
        match self.load {
            Load::Stream(pace) => Some(pace),
            Load::Closed | Load::Rate(_) => None,
        }
    }
}

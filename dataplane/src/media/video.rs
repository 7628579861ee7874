//! Moving pictures: jobs that are made, looked at until they are done, and fetched.

use super::{Blob, Demand};
use crate::usage::Units;

/// Seconds of a video where the request says nothing: `OpenAI`'s default. It is sent, so that every provider makes what
/// is charged.
pub const DEFAULT_SECONDS: u64 = 4;

/// A request for a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to show.
    pub prompt: String,
    /// How long; at least 1.
    pub seconds: u64,
    /// For example `1280x720`.
    pub size: Option<String>,
    /// The picture to begin with.
    pub reference: Option<Blob>,
    /// What not to show.
    pub negative_prompt: Option<String>,
    /// The same seed makes much the same video.
    pub seed: Option<u64>,
}

/// A job, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The provider's id, or the hub's own for it.
    pub id: String,
    /// How long it is to be.
    pub seconds: u64,
    /// As asked for.
    pub size: Option<String>,
    /// How far it is.
    pub state: State,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The provider has taken it.
    Queued,
    /// The provider is at it.
    InProgress,
    /// It can be fetched.
    Completed,
    /// It is not kept any more; whether there was a video is not known.
    Expired,
    /// There will be no video.
    Failed {
        /// The provider's word for it.
        code: String,
        /// The provider's sentence.
        message: String,
    },
}

impl Request {
    /// Milliseconds of video.
    pub fn millis(&self) -> u64 {
        self.seconds.saturating_mul(1000)
    }

    pub(super) fn demand(&self) -> Demand {
        let units = Units { millis: self.millis(), ..Units::default() };
        let negative = self.negative_prompt.as_deref().map_or(0, str::len);
        let text = self.reference.is_none().then_some((self.prompt.len() + negative) as u64);
        Demand { units, text, likely_millis: self.millis() }
    }
}

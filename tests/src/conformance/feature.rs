//! What is tried: a request in each wire, and what must then be true on both sides.

use std::fmt::Debug;

use serde_json::Value;

use super::heard::Heard;
use super::provider::Provider;
use super::said::Told;
use super::wire::Wire;

/// One feature.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// As the table names it.
    pub name: &'static str,
    /// How the provider is to answer, in the scripted provider's words.
    pub script: &'static str,
    /// The request, as members beside the plain question; `text` is a user's words that carry the script.
    pub ask: fn(Wire, text: &str) -> Ask,
    /// Where it takes a turn before.
    pub again: Option<Again>,
    /// Whether it reached the provider.
    pub heard: fn(&Heard) -> Reach,
    /// What the client must get.
    pub expect: Expect,
}

/// A turn before the one that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Again {
    /// The kind of provider that is asked first; the same one where there is none.
    pub begun_at: Option<&'static str>,
    /// What follows its answer.
    pub goes_on: fn(Wire, &Value) -> Value,
}

/// A request.
#[derive(Clone, Debug)]
pub enum Ask {
    /// These members.
    With(Value),
    /// This wire has no words for it.
    Not(&'static str),
}

/// What the client must get.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// An answer, whole and streamed.
    Answer(fn(&Told, &Provider) -> Reach),
    /// An error of its own wire's shape, with this status or with any from 500.
    Error(u16),
    /// An error in the midst of a stream.
    BrokenStream,
}

/// Whether something got through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// As it was meant.
    Whole,
    /// Not at all.
    Absent,
    /// Otherwise than it was meant.
    Wrong(String),
}

impl Reach {
    /// Nothing to look for.
    pub fn any<T>(_: &T) -> Self {
        Self::Whole
    }

    /// Must be what is wanted; what says nothing is absent.
    pub fn of<T: PartialEq + Debug + Default>(got: &T, wanted: &T) -> Self {
        if got == wanted {
            Self::Whole
        } else if *got == T::default() {
            Self::Absent
        } else {
            Self::Wrong(format!("{got:?} instead of {wanted:?}"))
        }
    }

    /// Present or absent.
    pub fn present(present: bool) -> Self {
        if present { Self::Whole } else { Self::Absent }
    }

    /// What must hold, whoever it is.
    pub fn must<T: Debug>(holds: bool, got: &T) -> Self {
        if holds { Self::Whole } else { Self::Wrong(format!("{got:?}")) }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Wrong(why), _) | (_, Self::Wrong(why)) => Self::Wrong(why),
            (Self::Absent, _) | (_, Self::Absent) => Self::Absent,
            _ => Self::Whole,
        }
    }
}

//! The provider fails, in its own words; the client reads it in its own.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};

const PLAIN: Feature = Feature {
    name: "",
    script: "",
    ask: |_, _| Ask::With(json!({})),
    again: None,
    heard: Reach::any,
    expect: Expect::Error(400),
};

pub(super) const BAD_REQUEST: Feature =
    Feature { name: "error 400 of the provider", script: "status=400", ..PLAIN };

/// The hub's key, not the client's: not the client's fault.
pub(super) const CREDENTIAL: Feature =
    Feature { name: "error 401 of the provider", script: "status=401", expect: Expect::Error(502), ..PLAIN };

pub(super) const THROTTLED: Feature =
    Feature { name: "error 429 of the provider", script: "status=429", expect: Expect::Error(429), ..PLAIN };

pub(super) const BROKEN: Feature =
    Feature { name: "error 500 of the provider", script: "status=500", expect: Expect::Error(500), ..PLAIN };

pub(super) const MID_STREAM: Feature = Feature {
    name: "error in the midst of a stream",
    script: "chunks=5 error_after=4",
    expect: Expect::BrokenStream,
    ..PLAIN
};

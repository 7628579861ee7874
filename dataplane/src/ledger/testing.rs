//! Records for tests.

use uuid::Uuid;

use super::leases::Draws;
use super::{Charge, Intent, Nanos, Outcome, Status};
use crate::usage::{Source, Usage};

pub(crate) const STATUSES: [Status; 6] = [
    Status::Completed,
    Status::ClientGone,
    Status::Failed,
    Status::Broken,
    Status::Unreachable,
    Status::Interrupted,
];

/// A process.
pub(crate) const HOLDER: Uuid = Uuid::from_u128(0xA);

/// 2026-03-04 05:06:07.008 UTC.
pub(crate) const AT: i64 = 1_772_600_767_008;

pub(crate) fn intent(number: u128, attempt: u32) -> Intent {
    Intent {
        request_id: Uuid::from_u128(number),
        attempt,
        at: AT,
        tenant: "team-acme/acme".into(),
        account: "acme-account".into(),
        key: "app".into(),
        user: Some("ada".into()),
        project: None,
        provider: "ai/openai".into(),
        model: "gpt-5-mini".into(),
        price_revision: Some("0123456789abcdef".into()),
        bound: Usage { input: 1_000, output: 4_096, ..Usage::default() },
        bound_charge: Charge { cost: Nanos(8_442_000), price: Nanos(10_130_400) },
        draws: Draws::default(),
    }
}

pub(crate) fn outcome(number: u128, attempt: u32) -> Outcome {
    Outcome {
        request_id: Uuid::from_u128(number),
        attempt,
        at: AT + 1_500,
        status: Status::Completed,
        http_status: 200,
        source: Source::Provider,
        usage: Usage { input: 100, cached_input: 20, output: 50, reasoning: 10, ..Usage::default() },
        charge: Charge { cost: Nanos(125_500), price: Nanos(150_600) },
        first_byte_ms: Some(250),
        job: None,
    }
}

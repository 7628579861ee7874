//! Writes a plain answer.

use super::{Status, items, response};
use crate::{chat::Response, wire::Meta};

pub(in crate::wire) fn encode(answer: &Response, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let first = answer.first();
    let status = match &answer.error {
        Some(failure) => Status::Failed(failure.kind, &failure.message),
        None => Status::of(first.reason()),
    };
    response(&mut out, meta, status, &items::of(&first), answer.usage.as_ref());
    out
}

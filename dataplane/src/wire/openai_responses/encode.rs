//! Writes a plain answer.

use super::{Status, items, response};
use crate::{
    chat::{FinishReason, Response},
    wire::Meta,
};

pub(in crate::wire) fn encode(answer: &Response, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let status = match &answer.error {
        Some(failure) => Status::Failed(failure.kind, &failure.message),
        None => Status::of(answer.finish.as_ref().map_or(FinishReason::Stop, |finish| finish.reason)),
    };
    response(&mut out, meta, status, &items::of(answer), answer.usage.as_ref());
    out
}

//! `OpenAI` responses.

use super::{BadRequest, Meta, StreamEncoder};
use crate::{body::Body, chat};

pub(super) fn decode(_: &Body) -> Result<chat::Request, BadRequest> {
    Err(BadRequest { param: None, message: "this format is not served yet".to_owned() })
}

pub(super) fn encode(_: &chat::Response, _: &Meta) -> Vec<u8> {
    Vec::new()
}

pub(super) fn encoder(_: Meta) -> Box<dyn StreamEncoder> {
    struct Nothing;
    impl StreamEncoder for Nothing {
        fn event(&mut self, _: &chat::Event, _: &mut Vec<u8>) {}
        fn finish(&mut self, _: &mut Vec<u8>) {}
    }
    Box::new(Nothing)
}

//! The body of a request to a provider: whole, or in pieces that are not worth being copied into one.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Pieces that are sent one after the other, with their length said beforehand.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// Most bodies are one piece.
    next: Bytes,
    rest: VecDeque<Bytes>,
}

impl Outgoing {
    /// One body of these pieces.
    pub fn pieces(pieces: &[Bytes]) -> Self {
        let mut pieces = pieces.iter().filter(|piece| !piece.is_empty()).cloned();
        Self { next: pieces.next().unwrap_or_default(), rest: pieces.collect() }
    }

    /// All of it in one piece, copied where it is not.
    pub fn whole(&self) -> Bytes {
        if self.rest.is_empty() {
            return self.next.clone();
        }
        let pieces: Vec<_> = std::iter::once(&self.next).chain(&self.rest).cloned().collect();
        pieces.concat().into()
    }

    fn len(&self) -> u64 {
        let rest: usize = self.rest.iter().map(Bytes::len).sum();
        (self.next.len() + rest) as u64
    }
}

impl From<Bytes> for Outgoing {
    fn from(whole: Bytes) -> Self {
        Self { next: whole, rest: VecDeque::new() }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let following = self.rest.pop_front().unwrap_or_default();
        let piece = std::mem::replace(&mut self.next, following);
        Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn pieces_are_sent_in_order() {
        let piece = Bytes::from_static;
        let body = Outgoing::pieces(&[piece(b""), piece(b"ab"), piece(b""), piece(b"c")]);
        assert_eq!(body.whole(), "abc");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        assert!(Outgoing::pieces(&[]).is_end_stream());
    }
}

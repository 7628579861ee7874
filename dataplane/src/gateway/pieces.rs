//! A body that comes in pieces. Most come in one, which is then used as it is.

use bytes::{Bytes, BytesMut};

#[derive(Default)]
pub(super) struct Pieces {
    first: Bytes,
    whole: BytesMut,
}

impl Pieces {
    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.whole.len()
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.whole.is_empty() {
            self.whole.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.whole.extend_from_slice(&piece);
    }

    pub(super) fn join(self) -> Bytes {
        if self.whole.is_empty() { self.first } else { self.whole.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_in_order() {
        let mut pieces = Pieces::default();
        for piece in ["", "a", "", "bc", "d"] {
            pieces.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(pieces.len(), 4);
        assert_eq!(pieces.join(), "abcd");
    }
}

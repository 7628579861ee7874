//! A stream as one JSON array, for clients of Gemini that ask for a stream and not for server-sent events.

use bytes::Bytes;

use crate::sse::Splitter;

/// Turns the events that are given out into the items of an array.
#[derive(Debug, Default)]
pub(super) struct Array {
    splitter: Splitter,
    begun: bool,
    closed: bool,
}

impl Array {
    /// The items that are whole with this frame.
    pub(super) fn push(&mut self, frame: Bytes) -> Bytes {
        self.splitter.push(frame);
        let mut out = Vec::new();
        // Only what was an event before comes here, so none is too long.
        while let Ok(Some(event)) = self.splitter.next_event() {
            if let Some(data) = event.data {
                self.open(&mut out);
                out.extend_from_slice(&data);
            }
        }
        out.into()
    }

    fn open(&mut self, out: &mut Vec<u8>) {
        let begun = std::mem::replace(&mut self.begun, true);
        out.extend_from_slice(if begun { b",\r\n" } else { b"[" });
    }

    /// The array's end; nothing the second time.
    pub(super) fn close(&mut self) -> Option<Bytes> {
        if std::mem::replace(&mut self.closed, true) {
            return None;
        }
        Some(Bytes::from_static(if self.begun { b"]" } else { b"[]" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_items_whatever_the_frames() {
        let text = b"data: {\"a\":1}\r\n\r\n: wait\n\ndata: {\"b\":\ndata: 2}\n\n";
        for size in 1..text.len() {
            let mut array = Array::default();
            let mut out = Vec::new();
            for frame in text.chunks(size) {
                out.extend_from_slice(&array.push(Bytes::copy_from_slice(frame)));
            }
            out.extend_from_slice(&array.close().unwrap());
            assert_eq!(array.close(), None);
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(value, serde_json::json!([{"a": 1}, {"b": 2}]));
        }
        assert_eq!(Array::default().close().unwrap(), "[]");
    }
}

#![no_main]

use aigne_hub::{framing::Framing, sse::Event};
use bytes::Bytes;

/// All events when the text comes in frames of this size.
fn split(text: &Bytes, size: usize) -> Vec<Event> {
    let mut splitter = Framing::NdJson.splitter();
    let mut events = Vec::new();
    let mut rest = text.clone();
    while !rest.is_empty() {
        splitter.push(rest.split_to(size.min(rest.len())));
        events.extend(std::iter::from_fn(|| splitter.next_event().ok()?));
    }
    events.extend(splitter.finish().ok().flatten());
    events
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((size, text)) = data.split_first() else { return };
    let text = Bytes::copy_from_slice(text);
    let whole = split(&text, usize::MAX);
    assert_eq!(split(&text, usize::from(*size).max(1)), whole);
    assert_eq!(whole.iter().flat_map(|event| event.raw.to_vec()).collect::<Vec<u8>>(), text);
});

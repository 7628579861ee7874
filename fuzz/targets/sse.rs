#![no_main]

use aigne_hub::sse::{Event, Splitter, TooLong};
use bytes::Bytes;

/// All events when the text comes in frames of this size.
fn split(text: &Bytes, size: usize) -> Result<Vec<Event>, TooLong> {
    let mut splitter = Splitter::new(256);
    let mut events = Vec::new();
    let mut rest = text.clone();
    while !rest.is_empty() {
        splitter.push(rest.split_to(size.min(rest.len())));
        while let Some(event) = splitter.next_event()? {
            events.push(event);
        }
    }
    events.extend(splitter.finish()?);
    Ok(events)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((size, text)) = data.split_first() else { return };
    let text = Bytes::copy_from_slice(text);
    let whole = split(&text, usize::MAX);
    let pieces = split(&text, usize::from(*size).max(1));
    assert_eq!(whole.is_ok(), pieces.is_ok());
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
        assert_eq!(whole.iter().flat_map(|event| event.raw.to_vec()).collect::<Vec<u8>>(), text);
    }
});

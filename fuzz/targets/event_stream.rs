#![no_main]

use aigne_hub::framing::Framing;
use bytes::Bytes;

/// A message around these bytes whose lengths and checksums are right: no input would find them.
fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).unwrap_or_default().to_be_bytes();
    let mut out = [length(16 + headers.len() + payload.len()), length(headers.len())].concat();
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend([headers, payload].concat());
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}

/// All events when the bytes come in frames of this size; none after what cannot be read.
fn split(bytes: &[u8], size: usize) -> (Vec<Bytes>, bool) {
    let mut splitter = Framing::AwsEventStream.splitter();
    let mut events = Vec::new();
    for frame in bytes.chunks(size) {
        splitter.push(Bytes::copy_from_slice(frame));
        loop {
            match splitter.next_event() {
                Ok(Some(event)) => events.extend(event.data),
                Ok(None) => break,
                Err(_) => return (events, false),
            }
        }
    }
    let ended = splitter.finish().is_ok();
    (events, ended)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((size, data)) = data.split_first() else { return };
    let (headers, payload) = data.split_at(usize::from(*size).min(data.len()));
    let stream = [message(headers, payload), message(headers, b"{}"), data.to_vec()].concat();
    let whole = split(&stream, stream.len());
    assert_eq!(split(&stream, usize::from(*size).max(1)), whole);
});

#![no_main]

use aigne_hub::{
    framing::Framing,
    provider::Asked,
    wire::{Meta, Wire},
};
use bytes::Bytes;

/// What an observer or a decoder sees of a stream.
fn split(framing: Framing, data: &[u8]) -> Vec<Bytes> {
    if framing == Framing::AwsEventStream {
        // No input would find its checksums (`event_stream` puts them right): an event a line.
        return data.split(|byte| *byte == b'\n').map(Bytes::copy_from_slice).collect();
    }
    let mut splitter = framing.splitter();
    splitter.push(Bytes::copy_from_slice(data));
    let mut events: Vec<_> = std::iter::from_fn(|| splitter.next_event().ok()?).collect();
    events.extend(splitter.finish().ok().flatten());
    events.into_iter().filter_map(|event| event.data).collect()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let meta = Meta { model: "m".into(), id: "id".into(), created: 0, include_usage: true };
    for adapter in aigne_hub_fuzz::adapters() {
        for wire in Wire::ALL.into_iter().filter(|wire| adapter.relays(*wire)) {
            let mut observer = adapter.observer(wire, Asked { usage: true });
            for event in split(adapter.framing(Some(wire)), data) {
                observer.event(&event);
            }
        }
        let mut decoder = adapter.decoder();
        let mut events = Vec::new();
        for event in split(adapter.framing(None), data) {
            let _ = decoder.event(&event, &mut events);
        }
        for wire in Wire::ALL {
            let mut encoder = wire.encoder(meta.clone());
            let mut out = Vec::new();
            for event in &events {
                encoder.event(event, &mut out);
            }
            encoder.finish(&mut out);
            // Every event that is written is one line of JSON.
            for line in out.split(|byte| *byte == b'\n') {
                if let Some(json) = line.strip_prefix(b"data: {") {
                    let json = [b"{", json].concat();
                    match aigne_hub::body::scan(json.into()) {
                        Ok(_) | Err(aigne_hub::body::Malformed::TooDeep) => {}
                        Err(error) => panic!("an event cannot be read: {error}"),
                    }
                }
            }
        }
    }
});

#![no_main]

use aigne_hub::{
    provider::Asked,
    sse::Splitter,
    wire::{Meta, Wire},
};
use bytes::Bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let meta = Meta { model: "m".into(), id: "id".into(), created: 0, include_usage: true };
    for adapter in aigne_hub_fuzz::adapters() {
        let mut splitter = Splitter::default();
        splitter.push(Bytes::copy_from_slice(data));
        let mut observer = adapter.observer(Asked { usage: true });
        let mut decoder = adapter.decoder();
        let mut events = Vec::new();
        let mut each = |data: &[u8]| {
            observer.event(data);
            let _ = decoder.event(data, &mut events);
        };
        while let Ok(Some(event)) = splitter.next_event() {
            event.data.iter().for_each(|data| each(data));
        }
        if let Ok(Some(event)) = splitter.finish() {
            event.data.iter().for_each(|data| each(data));
        }
        for wire in [Wire::OpenAiChat, Wire::AnthropicMessages] {
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

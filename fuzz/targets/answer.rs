#![no_main]

use aigne_hub::wire::{Meta, Wire};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let meta = Meta { model: "m".into(), id: "id".into(), created: 0, include_usage: true };
    for adapter in aigne_hub_fuzz::adapters() {
        for wire in Wire::ALL.into_iter().filter(|wire| adapter.relays(*wire)) {
            adapter.observe(wire, data);
        }
        if let Ok(response) = adapter.decode(data) {
            for wire in Wire::ALL {
                match aigne_hub::body::scan(wire.encode(&response, &meta)) {
                    Ok(_) | Err(aigne_hub::body::Malformed::TooDeep) => {}
                    Err(error) => panic!("a translated answer cannot be read: {error}"),
                }
            }
        }
    }
});

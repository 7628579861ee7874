#![no_main]

use aigne_hub::{
    body,
    provider::{self, Target},
    wire::Wire,
};
use aigne_hub_crds::config::ProviderType;
use bytes::Bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(body) = body::scan(Bytes::copy_from_slice(data)) else { return };
    for r#type in ProviderType::ALL.iter().copied() {
        let provider = aigne_hub_fuzz::provider(r#type);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let adapter = provider::adapter(r#type);
        for wire in Wire::ALL {
            if adapter.relays(wire)
                && let Ok((edits, _)) = adapter.relay(wire, &body, target)
            {
                body::scan(body::apply(&body, &edits)).expect("a relayed body can be read");
            }
            if let Ok(request) = wire.decode(&body)
                && let Ok(bytes) = adapter.encode(&request, target)
            {
                // Nesting may grow by the few levels that another format has more.
                match body::scan(bytes.into()) {
                    Ok(_) | Err(body::Malformed::TooDeep) => {}
                    Err(error) => panic!("a translated body cannot be read: {error}"),
                }
            }
        }
    }
});

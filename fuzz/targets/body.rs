#![no_main]

use aigne_hub::body::{self, Edit};
use bytes::Bytes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(body) = body::scan(Bytes::copy_from_slice(data)) else { return };
    let edits = [
        Edit::Set("model", "\"m\"".to_owned()),
        Edit::Remove("stream"),
        Edit::Rename("max_completion_tokens", "max_tokens"),
        Edit::Set("new", "[1]".to_owned()),
    ];
    for upto in 0..=edits.len() {
        let edited = body::apply(&body, &edits[..upto]);
        body::scan(edited).expect("an edited body can be read");
    }
});

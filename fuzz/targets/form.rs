//! A form: what is written anew can be read again, and every endpoint that takes one reads it or refuses it.
#![no_main]

use aigne_hub::{
    form,
    payload::Payload,
    wire::{Operation, openai_media},
};
use bytes::Bytes;

/// Of what is written: nobody who wrote a value can have known it.
const BOUNDARY: &str = "0192f5a1c2d37e4f8a9b0c1d2e3f4a5b";

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let known = data.windows(BOUNDARY.len()).any(|window| window == BOUNDARY.as_bytes());
    let Ok(form) = form::parse("multipart/form-data; boundary=b", &Bytes::copy_from_slice(data)) else {
        return;
    };
    if !known {
        let written = Bytes::from(form.write(BOUNDARY).concat());
        let again = form::parse(&form::content_type(BOUNDARY), &written)
            .expect("a form that was written can be read");
        let values =
            |form: &form::Form| form.fields().iter().map(|field| field.value.clone()).collect::<Vec<_>>();
        assert_eq!(values(&again), values(&form));
    }
    let payload = Payload::Form(form);
    for operation in Operation::ALL {
        let _ = openai_media::decode(operation, &payload);
    }
});

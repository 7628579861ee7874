//! Sound from a text: `generateContent` with a voice.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{images::Blobs, refuse, refuse_others};
use crate::{
    json::{self, Object},
    media::{Answer, Request, speech},
    provider::{Refusal, Target, Unreadable, endpoints::Translation, gemini::usage::RawUsage},
};

#[derive(Debug)]
pub(super) struct Speech;

/// What Gemini speaks where its answer does not say: 16 bits, one channel.
const USUAL_RATE: u32 = 24_000;

impl Translation for Speech {
    fn encode(&self, request: &Request, _: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Speech(request) = request else { return Err(refuse("input", "is missing")) };
        if request.format.as_deref().is_some_and(|format| !matches!(format, "wav" | "pcm")) {
            return Err(refuse("response_format", "must be wav or pcm for Gemini"));
        }
        if request.events {
            return Err(refuse("stream_format", "must be audio for Gemini"));
        }
        refuse_others(&request.others)?;
        // How to speak is said in the text itself.
        let text = match &request.instructions {
            Some(instructions) => format!("{instructions}\n\n{}", request.input),
            None => request.input.clone(),
        };
        let mut out = Vec::with_capacity(512);
        let mut body = Object::open(&mut out);
        json::list(body.name("contents"), [&text], |out, text| {
            let mut content = Object::open(out);
            json::list(content.string("role", "user").name("parts"), [text], |out, text| {
                let mut part = Object::open(out);
                part.string("text", text);
                part.close();
            });
            content.close();
        });
        let mut config = Object::open(body.name("generationConfig"));
        config.raw("responseModalities", r#"["AUDIO"]"#);
        if let Some(voice) = &request.voice {
            let mut speech = Object::open(config.name("speechConfig"));
            let mut kind = Object::open(speech.name("voiceConfig"));
            let mut prebuilt = Object::open(kind.name("prebuiltVoiceConfig"));
            prebuilt.string("voiceName", voice);
            prebuilt.close();
            kind.close();
            speech.close();
        }
        config.close();
        body.close();
        Ok(out)
    }

    fn decode(&self, request: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let blobs = Blobs::read(body)?;
        let Some(blob) = blobs.of("audio/").next() else { return blobs.nothing("sound") };
        let pcm = STANDARD.decode(&blob.data).map_err(|_| Unreadable("its sound is no base64".to_owned()))?;
        let raw = matches!(request, Request::Speech(speech::Request { format: Some(format), .. }) if format == "pcm");
        let is_pcm = blob.mime_type.contains("L16") || blob.mime_type.contains("pcm");
        let (media_type, data) = match (raw, is_pcm) {
            (false, true) => ("audio/wav".to_owned(), wav(&pcm, rate(&blob.mime_type))),
            _ => (blob.mime_type.clone(), pcm),
        };
        let usage = blobs.answer.usage_metadata.as_ref().map(RawUsage::normalise);
        Ok(Answer::Speech(speech::Answer { media_type, data: data.into(), usage }))
    }
}

/// Of `audio/L16;codec=pcm;rate=24000`.
fn rate(media_type: &str) -> u32 {
    let said = media_type.split(';').find_map(|word| word.trim().strip_prefix("rate=")?.parse().ok());
    said.unwrap_or(USUAL_RATE)
}

/// The head of a WAV file of 16-bit samples in one channel, and the samples.
fn wav(pcm: &[u8], rate: u32) -> Vec<u8> {
    const HEAD: u32 = 36;
    let length = u32::try_from(pcm.len()).unwrap_or(u32::MAX - HEAD);
    let mut out = Vec::with_capacity(pcm.len() + 44);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&length.saturating_add(HEAD).to_le_bytes());
    // 16 bytes of description: format 1 (PCM), one channel.
    out.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend_from_slice(&rate.to_le_bytes());
    out.extend_from_slice(&rate.saturating_mul(2).to_le_bytes());
    // Two bytes a sample of all channels, 16 bits a sample.
    out.extend_from_slice(b"\x02\0\x10\0data");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(pcm);
    out
}

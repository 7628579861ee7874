//! Text from sound.

use super::{Blob, Demand};
use crate::usage::Units;

/// Sound to be written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The sound.
    pub file: Blob,
    /// How the answer is written.
    pub format: Format,
    /// Events as it is heard.
    pub stream: bool,
}

/// How a transcript is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `{"text": …}`
    #[default]
    Json,
    /// The same with segments and the sound's length.
    Verbose,
    /// The same with who speaks.
    Diarized,
    /// Nothing but the text.
    Text,
    /// Subtitles.
    Srt,
    /// Subtitles for the web.
    Vtt,
}

/// No sound is taken to be longer than its bytes at this rate: 2,000 bits a second, below what any codec for speech uses
/// (silence in FLAC can be less).
const LEAST_BYTES_A_SECOND: u64 = 250;
/// Where nobody says how long a sound was: 128,000 bits a second, the commonest rate of MP3.
const USUAL_BYTES_A_SECOND: u64 = 16_000;

impl Format {
    /// Whether the answer is JSON.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Verbose | Self::Diarized)
    }
}

impl Request {
    /// How long the sound can be at most, in milliseconds: exact where its own head says it.
    pub fn most_millis(&self) -> u64 {
        wav_millis(&self.file.data).unwrap_or_else(|| millis(self.file.data.len(), LEAST_BYTES_A_SECOND))
    }

    /// How long it may be, in milliseconds, where nobody says.
    pub fn likely_millis(&self) -> u64 {
        wav_millis(&self.file.data).unwrap_or_else(|| millis(self.file.data.len(), USUAL_BYTES_A_SECOND))
    }

    pub(super) fn demand(&self) -> Demand {
        let units = Units { millis: self.most_millis(), ..Units::default() };
        Demand { units, text: None, likely_millis: self.likely_millis() }
    }
}

fn millis(bytes: usize, bytes_a_second: u64) -> u64 {
    (bytes as u64).saturating_mul(1000).div_ceil(bytes_a_second.max(1))
}

/// The length of an uncompressed WAV file: what follows its head, by the rate that it states. What its head says of the
/// data's length is not believed, and neither is a rate that its own figures contradict.
fn wav_millis(data: &[u8]) -> Option<u64> {
    let word = |at: usize| Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?));
    if data.get(..4)? != b"RIFF" || data.get(8..16)? != b"WAVEfmt " {
        return None;
    }
    // PCM and IEEE floats: channels, samples a second, bytes a second, bytes of all channels' samples, bits of one.
    let (format, channels, rate, bytes_a_second) = (half(20)?, half(22)?, word(24)?, word(28)?);
    let bits = half(34)?;
    let stated = u64::from(rate) * u64::from(channels) * u64::from(bits) / 8;
    let plain = matches!(format, 1 | 3) && stated == u64::from(bytes_a_second) && rate >= 4_000 && bits >= 8;
    plain.then(|| millis(data.len() - 36, stated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(rate: u32, bytes_a_second: u32, length: usize) -> Vec<u8> {
        let mut data = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        data.extend(rate.to_le_bytes());
        data.extend(bytes_a_second.to_le_bytes());
        data.extend(*b"\x02\0\x10\0");
        data.extend(vec![0; length]);
        data
    }

    fn request(data: Vec<u8>) -> Request {
        let file = Blob { media_type: "audio/wav".into(), data: data.into() };
        Request { file, format: Format::Json, stream: false }
    }

    #[test]
    fn a_wav_file_says_how_long_it_is() {
        let request = request(wav(16_000, 32_000, 96_000));
        assert_eq!((request.most_millis(), request.likely_millis()), (3_000, 3_000));
    }

    #[test]
    fn a_head_that_contradicts_itself_is_not_believed() {
        // It claims that a second takes a million bytes.
        let lying = request(wav(16_000, 1_000_000, 96_000 - 36));
        assert_eq!(lying.most_millis(), 384_000);
        let other = request(b"ID3".repeat(16_000));
        assert_eq!((other.most_millis(), other.likely_millis()), (192_000, 3_000));
    }
}

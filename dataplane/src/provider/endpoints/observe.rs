//! What is learned from answers in `OpenAI`'s format that pass by.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::{RawUsage, Seconds};
use crate::{
    json,
    media::{Request, image},
    provider::{Observed, Relay, StreamObserver, UpstreamError, openai_compatible},
    usage::{ImageKind, Usage},
};

/// As much of a plain answer as says what was used.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Plain<'a> {
    usage: Option<RawUsage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<Vec<&'a RawValue>>,
    size: Option<String>,
    quality: Option<String>,
    duration: Option<Seconds>,
    seconds: Option<Seconds>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

/// Reads a plain answer to this request. One that is no JSON (subtitles) says nothing of what was used but when its last
/// line ends, after which there may be silence.
pub fn observe(request: &Request, answer: &[u8]) -> Observed {
    let mut scratch = Vec::new();
    let plain: Plain<'_> = match json::parse(answer, &mut scratch) {
        Ok(plain) => plain,
        Err(_) => return unsaid(request, answer),
    };
    let error = plain.error.and_then(error);
    let counted = plain.usage.as_ref().map(RawUsage::normalise);
    let usage = match request {
        Request::Embedding(_) => counted,
        Request::Image(asked) => {
            let made = plain.usage.as_ref().and_then(|usage| usage.generated_images);
            let listed = plain.data.as_ref().map_or(0, |data| data.len() as u64);
            let image = kind(asked, plain.size.as_deref(), plain.quality.as_deref());
            Some(Usage { images: made.map_or(listed, |made| made.0), image, ..counted.unwrap_or_default() })
        }
        Request::Speech(asked) => Some(spoken(asked.characters(), counted)),
        Request::Video(asked) => {
            let told = plain.seconds.map_or(0, Seconds::millis);
            let millis = if told > 0 { told } else { asked.millis() };
            Some(Usage { millis, ..counted.unwrap_or_default() })
        }
        Request::Transcription(_) => match heard(counted, plain.duration) {
            None if error.is_none() && plain.text.is_some() => return unsaid(request, answer),
            heard => heard,
        },
    };
    let output_bytes = plain.text.map_or(0, |text| text.get().len() as u64);
    Observed {
        usage_complete: usage.is_some(),
        usage,
        output_bytes,
        terminated: true,
        error,
        ..Observed::default()
    }
}

fn error(raw: &RawValue) -> Option<UpstreamError> {
    openai_compatible::error_inside(raw.get())
}

/// What the price of pictures depends on: as made, else as asked for.
pub fn kind(asked: &image::Request, size: Option<&str>, quality: Option<&str>) -> ImageKind {
    let or = |made: Option<&str>, asked: &Option<String>| made.map(str::to_owned).or_else(|| asked.clone());
    let (size, quality) = (or(size, &asked.size), or(quality, &asked.quality));
    ImageKind::new(&size.unwrap_or_default(), &quality.unwrap_or_default())
}

fn spoken(characters: u64, counted: Option<Usage>) -> Usage {
    Usage { characters, ..counted.unwrap_or_default() }
}

/// Tokens and seconds of a transcript, where either is said.
fn heard(counted: Option<Usage>, duration: Option<Seconds>) -> Option<Usage> {
    let millis = duration.map_or(0, Seconds::millis);
    match counted {
        Some(counted) => Some(Usage { millis: counted.millis.max(millis), ..counted }),
        None => (millis > 0).then(|| Usage { millis, ..Usage::default() }),
    }
}

/// A transcript that does not say how long the sound was: what its bytes may hold, and at least until its last subtitle
/// ends. Silence has no subtitles, but is charged.
fn unsaid(request: &Request, answer: &[u8]) -> Observed {
    let usage = match request {
        Request::Transcription(asked) => {
            let millis = asked.likely_millis().max(last_end(answer)).min(asked.most_millis());
            Some(Usage { millis, ..Usage::default() })
        }
        _ => None,
    };
    let output_bytes = answer.len() as u64;
    Observed { usage, usage_is_estimate: true, output_bytes, terminated: true, ..Observed::default() }
}

/// When the last subtitle ends, in milliseconds; 0 where there is none.
fn last_end(subtitles: &[u8]) -> u64 {
    subtitles.split(|byte| *byte == b'\n').filter_map(end).max().unwrap_or(0)
}

/// Of a line that is a timing (`00:01:00,000 --> 00:01:02,345 align:start`), not of one that was spoken.
fn end(line: &[u8]) -> Option<u64> {
    let (from, to) = std::str::from_utf8(line).ok()?.split_once(" --> ")?;
    time(from)?;
    time(to.split_whitespace().next()?)
}

/// `00:01:02,345` or `01:02.345`.
fn time(text: &str) -> Option<u64> {
    let (clock, millis) = text.split_once([',', '.'])?;
    let seconds =
        clock.split(':').try_fold(0u64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?;
    seconds.checked_mul(1000)?.checked_add(millis.parse().ok()?)
}

/// Watches a stream of `OpenAI`'s events beside chat.
#[derive(Debug)]
pub struct Observer {
    request: Request,
    observed: Observed,
}

/// As much of an event as matters.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default)]
    r#type: String,
    usage: Option<RawUsage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    b64_json: Option<&'a RawValue>,
    #[serde(borrow)]
    url: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    size: Option<String>,
    quality: Option<String>,
}

impl Observer {
    /// For the answer to this request.
    pub fn new(request: &Request) -> Self {
        Self { request: request.clone(), observed: Observed::default() }
    }

    fn look(&mut self, event: &Event<'_>) {
        if let Some(error) = event.error.and_then(error) {
            self.observed.error.get_or_insert(error);
        }
        self.observed.output_bytes += event.delta.map_or(0, |delta| delta.get().len() as u64);
        let counted = event.usage.as_ref().map(RawUsage::normalise);
        match &self.request {
            Request::Image(asked) => {
                let is_last = event.r#type.ends_with(".completed");
                let has_picture = event.b64_json.is_some() || event.url.is_some();
                let is_whole = is_last || event.r#type.ends_with(".partial_succeeded");
                let before = self.observed.usage.unwrap_or_default();
                if is_whole {
                    let images = before.images + u64::from(has_picture);
                    let image = kind(asked, event.size.as_deref(), event.quality.as_deref());
                    let counted = counted.map_or(before, |counted| added(counted, before));
                    self.observed.usage = Some(Usage { images, image, ..counted });
                    let done = is_last && (images >= asked.n || !has_picture);
                    self.observed.usage_complete |= done;
                    self.observed.terminated |= done;
                }
            }
            Request::Speech(asked) => {
                // Whoever charges by the character charges for all of them.
                let usage = spoken(asked.characters(), counted);
                if self.observed.usage.is_none() || counted.is_some() {
                    self.observed.usage = Some(usage);
                }
                if event.r#type == "speech.audio.done" {
                    (self.observed.usage_complete, self.observed.terminated) = (true, true);
                }
            }
            Request::Transcription(asked) => {
                // Until it says so, the sound is as long as its bytes may be.
                if let Some(counted) = counted {
                    (self.observed.usage, self.observed.usage_is_estimate) = (Some(counted), false);
                } else if self.observed.usage.is_none() {
                    let usage = Usage { millis: asked.likely_millis(), ..Usage::default() };
                    (self.observed.usage, self.observed.usage_is_estimate) = (Some(usage), true);
                }
                if event.r#type == "transcript.text.done" {
                    (self.observed.usage_complete, self.observed.terminated) = (true, true);
                }
            }
            Request::Embedding(_) | Request::Video(_) => {}
        }
    }
}

/// Each of several pictures' events counts for itself.
fn added(counted: Usage, before: Usage) -> Usage {
    Usage {
        input: counted.input + before.input,
        cached_input: counted.cached_input + before.cached_input,
        output: counted.output + before.output,
        image_input: counted.image_input + before.image_input,
        image_output: counted.image_output + before.image_output,
        reported_cost_nanos: match (counted.reported_cost_nanos, before.reported_cost_nanos) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        },
        ..counted
    }
}

impl StreamObserver for Observer {
    fn event(&mut self, data: &[u8]) -> Relay {
        if data.trim_ascii() == b"[DONE]" {
            self.observed.terminated = true;
            return Relay::Pass;
        }
        let mut scratch = Vec::new();
        if let Ok(event) = json::parse::<Event<'_>>(data, &mut scratch) {
            self.look(&event);
        }
        Relay::Pass
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{
        Blob, speech,
        transcription::{self, Format},
    };

    fn pictures(n: u64) -> Request {
        let size = Some("1024x1024".to_owned());
        Request::Image(image::Request { n, size, prompt: "p".into(), ..image::Request::default() })
    }

    fn sound() -> Request {
        let file = Blob { media_type: String::new(), data: vec![0; 160_000].into() };
        Request::Transcription(transcription::Request { file, format: Format::Json, stream: false })
    }

    #[test]
    fn pictures_are_counted_as_they_were_made() {
        let answer = br#"{"created":1,"size":"1536x1024","quality":"high","data":[{"b64_json":"QQ=="},{"b64_json":"Qg=="}],"usage":{"input_tokens":50,"output_tokens":4000,"total_tokens":4050,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#;
        let observed = observe(&pictures(3), answer);
        let usage = observed.usage.unwrap();
        assert_eq!((usage.images, usage.input, usage.image_input, usage.output), (2, 50, 40, 4000));
        assert_eq!(usage.image, ImageKind::new("1536x1024", "high"));
        let bare = observe(&pictures(1), br#"{"created":1,"data":[{"url":"https://x"}]}"#).usage.unwrap();
        assert_eq!((bare.images, bare.image), (1, ImageKind::new("1024x1024", "")));
        let doubao = br#"{"data":[{"url":"u"},{"error":{"code":"x"}}],"usage":{"generated_images":1,"output_tokens":9}}"#;
        assert_eq!(observe(&pictures(2), doubao).usage.unwrap().images, 1);
    }

    #[test]
    fn what_the_provider_says_that_it_charged_is_kept() {
        let cost =
            |request: &Request, answer: &[u8]| observe(request, answer).usage.unwrap().reported_cost_nanos;
        let texts = Request::Embedding(crate::media::embedding::Request::default());
        let vectors = br#"{"data":[],"usage":{"prompt_tokens":5,"total_tokens":5,"cost":0.000001}}"#;
        assert_eq!(cost(&texts, vectors), Some(1_000));
        let xai = br#"{"data":[{"url":"u"}],"usage":{"cost_in_usd_ticks":200000000}}"#;
        assert_eq!(cost(&pictures(1), xai), Some(20_000_000));
        let heard = br#"{"text":"a","usage":{"seconds":9.2,"cost":5e-4}}"#;
        assert_eq!(cost(&sound(), heard), Some(500_000));
        assert_eq!(cost(&texts, br#"{"data":[],"usage":{"prompt_tokens":5}}"#), None);
    }

    #[test]
    fn sound_is_measured_by_whatever_the_answer_says() {
        let millis = |answer: &[u8]| observe(&sound(), answer).usage.map(|usage| usage.millis);
        assert_eq!(millis(br#"{"text":"a","usage":{"type":"duration","seconds":7}}"#), Some(7_000));
        assert_eq!(millis(br#"{"text":"a","duration":8.47,"segments":[]}"#), Some(8_470));
        assert_eq!(millis(br#"{"text":"a","duration":"8.47"}"#), Some(8_470));
        assert_eq!(millis(br#"{"text":"a"}"#), Some(10_000));
        assert!(observe(&sound(), br#"{"text":"a"}"#).usage_is_estimate);
        assert_eq!(millis(b"1\n00:00:00,000 --> 00:00:02,500\nHello\n\n"), Some(10_000));
        // The last word is not the end of the sound, and what is spoken is no timing.
        assert_eq!(
            millis(b"1\r\n00:00:00,000 --> 00:00:12,500\r\nNo --> 00:00:01,000\r\n\r\n"),
            Some(12_500)
        );
        assert_eq!(millis(b"WEBVTT\n\n00:00.000 --> 01:02.500 align:start\nHello\n"), Some(62_500));
        assert_eq!(millis(b"Hello --> you"), Some(10_000));
        let tokens = br#"{"text":"a","usage":{"type":"tokens","input_tokens":14,"output_tokens":4,"input_token_details":{"text_tokens":0,"audio_tokens":14}}}"#;
        let usage = observe(&sound(), tokens).usage.unwrap();
        assert_eq!((usage.input, usage.audio_input, usage.output), (14, 14, 4));
    }

    #[test]
    fn an_error_inside_an_answer_is_one() {
        assert!(observe(&sound(), br#"{"error":{"message":"no","code":502}}"#).error.is_some());
        assert!(observe(&sound(), br#"{"text":"a","error":null}"#).error.is_none());
    }

    #[test]
    fn a_stream_ends_when_everything_was_made() {
        let mut observer = Observer::new(&pictures(2));
        observer
            .event(br#"{"type":"image_generation.partial_image","b64_json":"QQ==","partial_image_index":0}"#);
        let done = br#"{"type":"image_generation.completed","b64_json":"QQ==","size":"1024x1024","quality":"low","usage":{"input_tokens":5,"output_tokens":100,"cost":0.5}}"#;
        observer.event(done);
        assert!(!observer.observed().terminated);
        observer.event(done);
        let usage = observer.observed().usage.unwrap();
        assert!(observer.observed().terminated && observer.observed().usage_complete);
        assert_eq!((usage.images, usage.output, usage.image), (2, 200, ImageKind::new("1024x1024", "low")));
        assert_eq!(usage.reported_cost_nanos, Some(1_000_000_000));

        let asked = speech::Request { input: "über".into(), ..speech::Request::default() };
        let mut observer = Observer::new(&Request::Speech(asked));
        observer.event(br#"{"type":"speech.audio.delta","audio":"AAAA"}"#);
        assert_eq!(observer.observed().usage.map(|usage| usage.characters), Some(4));
        observer.event(br#"{"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":20,"total_tokens":23}}"#);
        let usage = observer.observed().usage.unwrap();
        assert_eq!((usage.characters, usage.input, usage.output), (4, 3, 20));
        assert!(observer.observed().terminated);

        let mut observer = Observer::new(&sound());
        observer.event(br#"{"type":"transcript.text.delta","delta":"Hello"}"#);
        observer.event(br#"{"type":"transcript.text.done","text":"Hello","usage":{"type":"tokens","input_tokens":2,"output_tokens":1}}"#);
        assert!(observer.observed().usage_complete && observer.observed().terminated);
    }
}

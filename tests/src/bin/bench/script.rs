//! What client and upstream say: one request of about 1 KB, one plain answer of about 1 KB and one stream, on both
//! wires, built once so that serving them costs a write. Pure.
//!
//! Every piece of generated text holds exactly one [`MARK`]; counting them in what arrives tells whether anything
//! was lost, on either wire.

use serde_json::{Value, json};

/// The key that applications use with the gateway, and that nginx checks.
pub(crate) const TENANT_KEY: &str = "hub-0bench00000000000000000000000000000000000000000000000000bench0";
/// The key that the upstream demands: whoever stands between must replace the tenant's.
pub(crate) const PROVIDER_KEY: &str = "sk-bench-provider-0000000000000000000000000000";
/// Model of the provider that speaks the client's own wire (verbatim relay).
pub(crate) const VERBATIM_MODEL: &str = "bench-chat";
/// Model of the provider that speaks the other wire (translation both ways).
pub(crate) const TRANSLATED_MODEL: &str = "bench-claude";
/// Stands once in each piece of generated text, and nowhere else.
const MARK: u8 = b'~';
/// Pieces of text in the plain answer.
const PLAIN_PIECES: usize = 16;
/// A piece of about ten tokens.
const PIECE: &str = "~ some ten quiet words, or very nearly so. ";
/// Replaced by the number of each request.
const NONCE: &str = "nonce-comes-here";

/// A client's request, ready to be sent again and again under a new nonce.
#[derive(Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    nonce_at: usize,
}

impl Request {
    /// A chat completion for `model`, authorised by `key`.
    pub(crate) fn new(model: &str, key: &str, stream: bool) -> Self {
        let system =
            "You are a careful assistant of a large company. Answer from what you are told. ".repeat(6);
        let user = "Please summarise the paragraph above for a colleague who has two minutes. ".repeat(6);
        let mut body = json!({
            "model": model,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": format!("[{NONCE}] {user}")},
            ],
            "temperature": 0.2,
            "max_tokens": 1024,
        });
        if stream {
            body["stream"] = json!(true);
            body["stream_options"] = json!({"include_usage": true});
        }
        let body = body.to_string();
        let bytes = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: bench\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let nonce_at = bytes.find(NONCE).unwrap_or_default();
        Self { bytes: bytes.into_bytes(), nonce_at }
    }

    /// The bytes of request number `nonce`.
    pub(crate) fn numbered(&mut self, nonce: u64) -> &[u8] {
        let digits = format!("{nonce:016x}");
        self.bytes[self.nonce_at..self.nonce_at + NONCE.len()].copy_from_slice(digits.as_bytes());
        &self.bytes
    }
}

/// A wire that the upstream speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wire {
    /// `OpenAI` chat completions.
    OpenAi,
    /// Anthropic messages.
    Anthropic,
}

/// Everything that the upstream can answer on one wire, as bytes to write.
pub(crate) struct Answers {
    /// A whole plain answer with its head.
    pub(crate) plain: Vec<u8>,
    /// Head and first event of a stream (the role; Anthropic's `message_start`).
    pub(crate) opening: Vec<u8>,
    /// One content event: written once per piece.
    pub(crate) piece: Vec<u8>,
    /// Finish, usage, terminator and the end of the body.
    pub(crate) closing: Vec<u8>,
}

impl Answers {
    /// Builds the answers of a wire.
    pub(crate) fn new(wire: Wire) -> Self {
        match wire {
            Wire::OpenAi => openai(),
            Wire::Anthropic => anthropic(),
        }
    }
}

/// How many pieces of text `bytes` hold.
#[expect(clippy::naive_bytecount, reason = "the compiler makes SIMD of it")]
pub(crate) fn marks(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == MARK).count()
}

/// How many pieces of text a complete plain answer holds.
pub(crate) const fn plain_pieces() -> usize {
    PLAIN_PIECES
}

fn openai() -> Answers {
    let usage = json!({
        "prompt_tokens": 214, "completion_tokens": 640, "total_tokens": 854,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}
    });
    let plain = json!({
        "id": "chatcmpl-BenchBenchBenchBenchBenchBe", "object": "chat.completion", "created": 1_764_000_000,
        "model": VERBATIM_MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": PIECE.repeat(PLAIN_PIECES), "refusal": null},
                     "logprobs": null, "finish_reason": "stop"}],
        "usage": usage, "service_tier": "default", "system_fingerprint": "fp_bench00000"
    });
    let event = |choices: Value, usage: &Value| {
        sse(
            None,
            &json!({
                "id": "chatcmpl-BenchBenchBenchBenchBenchBe", "object": "chat.completion.chunk",
                "created": 1_764_000_000, "model": VERBATIM_MODEL, "service_tier": "default",
                "system_fingerprint": "fp_bench00000", "choices": choices, "usage": usage
            }),
        )
    };
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let role = json!({"role": "assistant", "content": "", "refusal": null});
    Answers {
        plain: plain_answer(&plain),
        opening: [stream_head(), chunk(&event(choice(role, Value::Null), &Value::Null))].concat(),
        piece: chunk(&event(choice(json!({"content": PIECE}), Value::Null), &Value::Null)),
        closing: [
            chunk(&event(choice(json!({}), json!("stop")), &Value::Null)),
            chunk(&event(json!([]), &usage)),
            chunk("data: [DONE]\n\n"),
            b"0\r\n\r\n".to_vec(),
        ]
        .concat(),
    }
}

fn anthropic() -> Answers {
    let message = |content: Value, stop: Value, output: u32| {
        json!({
            "id": "msg_bench000000000000000000", "type": "message", "role": "assistant", "model": TRANSLATED_MODEL,
            "content": content, "stop_reason": stop, "stop_sequence": null,
            "usage": {"input_tokens": 214, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                      "output_tokens": output, "service_tier": "standard"}
        })
    };
    let text = json!([{"type": "text", "text": PIECE.repeat(PLAIN_PIECES)}]);
    let event = |name: &str, mut data: Value| {
        data["type"] = json!(name);
        chunk(&sse(Some(name), &data))
    };
    Answers {
        plain: plain_answer(&message(text, json!("end_turn"), 640)),
        opening: [
            stream_head(),
            event("message_start", json!({"message": message(json!([]), Value::Null, 1)})),
            event("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}})),
            event("ping", json!({})),
        ]
        .concat(),
        piece: event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": PIECE}})),
        closing: [
            event("content_block_stop", json!({"index": 0})),
            event(
                "message_delta",
                json!({"delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 640}}),
            ),
            event("message_stop", json!({})),
            b"0\r\n\r\n".to_vec(),
        ]
        .concat(),
    }
}

fn sse(name: Option<&str>, data: &Value) -> String {
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n")
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn stream_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n\
      x-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n"
        .to_vec()
}

fn plain_answer(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_bench\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An upstream's refusal, with its status line's text.
pub(crate) fn refusal(status: &str) -> Vec<u8> {
    let body = json!({"error": {"message": status, "type": "bench", "code": null}}).to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result, ensure};

    use super::*;
    use crate::http1::Head;

    #[test]
    fn sizes_are_those_that_the_benchmark_states() {
        let request = Request::new(VERBATIM_MODEL, TENANT_KEY, true);
        assert!((1000..1500).contains(&request.bytes.len()), "{}", request.bytes.len());
        let openai = Answers::new(Wire::OpenAi);
        assert!((1000..1600).contains(&openai.plain.len()), "{}", openai.plain.len());
        assert!((310..360).contains(&openai.piece.len()), "{}", openai.piece.len());
    }

    #[test]
    fn marks_count_pieces_and_nothing_else() {
        for wire in [Wire::OpenAi, Wire::Anthropic] {
            let answers = Answers::new(wire);
            assert_eq!(marks(&answers.plain), plain_pieces(), "{wire:?}");
            assert_eq!(marks(&answers.piece), 1, "{wire:?}");
            assert_eq!(marks(&answers.opening) + marks(&answers.closing), 0, "{wire:?}");
        }
    }

    /// The body of a whole stream with one piece.
    fn stream(wire: Wire) -> Result<String> {
        let answers = Answers::new(wire);
        let bytes = [answers.opening, answers.piece, answers.closing].concat();
        let head = Head::parse(&bytes)?.context("no head")?;
        let (mut body, mut payload) = (head.body()?, Vec::new());
        let taken = body.feed(&bytes[head.len..], &mut payload)?;
        ensure!(
            body.is_complete() && head.len + taken == bytes.len(),
            "the chunks don't end with the stream"
        );
        Ok(String::from_utf8(payload)?)
    }

    #[test]
    fn streams_are_events_of_json() -> Result<()> {
        for (wire, events) in [(Wire::OpenAi, 4), (Wire::Anthropic, 7)] {
            let stream = stream(wire)?;
            let data: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            let data = data.strip_suffix(&["[DONE]"]).unwrap_or(&data);
            assert_eq!(data.len(), events, "{wire:?}");
            for event in data {
                serde_json::from_str::<Value>(event)?;
            }
        }
        Ok(())
    }

    #[test]
    fn anthropic_events_are_named_by_their_type() -> Result<()> {
        for event in stream(Wire::Anthropic)?.trim_end().split("\n\n") {
            let (name, data) = event.split_once("\ndata: ").context("no data")?;
            let data: Value = serde_json::from_str(data)?;
            assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
        }
        Ok(())
    }

    #[test]
    fn each_request_differs_by_its_nonce_only() {
        let mut request = Request::new(VERBATIM_MODEL, TENANT_KEY, false);
        let first = request.numbered(1).to_vec();
        let second = request.numbered(0xabc).to_vec();
        let differing = first.iter().zip(&second).filter(|(a, b)| a != b).count();
        assert_eq!(first.len(), second.len());
        assert!((1..=3).contains(&differing));
    }
}

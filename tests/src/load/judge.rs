//! Whether an answer is whole, or what became of it instead.

use std::io::ErrorKind;

use super::plan::{Job, Kind};
use crate::chaos::End;
use crate::chaos::client::Reached;
use crate::harness::{asks, events};
use crate::scripted::Script;

/// What went wrong, as a client without retries sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    /// Nobody listens: RST for SYN.
    Refused,
    /// No connection for another reason.
    NoConnection,
    /// The connection ended before the first byte of an answer.
    NoAnswer,
    /// It ended in the midst of an answer.
    Cut,
    /// 5xx.
    Server,
    /// Any other status but 200.
    Status,
    /// An error event in a stream.
    ErrorEvent,
    /// A proper end without the last event.
    Unfinished,
    /// Whole, and not what the provider said.
    Different,
    /// Nothing within the time that it could take.
    TimedOut,
}

/// A request that has ended.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// Nothing where it is whole.
    pub(super) fault: Option<Fault>,
    /// For people.
    pub(super) message: String,
    /// HTTP's; 0 where there was none.
    pub(super) status: u16,
    /// How many words have come.
    pub(super) words: usize,
    /// For the comparison with the ledger.
    pub(super) end: End,
}

/// `None`: the time was over.
pub(super) fn judge(job: &Job, reached: Option<&Reached>, body: &str) -> Judged {
    let words = if job.kind == Kind::Chat { 0 } else { asks::text(&events(body)).matches("piece").count() };
    let judged =
        |fault, status, message: String, end| Judged { fault: Some(fault), message, status, words, end };
    match reached {
        None => {
            let message = format!("no end within {:?}", job.within);
            judged(Fault::TimedOut, 0, message.clone(), End::Wrong(message))
        }
        Some(Reached::Nowhere(error)) => {
            let refused = error.kind() == ErrorKind::ConnectionRefused;
            let fault = if refused { Fault::Refused } else { Fault::NoConnection };
            judged(fault, 0, error.to_string(), End::Closed)
        }
        Some(Reached::Sent(error)) => judged(Fault::NoAnswer, 0, with_cause(error), End::Nothing),
        Some(Reached::Head(head, error)) => {
            judged(Fault::Cut, head.status.as_u16(), with_cause(error), End::Partial)
        }
        Some(Reached::End(head)) => {
            let status = head.status.as_u16();
            let id = head.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
            if status != 200 {
                let fault = if status >= 500 { Fault::Server } else { Fault::Status };
                let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
                let kind = json["error"]["code"].as_str().or(json["error"]["type"].as_str()).unwrap_or("?");
                let end = End::Refused { status, kind: kind.to_owned() };
                return judged(fault, status, format!("{id}: {body}"), end);
            }
            match content(job, body) {
                Ok(()) => {
                    let end = End::Whole { request_id: id.to_owned() };
                    Judged { fault: None, message: String::new(), status, words, end }
                }
                Err(fault) => judged(fault, status, format!("{id}: {}", tail(body)), End::Partial),
            }
        }
    }
}

/// Whether a 200 says all that it should.
fn content(job: &Job, body: &str) -> Result<(), Fault> {
    let said = if job.kind == Kind::Chat {
        let json: serde_json::Value = serde_json::from_str(body).map_err(|_| Fault::Unfinished)?;
        let text = json["choices"][0]["message"]["content"].as_str().or(json["content"][0]["text"].as_str());
        text.unwrap_or_default().to_owned()
    } else {
        let events = events(body);
        if events.iter().any(|event| event.json()["error"].is_object()) {
            return Err(Fault::ErrorEvent);
        }
        let last = events.last().ok_or(Fault::Unfinished)?;
        if last.data != "[DONE]" && last.json()["type"] != "message_stop" {
            return Err(Fault::Unfinished);
        }
        asks::text(&events)
    };
    if said == Script::chunks(job.words).text.concat() { Ok(()) } else { Err(Fault::Different) }
}

fn with_cause(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// The end says most.
fn tail(body: &str) -> String {
    let skipped = body.chars().count().saturating_sub(300);
    body.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan::sample;
    use super::*;
    use crate::chaos::dice::Dice;

    fn job(kind: Kind) -> Job {
        let mut job = sample().job(&mut Dice::new(1, "load", 0), "m".into());
        (job.kind, job.words) = (kind, 2);
        job
    }

    fn fault(kind: Kind, status: u16, body: &str) -> Option<Fault> {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = http::StatusCode::from_u16(status).unwrap();
        judge(&job(kind), Some(&Reached::End(head)), body).fault
    }

    #[test]
    fn a_stream_is_whole_with_every_word_and_its_last_event() {
        let word =
            |n: u32| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"piece {n} \"}}}}]}}\n\n");
        let whole = format!("{}{}data: [DONE]\n\n", word(0), word(1));
        assert_eq!(fault(Kind::Stream, 200, &whole), None);
        assert_eq!(fault(Kind::Stream, 200, &format!("{}{}", word(0), word(1))), Some(Fault::Unfinished));
        assert_eq!(fault(Kind::Stream, 200, &format!("{}data: [DONE]\n\n", word(0))), Some(Fault::Different));
        let broken = format!("{}data: {{\"error\":{{\"message\":\"x\"}}}}\n\n", word(0));
        assert_eq!(fault(Kind::Stream, 200, &broken), Some(Fault::ErrorEvent));
        let delta = |n: u32| format!("event: a\ndata: {{\"delta\":{{\"text\":\"piece {n} \"}}}}\n\n");
        let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        assert_eq!(fault(Kind::Long, 200, &format!("{}{}{stop}", delta(0), delta(1))), None);
    }

    #[test]
    fn statuses_and_silence_are_told_apart() {
        let openai = r#"{"choices":[{"message":{"content":"piece 0 piece 1 "}}]}"#;
        assert_eq!(fault(Kind::Chat, 200, openai), None);
        assert_eq!(
            fault(Kind::Chat, 200, r#"{"content":[{"type":"text","text":"piece 0 piece 1 "}]}"#),
            None
        );
        assert_eq!(fault(Kind::Chat, 200, "{"), Some(Fault::Unfinished));
        assert_eq!(fault(Kind::Chat, 503, ""), Some(Fault::Server));
        assert_eq!(fault(Kind::Chat, 429, ""), Some(Fault::Status));
        assert_eq!(judge(&job(Kind::Chat), None, "").fault, Some(Fault::TimedOut));
        let refused = Reached::Nowhere(ErrorKind::ConnectionRefused.into());
        assert_eq!(judge(&job(Kind::Chat), Some(&refused), "").fault, Some(Fault::Refused));
        let unreachable = Reached::Nowhere(ErrorKind::HostUnreachable.into());
        assert_eq!(judge(&job(Kind::Chat), Some(&unreachable), "").fault, Some(Fault::NoConnection));
    }
}

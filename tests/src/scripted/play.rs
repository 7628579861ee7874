//! From an answer to the steps of its delivery, and the body that takes them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use http_body::{Body, Frame};

use super::journal::{Outcome, Ticket};
use super::script::{Ending, Gate, Script};
use super::wire::{Events, Line};

/// One step of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Write(Bytes),
    /// An event is complete: counted as served.
    Served,
    Rest(Duration),
    Pass,
    Stall,
    /// Without the end of the HTTP body.
    Cut,
    Reset,
    /// A line without end.
    Endless,
    /// What follows is an error: the provider counts nothing.
    Fail,
}

/// The steps that deliver a plain body.
pub(super) fn plain(script: &Script, body: &Bytes) -> VecDeque<Step> {
    let half = body.slice(..body.len() / 2);
    match tail(script.ending, None) {
        None => steps(script, vec![body.clone()], None),
        Some((_, end)) => steps(script, vec![half], Some(end)),
    }
}

/// The steps that deliver a stream.
pub(super) fn stream(script: &Script, events: Events, error: Bytes) -> VecDeque<Step> {
    let Events { mut events, terminator } = events;
    if let Some(second) = events.get(1).cloned() {
        events.splice(1..1, std::iter::repeat_n(second, script.repeat));
    }
    match tail(script.ending, Some(error)) {
        None => {
            events.push(terminator);
            steps(script, events, None)
        }
        Some((after, end)) => {
            events.truncate(after);
            steps(script, events, Some(end))
        }
    }
}

/// How many events come before an improper ending, and the ending; `Write` of nothing ends the HTTP body.
fn tail(ending: Ending, error: Option<Bytes>) -> Option<(usize, Step)> {
    Some(match ending {
        Ending::Proper => return None,
        Ending::Unterminated { after } => (after, Step::Write(Bytes::new())),
        Ending::Cut { after } => (after, Step::Cut),
        Ending::Reset { after } => (after, Step::Reset),
        Ending::Stall { after } => (after, Step::Stall),
        Ending::Endless { after } => (after, Step::Endless),
        Ending::Error { after } => (after, Step::Write(error.unwrap_or_default())),
    })
}

fn steps(script: &Script, events: Vec<Bytes>, end: Option<Step>) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    for (number, event) in events.into_iter().enumerate() {
        if number > 0 && !script.pace.is_zero() {
            steps.push_back(Step::Rest(script.pace));
        }
        if script.gate.is_some() {
            steps.push_back(Step::Pass);
        }
        match script.split {
            None => steps.push_back(Step::Write(event)),
            Some(size) => {
                steps.extend(
                    event.chunks(size.max(1)).map(|piece| Step::Write(Bytes::copy_from_slice(piece))),
                );
            }
        }
        steps.push_back(Step::Served);
    }
    if let Some(end) = end {
        // A reset may overtake what was sent before it: a gated one comes when the test has read that.
        if script.gate.is_some() {
            steps.push_back(Step::Pass);
        }
        if matches!(script.ending, Ending::Error { .. }) {
            steps.push_back(Step::Fail);
        }
        steps.push_back(end);
    }
    steps
}

/// The steps as an HTTP body. Dropping it early means that the client left.
pub(super) struct Played(Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, std::io::Error>> + Send>>);

impl Played {
    pub(super) fn new(steps: VecDeque<Step>, gate: Option<Gate>, line: Line, ticket: Ticket) -> Self {
        let state = Player { steps, gate, line, ticket, flush: false };
        Self(Box::pin(unfold(state, |mut player| async move {
            let frame = player.next().await?;
            Some((frame, player))
        })))
    }
}

impl Body for Played {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.as_mut().poll_next(cx)
    }
}

struct Player {
    steps: VecDeque<Step>,
    gate: Option<Gate>,
    line: Line,
    ticket: Ticket,
    /// The bytes before must reach the socket by themselves.
    flush: bool,
}

const ENDLESS: Bytes = Bytes::from_static(&[b'x'; 16 * 1024]);

impl Player {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, std::io::Error>> {
        while let Some(pause) = self.line.dripping() {
            tokio::time::sleep(pause).await;
        }
        if std::mem::take(&mut self.flush) {
            tokio::task::yield_now().await;
        }
        loop {
            let Some(step) = self.steps.pop_front() else {
                self.ticket.end(Outcome::Complete);
                return None;
            };
            match step {
                Step::Write(bytes) if bytes.is_empty() => {}
                Step::Write(bytes) => {
                    self.flush = true;
                    return Some(Ok(Frame::data(bytes)));
                }
                Step::Served => self.ticket.served(),
                Step::Fail => self.ticket.failing(),
                Step::Rest(pause) => tokio::time::sleep(pause).await,
                Step::Pass => {
                    if let Some(gate) = &self.gate {
                        gate.pass().await;
                    }
                }
                Step::Stall => stall().await,
                Step::Cut => {
                    self.ticket.end(Outcome::Broken);
                    return Some(Err(std::io::Error::other("scripted cut")));
                }
                Step::Reset => {
                    self.line.reset_on_close();
                    self.ticket.end(Outcome::Broken);
                    return Some(Err(std::io::Error::other("scripted reset")));
                }
                Step::Endless => {
                    self.steps.push_front(Step::Endless);
                    self.flush = true;
                    return Some(Ok(Frame::data(ENDLESS)));
                }
            }
        }
    }
}

async fn stall() {
    let _: Infallible = std::future::pending().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Events {
        Events {
            events: vec![Bytes::from_static(b"aaa"), Bytes::from_static(b"bb")],
            terminator: Bytes::from_static(b"end"),
        }
    }

    fn write(bytes: &'static str) -> Step {
        Step::Write(Bytes::from_static(bytes.as_bytes()))
    }

    #[test]
    fn a_proper_stream_ends_with_its_terminator() {
        let steps = stream(&Script::default(), events(), Bytes::new());
        assert_eq!(
            steps,
            [write("aaa"), Step::Served, write("bb"), Step::Served, write("end"), Step::Served]
        );
    }

    #[test]
    fn an_ending_comes_after_the_events_it_names() {
        let script = Script::default().ending(Ending::Reset { after: 1 });
        assert_eq!(stream(&script, events(), Bytes::new()), [write("aaa"), Step::Served, Step::Reset]);
    }

    #[test]
    fn splitting_cuts_anywhere_and_loses_nothing() {
        let script = Script::default().direct("split=2");
        let steps = stream(&script, events(), Bytes::new());
        let bytes: Vec<u8> = steps
            .iter()
            .filter_map(|step| if let Step::Write(bytes) = step { Some(bytes.to_vec()) } else { None })
            .flatten()
            .collect();
        assert_eq!(bytes, b"aaabbend");
        assert_eq!(steps.front(), Some(&write("aa")));
    }
}

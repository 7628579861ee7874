//! From a provider's frames to the client's: whole events only, relayed as they are or translated.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{array::Array, meta};
use crate::{
    chat,
    framing::{self, Framing, Splitter},
    gateway::{
        dispatch::Way,
        exchange::Exchange,
        ingress::{Arrival, Content},
    },
    media::Request,
    provider::{Adapter, Observed, Relay, StreamDecoder, StreamObserver, Unreadable, endpoints::Observer},
    upstream::Outgoing,
    usage::Usage,
    wire::StreamEncoder,
};

/// Why a stream cannot go on: the provider's fault.
#[derive(Debug, thiserror::Error)]
pub(in crate::gateway) enum Broken {
    #[error(transparent)]
    Framing(#[from] framing::Broken),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Takes frames in and gives frames out.
pub(in crate::gateway) struct Pump {
    splitter: Splitter,
    mode: Mode,
    out: VecDeque<Bytes>,
    begun: bool,
    /// Where the client wants one array in place of events.
    array: Option<Array>,
}

enum Mode {
    Verbatim(Box<dyn StreamObserver>),
    /// No events: bytes that are given on as they come.
    Bytes {
        observed: Box<Observed>,
        /// How many there are, where that was said.
        length: Option<u64>,
    },
    Translated {
        decoder: Box<dyn StreamDecoder>,
        encoder: Box<dyn StreamEncoder>,
        events: Vec<chat::Event>,
    },
}

impl Pump {
    /// `sent`: the provider's request. `length`: of its answer's body in bytes, where it said so.
    pub(in crate::gateway) fn new(
        adapter: &dyn Adapter,
        arrival: &Arrival,
        way: Way,
        sent: &Outgoing,
        length: Option<u64>,
        exchange: &Exchange,
    ) -> Self {
        let mode = match (way, &arrival.content) {
            (Way::Verbatim(asked), _) => Mode::Verbatim(adapter.observer(arrival.wire, asked)),
            (Way::Media(_), Content::Media(_, request)) => beside_chat(request, length),
            _ => Mode::Translated {
                decoder: adapter.decoder_of(&sent.whole()),
                encoder: arrival.wire.encoder(meta(arrival, exchange)),
                events: Vec::new(),
            },
        };
        let framing = match way {
            Way::Media(_) => Framing::Sse,
            way => adapter.framing(way.is_verbatim().then_some(arrival.wire)),
        };
        let array = arrival.array.then(Array::default);
        Self { splitter: framing.splitter(), mode, out: VecDeque::new(), begun: false, array }
    }

    /// Bytes of nothing that is metered.
    pub(in crate::gateway) fn bytes(length: Option<u64>) -> Self {
        let mode = Mode::Bytes { observed: Box::default(), length };
        Self { splitter: Framing::Sse.splitter(), mode, out: VecDeque::new(), begun: false, array: None }
    }

    /// A frame of the provider's. What came before an error is given out too.
    pub(in crate::gateway) fn push(&mut self, frame: Bytes) -> Result<(), Broken> {
        if let Mode::Bytes { observed, length } = &mut self.mode {
            if !frame.is_empty() {
                self.begun = true;
                observed.output_bytes += frame.len() as u64;
                // The client's side asks for no more than was said.
                observed.terminated = *length == Some(observed.output_bytes);
                self.out.push_back(frame);
            }
            return Ok(());
        }
        self.splitter.push(frame);
        let mut translated = Vec::new();
        let pushed = self.events(&mut translated);
        self.emit(translated);
        pushed
    }

    fn events(&mut self, translated: &mut Vec<u8>) -> Result<(), Broken> {
        while let Some(event) = self.splitter.next_event()? {
            self.event(event, translated)?;
        }
        Ok(())
    }

    /// No events but bytes, which end where they end and have no place for an error.
    pub(in crate::gateway) fn is_bytes(&self) -> bool {
        matches!(self.mode, Mode::Bytes { .. })
    }

    /// The provider has said something: an event with data, not just comments that keep the connection alive.
    pub(in crate::gateway) fn has_begun(&self) -> bool {
        self.begun
    }

    /// A frame of our own, after everything that came before it.
    pub(in crate::gateway) fn say(&mut self, frame: Bytes) {
        self.out.push_back(frame);
    }

    /// The provider's stream has ended. `wire_end`: write the wire's own ending too.
    pub(in crate::gateway) fn finish(&mut self, wire_end: bool) -> Result<(), Broken> {
        let mut translated = Vec::new();
        if let Some(event) = self.splitter.finish()? {
            self.event(event, &mut translated)?;
        }
        if let (true, Mode::Translated { encoder, .. }) = (wire_end, &mut self.mode) {
            encoder.finish(&mut translated);
        }
        self.emit(translated);
        Ok(())
    }

    /// The next frame for the client.
    pub(in crate::gateway) fn take(&mut self) -> Option<Bytes> {
        loop {
            let frame = self.out.pop_front()?;
            match &mut self.array {
                None => return Some(frame),
                Some(array) => {
                    let items = array.push(frame);
                    if !items.is_empty() {
                        return Some(items);
                    }
                }
            }
        }
    }

    /// What comes after the last frame, once.
    pub(in crate::gateway) fn close(&mut self) -> Option<Bytes> {
        self.array.as_mut()?.close()
    }

    /// Whether the client gets one array in place of events.
    pub(in crate::gateway) fn is_array(&self) -> bool {
        self.array.is_some()
    }

    pub(in crate::gateway) fn observed(&self) -> &Observed {
        match &self.mode {
            Mode::Verbatim(observer) => observer.observed(),
            Mode::Bytes { observed, .. } => observed,
            Mode::Translated { decoder, .. } => decoder.observed(),
        }
    }

    fn event(&mut self, event: crate::sse::Event, translated: &mut Vec<u8>) -> Result<(), Broken> {
        self.begun |= event.data.is_some();
        match &mut self.mode {
            Mode::Verbatim(observer) => {
                let relayed = match &event.data {
                    Some(data) => observer.event(data),
                    None => Relay::Pass,
                };
                match relayed {
                    Relay::Pass => self.out.push_back(event.framed()),
                    Relay::Replace(bytes) => self.out.push_back(bytes),
                    Relay::Drop => {}
                }
            }
            Mode::Bytes { .. } => {}
            Mode::Translated { decoder, encoder, events } => {
                if let Some(data) = &event.data {
                    decoder.event(data, events)?;
                    for event in events.drain(..) {
                        encoder.event(&event, translated);
                    }
                }
            }
        }
        Ok(())
    }

    fn emit(&mut self, translated: Vec<u8>) {
        if !translated.is_empty() {
            self.out.push_back(translated.into());
        }
    }
}

fn beside_chat(request: &Request, length: Option<u64>) -> Mode {
    match request {
        // Whoever charges by the character charges for all of them as soon as there is sound.
        Request::Speech(asked) if !asked.events => {
            let usage = Some(Usage { characters: asked.characters(), ..Usage::default() });
            let observed = Box::new(Observed { usage, usage_complete: true, ..Observed::default() });
            Mode::Bytes { observed, length }
        }
        request => Mode::Verbatim(Box::new(Observer::new(request))),
    }
}

//! A watch that never gives up: tries again soon, then less and less often, and says when it is away and when it is back.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use futures::{Stream, StreamExt as _};
use kube::runtime::watcher::{Error, Event, Result};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::client::CONNECT;

/// Before the first try after a failure.
const SOON: Duration = Duration::from_millis(200);
/// Between tries at most.
const LATER: Duration = Duration::from_secs(5);
/// A watch that has been open for so long without an error has been accepted.
const ACCEPTED: Duration = CONNECT.saturating_add(Duration::from_secs(1));

/// What a watch tells.
#[derive(Debug)]
pub(super) enum Told<E> {
    /// Something happened.
    Event(E),
    /// The API server cannot be reached, or refuses; why. Told for each try.
    Away(String),
    /// It accepts the watch again.
    Back,
}

/// Whether an event shows that the API server has answered.
pub(super) trait Answer {
    fn is_answer(&self) -> bool;
}

impl<K> Answer for Event<K> {
    fn is_answer(&self) -> bool {
        // The list is only about to be asked for.
        !matches!(self, Self::Init)
    }
}

impl<K> Answer for Option<K> {
    fn is_answer(&self) -> bool {
        true
    }
}

/// Follows a watch and sends what it tells until nobody listens.
pub(super) async fn watch<E: Answer, T>(
    events: impl Stream<Item = Result<E>>,
    tell: impl Fn(Told<E>) -> T,
    sender: mpsc::Sender<T>,
) {
    let mut events = std::pin::pin!(events);
    let mut failures = 0_u32;
    loop {
        let event = if failures == 0 {
            events.next().await
        } else if let Ok(event) = timeout(ACCEPTED, events.next()).await {
            event
        } else {
            failures = 0;
            if sender.send(tell(Told::Back)).await.is_err() {
                return;
            }
            continue;
        };
        let told = match event {
            Some(Ok(event)) if !event.is_answer() => Told::Event(event),
            Some(Ok(event)) => {
                let was_away = std::mem::take(&mut failures) > 0;
                if was_away && sender.send(tell(Told::Back)).await.is_err() {
                    return;
                }
                Told::Event(event)
            }
            Some(Err(error)) => {
                failures = failures.saturating_add(1);
                Told::Away(said(&error))
            }
            None => return,
        };
        if sender.send(tell(told)).await.is_err() {
            return;
        }
        if failures > 0 {
            sleep(wait(failures, RandomState::new().build_hasher().finish())).await;
        }
    }
}

/// Doubles with each failure; between half of it and all, so that pods do not come back all at once.
fn wait(failures: u32, random: u64) -> Duration {
    let longest = SOON.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LATER);
    let parts = u32::try_from(random % 1024).unwrap_or_default();
    longest / 2 + longest / 2 * parts / 1024
}

/// The whole chain of reasons in one line.
fn said(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn failure() -> Result<Event<ConfigMap>> {
        Err(Error::NoResourceVersion)
    }

    #[test]
    fn waits_grow_to_a_bound() {
        assert_eq!((wait(1, 0), wait(2, 0)), (Duration::from_millis(100), Duration::from_millis(200)));
        assert!(wait(1, 1023) < SOON && wait(u32::MAX, 1023) < LATER && wait(u32::MAX, 0) == LATER / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_away_until_an_answer_or_until_the_watch_stays_open() {
        let (sender, mut receiver) = mpsc::channel(16);
        let events = [Ok(Event::Init), failure(), failure(), Ok(Event::Init), Ok(Event::InitDone), failure()];
        let events = stream::iter(events).chain(stream::pending());
        let told = |told: Told<Event<ConfigMap>>| match told {
            Told::Event(event) => event.to_string(),
            Told::Away(_) => "away".to_owned(),
            Told::Back => "back".to_owned(),
        };
        tokio::spawn(watch(events, told, sender));
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push(receiver.recv().await.unwrap());
        }
        assert_eq!(seen, ["Init", "away", "away", "Init", "back", "InitDone", "away", "back"]);
    }
}

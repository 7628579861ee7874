//! What every store does with what is to be told to others.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use super::accounts::posting;
use super::row;
use crate::ledger::Nanos;
use crate::ledger::accounts::{Accounts, Done, Kind};
use crate::ledger::outbox::{Alert, Fate, Level, Message, Outbox, What};
use crate::ledger::store::Store;
use crate::ledger::testing::{AT, HOLDER};

const HOUR: Duration = Duration::from_hours(1);

async fn claim(store: &impl Outbox, sink: &str) -> Vec<Message> {
    store.claim(sink, 100, HOUR).await.unwrap()
}

fn ids(messages: &[Message]) -> BTreeSet<&str> {
    messages.iter().map(|message| message.id.as_str()).collect()
}

pub(crate) async fn entries_are_told_once_to_each_sink(store: &(impl Store + Accounts + Outbox)) {
    store.insert(HOLDER, &[row(1)]).await.unwrap();
    store.register("a").await.unwrap();
    store.register("b").await.unwrap();
    store.register("b").await.unwrap();
    let mut free = row(4);
    free.outcome.charge.price = Nanos(0);
    store.insert(HOLDER, &[row(1), row(2), row(3), free]).await.unwrap();
    store.insert(HOLDER, &[row(3)]).await.unwrap();
    let grant = posting(Kind::Grant, "grant/launch", 500, None);
    for done in [Done::Entered, Done::Already(500)] {
        assert_eq!(store.fulfil("acme-account", &grant, AT + 9).await.unwrap(), done);
    }
    for sink in ["a", "b"] {
        let told = claim(store, sink).await;
        assert_eq!(told.len(), 3);
        assert_eq!(ids(&told).len(), 3);
        assert!(told.is_sorted_by_key(|message| message.sequence));
        assert!(told.iter().any(|message| message.id == "00000000-0000-0000-0000-000000000002/1"));
        let entries = told.iter().map(|message| match &message.what {
            What::Entry(entry) => entry,
            What::Event(_) => panic!("{message:?}"),
        });
        let entries: Vec<_> = entries.collect();
        let (usage, grant) = (entries[0], entries[2]);
        assert_eq!((usage.kind.as_str(), usage.amount, usage.at), ("Usage", -150_600, AT));
        let used = usage.usage.as_ref().unwrap();
        assert_eq!((used.model.as_str(), used.input_tokens, used.output_tokens), ("gpt-5-mini", 100, 50));
        assert_eq!((used.user.as_deref(), used.project.as_deref()), (Some("ada"), None));
        assert_eq!((usage.reference.as_deref(), grant.reference.as_deref()), (None, Some("grant/launch")));
        assert_eq!((grant.account.as_str(), grant.amount, &grant.usage), ("acme-account", 500, &None));
    }
    assert_eq!(claim(store, "c").await, []);
}

pub(crate) async fn a_claim_holds_until_it_is_settled_or_lapses(store: &(impl Store + Outbox)) {
    store.register("a").await.unwrap();
    let rows: Vec<_> = (1..=40).map(row).collect();
    store.insert(HOLDER, &rows).await.unwrap();
    // At the same time: none is claimed twice, and none is left out.
    let claims = join_all((0..8).map(|_| store.claim("a", 5, HOUR))).await;
    let claimed: Vec<_> = claims.into_iter().flat_map(Result::unwrap).collect();
    let rest = claim(store, "a").await;
    let all: Vec<_> = claimed.into_iter().chain(rest).collect();
    assert_eq!((all.len(), ids(&all).len()), (40, 40));
    assert_eq!(claim(store, "a").await, []);

    let fates: Vec<_> = all[..36].iter().map(|message| (message.sequence, Fate::Accepted)).collect();
    store.settle(&fates).await.unwrap();
    store.settle(&fates).await.unwrap();
    let sequence = |place: usize| all[place].sequence;
    let mend = [
        (sequence(36), Fate::Later(Duration::ZERO, "away".into())),
        (sequence(37), Fate::Refused(Duration::ZERO, "no".into())),
        (sequence(38), Fate::Later(HOUR, "away".into())),
        (sequence(39), Fate::Parked("never".into())),
    ];
    store.settle(&mend).await.unwrap();
    // With no hold a claim has lapsed at once.
    for _ in 0..2 {
        let free = store.claim("a", 100, Duration::ZERO).await.unwrap();
        let free: Vec<_> = free.iter().map(|message| (message.sequence, message.tries)).collect();
        assert_eq!(free, [(sequence(36), 0), (sequence(37), 1)]);
    }
    let sinks = store.sinks().await.unwrap();
    assert_eq!((sinks.len(), sinks[0].waiting, sinks[0].parked), (1, 3, 1));
    assert_eq!(sinks[0].trouble.as_deref(), Some("away"));
    assert!(sinks[0].oldest.unwrap() >= sinks[0].since);
    let parked = store.parked(9).await.unwrap();
    assert_eq!(
        (parked.len(), parked[0].id.as_str(), parked[0].why.as_str()),
        (1, all[39].id.as_str(), "never")
    );
    assert_eq!(store.retry("a").await.unwrap(), 4);
    assert_eq!(claim(store, "a").await.len(), 4);
    assert_eq!(store.forget("a").await.unwrap(), Some(4));
    assert_eq!(store.forget("a").await.unwrap(), None);
    store.insert(HOLDER, &[row(99)]).await.unwrap();
    assert_eq!(claim(store, "a").await, []);
}

pub(crate) async fn a_crossing_is_told_once(store: &(impl Store + Accounts + Outbox)) {
    store.register("a").await.unwrap();
    let look = async |low: Option<i64>| {
        let alert = Alert {
            account: "acme-account".into(),
            tenant: "team-acme/acme".into(),
            level: Level::Fine,
            balance_nanos: 0,
            low_balance_nanos: low,
            at: AT,
        };
        let looks = join_all((0..4).map(|_| store.alert(&alert, &["a", "nobody"]))).await;
        let crossed: Vec<_> = looks.into_iter().filter_map(Result::unwrap).collect();
        let told = claim(store, "a").await;
        let events = told.into_iter().filter_map(|message| match message.what {
            What::Event(alert) => Some((alert.level, alert.balance_nanos)),
            What::Entry(_) => None,
        });
        (crossed, events.collect::<Vec<_>>())
    };
    let give = async |reference: &str, amount: i64| {
        store.fulfil("acme-account", &posting(Kind::TopUp, reference, amount, None), AT).await.unwrap();
    };
    give("topup/1", 200_000).await;
    assert_eq!(look(Some(60_000)).await, (vec![], vec![]));
    store.insert(HOLDER, &[row(1)]).await.unwrap();
    let watched = store.watched(&["acme-account", "nobody"]).await.unwrap();
    assert_eq!((watched.len(), watched[0].balance, watched[0].level), (1, 49_400, Level::Fine));
    assert_eq!(look(Some(60_000)).await, (vec![Level::Low], vec![(Level::Low, 49_400)]));
    assert_eq!(look(Some(60_000)).await, (vec![], vec![]));
    store.insert(HOLDER, &[row(2)]).await.unwrap();
    assert_eq!(look(Some(60_000)).await, (vec![Level::Exhausted], vec![(Level::Exhausted, -101_200)]));
    // On its way up nothing is told, and the next way down is told again.
    give("topup/2", 121_200).await;
    assert_eq!(look(Some(60_000)).await, (vec![Level::Low], vec![]));
    give("topup/3", 1_000_000).await;
    assert_eq!(look(Some(60_000)).await, (vec![Level::Fine], vec![]));
    assert_eq!(look(Some(2_000_000)).await, (vec![Level::Low], vec![(Level::Low, 1_020_000)]));
    assert_eq!(store.watched(&["acme-account", "nobody"]).await.unwrap()[0].level, Level::Low);
}

//! What every store does with jobs whose end nobody has seen.

use futures::future::join_all;
use uuid::Uuid;

use super::accounts::charged;
use crate::ledger::Row;
use crate::ledger::jobs::{Due, Jobs, first_look};
use crate::ledger::store::Store;
use crate::ledger::testing::{AT, HOLDER};

const MINUTE: i64 = 60_000;

/// A row that made a job.
fn made(number: u128, at: i64) -> Row {
    let mut row = charged(number, "acme", 130);
    row.intent.at = at;
    row.outcome.job = Some(format!("video_{number}").into());
    row
}

async fn ids(store: &impl Jobs, now: i64) -> Vec<String> {
    store.take_due(now, 100).await.unwrap().into_iter().map(|due| due.id).collect()
}

pub(crate) async fn jobs_come_with_their_charge_and_go_when_they_have_ended(store: &(impl Store + Jobs)) {
    let rows = [made(1, AT), charged(2, "acme", 130), made(3, AT + 1), made(3, AT + 1)];
    store.insert(HOLDER, &rows).await.unwrap();
    let first = first_look(AT);
    assert_eq!(ids(store, first - 1).await, [""; 0]);
    let due = Due {
        request_id: Uuid::from_u128(1),
        id: "video_1".into(),
        account: "acme".into(),
        charged: 130,
        made_at: AT,
    };
    assert_eq!(store.take_due(first, 100).await.unwrap(), [due]);
    store.job_over(Uuid::from_u128(1)).await.unwrap();
    store.job_over(Uuid::from_u128(9)).await.unwrap();
    // Rows that come again bring no job again.
    store.insert(HOLDER, &rows).await.unwrap();
    assert_eq!(ids(store, AT + 1_000 * MINUTE).await, ["video_3"]);
}

pub(crate) async fn a_job_is_taken_by_one_and_due_again_later(store: &(impl Store + Jobs)) {
    let rows: Vec<_> = (1..=40).map(|number| made(number, AT)).collect();
    store.insert(HOLDER, &rows).await.unwrap();
    let mut now = first_look(AT);
    let taken = join_all((0..10).map(|_| async { store.take_due(now, 7).await.unwrap() })).await;
    let mut taken: Vec<_> = taken.into_iter().flatten().collect();
    // Who asked at the same time may have left some to others.
    taken.extend(store.take_due(now, 100).await.unwrap());
    taken.sort_by_key(|due| due.request_id);
    assert_eq!(
        taken.iter().map(|due| due.request_id.as_u128()).collect::<Vec<_>>(),
        (1..=40).collect::<Vec<_>>()
    );
    for wait in [1, 2, 5, 15, 60, 60] {
        now += wait * MINUTE;
        assert_eq!((ids(store, now - 1).await.len(), ids(store, now).await.len()), (0, 40), "{wait}");
    }
}

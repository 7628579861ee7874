use futures::TryStreamExt as _;
use sqlx::Connection as _;
use tempfile::TempDir;

use super::*;
use crate::ledger::store::suite::{behaviours, row};
use crate::ledger::testing::HOLDER;

async fn open() -> (Sqlite, TempDir) {
    let dir = TempDir::new().unwrap();
    (Sqlite::open(&dir.path().join(FILE)).await.unwrap(), dir)
}

behaviours!(open);

#[tokio::test]
async fn a_reader_sees_what_a_living_writer_committed() {
    let (store, dir) = open().await;
    let reader = Sqlite::open_read_only(&dir.path().join(FILE)).await.unwrap();
    store.insert(HOLDER, &[row(1)]).await.unwrap();
    let count = async || reader.rows(&Filter::default()).try_collect::<Vec<_>>().await.unwrap().len();
    assert_eq!(count().await, 1);
    store.insert(HOLDER, &[row(2)]).await.unwrap();
    assert_eq!(count().await, 2);
    assert!(reader.insert(HOLDER, &[row(3)]).await.is_err(), "it is read-only");
}

#[tokio::test]
async fn it_opens_again_also_for_reading_alone() {
    let (store, dir) = open().await;
    store.insert(HOLDER, &[row(1)]).await.unwrap();
    store.pool.close().await;
    let path = dir.path().join(FILE);
    let reader = Sqlite::open_read_only(&path).await.unwrap();
    assert_eq!(reader.totals(&Filter::default(), &[]).await.unwrap().len(), 1);
    drop(reader);
    let again = Sqlite::open(&path).await.unwrap();
    assert_eq!(again.insert(HOLDER, &[row(1), row(2)]).await.unwrap(), 1);
}

#[tokio::test]
async fn rows_are_never_edited() {
    let (store, _dir) = open().await;
    store.insert(HOLDER, &[row(1)]).await.unwrap();
    let error = sqlx::query("UPDATE usage SET cost_nanos = 0").execute(&store.pool).await.unwrap_err();
    assert!(error.to_string().contains("never edited"), "{error}");
}

#[tokio::test]
async fn a_schema_from_a_later_version_is_refused() {
    let (store, dir) = open().await;
    let later = "INSERT INTO _sqlx_migrations VALUES (9999, 'later', CURRENT_TIMESTAMP, TRUE, x'00', 0)";
    sqlx::query(later).execute(&store.pool).await.unwrap();
    let error = Sqlite::open(&dir.path().join(FILE)).await.unwrap_err();
    assert!(matches!(error, StoreError::Schema(_)), "{error}");
}

#[tokio::test]
async fn a_missing_or_foreign_file_is_unavailable() {
    let dir = TempDir::new().unwrap();
    let missing = Sqlite::open_read_only(&dir.path().join("none.db")).await.unwrap_err();
    assert!(matches!(missing, StoreError::Unavailable(_)), "{missing}");
    let foreign = dir.path().join("foreign.db");
    std::fs::write(&foreign, "not a database, and longer than a header of one hundred bytes".repeat(9))
        .unwrap();
    assert!(matches!(Sqlite::open(&foreign).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_lock_and_a_full_disk_are_told_apart() {
    let (store, dir) = open().await;
    let path = dir.path().join(FILE);
    let mut other = options(&path).connect().await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let impatient = Sqlite::connect(options(&path).busy_timeout(Duration::ZERO)).await.unwrap();
    assert!(matches!(impatient.insert(HOLDER, &[row(1)]).await, Err(StoreError::Locked)));
    lock.rollback().await.unwrap();
    assert_eq!(store.insert(HOLDER, &[row(1)]).await.unwrap(), 1);

    let small = Sqlite::connect(options(&path).pragma("max_page_count", "1")).await.unwrap();
    let many: Vec<_> = (10..2_000).map(row).collect();
    assert!(matches!(small.insert(HOLDER, &many).await, Err(StoreError::DiskFull)));
    drop(small);
    assert_eq!(store.insert(HOLDER, &many).await.unwrap(), 1_990, "nothing of it was kept");
}

/// `SQLite` does so by itself where a commit finds the disk full.
#[tokio::test]
async fn a_transaction_that_was_rolled_back_under_us_does_not_spoil_its_connection() {
    let (store, dir) = open().await;
    let mut other = options(&dir.path().join(FILE)).connect().await.unwrap();
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON usage BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    sqlx::query(trigger).execute(&mut other).await.unwrap();
    for _ in 0..3 {
        store.insert(HOLDER, &[row(1)]).await.unwrap_err();
    }
    sqlx::query("DROP TRIGGER full").execute(&mut other).await.unwrap();
    assert_eq!(store.insert(HOLDER, &[row(1)]).await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_used_before_there_were_accounts_is_entered() {
    let (store, dir) = open().await;
    store.insert(HOLDER, &[row(1), row(2)]).await.unwrap();
    let before = store.accounts(None).await.unwrap();
    for undo in [
        "DROP TRIGGER usage_is_entered",
        "DROP VIEW postings",
        "DROP VIEW balances",
        "DROP TABLE allowances",
        "DROP TABLE holders",
        "DROP TABLE leases",
        "DROP TABLE spending",
        "DROP TABLE entries",
        "DROP TABLE accounts",
        "DROP TABLE credits",
        "DELETE FROM _sqlx_migrations WHERE version = 2",
    ] {
        store.tamper(undo).await;
    }
    store.pool.close().await;
    let again = Sqlite::open(&dir.path().join(FILE)).await.unwrap();
    assert_eq!(again.accounts(None).await.unwrap(), before);
    assert_eq!(again.differences().await.unwrap(), []);
}

#[tokio::test]
async fn what_was_used_before_there_were_units_has_none() {
    let (store, dir) = open().await;
    store.insert(HOLDER, &[row(1), row(2)]).await.unwrap();
    for undo in [
        // In one go: another connection may still believe in the one that was dropped.
        "DROP TRIGGER hours_begin; CREATE TRIGGER hours_begin AFTER INSERT ON usage_hourly BEGIN SELECT 1; END",
        "DROP TRIGGER hours_go_on; CREATE TRIGGER hours_go_on AFTER UPDATE ON usage_hourly BEGIN SELECT 1; END",
        "ALTER TABLE usage DROP COLUMN image_input_tokens",
        "ALTER TABLE usage DROP COLUMN image_output_tokens",
        "ALTER TABLE usage DROP COLUMN images",
        "ALTER TABLE usage DROP COLUMN image_size",
        "ALTER TABLE usage DROP COLUMN image_quality",
        "ALTER TABLE usage DROP COLUMN media_ms",
        "ALTER TABLE usage DROP COLUMN characters",
        "ALTER TABLE usage_hourly DROP COLUMN images",
        "ALTER TABLE usage_hourly DROP COLUMN media_ms",
        "ALTER TABLE usage_hourly DROP COLUMN characters",
        "ALTER TABLE usage_daily DROP COLUMN images",
        "ALTER TABLE usage_daily DROP COLUMN media_ms",
        "ALTER TABLE usage_daily DROP COLUMN characters",
        "DELETE FROM _sqlx_migrations WHERE version = 7",
    ] {
        store.tamper(undo).await;
    }
    store.pool.close().await;
    let again = Sqlite::open(&dir.path().join(FILE)).await.unwrap();
    let mut drawn = row(3);
    (drawn.outcome.usage.images, drawn.outcome.usage.characters) = (4, 5);
    again.insert(HOLDER, &[drawn]).await.unwrap();
    let rows: Vec<_> = again.rows(&Filter::default()).try_collect().await.unwrap();
    assert_eq!(rows.iter().map(|row| row.images).collect::<Vec<_>>(), [0, 0, 4]);
    for by in [Dimension::Day, Dimension::User] {
        let totals = again.totals(&Filter::default(), &[by]).await.unwrap();
        let known: Vec<_> = totals.values().map(|totals| totals.known).collect();
        assert_eq!(known.iter().map(|sums| (sums.images, sums.characters)).collect::<Vec<_>>(), [(4, 5)]);
        assert_eq!(known[0].attempts, 3);
    }
    assert_eq!(again.differences().await.unwrap(), []);
}

#[tokio::test]
async fn entries_are_neither_edited_nor_deleted() {
    let (store, _dir) = open().await;
    store.insert(HOLDER, &[row(1)]).await.unwrap();
    for text in ["UPDATE entries SET amount = 1", "DELETE FROM entries"] {
        let error = sqlx::query(text).execute(&store.pool).await.unwrap_err();
        assert!(error.to_string().contains("entries are never"), "{error}");
    }
}

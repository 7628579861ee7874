use std::fs;

use futures::TryStreamExt as _;
use proptest::prelude::*;
use uuid::Uuid;

use super::testing::{PASSWORD, Server};
use super::*;
use crate::ledger::accounts::Kind;
use crate::ledger::audit::{Audit as _, By};
use crate::ledger::sqlite::{self, Sqlite};
use crate::ledger::store::suite::{behaviours, posting, row};
use crate::ledger::testing::{AT, HOLDER, STATUSES, intent, outcome};
use crate::ledger::{Intent, Nanos, Outcome};

#[expect(clippy::unused_async, reason = "as the suite calls it")]
async fn open() -> (Postgres, ()) {
    (Server::shared().database().store(), ())
}

behaviours!(open);

mod leases;

const MONTH_MS: u64 = 31 * 86_400_000;

/// A row of this millisecond.
fn row_at(milliseconds: u64, number: u128) -> Row {
    row((u128::from(milliseconds) << 80) + number)
}

async fn count(store: &Postgres) -> usize {
    store.rows(&Filter::default()).try_collect::<Vec<_>>().await.unwrap().len()
}

#[tokio::test]
async fn writers_that_overlap_never_wait_in_a_circle_and_count_once() {
    let database = Server::shared().database();
    let rows: Vec<_> =
        (0..400).map(|number| row_at(AT.unsigned_abs() + (number % 3) * MONTH_MS, number.into())).collect();
    let writers = (0..8_usize).map(|writer| {
        let (store, mut rows) = (database.store(), rows.clone());
        // Each its own order and its own cuts.
        rows.rotate_left(writer * 47);
        if writer % 2 == 0 {
            rows.reverse();
        }
        async move {
            let mut new = 0;
            for batch in rows.chunks(60 + writer) {
                new += store.insert(HOLDER, batch).await.unwrap();
            }
            new
        }
    });
    let new: Vec<u64> = futures::future::join_all(writers).await;
    assert_eq!(new.iter().sum::<u64>(), 400);
    let store = database.store();
    let totals = store.totals(&Filter::default(), &[]).await.unwrap()[&Vec::new()];
    assert_eq!((totals.known.attempts, totals.known.cost_nanos), (400, 400 * 125_500));
    assert_eq!(count(&store).await, 400);
}

#[tokio::test]
async fn gateways_that_charge_and_give_at_once_never_wait_in_a_circle() {
    let database = Server::shared().database();
    let names = ["a", "b", "c"];
    let rows: Vec<_> = (0..300_u128)
        .map(|number| {
            let mut row = row_at(AT.unsigned_abs(), number);
            row.intent.account = names[usize::try_from(number % 3).unwrap()].into();
            row
        })
        .collect();
    let gateways = (0..8_usize).map(|gateway| {
        let (store, mut rows) = (database.store(), rows.clone());
        rows.rotate_left(gateway * 37);
        async move {
            for (round, batch) in rows.chunks(40).enumerate() {
                store.insert(HOLDER, batch).await.unwrap();
                let grant = posting(Kind::Grant, &format!("grant/{round}"), 1_000, None);
                store.fulfil(names[(round + gateway) % 3], &grant, AT).await.unwrap();
            }
        }
    });
    futures::future::join_all(gateways).await;
    let store = database.store();
    let accounts = store.accounts(None).await.unwrap();
    // Eight rounds, each given by eight gateways to each account, once.
    let each: Vec<_> = accounts.iter().map(|account| account.balance).collect();
    assert_eq!(each, [8 * 1_000 - 100 * 150_600; 3]);
    assert_eq!(store.differences().await.unwrap(), []);
}

#[tokio::test]
async fn what_was_used_before_there_were_accounts_is_entered() {
    let database = Server::shared().database();
    let store = database.store();
    store
        .insert(HOLDER, &[row_at(AT.unsigned_abs(), 1), row_at(AT.unsigned_abs() + MONTH_MS, 2)])
        .await
        .unwrap();
    let before = store.accounts(None).await.unwrap();
    Server::shared().psql(
        &database.name,
        "DROP TRIGGER usage_is_entered ON usage; DROP FUNCTION enter_usage; DROP VIEW hub_spend, hub_balances, postings, balances; \
         DROP TABLE entries, accounts, credits, allowances, holders, leases, spending; DROP FUNCTION saturated; \
         DELETE FROM _sqlx_migrations WHERE version = 2",
    );
    let again = database.store();
    assert_eq!(again.accounts(None).await.unwrap(), before);
    assert_eq!(again.differences().await.unwrap(), []);
}

#[tokio::test]
async fn what_was_summed_before_there_were_days_is_in_them() {
    let database = Server::shared().database();
    let store = database.store();
    store.insert(HOLDER, &[row_at(AT.unsigned_abs(), 1), row_at(AT.unsigned_abs() + 1, 2)]).await.unwrap();
    let by = [Dimension::Day, Dimension::Account];
    let before = store.totals(&Filter::default(), &by).await.unwrap();
    Server::shared().psql(
        &database.name,
        &format!(
            "CREATE ROLE reader; GRANT SELECT ON usage_hourly TO reader; \
             DROP TRIGGER usage_is_summed ON usage; DROP FUNCTION add_to_days; DROP TABLE usage_daily; \
             {WITHOUT_UNITS} DELETE FROM _sqlx_migrations WHERE version = 5"
        ),
    );
    let again = database.store();
    assert_eq!(again.totals(&Filter::default(), &by).await.unwrap(), before);
    // A gateway that does not know of days adds to them, and who might read hours may read them.
    store.insert(HOLDER, &[row_at(AT.unsigned_abs() + 2, 3)]).await.unwrap();
    let after = again.totals(&Filter::default(), &by).await.unwrap();
    let attempts = |totals: &BTreeMap<_, Totals>| totals.values().map(|sum| sum.known.attempts).sum::<i128>();
    assert_eq!((attempts(&before), attempts(&after)), (2, 3));
    assert_eq!(again.differences().await.unwrap(), []);
    let may = "SELECT has_table_privilege('reader', 'usage_daily', 'SELECT')";
    assert_eq!(Server::shared().psql(&database.name, may).trim(), "t");
}

/// The schema before units, but for the daily sums.
const WITHOUT_UNITS: &str = "\
    ALTER TABLE usage DROP COLUMN image_input_tokens, DROP COLUMN image_output_tokens, DROP COLUMN images, \
        DROP COLUMN image_size, DROP COLUMN image_quality, DROP COLUMN media_ms, DROP COLUMN characters; \
    ALTER TABLE usage_hourly DROP COLUMN images, DROP COLUMN media_ms, DROP COLUMN characters; \
    DELETE FROM _sqlx_migrations WHERE version = 7;";

#[tokio::test]
async fn older_rows_have_no_units_and_a_month_that_was_away_comes_back() {
    let database = Server::shared().database();
    let (march, april) = (AT.unsigned_abs(), AT.unsigned_abs() + MONTH_MS);
    database.store().insert(HOLDER, &[row_at(march, 1), row_at(april, 2)]).await.unwrap();
    let psql = |sql: &str| Server::shared().psql(&database.name, sql);
    psql(&format!(
        "{WITHOUT_UNITS} ALTER TABLE usage_daily DROP COLUMN images, DROP COLUMN media_ms, DROP COLUMN characters"
    ));
    psql("ALTER TABLE usage DETACH PARTITION usage_2026_03");
    let store = database.store();
    let mut drawn = row_at(april, 3);
    drawn.outcome.usage.images = 4;
    store.insert(HOLDER, &[drawn]).await.unwrap();
    let bounds = "SELECT format('FROM (%L) TO (%L)', usage_id('2026-03-01'), usage_id('2026-04-01'))";
    let bounds = psql(bounds);
    psql(&format!("ALTER TABLE usage ATTACH PARTITION usage_2026_03 FOR VALUES {bounds}"));
    let rows: Vec<_> = store.rows(&Filter::default()).try_collect().await.unwrap();
    assert_eq!(rows.iter().map(|row| row.images).collect::<Vec<_>>(), [0, 0, 4]);
    for by in [Dimension::Day, Dimension::User] {
        let totals = store.totals(&Filter::default(), &[by]).await.unwrap();
        assert_eq!(totals.values().map(|totals| totals.known.images).sum::<i128>(), 4);
        assert_eq!(totals.values().map(|totals| totals.known.attempts).sum::<i128>(), 3);
    }
    assert_eq!(store.differences().await.unwrap(), []);
}

#[tokio::test]
async fn a_row_that_comes_again_after_its_month_was_taken_away_is_not_charged_again() {
    let database = Server::shared().database();
    let store = database.store();
    let old = [row_at(AT.unsigned_abs(), 1)];
    store.insert(HOLDER, &old).await.unwrap();
    let before = store.accounts(None).await.unwrap();
    Server::shared().psql(&database.name, "DROP TABLE usage_2026_03");
    store.insert(HOLDER, &old).await.unwrap_err();
    assert_eq!(store.insert(HOLDER, &old).await.unwrap(), 1);
    assert_eq!(store.accounts(None).await.unwrap(), before);
}

#[tokio::test]
async fn migrators_wait_for_each_other_and_each_step_is_taken_once() {
    let database = Server::shared().database();
    let stores: Vec<_> = (0..8).map(|_| database.store()).collect();
    let taken = futures::future::join_all(stores.iter().map(Postgres::migrate)).await;
    let taken: Vec<_> = taken.into_iter().flat_map(Result::unwrap).map(|step| step.version).collect();
    let known: Vec<_> = schema::MIGRATIONS.iter().map(|step| step.version).collect();
    assert_eq!(taken, known);
    assert_eq!(stores[0].insert(HOLDER, &[row(1)]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let database = Server::shared().database();
    database.store().migrate().await.unwrap();
    let later = "INSERT INTO _sqlx_migrations VALUES (9999, 'later', now(), true, '', 0)";
    Server::shared().psql(&database.name, later);
    for error in [
        database.store().insert(HOLDER, &[row(1)]).await.map(drop),
        database.store().migrate().await.map(drop),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(&error, StoreError::Schema(why) if why.contains("newer version's")), "{error}");
    }
    assert_eq!(Server::shared().psql(&database.name, "SELECT count(*) FROM usage"), "0");
}

#[tokio::test]
async fn a_role_without_tables_of_its_own_writes_also_into_new_months() {
    let database = Server::shared().database();
    let owner = database.store();
    let role = format!("gateway_{}", database.name);
    let options = |migrate| Options {
        migrate,
        url: DatabaseUrl::Value(crate::secret::SecretValue::new(Server::shared().url(
            &role,
            "gateway",
            &database.name,
        ))),
        ..database.options()
    };
    Server::shared().psql(&database.name, &format!("CREATE ROLE {role} LOGIN PASSWORD 'gateway'"));
    // Nothing there yet, and it may not make it.
    let error = Postgres::new(options(false)).insert(HOLDER, &[row(1)]).await.unwrap_err();
    assert!(error.to_string().contains("aigne-hub migrate"), "{error}");
    assert!(matches!(
        Postgres::new(options(true)).insert(HOLDER, &[row(1)]).await,
        Err(StoreError::Forbidden(_))
    ));
    owner.migrate().await.unwrap();
    let error = Postgres::new(options(false)).insert(HOLDER, &[row(1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Forbidden(_)), "{error}");
    // The grants of docs/operations.md.
    let documents = include_str!("../../../../docs/operations.md");
    let grants: Vec<_> = documents.lines().filter(|line| line.starts_with("GRANT ")).collect();
    assert!(grants.len() >= 4, "{grants:?}");
    Server::shared().psql(&database.name, &grants.join("\n").replace("hub_gateway", &role));
    let gateway = Postgres::new(options(true));
    assert_eq!(gateway.insert(HOLDER, &[row_at(AT.unsigned_abs(), 1), row_at(0, 2)]).await.unwrap(), 2);
    gateway.record_sheets(&[]).await.unwrap();
    assert_eq!(count(&gateway).await, 2);
    // What the money API does.
    let by = By { actor: "api".into(), command: "api topup", detail: String::new() };
    let top_up = posting(Kind::TopUp, "topup/1", 5, None);
    assert!(gateway.accounts(Some("new")).await.unwrap().is_empty());
    let done = gateway.fulfil_as("new", &top_up, AT, &by).await.unwrap();
    assert_eq!(done, Done::Entered);
    assert_eq!(gateway.accounts(Some("new")).await.unwrap().len(), 1);
    assert_eq!(gateway.credits("new").await.unwrap().len(), 1);
}

#[tokio::test]
async fn months_have_partitions_made_ahead_and_one_that_was_taken_away_is_made_again() {
    let database = Server::shared().database();
    let store = database.store();
    // 2026-03-04, the last id of all, and one of 1970.
    let ends = [row_at(AT.unsigned_abs(), 1), row(u128::MAX), row(0)];
    assert_eq!(store.insert(HOLDER, &ends).await.unwrap(), 3);
    let tables = || {
        let list = "SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text COLLATE \"C\") FROM pg_inherits \
                    WHERE inhparent = 'usage'::regclass";
        Server::shared().psql(&database.name, list)
    };
    assert_eq!(tables(), "usage_10889_08 usage_1970_01 usage_1970_02 usage_2026_03 usage_2026_04");
    Server::shared().psql(&database.name, "DROP TABLE usage_2026_03");
    store.insert(HOLDER, &ends).await.unwrap_err();
    assert_eq!(store.insert(HOLDER, &ends).await.unwrap(), 1);
    Server::shared().psql(&database.name, "ALTER TABLE usage DETACH PARTITION usage_2026_03");
    store.insert(HOLDER, &ends).await.unwrap_err();
    let error = store.insert(HOLDER, &ends).await.unwrap_err();
    assert!(error.to_string().contains("Attach it again"), "{error}");
}

#[tokio::test]
async fn what_was_recorded_is_never_edited() {
    let database = Server::shared().database();
    database.store().insert(HOLDER, &[row(1)]).await.unwrap();
    let mut connection = connection::connect(&database.options(), Duration::from_secs(5)).await.unwrap();
    for text in ["UPDATE usage SET cost_nanos = 0", "UPDATE entries SET amount = 1", "DELETE FROM entries"] {
        let error = sqlx::query(text).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains("never edited"), "{error}");
    }
}

#[tokio::test]
async fn text_that_postgres_cannot_keep_holds_up_nothing() {
    let store = Server::shared().database().store();
    let mut odd = row(1);
    odd.intent.user = Some("a\0b".into());
    assert_eq!(store.insert(HOLDER, &[odd]).await.unwrap(), 1);
    let rows: Vec<_> = store.rows(&Filter::default()).try_collect().await.unwrap();
    assert_eq!(rows[0].user.as_deref(), Some("a\u{FFFD}b"));
}

#[tokio::test]
async fn whose_fault_it_is_is_told_and_the_password_is_not() {
    let server = Server::shared();
    let database = server.database();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fails = async |url: String| {
        let options = Options::new(DatabaseUrl::Value(crate::secret::SecretValue::new(url)));
        let error = Postgres::new(options).insert(HOLDER, &[row(1)]).await.unwrap_err();
        for secret in [PASSWORD, "wrong-horse"] {
            assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
        }
        error
    };
    let wrong = fails(server.url("postgres", "wrong-horse", &database.name)).await;
    assert!(matches!(wrong, StoreError::Credentials(_)), "{wrong}");
    let missing = fails(server.url("postgres", PASSWORD, "nowhere")).await;
    assert!(matches!(missing, StoreError::NoDatabase(_)), "{missing}");
    let plain = fails(database.url.replace("sslmode=disable", "sslmode=require")).await;
    assert!(matches!(plain, StoreError::Untrusted(_)), "{plain}");
    let away = fails(format!("postgres://hub:{PASSWORD}@127.0.0.1:{free}/hub")).await;
    assert!(matches!(away, StoreError::Unavailable(_)), "{away}");

    let read_only = format!("{}&options=-c%20default_transaction_read_only=on", database.url);
    database.store().insert(HOLDER, &[row(1)]).await.unwrap();
    assert!(matches!(fails(read_only).await, StoreError::ReadOnly));
    server.psql("postgres", &format!("ALTER DATABASE {} CONNECTION LIMIT 0", database.name));
    server.psql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE crowded LOGIN PASSWORD 'wrong-horse'; EXCEPTION WHEN duplicate_object THEN END $$",
    );
    let crowded = fails(server.url("crowded", "wrong-horse", &database.name)).await;
    assert!(matches!(crowded, StoreError::TooManyConnections(_)), "{crowded}");
}

#[tokio::test]
async fn a_rotated_password_is_read_for_the_next_connection() {
    let server = Server::shared();
    let database = server.database();
    let role = format!("rotated_{}", database.name);
    server.psql(
        &database.name,
        &format!("CREATE ROLE {role} LOGIN PASSWORD 'first'; GRANT CREATE ON SCHEMA public TO {role}"),
    );
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("url");
    let write = |password: &str| fs::write(&file, server.url(&role, password, &database.name)).unwrap();
    write("first");
    let store = Postgres::new(Options::new(DatabaseUrl::File(file.clone())));
    assert_eq!(store.insert(HOLDER, &[row(1)]).await.unwrap(), 1);
    server.psql(&database.name, &format!("ALTER ROLE {role} PASSWORD 'second'"));
    server.psql(
        "postgres",
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"),
    );
    store.insert(HOLDER, &[row(2)]).await.unwrap_err();
    assert!(matches!(store.insert(HOLDER, &[row(2)]).await, Err(StoreError::Credentials(_))));
    write("second");
    assert_eq!(store.insert(HOLDER, &[row(1), row(2)]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_server_that_stops_or_pauses_holds_nothing_up_and_is_used_again() {
    let mut server = Server::start();
    let database = server.database();
    let limit = Duration::from_millis(400);
    let store = Postgres::new(Options { timeout: limit, connect_timeout: limit, ..database.options() });
    database.store().migrate().await.unwrap();
    assert_eq!(store.insert(HOLDER, &[row(1)]).await.unwrap(), 1);

    server.stop();
    assert!(matches!(store.insert(HOLDER, &[row(2)]).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.insert(HOLDER, &[row(2)]).await, Err(StoreError::Unavailable(_))));
    server.resume_service();
    assert_eq!(store.insert(HOLDER, &[row(1), row(2)]).await.unwrap(), 1);

    server.signal("STOP");
    // First the old connection, then none is to be had.
    assert!(matches!(store.insert(HOLDER, &[row(3)]).await, Err(StoreError::Timeout(_))));
    assert!(matches!(store.insert(HOLDER, &[row(3)]).await, Err(StoreError::Timeout(_))));
    server.signal("CONT");
    let taken = async {
        while store.insert(HOLDER, &[row(3)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken).await.unwrap();
    assert_eq!(count(&store).await, 3);
}

fn any_row() -> impl Strategy<Value = Row> {
    let ends = (0..6_usize, any::<u64>(), any::<i64>(), any::<i64>(), prop::option::of(any::<i64>()));
    let names = (prop::option::of("[a-cé]{0,2}"), "[ab]", prop::option::of("[xy]"));
    let keys = (0..3_u64, 0..40_u128, 1..4_u32, 0..10_000_000_i64);
    (keys, names, ends).prop_map(|((month, number, attempt, later), (user, model, project), ends)| {
        let (status, tokens, cost, price, reported) = ends;
        let id = Uuid::from_u128((u128::from(AT.unsigned_abs() + month * MONTH_MS) << 80) + number).as_u128();
        let at = AT + later;
        let begins = Intent { at, user, project, model: model.into(), ..intent(id, attempt) };
        let mut end = Outcome { at: at + later, status: STATUSES[status], ..outcome(id, attempt) };
        end.usage.input = tokens;
        end.usage.output = tokens >> 20;
        end.usage.reported_cost_nanos = reported;
        // Small enough that the order of batches does not matter where an hour's sum would end.
        end.charge.cost = Nanos(cost >> 16);
        end.charge.price = Nanos(price >> 16);
        end.usage.input >>= 16;
        Row { intent: begins, outcome: end }
    })
}

#[test]
fn both_stores_tell_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(batches in prop::collection::vec(prop::collection::vec(any_row(), 0..30), 1..6))| {
        runtime.block_on(async {
            let folder = tempfile::TempDir::new().unwrap();
            let lite = Sqlite::open(&folder.path().join(sqlite::FILE)).await.unwrap();
            let large = Server::shared().database().store();
            for batch in &batches {
                assert_eq!(lite.insert(HOLDER, batch).await.unwrap(), large.insert(HOLDER, batch).await.unwrap());
            }
            let by = [Dimension::Day, Dimension::User, Dimension::Project, Dimension::Model, Dimension::Tenant];
            let half = Filter { since: Some(AT + 3_000_000), until: Some(AT + 9_000_000), tenant: None };
            let hours = Filter { since: Some(AT / 3_600_000 * 3_600_000), ..Filter::default() };
            for filter in [Filter::default(), half, hours] {
                let rows = lite.rows(&filter).try_collect::<Vec<_>>().await.unwrap();
                assert_eq!(rows, large.rows(&filter).try_collect::<Vec<_>>().await.unwrap());
                assert_eq!(
                    lite.totals(&filter, &by).await.unwrap(),
                    large.totals(&filter, &by).await.unwrap()
                );
            }
        });
    });
}

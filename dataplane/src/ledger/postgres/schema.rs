//! Which schema the database has, and bringing it up to date. Only ever forward.

use std::collections::BTreeMap;

use sqlx::migrate::{Migrate as _, MigrateError, Migration, Migrator};
use sqlx::{Connection as _, PgConnection, Row as _};

use super::Options;
use super::connection::{connect, within};
use crate::ledger::store::StoreError;

/// The migrations of this version.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Its number.
    pub version: i64,
    /// What it is called.
    pub description: String,
}

/// Ready for use, or made so where that is allowed.
pub(super) async fn ready(connection: &mut PgConnection, options: &Options) -> Result<(), StoreError> {
    let missing = within(options.timeout, missing(connection)).await?;
    match missing.first() {
        None => Ok(()),
        Some(_) if options.migrate => migrate(options).await.map(drop),
        Some(next) => Err(StoreError::Schema(format!(
            "it lacks migration {}, and gateways are not to migrate: run `aigne-hub migrate`",
            next.version
        ))),
    }
}

/// Takes the steps that are missing; others who come at the same time wait, and find them taken.
pub(super) async fn migrate(options: &Options) -> Result<Vec<Migrated>, StoreError> {
    let mut connection = connect(options, options.migration_timeout).await?;
    // A newer schema is not even locked.
    within(options.timeout, missing(&mut connection)).await?;
    let work = async {
        // An advisory lock of the session. The migrator takes it once more and gives that one back; whatever is left of
        // it ends with the connection.
        connection.lock().await?;
        let missing = missing(&mut connection).await?;
        MIGRATIONS.run_direct(None, &mut connection, false).await?;
        Ok::<_, StoreError>(missing)
    };
    let taken = within(options.migration_timeout, work).await?;
    // All is done: that the farewell fails changes nothing.
    let _ = within(options.connect_timeout, connection.close()).await;
    let step = |step: &Migration| Migrated {
        version: step.version,
        description: step.description.clone().into_owned(),
    };
    Ok(taken.into_iter().map(step).collect())
}

/// Steps of this version that were not taken. An error where steps were taken that it does not know.
async fn missing(connection: &mut PgConnection) -> Result<Vec<&'static Migration>, StoreError> {
    let taken = taken(connection).await?;
    let latest = MIGRATIONS.iter().map(|step| step.version).max().unwrap_or_default();
    if let Some(newest) = taken.keys().last().filter(|newest| **newest > latest) {
        return Err(StoreError::Schema(format!(
            "it is a newer version's (migration {newest}; this version knows {latest} of them): use that version"
        )));
    }
    for step in MIGRATIONS.iter() {
        if taken.get(&step.version).is_some_and(|checksum| **checksum != *step.checksum) {
            return Err(MigrateError::VersionMismatch(step.version).into());
        }
    }
    Ok(MIGRATIONS.iter().filter(|step| !taken.contains_key(&step.version)).collect())
}

/// Versions and checksums; none in a new database.
async fn taken(connection: &mut PgConnection) -> sqlx::Result<BTreeMap<i64, Vec<u8>>> {
    let exists = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL");
    if !exists.fetch_one(&mut *connection).await? {
        return Ok(BTreeMap::new());
    }
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations").fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

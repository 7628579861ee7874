//! Why a store did not do it, in words for whoever is woken up.

use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// Why the store did not do it. Nothing was changed; all of these can pass, so the writer tries again.
///
/// No message has a password in it, nor an address that could have one.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes.
    #[error("the database is locked by another process")]
    Locked,
    /// An operator has to make room.
    #[error("the disk of the database is full")]
    DiskFull,
    /// The database was made by a newer version of this program, or changed by hand, or not brought up to date.
    #[error("the database does not have the schema of this version: {0}")]
    Schema(String),
    /// An operator has to mend the URL or the file that has it.
    #[error("the database's URL cannot be used: {0}")]
    Address(String),
    /// An operator has to mend the password or the server's `pg_hba.conf`.
    #[error("the database refuses this user or password: {0}")]
    Credentials(String),
    /// An operator has to make the database or to mend its name in the URL.
    #[error("the server is there, and has no such database: {0}")]
    NoDatabase(String),
    /// An operator has to name the certificate's issuer (`sslrootcert`), or to look who answers there.
    #[error("TLS with the database failed: {0}")]
    Untrusted(String),
    /// An operator has to grant what the documents list.
    #[error("the database's user lacks a right: {0}")]
    Forbidden(String),
    /// A standby answers, or the server was set to read only: the URL has to name the primary.
    #[error("the database is read-only: is it a standby?")]
    ReadOnly,
    /// Passes as others leave; else `max_connections` is too small.
    #[error("the database has no connection left: {0}")]
    TooManyConnections(String),
    /// The server is paused, overloaded or waits for a lock; or the network swallows packets.
    #[error("the database did not answer within {0:?}")]
    Timeout(Duration),
    /// Not there, not readable, damaged, not reachable.
    #[error("the database cannot be used: {0}")]
    Unavailable(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Tls(why) => Self::Untrusted(why.to_string()),
            // A handshake that fails comes as a failure to read or write.
            sqlx::Error::Io(io) if is_tls(io) => Self::Untrusted(io.to_string()),
            sqlx::Error::Database(refusal) => match refusal.try_downcast_ref::<PgDatabaseError>() {
                Some(refusal) => of_postgres(refusal),
                None => of_sqlite(&error),
            },
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

fn is_tls(error: &std::io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
}

/// The low byte of an extended result code is the primary one: <https://sqlite.org/rescode.html>
fn of_sqlite(error: &sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    match code.map(|code| code & 0xFF) {
        Some(5 | 6) => StoreError::Locked,
        Some(13) => StoreError::DiskFull,
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// <https://www.postgresql.org/docs/15/errcodes-appendix.html>
fn of_postgres(error: &PgDatabaseError) -> StoreError {
    let said = match error.hint() {
        Some(hint) => format!("{} ({hint})", error.message()),
        None => error.message().to_owned(),
    };
    match error.code() {
        // Also 28000 without a line in pg_hba.conf that lets this host in.
        "28P01" | "28000" => StoreError::Credentials(said),
        "3D000" => StoreError::NoDatabase(said),
        "42501" => StoreError::Forbidden(said),
        "25006" => StoreError::ReadOnly,
        "53100" => StoreError::DiskFull,
        "53300" => StoreError::TooManyConnections(said),
        "55P03" => StoreError::Locked,
        // A table, a column or a function that this version expects.
        "42P01" | "42703" | "42883" => StoreError::Schema(said),
        code => StoreError::Unavailable(format!("{said} (SQLSTATE {code})")),
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Schema(other.to_string()),
        }
    }
}

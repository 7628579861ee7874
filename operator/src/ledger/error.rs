//! Why the ledger did not answer, in words for whoever looks.

use std::time::Duration;

use sqlx::postgres::PgDatabaseError;

/// Why the ledger did not answer. All of these can pass, so it is tried again. No message has a password in it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Somebody has to mend the URL or the file that has it.
    #[error("the database's URL cannot be used: {0}")]
    Address(String),
    /// Gateways have not made it yet, or it is another version's.
    #[error("the database does not have the schema of this version: {0}")]
    Schema(String),
    /// Somebody has to grant what the documents list.
    #[error("the database's user lacks a right: {0}")]
    Forbidden(String),
    /// Others hold a lock for long; it is not waited for.
    #[error("something in the database is locked by others")]
    Locked,
    /// Paused, overloaded, or not reachable.
    #[error("the database did not answer within {0:?}")]
    Late(Duration),
    /// Not there, or it refuses.
    #[error("the database cannot be used: {0}")]
    Unavailable(String),
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        let refusal = match &error {
            sqlx::Error::Database(refusal) => refusal.try_downcast_ref::<PgDatabaseError>(),
            _ => None,
        };
        let Some(refusal) = refusal else { return Self::Unavailable(error.to_string()) };
        let said = refusal.message().to_owned();
        // https://www.postgresql.org/docs/15/errcodes-appendix.html
        match refusal.code() {
            "42P01" | "42703" | "42883" => Self::Schema(said),
            "42501" => Self::Forbidden(said),
            "55P03" => Self::Locked,
            code => Self::Unavailable(format!("{said} (SQLSTATE {code})")),
        }
    }
}

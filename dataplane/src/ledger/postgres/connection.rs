//! Connections, made when they are needed.
//!
//! Not sqlx's pool: each new connection has to look at the URL again, and one whose answer was given up on must
//! be closed, never waited for.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::Options;
use super::partitions::Partitions;
use super::schema;
use crate::ledger::store::StoreError;

/// At the same time: the writer's, that of leases, for which requests wait, and one for whoever else asks.
const MOST: usize = 3;

/// An idle connection is not trusted for longer: what lies between may have forgotten it without a word.
const IDLE: Duration = Duration::from_mins(1);

/// What all clones of a store share.
pub(super) struct Connections {
    options: Options,
    permits: Semaphore,
    idle: Mutex<Vec<(PgConnection, Instant)>>,
    partitions: Partitions,
    /// Whether the schema is known to be this version's.
    checked: tokio::sync::Mutex<bool>,
}

/// A connection in use. It is closed when it is dropped, unless it is given back.
pub(super) struct Lease<'a> {
    home: &'a Connections,
    /// Ready for a statement.
    pub(super) connection: PgConnection,
    _permit: SemaphorePermit<'a>,
}

impl Connections {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            permits: Semaphore::new(MOST),
            idle: Mutex::default(),
            partitions: Partitions::default(),
            checked: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    /// A connection to a database whose schema is this version's.
    pub(super) async fn acquire(&self) -> Result<Lease<'_>, StoreError> {
        // Never closed, so never refused.
        let permit = self.permits.acquire().await;
        let permit = permit.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let connection = match self.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lease { home: self, connection, _permit: permit })
    }

    fn take(&self) -> Option<PgConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let mut connection = connect(&self.options, self.options.timeout).await?;
        let mut checked = self.checked.lock().await;
        if !*checked {
            schema::ready(&mut connection, &self.options).await?;
            *checked = true;
        }
        Ok(connection)
    }
}

impl Lease<'_> {
    /// For the next one: nothing failed, and no answer is outstanding.
    pub(super) fn give_back(self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((self.connection, Instant::now()));
    }
}

/// Reads the URL, connects, and has the server give up too when this side does.
pub(super) async fn connect(options: &Options, longest: Duration) -> Result<PgConnection, StoreError> {
    let target = options.url.options()?;
    let target = match target.get_application_name() {
        Some(_) => target,
        None => target.application_name("aigne-hub"),
    };
    let connecting = async {
        let mut connection = target.connect().await?;
        let settings = format!(
            "SET statement_timeout = {0}; SET idle_in_transaction_session_timeout = {0}; SET TIME ZONE 'UTC'; \
             SET aigne_hub.settles = 'yes'",
            longest.as_millis().max(1)
        );
        connection.execute(AssertSqlSafe(settings)).await?;
        Ok::<_, sqlx::Error>(connection)
    };
    within(options.connect_timeout, connecting).await
}

/// Gives up after a while.
pub(super) async fn within<T, E>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    Ok(timeout(limit, work).await.map_err(|_| StoreError::Timeout(limit))??)
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").field("options", &self.options).finish_non_exhaustive()
    }
}

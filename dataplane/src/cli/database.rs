//! Which ledger: a Postgres database, or a folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::DATA_VARIABLE;
use crate::environment::Environment;
use crate::ledger::journal;
use crate::ledger::place::Ledger;
use crate::ledger::postgres::{self, DatabaseUrl, Postgres, URL_VARIABLE};
use crate::ledger::sqlite::{self, Sqlite};
use crate::secret::SecretValue;

/// A report may read years.
const REPORT_TIMEOUT: Duration = Duration::from_mins(5);

/// Where the database's URL is. It is no argument itself: whoever lists processes would see the password.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Database {
    /// The file that holds the URL of the ledger's Postgres database; without it, `AIGNE_HUB_DATABASE_URL` is the URL.
    #[arg(long, value_name = "FILE")]
    pub(super) database_url_file: Option<PathBuf>,
}

impl Database {
    /// The file before the variable; none where neither is given.
    pub(super) fn url(&self, environment: &Environment) -> Option<DatabaseUrl> {
        let file = self.database_url_file.clone().map(DatabaseUrl::File);
        file.or_else(|| Some(DatabaseUrl::Value(SecretValue::new(environment.get(URL_VARIABLE)?))))
    }
}

/// Where a ledger is that a gateway made.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Place {
    /// The folder of a gateway without a cluster [default: data, where no database is named].
    #[arg(long, value_name = "DIR", conflicts_with = "database_url_file")]
    data: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
}

impl Place {
    /// For questions alone; the schema stays as it is.
    pub(super) async fn read(&self, environment: &Environment) -> anyhow::Result<Ledger> {
        if let Some(database) = self.postgres(environment) {
            return Ok(database);
        }
        let folder = self.folder(environment);
        let path = existing(&folder)?;
        let opened = Sqlite::open_read_only(&path).await;
        opened.map(Ledger::Sqlite).with_context(|| format!("the ledger {} cannot be read", path.display()))
    }

    /// For changes. A file's schema is brought up to date; that of a database by `aigne-hub migrate` or a gateway.
    pub(super) async fn write(&self, environment: &Environment) -> anyhow::Result<Ledger> {
        if let Some(database) = self.postgres(environment) {
            return Ok(database);
        }
        let folder = self.folder(environment);
        let path = existing(&folder)?;
        let opened = Sqlite::open(&path).await;
        opened.map(Ledger::Sqlite).with_context(|| format!("the ledger {} cannot be used", path.display()))
    }

    /// Where the folder's gateways have their journals; none where the ledger is a database: they are elsewhere.
    pub(super) fn journal(&self, environment: &Environment) -> Option<PathBuf> {
        self.postgres(environment).is_none().then(|| self.folder(environment).join(journal::FOLDER))
    }

    /// Unless a folder was named.
    fn postgres(&self, environment: &Environment) -> Option<Ledger> {
        let url = if self.data.is_none() { self.database.url(environment) } else { None };
        let options =
            postgres::Options { migrate: false, timeout: REPORT_TIMEOUT, ..postgres::Options::new(url?) };
        Some(Ledger::Postgres(Postgres::new(options)))
    }

    /// The one that was named, else the one that the environment names.
    fn folder(&self, environment: &Environment) -> PathBuf {
        let named = self.data.clone().or_else(|| environment.get(DATA_VARIABLE).map(PathBuf::from));
        named.unwrap_or_else(|| "data".into())
    }
}

fn existing(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join(sqlite::FILE);
    ensure!(path.exists(), "there is no ledger in {}: no gateway has run with it yet", folder.display());
    Ok(path)
}

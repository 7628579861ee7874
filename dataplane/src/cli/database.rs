//! Which Postgres database, where there is one.

use std::path::PathBuf;

use crate::environment::Environment;
use crate::ledger::postgres::{DatabaseUrl, URL_VARIABLE};
use crate::secret::SecretValue;

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

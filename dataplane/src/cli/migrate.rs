//! `aigne-hub migrate`: brings a Postgres ledger's schema up to date.

use std::io::Write;

use anyhow::Context as _;

use super::Context;
use super::database::Database;
use crate::ledger::postgres::{Options, Postgres, URL_VARIABLE};

/// Bring the schema of a Postgres ledger up to date.
///
/// For those whose gateways may not change the schema. Doing it again changes nothing; a schema of a newer version is
/// refused.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:
  aigne-hub migrate --database-url-file /etc/aigne-hub/database-url")]
pub struct Args {
    #[command(flatten)]
    database: Database,
}

/// Prints what it did.
pub async fn run(args: &Args, context: &Context, output: &mut dyn Write) -> anyhow::Result<()> {
    let url = args.database.url(&context.environment);
    let url =
        url.with_context(|| format!("which database? Give --database-url-file, or set {URL_VARIABLE}"))?;
    let taken = Postgres::new(Options::new(url)).migrate().await.context("the schema is as it was")?;
    for step in &taken {
        writeln!(output, "applied {}: {}", step.version, step.description)?;
    }
    if taken.is_empty() {
        writeln!(output, "The schema is up to date.")?;
    }
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::environment::Environment;
    use crate::ledger::postgres::testing::Server;

    #[tokio::test]
    async fn it_says_what_it_did_and_does_it_once() {
        let database = Server::shared().database();
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, &database.url).unwrap();
        let by_file = Database { database_url_file: Some(file) };
        let ask = async |database: Database, environment| {
            let mut output = Vec::new();
            let context = Context { environment, clock: Clock::default() };
            run(&Args { database }, &context, &mut output).await?;
            anyhow::Ok(String::from_utf8(output)?)
        };
        let environment = Environment::fixed([(URL_VARIABLE, database.url.as_str())]);
        assert_eq!(
            ask(by_file, Environment::fixed([])).await.unwrap(),
            "applied 1: ledger\napplied 2: accounts\napplied 3: outbox\napplied 4: reports\n\
             applied 5: days\napplied 6: priority\napplied 7: units\napplied 8: jobs\n"
        );
        assert_eq!(ask(Database::default(), environment).await.unwrap(), "The schema is up to date.\n");
        let error = ask(Database::default(), Environment::fixed([])).await.unwrap_err();
        assert!(error.to_string().contains("which database?"), "{error}");
    }
}

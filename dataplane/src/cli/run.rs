//! `aigne-hub run`: a gateway without a cluster.

use std::{process::ExitCode, sync::Arc};

use super::{
    Context, Data, Manifests,
    database::Database,
    export::Sinks,
    identity::Identity,
    listen::{AdminListener, Listeners},
    serving, values,
};
use crate::{
    ledger::{place::LedgerPlace, postgres},
    run,
    source::{follow, secrets::Missing},
    telemetry::access::Destination,
};

/// Serve the manifests of a folder, without a cluster.
///
/// Changes in the folder are picked up while it runs. A change that has errors is not: the last good state goes on
/// serving. Tenants whose key's Secret is in no manifest get a key made; `aigne-hub keys show` prints it.
///
/// The ledger is a file of the data folder, or a Postgres database that any number of gateways share; made keys are
/// each gateway's own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  aigne-hub run -f examples/quickstart --data ./data
  aigne-hub keys show default/acme app -f examples/quickstart --data ./data
  aigne-hub run -f ./manifests --data ./data --database-url-file ./database-url
  aigne-hub run -f ./manifests --data ./data --admin-token-file ./admin-token      (the money API: /v1/accounts)")]
pub struct Args {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    listen: Listeners,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    export: Sinks,
    #[command(flatten)]
    admin: AdminListener,
    /// One JSON line a request: to `stdout`, `off`, or to this file.
    #[arg(long, value_name = "WHERE", default_value = "stdout")]
    access_log: Destination,
    /// Larger request bodies are refused.
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = values::size)]
    max_body: usize,
    #[command(flatten)]
    offset: serving::ClockOffset,
}

/// Serves until SIGTERM or Ctrl-C.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let (data, keyring) = (&args.data.data, args.data.keyring());
    serving::private_folder(data)?;
    let directory = args.manifests.directory(context, Some(data), Missing::Make(keyring));
    let first = match directory.load() {
        Ok(first) => first,
        Err(problems) => {
            for problem in &problems {
                tracing::error!("{problem}");
            }
            anyhow::bail!("{} cannot be served as it is", directory.root.display());
        }
    };
    let options = args.options(context)?;
    serving::until_told(|telemetry, stop| async move {
        let source = follow::start(directory, first, Arc::clone(&telemetry));
        run::run(options, source, telemetry, stop).await
    })
}

impl Args {
    fn options(self, context: &Context) -> anyhow::Result<run::Options> {
        let ledger = match self.database.url(&context.environment) {
            Some(url) => LedgerPlace::Postgres(postgres::Options::new(url)),
            None => LedgerPlace::Sqlite { folder: self.data.data.clone() },
        };
        let (admin, admin_token) = self.admin.options()?;
        Ok(run::Options {
            export: self.export.sinks(&context.environment)?,
            server: self.listen.options(),
            admin,
            admin_token,
            ledger,
            data: self.data.data,
            access_log: self.access_log,
            max_body: self.max_body,
            identity: self.identity.options(),
            clock: self.offset.applied(context.clock),
        })
    }
}

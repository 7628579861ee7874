//! `aigne-hub serve`: a gateway in a cluster.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use aigne_hub_crds::distribution::IDENTITY_AUDIENCE;

use super::{
    Context, Data,
    database::Database,
    export::Sinks,
    listen::{AdminListener, Listeners},
    serving, values,
};
use crate::{
    identity::{self, KeySource},
    ledger::{place::LedgerPlace, postgres},
    run,
    source::cluster::{self, Lease, Pod},
    telemetry::access::Destination,
};

/// Serve what the operator has written, in a cluster.
///
/// Providers' keys come from their Secrets, and both are followed while it runs. With the API server or the operator
/// away, the last good state goes on serving; with --cache, through a restart of the container, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  aigne-hub serve --listen 0.0.0.0:8080 --admin-listen 0.0.0.0:9090 --data /data --cache /cache
  aigne-hub serve --admin-listen 0.0.0.0:9090 --admin-token-file /etc/aigne-hub/admin/token   (the money API: /v1/accounts)
  aigne-hub serve --namespace ai --pod-name laptop --data ./data        (outside of the cluster, with KUBECONFIG)")]
pub struct Args {
    /// The hub's namespace [default: the pod's own, or that of the kubeconfig's context].
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    namespace: Option<String>,
    /// The pod's name: the operator tells gateways apart by it.
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pod_name: String,
    /// The pod's UID: what this gateway writes goes with the pod.
    #[arg(long, value_name = "UID", env = "POD_UID")]
    pod_uid: Option<String>,
    #[command(flatten)]
    data: Data,
    /// A folder in memory (emptyDir with medium Memory) for the last good state, Secrets included: a restarted container
    /// serves at once, whether the API server answers or not.
    #[arg(long, value_name = "DIR", env = "AIGNE_HUB_CACHE")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    export: Sinks,
    #[command(flatten)]
    listen: Listeners,
    #[command(flatten)]
    admin: AdminListener,
    /// One JSON line a request: to `stdout`, `off`, or to this file.
    #[arg(long, value_name = "WHERE", default_value = "stdout")]
    access_log: Destination,
    /// Larger request bodies are refused.
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = values::size)]
    max_body: usize,
    /// What ServiceAccount tokens must be made for to stand for a Tenant's key.
    #[arg(long, value_name = "NAME", env = "AIGNE_HUB_IDENTITY_AUDIENCE", default_value = IDENTITY_AUDIENCE)]
    identity_audience: String,
    #[command(flatten)]
    offset: serving::ClockOffset,
}

/// Serves until SIGTERM or Ctrl-C.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    serving::private_folder(&args.data.data)?;
    let clock = args.offset.applied(context.clock);
    let (admin, admin_token) = args.admin.options()?;
    let export = args.export.sinks(&context.environment)?;
    let ledger = if let Some(url) = args.database.url(&context.environment) {
        LedgerPlace::Postgres(postgres::Options::new(url))
    } else {
        tracing::warn!("no database is given: usage stays in this gateway's own data folder");
        LedgerPlace::Sqlite { folder: args.data.data.clone() }
    };
    serving::until_told(|telemetry, stop| async move {
        let client = cluster::connect().await?;
        let namespace = args.namespace.unwrap_or_else(|| client.default_namespace().to_owned());
        let pod = Pod { name: args.pod_name, uid: args.pod_uid.filter(|uid| !uid.is_empty()) };
        tracing::info!(namespace, pod = pod.name, "following the cluster");
        let following = cluster::Options { namespace: namespace.clone(), cache: args.cache };
        let source = cluster::start(client.clone(), &following, Arc::clone(&telemetry));
        let lease = Lease::start(client.clone(), &namespace, pod, &source, clock);
        let identity =
            identity::Options { source: KeySource::Cluster(client), audience: args.identity_audience };
        let options = run::Options {
            server: args.listen.options(),
            admin,
            admin_token,
            data: args.data.data,
            ledger,
            export,
            access_log: args.access_log,
            max_body: args.max_body,
            identity: Some(identity),
            clock,
        };
        let ended = run::run(options, source, telemetry, stop).await;
        lease.end().await;
        ended
    })
}

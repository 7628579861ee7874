//! The command line.

use std::{collections::BTreeSet, fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Parser;
use zeroize::Zeroizing;

use crate::{
    ledger::{URL_VARIABLE, months::Retention},
    log::Format,
};

/// Turns `AIProvider`, `ModelPricing` and `Tenant` objects into what gateways load, and says how they are.
///
/// Several may run at once: one leads, the others stand by.
#[derive(Clone, Debug, Parser)]
#[command(name = "aigne-hub-operator", version)]
#[command(after_help = "Example:
  aigne-hub-operator --namespace ai --tenant-namespaces team-acme,team-blue --address http://aigne-hub.ai.svc:8080")]
pub struct Cli {
    /// The hub's own namespace: providers, prices, configuration, gateways.
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE")]
    pub namespace: String,
    /// Further namespaces that may have Tenants, separated by commas; '*' for all of the cluster.
    #[arg(
        long,
        value_name = "NAMESPACES",
        env = "AIGNE_HUB_TENANT_NAMESPACES",
        default_value = "",
        value_parser = tenant_namespaces
    )]
    pub tenant_namespaces: TenantNamespaces,
    /// Where applications reach gateways, for example `http://aigne-hub.ai.svc:8080`.
    #[arg(long, value_name = "URL", env = "AIGNE_HUB_ADDRESS", value_parser = address)]
    pub address: String,
    /// Health and metrics.
    #[arg(long, value_name = "ADDRESS", env = "AIGNE_HUB_ADMIN_LISTEN", default_value = "0.0.0.0:9091")]
    pub admin_listen: SocketAddr,
    /// What this one is called among those that may lead.
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub identity: String,
    /// How long a leader that says nothing counts as alive.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = lease_duration)]
    pub lease_duration: Duration,
    /// Make a Secret of this name in the hub's namespace, with a password and an address of the database, if there is
    /// none. It is never changed again.
    #[arg(long, value_name = "NAME", requires = "database_host")]
    pub database_secret: Option<String>,
    /// The database's host in that Secret's address.
    #[arg(long, value_name = "HOST", requires = "database_secret")]
    pub database_host: Option<String>,
    /// The file that holds the URL of the ledger's Postgres database; without it, `AIGNE_HUB_DATABASE_URL` is the URL.
    /// Without either, statuses say nothing of balances and spend.
    #[arg(long, value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
    // No argument itself: whoever lists processes would see the password.
    #[arg(skip = url_in_environment())]
    pub(crate) database_url: Option<Url>,
    /// How often balances and spend are read from the ledger.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = ledger_interval)]
    pub ledger_interval: Duration,
    /// Drop usage rows that are older than so many whole months, at least 2. Hourly sums and money are kept. Default: none
    /// is dropped.
    #[arg(long, value_name = "MONTHS", env = "AIGNE_HUB_USAGE_RETENTION", value_parser = retention)]
    pub usage_retention: Option<Retention>,
    /// How log lines look.
    #[arg(long, value_name = "FORMAT", env = "AIGNE_HUB_LOG_FORMAT", default_value = "json", value_enum)]
    pub log_format: Format,
}

/// A URL with a password. It prints as `***`.
#[derive(Clone)]
pub(crate) struct Url(pub(crate) Arc<Zeroizing<String>>);

impl fmt::Debug for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

fn url_in_environment() -> Option<Url> {
    let url = std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
    url.map(|url| Url(Arc::new(Zeroizing::new(url))))
}

/// Where Tenants may be beside the hub's own namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantNamespaces {
    /// Everywhere.
    All,
    /// In these.
    These(BTreeSet<String>),
}

#[expect(clippy::unnecessary_wraps, reason = "what clap calls")]
fn tenant_namespaces(text: &str) -> Result<TenantNamespaces, String> {
    let names: BTreeSet<String> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(if names.contains("*") { TenantNamespaces::All } else { TenantNamespaces::These(names) })
}

fn address(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("must begin with http:// or https:// and name a host".to_owned()),
    }
}

fn lease_duration(text: &str) -> Result<Duration, String> {
    let duration: aigne_hub_crds::v1alpha1::Duration = text.parse().map_err(|error| format!("{error}"))?;
    let duration = Duration::from_millis(duration.milliseconds());
    // The API counts it in whole seconds.
    let whole = duration.subsec_nanos() == 0 && (1..=300).contains(&duration.as_secs());
    whole.then_some(duration).ok_or_else(|| "must be whole seconds, from 1s to 300s".to_owned())
}

fn ledger_interval(text: &str) -> Result<Duration, String> {
    let duration: aigne_hub_crds::v1alpha1::Duration = text.parse().map_err(|error| format!("{error}"))?;
    let duration = Duration::from_millis(duration.milliseconds());
    let fits = (Duration::from_secs(1)..=Duration::from_hours(1)).contains(&duration);
    fits.then_some(duration).ok_or_else(|| "must be from 1s to 1h".to_owned())
}

fn retention(text: &str) -> Result<Retention, String> {
    let months = text.parse().ok().and_then(Retention::new);
    months.ok_or_else(|| format!("must be a number of months, at least {}", Retention::FEWEST))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parsed(further: &[&str]) -> Result<Cli, clap::Error> {
        let given =
            ["aigne-hub-operator", "--namespace", "ai", "--identity", "a", "--address", "http://hub.ai.svc/"];
        Cli::try_parse_from(given.iter().chain(further))
    }

    #[test]
    fn the_command_line_is_consistent_and_has_an_example() {
        Cli::command().debug_assert();
        let help = Cli::command().render_help().to_string();
        assert!(help.contains("aigne-hub-operator --namespace ai"), "{help}");
    }

    #[test]
    fn tenant_namespaces_are_a_list_or_all() {
        let of = |text| parsed(&["--tenant-namespaces", text]).map(|cli| cli.tenant_namespaces).ok();
        let these = |names: &[&str]| {
            Some(TenantNamespaces::These(names.iter().map(|name| (*name).to_owned()).collect()))
        };
        assert_eq!(of(""), these(&[]));
        assert_eq!(of("b, a,,b"), these(&["a", "b"]));
        assert_eq!(of("*"), Some(TenantNamespaces::All));
    }

    #[test]
    fn addresses_lose_their_slash_and_need_a_scheme() {
        assert_eq!(parsed(&[]).map(|cli| cli.address).ok().as_deref(), Some("http://hub.ai.svc"));
        for wrong in ["hub.ai.svc", "http://", "ftp://hub", "http://a b"] {
            assert!(parsed(&["--address", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_lease_lasts_whole_seconds_and_a_database_needs_its_host() {
        assert!(parsed(&["--lease-duration", "2s"]).is_ok());
        assert!(parsed(&["--lease-duration", "500ms"]).is_err());
        assert!(parsed(&["--database-secret", "db"]).is_err());
        assert!(parsed(&["--database-secret", "db", "--database-host", "postgres"]).is_ok());
    }

    #[test]
    fn usage_is_kept_for_two_months_at_least() {
        let kept = |further: &[&str]| parsed(further).map(|cli| cli.usage_retention).ok();
        assert_eq!(kept(&[]), Some(None));
        assert_eq!(kept(&["--usage-retention", "13"]), Some(Retention::new(13)));
        for few in ["0", "1", "-1", "2w"] {
            assert_eq!(kept(&["--usage-retention", few]), None, "{few}");
        }
        assert!(parsed(&["--ledger-interval", "500ms"]).is_err());
    }
}

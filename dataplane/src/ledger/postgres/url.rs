//! Where the database's address comes from. It holds a password, so it is never shown.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::ledger::store::StoreError;
use crate::secret::SecretValue;

/// Names the database where no file does.
pub const URL_VARIABLE: &str = "AIGNE_HUB_DATABASE_URL";

/// What sqlx understands; anything else it would print with its value.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// The source of `postgres://user:password@host:5432/database?sslmode=verify-full`. Prints without it.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A file with nothing but the URL, as a mounted Secret is. Read again for every new connection.
    File(PathBuf),
    /// The URL itself.
    Value(SecretValue),
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "the URL in {}", path.display()),
            Self::Value(url) => write!(formatter, "{url}"),
        }
    }
}

impl DatabaseUrl {
    /// How to connect, as of now. Reads a small file, which may be replaced at any time.
    pub(super) fn options(&self) -> Result<PgConnectOptions, StoreError> {
        match self {
            Self::Value(url) => parse(url),
            Self::File(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    StoreError::Address(format!("{} cannot be read: {error}", path.display()))
                })?;
                let url = SecretValue::new(text);
                parse(&url).map_err(|error| match error {
                    StoreError::Address(why) => StoreError::Address(format!("in {}: {why}", path.display())),
                    other => other,
                })
            }
        }
    }
}

/// Never quotes what it was given.
fn parse(url: &SecretValue) -> Result<PgConnectOptions, StoreError> {
    let address = |why: &str| StoreError::Address(why.to_owned());
    let text = url.expose().trim();
    if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err(address("it does not begin with postgres://"));
    }
    let (place, query) = text.split_once('?').unwrap_or((text, ""));
    let mut verify = false;
    let mut known = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        verify |= ["sslrootcert", "ssl-root-cert", "ssl-ca"].contains(&name);
        if PARAMETERS.contains(&name) || name.starts_with("options[") {
            known.push(pair);
        } else {
            tracing::debug!(name, "a parameter of the database's URL has no meaning here");
        }
    }
    let text = SecretValue::new(format!("{place}?{}", known.join("&")));
    let options = PgConnectOptions::from_str(text.expose()).map_err(|_| {
        address("it is not a URL: are all special characters of the password percent-encoded?")
    })?;
    // As libpq does: who gives a root certificate wants it checked.
    let options = match options.get_ssl_mode() {
        PgSslMode::Require if verify => options.ssl_mode(PgSslMode::VerifyCa),
        _ => options,
    };
    Ok(options.disable_statement_logging())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(url: &str) -> DatabaseUrl {
        DatabaseUrl::Value(SecretValue::new(url.to_owned()))
    }

    #[test]
    fn it_never_shows_what_it_holds() {
        let url = value("postgres://hub:s3cr3t@db/hub");
        assert_eq!(format!("{url} {url:?}"), "*** ***");
        for wrong in [
            "mysql://hub:s3cr3t@db/hub",
            "postgres://hub:s3cr3t@db:port/hub",
            "postgres://hub:s3cr3t/@db/hub",
            "postgres://hub:s3cr3t@db/hub?sslmode=s3cr3t",
        ] {
            let error = value(wrong).options().unwrap_err();
            assert!(matches!(error, StoreError::Address(_)), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_each_time() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("url");
        let url = DatabaseUrl::File(path.clone());
        let missing = url.options().unwrap_err().to_string();
        assert!(missing.contains(&path.display().to_string()), "{missing}");
        for host in ["first", "second"] {
            fs::write(&path, format!("postgresql://hub:pw@{host}:6543/ledger\n")).unwrap();
            let options = url.options().unwrap();
            assert_eq!((options.get_host(), options.get_port()), (host, 6543));
            assert_eq!((options.get_username(), options.get_database()), ("hub", Some("ledger")));
        }
    }

    #[test]
    fn tls_is_as_strict_as_the_url_says() {
        let mode =
            |query: &str| value(&format!("postgres://db/hub{query}")).options().unwrap().get_ssl_mode();
        assert!(matches!(mode("?sslmode=verify-full"), PgSslMode::VerifyFull));
        assert!(matches!(mode("?sslmode=require&channel_binding=prefer"), PgSslMode::Require));
        assert!(matches!(mode("?sslmode=require&sslrootcert=/ca.pem"), PgSslMode::VerifyCa));
        assert!(matches!(mode("?sslrootcert=/ca.pem&sslmode=disable"), PgSslMode::Disable));
    }
}

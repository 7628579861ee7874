//! Where the database's address comes from. It holds a password, so it is never shown.

use std::{fmt, fs, path::PathBuf, str::FromStr as _, sync::Arc};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use zeroize::Zeroizing;

use super::LedgerError;

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
    /// A file with nothing but the URL, as a mounted Secret is. Read again for every new connection; it may come later.
    File(PathBuf),
    /// The URL itself.
    Value(Arc<Zeroizing<String>>),
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "the URL in {}", path.display()),
            Self::Value(_) => formatter.write_str("***"),
        }
    }
}

impl DatabaseUrl {
    /// How to connect, as of now. Reads a small file, which may be replaced at any time.
    pub(super) fn options(&self) -> Result<PgConnectOptions, LedgerError> {
        match self {
            Self::Value(url) => parse(url).map_err(|why| LedgerError::Address(why.to_owned())),
            Self::File(path) => {
                let address =
                    |why: &dyn fmt::Display| LedgerError::Address(format!("{}: {why}", path.display()));
                let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|error| address(&error))?;
                parse(&text).map_err(|why| address(&why))
            }
        }
    }
}

/// Never quotes what it was given.
fn parse(url: &str) -> Result<PgConnectOptions, &'static str> {
    let url = url.trim();
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err("it does not begin with postgres://");
    }
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let name = |pair: &&str| pair.split('=').next().unwrap_or_default().to_owned();
    let known: Vec<_> = query
        .split('&')
        .filter(|pair| PARAMETERS.contains(&name(pair).as_str()) || pair.starts_with("options["))
        .collect();
    let verify =
        known.iter().any(|pair| ["sslrootcert", "ssl-root-cert", "ssl-ca"].contains(&name(pair).as_str()));
    let url = Zeroizing::new(format!("{place}?{}", known.join("&")));
    let options = PgConnectOptions::from_str(&url)
        .map_err(|_| "it is not a URL: are all special characters of the password percent-encoded?")?;
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
        DatabaseUrl::Value(Arc::new(Zeroizing::new(url.to_owned())))
    }

    #[test]
    fn it_never_shows_what_it_holds() {
        assert_eq!(format!("{:?}", value("postgres://hub:s3cr3t@db/hub")), "***");
        for wrong in [
            "mysql://hub:s3cr3t@db/hub",
            "postgres://hub:s3cr3t@db:port/hub",
            "postgres://hub:s3cr3t@db/hub?sslmode=s3cr3t",
        ] {
            let error = value(wrong).options().unwrap_err();
            assert!(matches!(error, LedgerError::Address(_)), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn a_file_may_come_later_and_change() {
        let path = std::env::temp_dir().join(format!("aigne-hub-operator-url-{}", std::process::id()));
        let url = DatabaseUrl::File(path.clone());
        assert!(url.options().unwrap_err().to_string().contains(&path.display().to_string()));
        for host in ["first", "second"] {
            fs::write(&path, format!("postgresql://hub:pw@{host}:6543/ledger\n")).unwrap();
            let options = url.options().unwrap();
            assert_eq!((options.get_host(), options.get_port()), (host, 6543));
        }
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn tls_is_as_strict_as_the_url_says() {
        let mode =
            |query: &str| value(&format!("postgres://db/hub{query}")).options().unwrap().get_ssl_mode();
        assert!(matches!(mode("?sslmode=verify-full"), PgSslMode::VerifyFull));
        assert!(matches!(mode("?sslmode=require&channel_binding=prefer"), PgSslMode::Require));
        assert!(matches!(mode("?sslmode=require&sslrootcert=/ca.pem"), PgSslMode::VerifyCa));
    }
}

//! Where clients connect, how many threads serve them, and how it ends: shared by the commands that serve.

use std::{net::SocketAddr, num::NonZero, path::PathBuf, thread, time::Duration};

use super::values;
use crate::admin::token::{BadToken, TokenFile};
use crate::server::{self, tls};

/// Where clients connect, how many threads serve them, and how it ends.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Listeners {
    /// Where clients connect over plain HTTP; `off` for TLS alone.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "AIGNE_HUB_LISTEN",
        value_parser = plain
    )]
    listen: Plain,
    /// Where clients connect over TLS.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "AIGNE_HUB_TLS_LISTEN",
        requires = "tls_cert",
        requires = "tls_key"
    )]
    tls_listen: Option<SocketAddr>,
    /// The certificate chain (PEM), its own certificate first. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "AIGNE_HUB_TLS_CERT", requires = "tls_listen")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE", env = "AIGNE_HUB_TLS_KEY", requires = "tls_listen")]
    tls_key: Option<PathBuf>,
    /// Threads that serve requests [default: one a core].
    #[arg(long, value_name = "N", env = "AIGNE_HUB_THREADS")]
    threads: Option<NonZero<usize>>,
    /// After SIGTERM: how long to go on accepting, until load balancers know.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = values::duration)]
    drain_delay: Duration,
    /// After that: how long open requests may take to end.
    #[arg(long, value_name = "DURATION", default_value = "300s", value_parser = values::duration)]
    grace: Duration,
}

/// Where operators connect, and payment systems.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct AdminListener {
    /// Health, metrics and findings, and the money API where there is a token; not for clients.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090", env = "AIGNE_HUB_ADMIN_LISTEN")]
    admin_listen: SocketAddr,
    /// Opens the money API on that listener, /v1/accounts, to who shows this file's content as bearer token: 32 or more
    /// characters, such as `openssl rand -hex 32` makes. Read for each request.
    #[arg(long, value_name = "FILE", env = "AIGNE_HUB_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,
}

impl AdminListener {
    /// The address, and the token. One that cannot be used is a mistake.
    pub(super) fn options(self) -> Result<(SocketAddr, Option<TokenFile>), BadToken> {
        Ok((self.admin_listen, self.admin_token_file.map(TokenFile::new).transpose()?))
    }
}

/// `off`, or an address. (Clap gives an `Option` a meaning of its own.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plain(Option<SocketAddr>);

fn plain(text: &str) -> Result<Plain, String> {
    if text == "off" {
        return Ok(Plain(None));
    }
    text.parse().map(|address| Plain(Some(address))).map_err(|_| {
        "must be an address with its port, for example 127.0.0.1:8080 or [::]:8080, or off".to_owned()
    })
}

impl Listeners {
    /// What the server is to be started with.
    pub(super) fn options(self) -> server::Options {
        let tls = match (self.tls_listen, self.tls_cert, self.tls_key) {
            (Some(listen), Some(certificate), Some(key)) => Some(tls::Options { listen, certificate, key }),
            // Clap has asked for all three or none.
            _ => None,
        };
        server::Options {
            listen: self.listen.0,
            tls,
            threads: self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get),
            drain_delay: self.drain_delay,
            grace: self.grace,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        listen: Listeners,
    }

    fn parse(line: &str) -> Result<server::Options, clap::Error> {
        Line::try_parse_from(line.split(' ')).map(|line| line.listen.options())
    }

    #[test]
    fn both_listeners_are_chosen_each_on_its_own() {
        let options = parse("serve").unwrap();
        assert_eq!((options.listen, options.tls), ("127.0.0.1:8080".parse().ok(), None));
        let options = parse("serve --listen off --tls-listen [::]:8443 --tls-cert c --tls-key k").unwrap();
        let tls =
            tls::Options { listen: "[::]:8443".parse().unwrap(), certificate: "c".into(), key: "k".into() };
        assert_eq!((options.listen, options.tls), (None, Some(tls)));
    }

    #[test]
    fn half_of_tls_is_refused() {
        for line in [
            "serve --tls-listen 127.0.0.1:8443",
            "serve --tls-listen 127.0.0.1:8443 --tls-cert c",
            "serve --tls-cert c --tls-key k",
            "serve --listen on",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}

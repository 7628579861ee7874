//! A provider's base URL, taken apart once.

use std::sync::Arc;

use http::{HeaderValue, Uri, uri::PathAndQuery};

/// Where a provider is.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `true` for `https`.
    pub tls: bool,
    /// A name or an IP address without brackets.
    pub host: String,
    /// Defaults to 443 or 80.
    pub port: u16,
    /// The `Host` header.
    pub authority: HeaderValue,
    /// Before every request path; empty or starting with `/`.
    pub base_path: String,
    /// Addresses that are not public are allowed.
    pub allow_private: bool,
    /// Milliseconds for resolve, connect and TLS.
    pub connect_timeout_ms: u64,
    /// Connections are shared by equal pools.
    pub pool_key: Arc<str>,
}

/// A base URL that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is not a usable base URL: {reason}")]
pub struct BadEndpoint {
    url: String,
    reason: &'static str,
}

impl Endpoint {
    /// Takes `base_url` apart. `allow_private` and the timeout are kept beside it, as the pool needs them.
    pub fn parse(base_url: &str, allow_private: bool, connect_timeout_ms: u64) -> Result<Self, BadEndpoint> {
        let bad = |reason| BadEndpoint { url: base_url.to_owned(), reason };
        let uri: Uri = base_url.parse().map_err(|_| bad("it cannot be parsed"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad("it must begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("credentials belong in a Secret"));
        }
        if uri.query().is_some() {
            return Err(bad("it must not have a query"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let pool_key = format!(
            "{}://{host}:{port}{}",
            if tls { "https" } else { "http" },
            if allow_private { "" } else { "!" }
        );
        Ok(Self {
            tls,
            host,
            port,
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| bad("its host is not ASCII"))?,
            base_path: uri.path().trim_end_matches('/').to_owned(),
            allow_private,
            connect_timeout_ms,
            pool_key: pool_key.into(),
        })
    }

    /// The request target for a path that an adapter gives. A version that ends the base URL and begins the path
    /// is written once, as people give addresses with and without `/v1` (or `/v1beta`).
    pub fn target(&self, path: &str) -> Uri {
        let version = path.get(1..).and_then(|path| path.split_once('/')).map(|(version, _)| version);
        let base = version
            .filter(|version| version.starts_with("v1"))
            .and_then(|version| self.base_path.strip_suffix(version)?.strip_suffix('/'))
            .unwrap_or(&self.base_path);
        PathAndQuery::from_maybe_shared(format!("{base}{path}"))
            .map_or_else(|_| Uri::from_static("/"), Uri::from)
    }

    /// The request target of an address that somebody else has written, where it is this very host's, at the same port
    /// and as safe to reach: a credential is shown nowhere else.
    pub fn own(&self, address: &str) -> Option<Uri> {
        let uri: Uri = address.parse().ok()?;
        if let Some(authority) = uri.authority() {
            let tls = match uri.scheme_str() {
                Some("https") => true,
                Some("http") => false,
                _ => return None,
            };
            let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            let same = tls == self.tls && port == self.port && host.eq_ignore_ascii_case(&self.host);
            if !same || authority.as_str().contains('@') {
                return None;
            }
        }
        let target = uri.path_and_query()?;
        let is_path = target.as_str().starts_with('/') && !target.as_str().starts_with("//");
        is_path.then(|| Uri::from(target.clone()))
    }
}

impl Endpoint {
    /// Where an address is that somebody else has written, and the request target there, if it is at one of these hosts (by
    /// their ends) over TLS. No credential is for them, and none of their addresses may be private.
    pub fn elsewhere(&self, address: &str, hosts: &[&str]) -> Option<(Self, Uri)> {
        let uri: Uri = address.parse().ok()?;
        let host = uri.host()?.to_ascii_lowercase();
        let is_known =
            |end: &&str| host.strip_suffix(*end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let is_safe = uri.scheme_str() == Some("https") && matches!(uri.port_u16(), None | Some(443));
        if !is_safe || !hosts.iter().any(is_known) {
            return None;
        }
        let there =
            Self::parse(&format!("https://{}", uri.authority()?), false, self.connect_timeout_ms).ok()?;
        Some((there, Uri::from(uri.path_and_query()?.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_taken_apart() {
        let endpoint = Endpoint::parse("https://api.openai.com/v1/", false, 1000).unwrap();
        assert_eq!((endpoint.tls, endpoint.host.as_str(), endpoint.port), (true, "api.openai.com", 443));
        assert_eq!(endpoint.target("/chat/completions"), "/v1/chat/completions");
        let endpoint = Endpoint::parse("http://[::1]:8080", true, 1000).unwrap();
        assert_eq!((endpoint.tls, endpoint.host.as_str(), endpoint.port), (false, "::1", 8080));
        assert_eq!(endpoint.authority, "[::1]:8080");
        assert_eq!(endpoint.target("/v1/messages"), "/v1/messages");
        let endpoint = Endpoint::parse("https://proxy.example/anthropic/v1", false, 1000).unwrap();
        assert_eq!(endpoint.target("/v1/messages"), "/anthropic/v1/messages");
        assert_eq!(endpoint.target("/v1beta/models"), "/anthropic/v1/v1beta/models");
        let endpoint = Endpoint::parse("https://google.example/v1beta", false, 1000).unwrap();
        assert_eq!(endpoint.target("/v1beta/models/m:x?alt=sse"), "/v1beta/models/m:x?alt=sse");
    }

    #[test]
    fn only_addresses_of_its_own_are_asked() {
        let endpoint = Endpoint::parse("https://google.example/v1beta", false, 1000).unwrap();
        for (address, target) in [
            (
                "https://google.example/v1beta/files/a:download?alt=media",
                Some("/v1beta/files/a:download?alt=media"),
            ),
            ("https://Google.example:443/x", Some("/x")),
            ("/download/x", Some("/download/x")),
            ("http://google.example/x", None),
            ("https://google.example:8443/x", None),
            ("https://user@google.example/x", None),
            ("https://google.example.evil/x", None),
            ("https://storage.example/x", None),
            ("//storage.example/x", None),
            ("ftp://google.example/x", None),
            ("google.example", None),
            ("", None),
        ] {
            assert_eq!(endpoint.own(address).map(|uri| uri.to_string()).as_deref(), target, "{address}");
        }
    }

    #[test]
    fn other_hosts_are_those_that_are_named_and_no_private_ones() {
        let endpoint = Endpoint::parse("http://10.0.0.1:8080/v1", true, 1000).unwrap();
        let found = |address| {
            let (there, target) = endpoint.elsewhere(address, &["x.ai", "storage.example"])?;
            assert!(there.tls && !there.allow_private && there.port == 443);
            Some((there.host, target.to_string()))
        };
        assert_eq!(found("https://vidgen.X.ai/a.mp4?b=c"), Some(("vidgen.X.ai".into(), "/a.mp4?b=c".into())));
        assert_eq!(found("https://storage.example:443"), Some(("storage.example".into(), "/".into())));
        for address in [
            "http://vidgen.x.ai/a",
            "https://vidgen.x.ai:8443/a",
            "https://evilx.ai/a",
            "https://x.ai.evil/a",
            "https://user@x.ai/a",
            "https://10.0.0.1/a",
            "//x.ai/a",
            "/a",
            "",
        ] {
            assert_eq!(found(address), None, "{address}");
        }
    }

    #[test]
    fn unusable_base_urls_say_why() {
        for url in ["ftp://a", "https://user:pass@a/", "nonsense", "https://a/?x=1"] {
            assert!(Endpoint::parse(url, false, 1).is_err(), "{url}");
        }
    }
}

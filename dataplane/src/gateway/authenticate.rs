//! From a key to a principal.

use std::sync::Arc;

use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{GatewayError, Kind},
    snapshot::{Key, Snapshot, Tenant},
};

/// Who is asking.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) tenant: Arc<Tenant>,
    pub(super) key: Arc<Key>,
}

/// Finds who is asking. Keys are compared by their SHA-256 only, so nothing is learned from how long it takes.
pub(super) fn authenticate(
    snapshot: &Snapshot,
    headers: &HeaderMap,
    now_ms: i64,
) -> Result<Principal, GatewayError> {
    let Some(presented) = presented(headers) else {
        return Err(GatewayError::new(
            Kind::Unauthenticated,
            "no API key was given: send it as \"Authorization: Bearer …\" or \"x-api-key: …\"",
        ));
    };
    let hash: [u8; 32] = Sha256::digest(presented).into();
    let Some((tenant, key, grace_ends)) = snapshot.key(&hash) else {
        return Err(GatewayError::new(Kind::Unauthenticated, "the API key is not known"));
    };
    let expired = |at: Option<i64>| at.is_some_and(|at| at <= now_ms);
    if key.disabled {
        return Err(GatewayError::new(Kind::KeyNotValid, format!("the API key {:?} is disabled", key.name)));
    }
    if expired(key.expires_at) || expired(grace_ends) {
        return Err(GatewayError::new(Kind::KeyNotValid, format!("the API key {:?} has expired", key.name)));
    }
    if tenant.config.suspended {
        return Err(GatewayError::new(Kind::Suspended, format!("the tenant {:?} is suspended", tenant.id)));
    }
    Ok(Principal { tenant: Arc::clone(tenant), key: Arc::clone(key) })
}

fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        return scheme
            .eq_ignore_ascii_case(b"bearer ")
            .then(|| key.trim_ascii())
            .filter(|key| !key.is_empty());
    }
    headers.get("x-api-key").map(|value| value.as_bytes().trim_ascii()).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_two_headers() {
        let mut headers = HeaderMap::new();
        assert_eq!(presented(&headers), None);
        headers.insert("x-api-key", "one".parse().unwrap());
        assert_eq!(presented(&headers), Some(&b"one"[..]));
        headers.insert(header::AUTHORIZATION, "bearer two".parse().unwrap());
        assert_eq!(presented(&headers), Some(&b"two"[..]));
        headers.insert(header::AUTHORIZATION, "Basic dXNlcjpwYXNz".parse().unwrap());
        assert_eq!(presented(&headers), None, "another scheme is not silently passed over");
    }
}

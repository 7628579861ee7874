//! From a key, or a pod's token, to a principal.

use std::{borrow::Cow, rc::Rc, sync::Arc};

use http::{HeaderMap, Uri, header, request::Parts};
use sha2::{Digest as _, Sha256};

use super::ingress::{self, gemini};
use crate::{
    error::{GatewayError, Kind},
    identity::{Refused, Trust, Workload, looks_like_token},
    percore::Core,
    snapshot::{Key, Snapshot, Tenant},
    wire::Wire,
};

/// After which a client whose token could not be verified may try again: keys are fetched no more often.
const KEYS_AGAIN_MS: u64 = 10_000;

/// Who is asking.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) tenant: Arc<Tenant>,
    pub(super) key: Arc<Key>,
}

/// Finds who is asking. Keys are compared by their SHA-256 only, so nothing is learned from how long it takes.
/// Waits only for a token that is signed with a key which may be just being fetched.
pub(super) async fn authenticate(
    core: &Core,
    snapshot: &Snapshot,
    head: &Parts,
    now_ms: i64,
) -> Result<Principal, GatewayError> {
    let Some(presented) = presented(&head.headers, &head.uri) else {
        return Err(GatewayError::new(
            Kind::Unauthenticated,
            "no API key was given: send it as \"Authorization: Bearer …\", \"x-api-key: …\" or \"x-goog-api-key: …\"",
        ));
    };
    let hash: [u8; 32] = Sha256::digest(&presented).into();
    let principal = match snapshot.key(&hash) {
        Some((tenant, key, grace_ends)) => {
            check(key, grace_ends, now_ms)?;
            Principal { tenant: Arc::clone(tenant), key: Arc::clone(key) }
        }
        None if looks_like_token(&presented) => workload(core, snapshot, &presented, hash, now_ms).await?,
        None => return Err(GatewayError::new(Kind::Unauthenticated, "the API key is not known")),
    };
    if principal.tenant.config.suspended {
        let message = format!("the tenant {:?} is suspended", principal.tenant.id);
        return Err(GatewayError::new(Kind::Suspended, message));
    }
    Ok(principal)
}

fn check(key: &Key, grace_ends: Option<i64>, now_ms: i64) -> Result<(), GatewayError> {
    let expired = |at: Option<i64>| at.is_some_and(|at| at <= now_ms);
    if key.disabled {
        return Err(GatewayError::new(Kind::KeyNotValid, format!("the API key {:?} is disabled", key.name)));
    }
    if expired(key.expires_at) || expired(grace_ends) {
        return Err(GatewayError::new(Kind::KeyNotValid, format!("the API key {:?} has expired", key.name)));
    }
    Ok(())
}

/// Whom a token stands for. Which tenant that is, is this snapshot's word each time.
async fn workload(
    core: &Core,
    snapshot: &Snapshot,
    token: &[u8],
    hash: [u8; 32],
    now_ms: i64,
) -> Result<Principal, GatewayError> {
    let Some(trust) = &core.shared.identity else {
        return Err(GatewayError::new(
            Kind::Unauthenticated,
            "the API key is not known (it looks like a ServiceAccount token, and this gateway trusts no cluster)",
        ));
    };
    let mut found = verify(core, trust, token, hash, now_ms);
    if matches!(found, None | Some(Err(Refused::UnknownKey))) {
        trust.fresher().await;
        found = verify(core, trust, token, hash, now_ms);
    }
    let workload = match found {
        Some(Ok(workload)) => workload,
        Some(Err(refused)) => {
            let again = (refused == Refused::UnknownKey).then_some(KEYS_AGAIN_MS);
            let error = GatewayError::new(Kind::Unauthenticated, refused.to_string());
            return Err(GatewayError { retry_after_ms: again, ..error });
        }
        None => {
            let message = "the cluster's keys are not there yet, so no ServiceAccount token can be verified";
            let error = GatewayError::new(Kind::IdentityUnavailable, message);
            return Err(GatewayError { retry_after_ms: Some(KEYS_AGAIN_MS), ..error });
        }
    };
    let Some((tenant, key)) = snapshot.identity(&workload.id()) else {
        let Workload { namespace, service_account, .. } = &*workload;
        return Err(GatewayError::new(
            Kind::Unclaimed,
            format!(
                "no Tenant claims the ServiceAccount {namespace}/{service_account}: add namespace {namespace:?} and \
                 serviceAccount {service_account:?} to spec.workloadIdentities of the one that it belongs to"
            ),
        ));
    };
    Ok(Principal { tenant: Arc::clone(tenant), key: Arc::clone(key) })
}

/// None where there are no keys yet.
fn verify(
    core: &Core,
    trust: &Trust,
    token: &[u8],
    hash: [u8; 32],
    now_ms: i64,
) -> Option<Result<Rc<Workload>, Refused>> {
    let verifier = trust.verifier()?;
    let mut known = core.known.borrow_mut();
    if let Some(workload) = known.get(&hash, &verifier, now_ms) {
        return Some(Ok(workload));
    }
    let result = verifier.verify(token, now_ms).map(Rc::new);
    if let Ok(workload) = &result {
        known.insert(hash, Rc::clone(workload), now_ms);
    }
    Some(result)
}

/// A key in the query is Google's way alone, and only on its paths.
fn presented<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<Cow<'a, [u8]>> {
    let names = [header::AUTHORIZATION.as_str(), "x-api-key", gemini::KEY_HEADER];
    if let Some(shown) = names.into_iter().find_map(|name| Some((name, headers.get(name)?))) {
        return in_header(shown.0, shown.1.as_bytes()).map(Cow::Borrowed);
    }
    let key = gemini::key_in_query(uri).filter(|_| ingress::wire(uri.path(), headers) == Wire::Gemini)?;
    Some(Cow::Owned(key.into_owned().into_bytes()))
}

/// The key that a header shows; a scheme that is not ours is not silently passed over.
fn in_header<'a>(name: &str, value: &'a [u8]) -> Option<&'a [u8]> {
    let key = if name == header::AUTHORIZATION.as_str() {
        let (scheme, key) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)?
    } else {
        value
    };
    Some(key.trim_ascii()).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_headers_and_on_googles_paths_in_the_query() {
        let plain = Uri::from_static("/v1/chat/completions?key=q");
        let presented = |headers: &HeaderMap, uri: &Uri| presented(headers, uri).map(Cow::into_owned);
        let mut headers = HeaderMap::new();
        assert_eq!(presented(&headers, &plain), None);
        let google = Uri::from_static("/v1beta/models/m:generateContent?key=q");
        assert_eq!(presented(&headers, &google).as_deref(), Some(&b"q"[..]));
        headers.insert("x-goog-api-key", "zero".parse().unwrap());
        assert_eq!(presented(&headers, &google).as_deref(), Some(&b"zero"[..]));
        headers.insert("x-api-key", "one".parse().unwrap());
        assert_eq!(presented(&headers, &plain).as_deref(), Some(&b"one"[..]));
        headers.insert(header::AUTHORIZATION, "bearer two".parse().unwrap());
        assert_eq!(presented(&headers, &plain).as_deref(), Some(&b"two"[..]));
        headers.insert(header::AUTHORIZATION, "Basic dXNlcjpwYXNz".parse().unwrap());
        assert_eq!(presented(&headers, &google), None, "another scheme is not silently passed over");
    }
}

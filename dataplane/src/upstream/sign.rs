//! Shows a credential to a provider. The only place outside the secret store that sees one.

use http::{HeaderName, HeaderValue, header};

use crate::{provider::Auth, secret::SecretValue};

/// The header that carries the credential, marked sensitive so that nothing prints it. `None` where the value has
/// characters that no header may have (a newline that was pasted along is cut off before).
pub fn authorization(auth: Auth, secret: &SecretValue) -> Option<(HeaderName, HeaderValue)> {
    let value = secret.expose().trim();
    let (name, mut value) = match auth {
        Auth::Bearer => (header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {value}")).ok()?),
        Auth::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), HeaderValue::from_str(value).ok()?),
        Auth::XApiKey => (HeaderName::from_static("x-api-key"), HeaderValue::from_str(value).ok()?),
    };
    value.set_sensitive(true);
    Some((name, value))
}

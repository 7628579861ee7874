//! The HTTP request to a provider: only headers from the allow-lists, never the client's own credential.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::{
    Call, attempt,
    plan::Plan,
    prepare::{self, Prepared, Way},
};
use crate::{
    error::{GatewayError, Kind},
    gateway::{admit::Permit, exchange::Exchange, ingress::Content, respond},
    provider::Ask,
    snapshot::{Credential, Provider, Served},
    upstream::{Endpoint, Outgoing},
    wire::Operation,
};

const ACCEPT: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
/// Sound and subtitles, too.
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
/// A compressed answer could not be read as it comes, nor relayed without delay.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("aigne-hub/", env!("CARGO_PKG_VERSION")));

/// The provider cannot be asked for such a thing.
pub(super) fn no_endpoint(served: &Served, operation: Operation) -> GatewayError {
    let what = match operation {
        Operation::Chat => "chat",
        Operation::CountTokens => "count of tokens",
        Operation::Embeddings => "embeddings",
        Operation::Images => "generation of images",
        Operation::ImageEdits => "edits of images",
        Operation::Speech => "speech",
        Operation::Transcription => "transcription",
        Operation::Translation => "translation of speech",
        Operation::Videos => "videos",
    };
    let message = format!("provider {:?} has no {what} for this model", served.provider.config.name);
    GatewayError::new(Kind::Refused, message).with_param("model")
}

/// The request for what the client asks for.
pub(super) fn request(
    call: &Call,
    served: &Served,
    credential: &Credential,
    prepared: &Prepared,
    now_ms: i64,
) -> Result<Request<Outgoing>, GatewayError> {
    let provider = &served.provider;
    let arrival = &call.arrival;
    let target = match prepared.way {
        Way::Media(_) => served.model().endpoint(arrival.operation).map(|(_, target)| target),
        way => served.model().target(Ask {
            relayed: way.is_verbatim().then_some(arrival.wire),
            operation: arrival.operation,
            stream: arrival.stream,
        }),
    };
    let Some(target) = target else { return Err(no_endpoint(served, arrival.operation)) };
    if arrival.operation == Operation::Videos && credential.jobs.is_none() {
        let name = &provider.config.name;
        let message = format!("provider {name:?} has no credential, by which the ids of videos are sealed");
        return Err(GatewayError::new(Kind::Refused, message).with_param("model"));
    }
    let mut request = bare(provider, Method::POST, target, prepared.body.clone());
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, prepared.content_type.clone());
    headers.insert(header::ACCEPT, if matches!(prepared.way, Way::Media(_)) { ANYTHING } else { ACCEPT });
    cross(headers, &prepared.headers)?;
    // Last: a signature is of what is sent.
    show(provider, credential, &mut request, &prepared.body, now_ms)?;
    Ok(request)
}

/// The request for what a job has come to: it has no body, and uses nothing.
pub(super) fn without_body(
    provider: &Provider,
    credential: &Credential,
    method: Method,
    target: &Uri,
    now_ms: i64,
) -> Result<Request<Outgoing>, GatewayError> {
    let mut request = bare(provider, method, target, Outgoing::default());
    request.headers_mut().insert(header::ACCEPT, ANYTHING);
    show(provider, credential, &mut request, &Outgoing::default(), now_ms)?;
    Ok(request)
}

/// The request for what a provider keeps at a host of another name: nothing of the provider's is shown there.
pub(super) fn for_storage(at: &Endpoint, target: &Uri) -> Request<Outgoing> {
    let mut request = plain(at, Method::GET, target, Outgoing::default());
    request.headers_mut().insert(header::ACCEPT, ANYTHING);
    request
}

fn plain(at: &Endpoint, method: Method, target: &Uri, body: Outgoing) -> Request<Outgoing> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    request.uri_mut().clone_from(target);
    let headers = request.headers_mut();
    headers.reserve(10);
    headers.insert(header::HOST, at.authority.clone());
    headers.insert(header::ACCEPT_ENCODING, IDENTITY);
    headers.insert(header::USER_AGENT, USER_AGENT);
    request
}

/// With what every request to a provider has.
fn bare(provider: &Provider, method: Method, target: &Uri, body: Outgoing) -> Request<Outgoing> {
    let mut request = plain(&provider.endpoint, method, target, body);
    let headers = request.headers_mut();
    for (name, value) in provider.adapter.fixed_headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    request
}

fn show(
    provider: &Provider,
    credential: &Credential,
    request: &mut Request<Outgoing>,
    body: &Outgoing,
    now_ms: i64,
) -> Result<(), GatewayError> {
    credential.shown.show(request, || body.whole(), now_ms).map_err(|error| {
        let message = format!("provider {:?} cannot be called: {error}", provider.config.name);
        GatewayError::new(Kind::CredentialUnavailable, message)
    })
}

fn cross(headers: &mut HeaderMap, crossing: &[(&'static str, String)]) -> Result<(), GatewayError> {
    for (name, value) in crossing {
        let value = HeaderValue::from_str(value).map_err(|_| prepare::bad_header(name))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(())
}

/// Counts tokens where the provider has an endpoint for it and answers; elsewhere an estimate that is marked as one.
/// Nothing is generated, so nothing is metered.
pub(super) async fn count_tokens(
    call: &Call,
    permit: &Permit,
    exchange: &mut Exchange,
) -> Result<respond::Answer, GatewayError> {
    let (Some(candidate), Content::Chat(body)) = (permit.candidates.first(), &call.arrival.content) else {
        return Err(super::no_candidate());
    };
    let served = &candidate.served;
    let provider = &served.provider;
    let ask = Ask { relayed: Some(call.arrival.wire), operation: Operation::CountTokens, stream: false };
    let plan = Plan::new(provider.config.retry, false, provider.credentials.len());
    let place = attempt::choose(served, exchange.at_ms, exchange.id.as_u128(), &plan);
    let credential = provider.credentials.get(place);
    let (Some(_), Some(credential)) = (served.model().target(ask), credential) else {
        // Whatever cannot be read as a request is refused here as it would be there.
        call.arrival.wire.decode(body)?;
        return Ok(respond::estimated_count(call.arrival.wire, body));
    };
    let prepared = prepare::prepare(&call.arrival, candidate, exchange.id)?;
    let request = request(call, served, credential, &prepared, exchange.core.shared.clock.now_ms())?;
    match attempt::relay(provider, request, &exchange.core.pool).await {
        // The request itself is at fault, as it would be in a chat.
        Err(error) if error.kind == Kind::UpstreamRequest && !has_no_endpoint(&error) => Err(error),
        Err(error) => {
            tracing::warn!(provider = %provider.id, %error, "tokens are estimated instead of counted");
            Ok(respond::estimated_count(call.arrival.wire, body))
        }
        Ok(counted) => Ok(respond::Answer::Plain(counted)),
    }
}

/// Not everything that speaks Anthropic's wire can count.
fn has_no_endpoint(error: &GatewayError) -> bool {
    matches!(error.upstream_status, Some(404 | 405))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_is_shown_nothing_of_the_providers() {
        let at = Endpoint::parse("https://storage.example", false, 1).unwrap();
        let request = for_storage(&at, &Uri::from_static("/a.mp4?sig=x"));
        let mut names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
        assert_eq!(
            (request.uri().to_string(), &request.headers()["host"]),
            ("/a.mp4?sig=x".into(), &at.authority)
        );
    }
}

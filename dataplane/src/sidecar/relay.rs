//! One request: handed on as it comes, and its answer as it comes.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Method, Request, Response, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use super::{Sidecar, headers};
use crate::{
    error::{GatewayError, Kind},
    upstream::{Connection, Pool, SendError},
};

/// Milliseconds after which trying again makes sense.
const AGAIN_MS: u64 = 1000;

const NO_TOKEN: &str = "the pod needs a projected volume with a serviceAccountToken of audience hub.aigne.io, mounted where \
                        --token-file says; `aigne-hub inject` and the chart's sidecar.injection write one";
const NO_HUB: &str = "look whether the hub's pods are Ready (kubectl get pods), whether --hub is its address, whether a \
                      NetworkPolicy lets this pod out to it, and, where TLS fails, whether --ca-file has its CA";

/// Asks the hub. An error is one of the sidecar's own: the hub's are answers.
pub(super) async fn relay(
    sidecar: &Sidecar,
    request: Request<Incoming>,
) -> Result<Response<Relayed>, GatewayError> {
    if request.method() == Method::CONNECT {
        return Err(GatewayError::new(Kind::UnknownEndpoint, "the sidecar relays to the hub alone"));
    }
    let token = sidecar.token.header().map_err(|bad| {
        let message = format!("the sidecar has no token to show to the hub: {bad}");
        sidecar.troubles.failed(&message, NO_TOKEN);
        again(Kind::TokenUnavailable, message)
    })?;
    let (mut head, body) = request.into_parts();
    headers::towards_hub(&mut head.headers, &sidecar.hub.authority, token);
    // What names a scheme and a host names this sidecar: the path is what is asked for.
    head.uri = head.uri.into_parts().path_and_query.map_or_else(|| Uri::from_static("/"), Uri::from);
    head.version = Version::HTTP_11;
    match sidecar.pool.send(&sidecar.hub, Request::from_parts(head, body), |_| {}).await {
        Ok(answer) => {
            sidecar.troubles.over();
            let (pool, connection) = (Rc::clone(&sidecar.pool), Some(answer.connection));
            let mut response = answer.response.map(|body| Relayed::Hub { body, connection, pool });
            headers::leave_connection(response.headers_mut());
            Ok(response)
        }
        Err(error) => Err(unanswered(sidecar, &error)),
    }
}

fn unanswered(sidecar: &Sidecar, error: &SendError) -> GatewayError {
    if let SendError::Broken { source, .. } = error
        && source.is_user()
    {
        tracing::debug!(%error, "an application left before its request was whole");
        return GatewayError::new(Kind::Malformed, "the request's body broke off");
    }
    let message = format!("the sidecar gets no answer from the hub: {error}");
    sidecar.troubles.failed(&message, NO_HUB);
    again(Kind::HubUnreachable, message)
}

fn again(kind: Kind, message: String) -> GatewayError {
    GatewayError { retry_after_ms: Some(AGAIN_MS), ..GatewayError::new(kind, message) }
}

/// The body of an answer.
pub(super) enum Relayed {
    /// The sidecar's own.
    Own(Full<Bytes>),
    /// The hub's, and the connection that it comes on: kept for the next request once the answer has ended, closed if
    /// the application leaves before.
    Hub { body: Incoming, connection: Option<Connection<Incoming>>, pool: Rc<Pool<Incoming>> },
}

impl Relayed {
    pub(super) fn own(bytes: Bytes) -> Self {
        Self::Own(Full::new(bytes))
    }
}

impl Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Own(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Hub { body, connection, pool } => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                match &frame {
                    None => connection.take().into_iter().for_each(|connection| pool.give_back(connection)),
                    Some(Err(error)) => {
                        tracing::warn!(%error, "the hub's answer broke off, and the application's with it");
                    }
                    Some(Ok(_)) => {}
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Hub { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Hub { body, .. } => body.size_hint(),
        }
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        // A body whose length was said is not asked for its end.
        if let Self::Hub { body, connection, pool } = self
            && body.is_end_stream()
            && let Some(connection) = connection.take()
        {
            pool.give_back(connection);
        }
    }
}

/// Counts a request until it has been answered to the end, or the application has left.
pub(super) struct Asked(Rc<Sidecar>);

impl Asked {
    pub(super) fn new(sidecar: Rc<Sidecar>) -> Self {
        sidecar.requests.enter();
        Self(sidecar)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.requests.leave();
    }
}

/// An answer that counts as open until it is dropped.
pub(super) struct Counted {
    body: Relayed,
    _asked: Option<Asked>,
}

impl Counted {
    pub(super) fn new(body: Relayed, asked: Option<Asked>) -> Self {
        Self { body, _asked: asked }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

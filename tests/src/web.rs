//! A small HTTP server for programs that tests run as pods: a handler, over plain HTTP or TLS.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What is asked for.
#[derive(Debug)]
pub struct Question {
    /// GET, POST …
    pub method: Method,
    /// Without its query.
    pub path: String,
    /// As it came.
    pub query: String,
    /// Whole.
    pub body: Bytes,
}

/// What is answered.
#[derive(Debug)]
pub struct Reply {
    /// HTTP's.
    pub status: StatusCode,
    /// Of the body.
    pub kind: &'static str,
    /// Whole.
    pub body: Bytes,
}

impl Reply {
    /// 200, as JSON.
    pub fn json(value: &Value) -> Self {
        Self { status: StatusCode::OK, kind: "application/json", body: value.to_string().into() }
    }

    /// As text.
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", body: text.into() }
    }

    /// 404.
    pub fn unknown() -> Self {
        Self::text(StatusCode::NOT_FOUND, "no such path\n")
    }
}

/// Serves until it is dropped. A connection that breaks is nobody's trouble but its client's.
pub async fn serve<H, A>(listener: TcpListener, tls: Option<TlsAcceptor>, handle: H)
where
    H: Fn(Question) -> A + Send + Sync + 'static,
    A: Future<Output = Reply> + Send + 'static,
{
    let handle = Arc::new(handle);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (handle, tls) = (Arc::clone(&handle), tls.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&handle)));
            let connection = http1::Builder::new();
            match tls {
                None => drop(connection.serve_connection(TokioIo::new(stream), service).await),
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        drop(connection.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
    }
}

async fn answer<H, A>(request: Request<Incoming>, handle: Arc<H>) -> Result<Response<Full<Bytes>>, Infallible>
where
    H: Fn(Question) -> A,
    A: Future<Output = Reply>,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let reply = handle(Question {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body,
    })
    .await;
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.kind));
    Ok(response)
}

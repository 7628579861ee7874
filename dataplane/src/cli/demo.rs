//! `aigne-hub demo`: a provider that needs no account.

mod answer;
mod media;

use std::{convert::Infallible, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context as _;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::{StreamExt as _, stream};
use tokio::net::TcpListener;

use self::answer::{Ask, Failure};
use super::{Context, serving};
use crate::{
    clock::Clock,
    payload::Payload,
    wire::{Meta, Operation, Wire},
};

/// A stream is seen to flow.
const PACE: Duration = Duration::from_millis(15);
/// Bytes of a request, as the gateway has it by default.
const MOST: usize = 32 << 20;

/// Serve a provider for trying the hub out: no account, no network, no model.
///
/// It speaks `OpenAI`'s chat completions, legacy completions and responses, plain and streamed, answers everything alike, and
/// estimates the tokens that it reports. Embeddings, images, speech and transcriptions have answers of the right form, too. An
/// `AIProvider` of type `OpenAICompatible` reaches it, with allowInsecure and allowPrivate.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:
  aigne-hub demo --listen 127.0.0.1:8099
  curl http://127.0.0.1:8099/v1/chat/completions -d '{\"model\": \"demo\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'")]
pub struct Args {
    /// Where gateways connect, over plain HTTP. Nobody is asked for a key.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8099")]
    listen: SocketAddr,
}

/// Serves until SIGTERM or Ctrl-C, then lets running answers end.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    super::block_on(serve(args.listen, context.clock))?.map(|()| ExitCode::SUCCESS)
}

async fn serve(listen: SocketAddr, clock: Clock) -> anyhow::Result<()> {
    let mut signals = serving::Signals::new()?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    tracing::info!(demo = %listener.local_addr()?, "ready");
    let stop = async move { signals.told().await };
    Ok(axum::serve(listener, router(clock)).with_graceful_shutdown(stop).await?)
}

fn router(clock: Clock) -> Router {
    let chat =
        |wire| post(move |State(clock): State<Clock>, body: Bytes| async move { chat(wire, clock, body) });
    let beside = |operation| {
        post(move |State(clock): State<Clock>, headers: HeaderMap, body: Bytes| async move {
            beside(operation, clock, &headers, body)
        })
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/v1/models", get(|| async { Json(answer::models()) }))
        .route("/v1/chat/completions", chat(Wire::OpenAiChat))
        .route("/v1/completions", chat(Wire::OpenAiCompletions))
        .route("/v1/responses", chat(Wire::OpenAiResponses))
        .route("/v1/embeddings", beside(Operation::Embeddings))
        .route("/v1/images/generations", beside(Operation::Images))
        .route("/v1/images/edits", beside(Operation::ImageEdits))
        .route("/v1/audio/speech", beside(Operation::Speech))
        .route("/v1/audio/transcriptions", beside(Operation::Transcription))
        .route("/v1/audio/translations", beside(Operation::Translation))
        .fallback(|| async { refusal(&Failure::NoSuchPath) })
        .layer(DefaultBodyLimit::max(MOST))
        .with_state(clock)
}

/// The body is read as JSON whatever the request calls it.
fn chat(wire: Wire, clock: Clock, body: Bytes) -> Response {
    let ask = match Ask::read(wire, body) {
        Ok(ask) => ask,
        Err(failure) => return refusal(&failure),
    };
    let id = format!("demo-{}", uuid::Uuid::now_v7().simple());
    let answer = ask.answer(id, clock.now().as_second());
    if !ask.streams() {
        return ([(header::CONTENT_TYPE, "application/json")], answer.plain()).into_response();
    }
    let pieces = stream::iter(answer.pieces()).then(|piece| async move {
        tokio::time::sleep(PACE).await;
        Ok::<_, Infallible>(piece)
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pieces)).into_response()
}

fn beside(operation: Operation, clock: Clock, headers: &HeaderMap, body: Bytes) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let meta = Meta {
        model: String::new(),
        id: String::new(),
        created: clock.now().as_second(),
        include_usage: true,
    };
    let answer = Payload::read(kind, body)
        .map_err(Failure::Malformed)
        .and_then(|payload| media::answer(operation, &payload, &meta));
    match answer {
        Ok((kind, body)) => ([(header::CONTENT_TYPE, kind)], body).into_response(),
        Err(failure) => refusal(&failure),
    }
}

fn refusal(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(failure.body())).into_response()
}

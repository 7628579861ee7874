//! `aigne-hub demo`: a provider that needs no account.

mod answer;

use std::{convert::Infallible, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context as _;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response, Sse, sse},
    routing::{get, post},
};
use futures::{StreamExt as _, stream};
use tokio::net::TcpListener;

use self::answer::{Ask, Failure};
use super::{Context, serving};
use crate::clock::Clock;

/// A stream is seen to flow.
const PACE: Duration = Duration::from_millis(15);
/// Bytes of a request, as the gateway has it by default.
const MOST: usize = 32 << 20;

/// Serve a provider for trying the hub out: no account, no network, no model.
///
/// It speaks `OpenAI`'s chat completions, plain and streamed, answers everything alike, and estimates the tokens that it
/// reports. An `AIProvider` of type `OpenAICompatible` reaches it, with allowInsecure and allowPrivate.
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
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/v1/models", get(|| async { Json(answer::models()) }))
        .route("/v1/chat/completions", post(chat))
        .fallback(|| async { refusal(&Failure::NoSuchPath) })
        .layer(DefaultBodyLimit::max(MOST))
        .with_state(clock)
}

/// The body is read as JSON whatever the request calls it.
async fn chat(State(clock): State<Clock>, body: Bytes) -> Response {
    let ask = match Ask::read(body) {
        Ok(ask) => ask,
        Err(failure) => return refusal(&failure),
    };
    let id = format!("chatcmpl-{}", uuid::Uuid::now_v7().simple());
    let answer = ask.answer(id, clock.now().as_second());
    if !ask.stream {
        return ([(header::CONTENT_TYPE, "application/json")], answer.plain().to_string()).into_response();
    }
    let events = stream::iter(answer.chunks(ask.include_usage)).then(|data| async move {
        tokio::time::sleep(PACE).await;
        Ok::<_, Infallible>(sse::Event::default().data(data))
    });
    Sse::new(events).into_response()
}

fn refusal(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(failure.body())).into_response()
}

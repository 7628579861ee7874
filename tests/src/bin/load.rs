//! Load on a hub, from a pod of its own.

use std::net::SocketAddr;

use aigne_hub_tests::load::{Load, Plan, serve};
use aigne_hub_tests::told_to_end;
use anyhow::Context;
use clap::Parser;
use tokio::net::TcpListener;

/// Asks a hub with chats and streams, never twice for the same, and tells what came of it. The provider behind the hub is
/// `scripted-provider`. Waits for `POST /start` unless --start is given; each failure is a line of JSON.
#[derive(Debug, Parser)]
#[command(after_help = "Example:
  load --listen 0.0.0.0:8070 --target aigne-hub.ai.svc:8080 --key-file /keys/a/apiKey --key-file /keys/b/apiKey --model gpt
  curl -X POST http://127.0.0.1:8070/start -d '{\"workers\": 32, \"long_seconds\": [240]}'
  curl http://127.0.0.1:8070/report")]
struct Arguments {
    /// Where it is asked how it goes.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8070")]
    listen: SocketAddr,
    /// Begins at once.
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    plan: Plan,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.listen).await.context("--listen")?;
    let load = Load::default();
    if arguments.start {
        load.start(arguments.plan.clone()).await?;
    }
    tokio::select! {
        () = serve(listener, load, arguments.plan) => Ok(()),
        told = told_to_end() => told,
    }
}

//! The scripted provider by itself: an AI provider with no account and no network.

use std::io::Write;
use std::net::SocketAddr;

use aigne_hub_tests::scripted::Scripted;
use aigne_hub_tests::told_to_end;
use clap::Parser;

/// Speaks OpenAI chat and Anthropic messages; a request may script its own answer with `[[key=value …]]`.
///
/// `/__scripted/journal` has its totals and the last requests, `/__scripted/records` a line of JSON for each request with a
/// `marker` that has ended: its own count, token by token. Behind `/as/NAME` it is asked as the provider of that name.
#[derive(Parser)]
#[command(after_help = "Example:
  scripted-provider --listen 0.0.0.0:8099
  curl http://127.0.0.1:8099/__scripted/records")]
struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8099")]
    listen: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let provider = Scripted::counting(Arguments::parse().listen).await?;
    writeln!(std::io::stdout(), "scripted provider on {}", provider.origin())?;
    told_to_end().await
}

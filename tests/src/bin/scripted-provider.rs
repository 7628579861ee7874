//! The scripted provider by itself: an AI provider with no account and no network.

use std::net::SocketAddr;

use aigne_hub_tests::scripted::Scripted;
use clap::Parser;

/// Speaks OpenAI chat and Anthropic messages; a request may script its own answer with `[[key=value …]]`.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8099")]
    listen: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    use std::io::Write;

    let provider = Scripted::listen(Arguments::parse().listen).await?;
    writeln!(std::io::stdout(), "scripted provider on {}", provider.origin())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

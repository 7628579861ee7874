//! A short run of everything that can go wrong; `make chaos` is the long one.

use std::time::Duration;

use aigne_hub_tests::chaos::{CAPS_ARE_ENFORCED, Options, run};
use aigne_hub_tests::harness::Outcome;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_are_right_whatever_happens() -> Outcome {
    let options = Options {
        seed: 38,
        time: Duration::from_secs(22),
        gateways: 3,
        tenants: 40,
        clients: 12,
        caps: CAPS_ARE_ENFORCED,
    };
    let verdict = run(&options, |line| println!("{line}")).await?;
    println!("{}", verdict.figures);
    assert!(verdict.violations.is_empty(), "seed {}: {}", options.seed, verdict.violations.join("\n"));
    Ok(())
}

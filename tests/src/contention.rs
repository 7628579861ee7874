//! What happens when everybody wants the same money, and what the ledger can carry.
//!
//! ```text
//! balance   one tenant on credits, many gateways, as fast as they go: overdraft, writes to its row, latency added
//! budget    $0.05 and 200 clients that retry until all are refused
//! writer    a journal that filled while Postgres was away: rows a second, bytes a row
//! screens   millions of rows: how long the questions of a usage screen take, and by which plan
//! ```

mod balance;
mod budget;
mod load;
mod screens;
mod stage;
mod writer;

pub use balance::{Balance, balance};
pub use budget::{Budget, budget};
pub use load::Latencies;
pub use screens::{Answered, Screens, screens};
pub use writer::{Written, writer};

/// Nano-dollars that a request of these measurements costs its tenant: two tokens in, six out, at the harness's prices.
const PRICE: i64 = 2 * 1_200 + 6 * 12_000;

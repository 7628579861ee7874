//! A provider of our own: OpenAI's endpoints, Anthropic's messages, Google's Gemini and Ollama's chat, deterministic, and
//! scriptable to fail.
//!
//! ```text
//! request ─► Ask (what was asked) ─┐
//! rules, directives ─► Script ─────┴─► Reply ─► wire bytes ─► Vec<Step> ─► player ─► socket
//! ```
//!
//! Everything up to the steps is pure. A test scripts answers through the handle; the binary is scripted by
//! the request itself: `model?key=value&key=value`, or `[[key=value key=value]]` in the last user message
//! (see [`Script::direct`](script::Script::direct)). The provider keeps its own count of what it received
//! and served, so that a test never has to believe the gateway about it; [`Scripted::recording`] keeps it in a file,
//! [`Scripted::counting`] shows it at `/__scripted/records`.

mod anthropic;
mod ask;
mod checks;
mod gemini;
mod jobs;
mod journal;
mod media;
mod ollama;
mod openai;
mod play;
mod record;
mod reply;
mod responses;
mod script;
mod serve;
mod usage;
mod wire;

pub use journal::{Entry, Outcome, Totals};
pub use record::{Record, records, records_in};
pub use script::{Call, Ending, Gate, Script};
pub use serve::{Rule, Scripted};
pub use usage::{Dialect, Tokens};

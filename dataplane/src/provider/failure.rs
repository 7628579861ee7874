//! What every provider's error answer has in common: status, waiting time, and words.

use http::{HeaderMap, StatusCode};

use super::{Fault, UpstreamError, cleaning::cleaned, waiting};
use crate::chat::{Failure, FailureKind};

/// Longest message that is kept, in bytes.
const MESSAGE: usize = 1000;
/// Longest code and parameter that are kept, in bytes.
const WORD: usize = 100;

/// What a provider says of an error in its body.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) message: Option<String>,
    /// The more telling one first.
    pub(super) code: Option<String>,
    pub(super) param: Option<String>,
}

/// Puts the error together. `fault` decides where the status alone would mislead.
pub(super) fn upstream(
    status: u16,
    headers: &HeaderMap,
    words: Words,
    fault: Option<Fault>,
) -> UpstreamError {
    let message = words.message.filter(|message| !message.trim().is_empty()).unwrap_or_else(|| {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        format!(
            "the provider answered with status {status}{}",
            reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
        )
    });
    UpstreamError {
        status,
        fault: fault.unwrap_or_else(|| of_status(status)),
        message: bounded(cleaned(&message), MESSAGE),
        code: words.code.map(|code| bounded(code, WORD)),
        param: words.param.map(|param| bounded(param, WORD)),
        retry_after_ms: waiting::retry_after(status, headers),
    }
}

/// Whose fault a status speaks of.
pub(super) fn of_status(status: u16) -> Fault {
    match status {
        401 => Fault::Credential,
        402 | 403 => Fault::Forbidden,
        429 => Fault::Throttled,
        400..=499 if status != 408 => Fault::Request,
        // Timeouts, 5xx, 529, and whatever should not have come at all (a redirect is never followed).
        _ => Fault::Provider,
    }
}

pub(super) fn bounded(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// A provider's error in the client's terms.
pub(super) fn failure(error: &UpstreamError) -> Failure {
    let kind = match error.fault {
        Fault::Provider
            if matches!(
                error.code.as_deref(),
                Some("overloaded_error" | "529" | "503" | "UNAVAILABLE" | "ServerOverloaded")
            ) =>
        {
            FailureKind::Overloaded
        }
        Fault::Provider if matches!(error.code.as_deref(), Some("timeout_error" | "DEADLINE_EXCEEDED")) => {
            FailureKind::Timeout
        }
        Fault::Request => FailureKind::Request,
        Fault::Throttled => FailureKind::Throttled,
        Fault::Credential | Fault::Forbidden | Fault::Provider => FailureKind::Provider,
    };
    Failure { kind, message: error.message.clone(), code: error.code.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_bounded_at_a_character() {
        assert_eq!(bounded("üüü".to_owned(), 3), "ü…");
    }
}

//! Which beta features a client may turn on.

use crate::provider::Refusal;

/// Names without their dates (types of Anthropic's SDK 2.14). They change the format or cost nothing beyond the tokens that usage counts.
const FREE: &[&str] = &[
    "claude-code",
    "computer-use",
    "context-management",
    "effort",
    "fine-grained-tool-streaming",
    "interleaved-thinking",
    "max-tokens-3-5-sonnet",
    "mid-conversation-output-config",
    "mid-conversation-system-clear-at",
    "mid-conversation-tool-changes",
    "model-context-window-exceeded",
    "output-128k",
    "pdfs",
    "prompt-caching",
    "prompt-caching-scope",
    "search-results",
    "structured-outputs",
    "task-budgets",
    "thinking-display-updates",
    "thinking-token-count",
    "token-counting",
    "token-efficient-tools",
];

/// Those that open paid tools, dearer prices, or a store that all who use the provider's account share.
const REFUSED: &[(&str, &str)] = &[
    ("advisor-tool", "lets the model ask a dearer one"),
    ("agent-memory", "opens a store that all who use the provider's account share"),
    ("code-execution", "runs code in a container, which is billed by the hour"),
    ("compact", "lets the provider call the model again"),
    ("context-1m", "allows prompts that cost more by the token"),
    ("extended-cache-ttl", "writes to the cache at a higher price"),
    ("fallback-credit", "settles what another request has cost"),
    ("fast-mode", "chooses a speed with its own price"),
    ("files-api", "opens files that all who use the provider's account share"),
    ("inline-tools", "defines tools where this hub does not look for them"),
    ("managed-agents", "runs agents in the provider's account"),
    ("mcp-client", "lets the provider call other servers"),
    ("mcp-tunnels", "lets the provider call other servers"),
    ("message-batches", "puts answers where the hub cannot meter them"),
    ("message-threads", "opens a store that all who use the provider's account share"),
    ("server-side-fallback", "chooses other models"),
    ("skills", "runs code in a container, which is billed by the hour"),
    ("user-profiles", "chooses a profile of the provider's account"),
    ("user-profiles-billing", "chooses who pays"),
    ("web-fetch", "turns on a tool that the provider runs"),
    ("web-search", "turns on a tool that the provider runs, billed by the call"),
];

/// The betas that cross; those that neither list knows stay behind, as a client may send any.
pub(super) fn cross(value: &str) -> Result<Option<String>, Refusal> {
    let mut kept = Vec::new();
    for beta in value.split(',').map(str::trim) {
        let name = undated(beta);
        if let Some((_, effect)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            return Err(Refusal {
                field: "anthropic-beta".to_owned(),
                message: format!("the beta `{beta}` {effect}, which this hub does not allow"),
            });
        }
        if FREE.contains(&name) {
            kept.push(beta);
        }
    }
    Ok(if kept.is_empty() { None } else { Some(kept.join(",")) })
}

/// `interleaved-thinking-2025-05-14` without its date (which is also written `20250514`).
fn undated(beta: &str) -> &str {
    let digits = |piece: &str| !piece.is_empty() && piece.bytes().all(|byte| byte.is_ascii_digit());
    let mut name = beta;
    for lengths in [&[8][..], &[2, 2, 4][..]] {
        let mut rest = beta;
        let dated = lengths.iter().all(|length| match rest.rsplit_once('-') {
            Some((head, tail)) if digits(tail) && tail.len() == *length => {
                rest = head;
                true
            }
            _ => false,
        });
        if dated {
            name = rest;
        }
    }
    name
}

/// The API version is a date; anything else stays behind.
pub(super) fn version(value: &str) -> Result<Option<String>, Refusal> {
    let date = value.len() == 10 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if date {
        return Ok(Some(value.to_owned()));
    }
    Err(Refusal {
        field: "anthropic-version".to_owned(),
        message: "`anthropic-version` must be a date such as 2023-06-01".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_betas_cross_paid_ones_are_refused_and_unknown_ones_stay() {
        assert_eq!(
            cross("interleaved-thinking-2025-05-14, claude-code-20250219,oauth-2025-04-20")
                .unwrap()
                .as_deref(),
            Some("interleaved-thinking-2025-05-14,claude-code-20250219")
        );
        assert_eq!(cross("something-2031-01-01").unwrap(), None);
        assert_eq!(cross("").unwrap(), None);
        for (refused, _) in REFUSED {
            let error = cross(&format!("pdfs-2024-09-25,{refused}-2025-08-25")).unwrap_err();
            assert!(error.message.contains(refused), "{error}");
        }
        assert_eq!(undated("max-tokens-3-5-sonnet-2024-07-15"), "max-tokens-3-5-sonnet");
        assert_eq!(undated("context-1m"), "context-1m");
    }

    #[test]
    fn versions_are_dates() {
        assert_eq!(version("2023-06-01").unwrap().as_deref(), Some("2023-06-01"));
        version("latest").unwrap_err();
    }
}

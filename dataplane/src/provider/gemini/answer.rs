//! An answer, and each piece of a stream, which has the same form.

use serde::Deserialize;

use super::{error::Inner, usage::RawUsage};
use crate::{
    chat::{Likelihood, Raw, TokenLogprob},
    json,
    provider::Unreadable,
};

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
pub(super) struct Answer {
    pub(super) candidates: Option<Vec<Candidate>>,
    pub(super) prompt_feedback: Option<Feedback>,
    pub(super) usage_metadata: Option<RawUsage>,
    pub(super) model_version: Option<String>,
    pub(super) response_id: Option<String>,
    pub(super) error: Option<Inner>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
pub(super) struct Candidate {
    pub(super) content: Option<Content>,
    pub(super) finish_reason: Option<String>,
    pub(super) finish_message: Option<String>,
    pub(super) citation_metadata: Option<Citations>,
    pub(super) index: Option<u32>,
    pub(super) logprobs_result: Option<Logprobs>,
}

/// A token in each place. What was chosen need not be among the likeliest.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
pub(super) struct Logprobs {
    chosen_candidates: Option<Vec<Likely>>,
    top_candidates: Option<Vec<Top>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Top {
    candidates: Option<Vec<Likely>>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Likely {
    token: Option<String>,
    log_probability: Option<Raw>,
}

impl Likely {
    /// Numbers that are 0 may be left out in Google's JSON.
    fn likelihood(self) -> Option<Likelihood> {
        let logprob = self.log_probability.or_else(|| Raw::parse("0"));
        Likelihood::new(self.token.unwrap_or_default(), logprob, None)
    }
}

impl Logprobs {
    pub(super) fn tokens(self) -> Vec<TokenLogprob> {
        let mut tops = self.top_candidates.into_iter().flatten();
        let token = |chosen: Likely| {
            let top = tops.next().and_then(|top| top.candidates).into_iter().flatten();
            Some(TokenLogprob {
                chosen: chosen.likelihood()?,
                top: top.filter_map(Likely::likelihood).collect(),
            })
        };
        self.chosen_candidates.into_iter().flatten().filter_map(token).collect()
    }
}

/// Where words of the answer come from.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
pub(super) struct Citations {
    /// The other name is that of Google's cloud.
    #[serde(alias = "citations")]
    pub(super) citation_sources: Option<Vec<Source>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Source {
    pub(super) uri: Option<String>,
    pub(super) title: Option<String>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Content {
    pub(super) parts: Option<Vec<Part>>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
pub(super) struct Part {
    pub(super) text: Option<String>,
    pub(super) thought: Option<bool>,
    pub(super) thought_signature: Option<String>,
    pub(super) function_call: Option<Call>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Call {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) args: Option<Raw>,
}

/// Why there are no candidates.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
pub(super) struct Feedback {
    pub(super) block_reason: Option<String>,
    pub(super) block_reason_message: Option<String>,
}

/// Reads it. An error may come as the only item of a list.
pub(super) fn read(data: &[u8]) -> Result<Answer, Unreadable> {
    let unreadable = |error: serde_json::Error| Unreadable(error.to_string());
    let mut scratch = Vec::new();
    if data.trim_ascii_start().first() == Some(&b'[') {
        let list: Vec<Answer> = json::parse(data, &mut scratch).map_err(unreadable)?;
        return list.into_iter().next().ok_or_else(|| Unreadable("it is an empty list".to_owned()));
    }
    json::parse(data, &mut scratch).map_err(unreadable)
}

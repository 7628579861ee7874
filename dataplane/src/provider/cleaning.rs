//! Cuts out of providers' messages what names the hub's own account there: a tenant reads them.

/// What stands before a key, a project, a team or an organisation, in these providers' messages.
const MARKS: [&str; 8] = [
    // Google.
    "api_key:",
    "project_number:",
    "projects/",
    "project:",
    "project=",
    // xAI.
    "API key ID: ",
    "Team: ",
    // Anthropic.
    "organization (",
];

/// How Google's keys begin, wherever they stand.
const KEY: &str = "AIza";

/// How `OpenAI` and its like begin the ids of organisations and projects, and keys that they repeat in part.
const IDS: [&str; 5] = ["org-", "org_", "proj_", "sk-", "xai-"];
/// What is shorter is a word.
const SHORTEST_ID: usize = 8;

const CUT: &str = "(left out)";

/// The text without keys, projects, teams, organisations and accounts.
pub(super) fn cleaned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let within_a_word = out.ends_with(is_of_a_name);
        let Some((kept, cut)) = named(rest, within_a_word) else {
            out.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            continue;
        };
        out.push_str(rest.get(..kept).unwrap_or_default());
        if cut > 0 {
            out.push_str(CUT);
        }
        rest = rest.get(kept + cut..).unwrap_or_default();
    }
    out
}

/// Where something is named at the beginning of the text: how many bytes before it stay, and how many bytes it has.
fn named(text: &str, within_a_word: bool) -> Option<(usize, usize)> {
    if let Some(mark) = MARKS.into_iter().find(|mark| begins(text, mark)) {
        return Some((mark.len(), name(text.get(mark.len()..)?)));
    }
    if text.starts_with(KEY) {
        return Some((0, name(text)));
    }
    if within_a_word {
        return None;
    }
    if IDS.into_iter().any(|start| text.starts_with(start)) {
        let length = text.find(|letter: char| !is_of_a_name(letter) && letter != '*').unwrap_or(text.len());
        let found = text.get(..length)?;
        let is_id = |letter: char| letter.is_ascii_digit() || letter.is_ascii_uppercase() || letter == '*';
        return (length >= SHORTEST_ID && found.contains(is_id)).then_some((0, length));
    }
    account(text)
}

/// The account in an AWS resource's name, `arn:aws:bedrock:us-east-1:123456789012:…`.
fn account(text: &str) -> Option<(usize, usize)> {
    let parts: Vec<&str> = text.strip_prefix("arn:")?.splitn(5, ':').collect();
    let [partition, service, region, account, _] = parts.as_slice() else { return None };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let before = "arn:".len() + partition.len() + service.len() + region.len() + 3;
    is_account.then_some((before, account.len()))
}

fn begins(text: &str, mark: &str) -> bool {
    text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

/// Bytes of the name that the text begins with.
fn name(text: &str) -> usize {
    text.find(|letter: char| !is_of_a_name(letter)).unwrap_or(text.len())
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_the_account_is_cut_out() {
        for (text, clean) in [
            (
                "Permission denied: Consumer 'api_key:AIzaSyA-1_b' has been suspended.",
                "Permission denied: Consumer 'api_key:(left out)' has been suspended.",
            ),
            ("of consumer 'project_number:1234'.", "of consumer 'project_number:(left out)'."),
            ("see ?project=1234&x=1, Projects/ab-1", "see ?project=(left out)&x=1, Projects/(left out)"),
            ("key AIzaSyA-1_b\u{fc}", "key (left out)\u{fc}"),
            ("an \u{fc}\u{2026} api_key: none", "an \u{fc}\u{2026} api_key: none"),
            (
                "Rate limit reached for gpt-x in organization org-AbC123dEf on tokens per min (TPM): Limit 30000.",
                "Rate limit reached for gpt-x in organization (left out) on tokens per min (TPM): Limit 30000.",
            ),
            ("Incorrect API key provided: sk-ab***********wxyz", "Incorrect API key provided: (left out)"),
            (
                "Content violates usage guidelines. Team: 1a2b-3c, API key ID: 4d5e-6f, Model: grok-4",
                "Content violates usage guidelines. Team: (left out), API key ID: (left out), Model: grok-4",
            ),
            ("for your organization (a22cf6e6-a940) of", "for your organization ((left out)) of"),
            (
                "no access to arn:aws:bedrock:us-east-1:123456789012:inference-profile/x",
                "no access to arn:aws:bedrock:us-east-1:(left out):inference-profile/x",
            ),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/x",
                "arn:aws:bedrock:us-east-1::foundation-model/x",
            ),
            (
                "a self-org-anised org-chart, an ask-me disk-full",
                "a self-org-anised org-chart, an ask-me disk-full",
            ),
        ] {
            assert_eq!(cleaned(text), clean);
        }
    }
}

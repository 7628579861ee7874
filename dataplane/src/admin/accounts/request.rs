//! What is asked for: the address, the headers and the body of a request as values, or why not. Pure.

use axum::http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use crate::admin::problem::Problem;
use crate::ledger::accounts::{self, Asked, Kind, Mistake, Posting};

/// Where everything here begins.
const ACCOUNTS: &str = "/v1/accounts/";

/// Of an account's name, as in a Tenant.
const LONGEST_ACCOUNT: usize = 317;
/// Of a key or a grant's name.
const LONGEST_KEY: usize = 128;
/// Of a note, and of who does it.
const LONGEST_TEXT: usize = 500;

/// What is to be done with which account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Show(String),
    Enter(String, Kind),
}

/// `GET /v1/accounts/ACCOUNT`, `POST /v1/accounts/ACCOUNT/top-ups`; the slash within an account's name is `%2F`.
pub(super) fn target(method: &Method, path: &str) -> Result<Target, Problem> {
    let unknown = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "there is nothing here: /v1/accounts/ACCOUNT, and below it /top-ups, /grants, /refunds and /corrections; \
             the slash within an account's name is written %2F",
        )
    };
    let parts: Vec<_> = path.strip_prefix(ACCOUNTS).unwrap_or_default().split('/').collect();
    let (name, kind) = match parts.as_slice() {
        [name] => (*name, None),
        [name, "top-ups"] => (*name, Some(Kind::TopUp)),
        [name, "grants"] => (*name, Some(Kind::Grant)),
        [name, "refunds"] => (*name, Some(Kind::Refund)),
        [name, "corrections"] => (*name, Some(Kind::Correction)),
        _ => return Err(unknown()),
    };
    let account = percent_decode_str(name).decode_utf8().ok().filter(|name| is_account(name));
    let account = account.ok_or_else(|| {
        Problem::field(
            "account",
            "must be lower-case letters, digits and - _ . / inside, at most 317 characters",
        )
    })?;
    match kind {
        None if method == Method::GET => Ok(Target::Show(account.into_owned())),
        None => Err(Problem::method("GET")),
        Some(kind) if method == Method::POST => Ok(Target::Enter(account.into_owned(), kind)),
        Some(_) => Err(Problem::method("POST")),
    }
}

/// As the rule of `accountID` has it.
fn is_account(name: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let edges = [name.as_bytes().first(), name.as_bytes().last()];
    name.len() <= LONGEST_ACCOUNT
        && edges.into_iter().all(|edge| edge.is_some_and(plain))
        && name.bytes().all(|byte| plain(&byte) || b"-_./".contains(&byte))
}

/// `?new=true`: the account need not exist yet.
pub(super) fn is_new(query: Option<&str>) -> Result<bool, Problem> {
    match query.unwrap_or_default() {
        "" | "new=false" => Ok(false),
        "new=true" => Ok(true),
        _ => Err(Problem::field("query", "can be new=true, and nothing else")),
    }
}

/// Who does it, for the audit log: `X-Actor`, else `api`.
pub(super) fn actor(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(actor) = headers.get("x-actor") else { return Ok("api".to_owned()) };
    let text = std::str::from_utf8(actor.as_bytes()).ok().filter(|text| is_text(text) && !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| Problem::field("X-Actor", TEXT))
}

const TEXT: &str = "must be text without control characters, at most 500 characters";

fn is_text(text: &str) -> bool {
    text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control)
}

/// The body. What is no text is told apart by hand, so that the field can be named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    amount: Value,
    #[serde(default)]
    expires_at: Value,
    #[serde(default)]
    priority: Value,
    #[serde(default)]
    note: Value,
    #[serde(default)]
    name: Value,
}

/// The entry that is asked for.
pub(super) fn posting(kind: Kind, headers: &HeaderMap, body: &[u8]) -> Result<Posting, Problem> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        Problem::field(
            "body",
            format_args!("must be one JSON object with amount, expires_at, priority and note: {error}"),
        )
    })?;
    let key = match (kind, body.name) {
        (Kind::Grant, name) => key("name", text("name", name)?.as_deref())?,
        (_, Value::Null) => {
            let given = headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default());
            key("Idempotency-Key", given)?
        }
        _ => {
            return Err(Problem::field(
                "name",
                "is for grants alone; here the header Idempotency-Key counts",
            ));
        }
    };
    let amount = text("amount", body.amount)?.ok_or_else(|| Problem::field("amount", "is missing"))?;
    let expires_at = match text("expires_at", body.expires_at)? {
        Some(text) => Some(text.parse::<Timestamp>().map_err(|_| {
            Problem::field("expires_at", "must be a time with its offset, such as 2027-03-31T00:00:00Z")
        })?),
        None => None,
    };
    let priority = match body.priority {
        Value::Null => None,
        given => Some(given.as_u64().and_then(|given| u8::try_from(given).ok()).ok_or(Mistake::NoPriority)),
    };
    let priority = priority.transpose().map_err(|mistake| of(&mistake))?;
    let note = text("note", body.note)?;
    if note.as_deref().is_some_and(|note| !is_text(note)) {
        return Err(Problem::field("note", TEXT));
    }
    let amount = accounts::amount(&amount).map_err(|mistake| of(&mistake))?;
    Asked { kind, key, amount, expires_at, priority, note }.posting().map_err(|mistake| of(&mistake))
}

/// A mistake in what was asked for.
pub(super) fn of(mistake: &Mistake) -> Problem {
    Problem::field(mistake.field(), mistake)
}

fn text(field: &'static str, value: Value) -> Result<Option<String>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Problem::field(field, "must be a string")),
    }
}

fn key(field: &'static str, given: Option<&str>) -> Result<String, Problem> {
    let given = given.ok_or_else(|| Problem::field(field, "is missing"))?;
    let fits = (1..=LONGEST_KEY).contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_graphic());
    let wrong = || Problem::field(field, "must be 1 to 128 visible ASCII characters");
    if fits { Ok(given.to_owned()) } else { Err(wrong()) }
}

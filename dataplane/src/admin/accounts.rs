//! The money API, for payment systems: what an account has, and what is to be given to it. The same as `aigne-hub
//! accounts`, over HTTP, for who shows the admin token.

mod request;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::request::Target;
use super::{Admin, problem::Problem, token::TokenFile};
use crate::clock::Clock;
use crate::ledger::accounts::{self, Account, Accounts as _, Credit, Done, Kind, Mistake, Posting, left};
use crate::ledger::audit::By;
use crate::ledger::{dollars, place::Ledger, store::StoreError};

/// The paths that [`handle`] answers.
pub(super) const PATHS: [&str; 3] = ["/v1/accounts", "/v1/accounts/", "/v1/accounts/{*account}"];

/// Bytes; more than any request here needs.
const LARGEST_BODY: usize = 16 << 10;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the money API works with. Clones share its turns.
#[derive(Clone, Debug)]
pub struct Money {
    token: TokenFile,
    ledger: Ledger,
    clock: Clock,
    /// One at a time asks the ledger: clients' requests wait for leases, which need a connection too.
    turn: Arc<Semaphore>,
}

impl Money {
    /// For who shows the token: he may give money away.
    pub fn new(token: TokenFile, ledger: Ledger, clock: Clock) -> Self {
        Self { token, ledger, clock, turn: Arc::new(Semaphore::new(1)) }
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        let turn = tokio::time::timeout(PATIENCE, self.turn.acquire()).await;
        let busy =
            || Problem::away("too much is asked at once; ask again with the same key, which counts once");
        turn.ok().and_then(Result::ok).ok_or_else(busy)
    }
}

/// Any request below `/v1/accounts`.
pub(super) async fn handle(State(admin): State<Admin>, request: Request) -> Response {
    let Some(money) = &admin.money else {
        let off = "the money API is off: start the gateway with --admin-token-file FILE";
        return Problem::new(StatusCode::NOT_FOUND, off).into_response();
    };
    match answer(money, request).await {
        Ok((status, body)) => (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn answer(money: &Money, request: Request<Body>) -> Result<(StatusCode, Value), Problem> {
    let (parts, body) = request.into_parts();
    let admitted = money.token.admits(&parts.headers).map_err(|error| {
        tracing::error!(%error, "the money API is closed");
        Problem::away(error.to_string())
    })?;
    if !admitted {
        return Err(Problem::unauthorized());
    }
    match request::target(&parts.method, parts.uri.path())? {
        Target::Show(account) => show(money, &account).await.map(|body| (StatusCode::OK, body)),
        Target::Enter(account, kind) => {
            let new = request::is_new(parts.uri.query())?;
            let actor = request::actor(&parts.headers)?;
            let body = axum::body::to_bytes(body, LARGEST_BODY).await.map_err(|_| {
                Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "the body does not come whole, or has more than 16 KiB",
                )
            })?;
            let posting = request::posting(kind, &parts.headers, &body)?;
            enter(money, &account, &posting, new, actor).await
        }
    }
}

async fn show(money: &Money, name: &str) -> Result<Value, Problem> {
    let _turn = money.turn().await?;
    let found = money.ledger.accounts(Some(name)).await.map_err(|error| away(&error))?;
    let account = found.first().ok_or_else(|| unknown(name))?;
    let credits = money.ledger.credits(name).await.map_err(|error| away(&error))?;
    Ok(described(account, &left(credits, account.balance)))
}

fn described(account: &Account, credits: &[Credit]) -> Value {
    let credit = |credit: &Credit| {
        json!({
            "reference": credit.reference,
            "amount_nanos": credit.amount,
            "remaining_nanos": credit.remaining,
            "given_at": time(credit.given_at),
            "expires_at": credit.expires_at.and_then(time),
            "priority": credit.priority,
        })
    };
    json!({
        "account": account.account,
        "balance": dollars(account.balance.into()),
        "balance_nanos": account.balance,
        "leased_nanos": account.leased,
        "frozen_nanos": account.frozen,
        "suspense_nanos": account.suspense,
        "closed_at": account.closed_at.and_then(time),
        "credits": credits.iter().map(credit).collect::<Vec<_>>(),
    })
}

/// Unix milliseconds as RFC 3339.
fn time(at: i64) -> Option<String> {
    Timestamp::from_millisecond(at).ok().map(|at| at.to_string())
}

async fn enter(
    money: &Money,
    account: &str,
    posting: &Posting,
    new: bool,
    actor: String,
) -> Result<(StatusCode, Value), Problem> {
    let _turn = money.turn().await?;
    let command = match posting.kind {
        Kind::Grant => "api grant",
        Kind::TopUp => "api topup",
        Kind::Refund => "api refund",
        _ => "api correct",
    };
    let by = By { actor, command, detail: posting.detail() };
    let done = accounts::enter(&money.ledger, account, posting, new, money.clock.now_ms(), &by).await;
    let done = done.map_err(|error| away(&error))?.ok_or_else(|| unknown(account))?;
    let (reference, amount) = (&posting.reference, posting.amount);
    let entered = match done {
        Done::Entered => true,
        Done::Already(before) if before == amount => false,
        Done::Already(before) => {
            let (before, amount) = (dollars(before.into()), dollars(amount.into()));
            let other = format!(
                "{reference} was entered before, with {before} instead of {amount}: nothing has changed"
            );
            return Err(Problem::new(StatusCode::CONFLICT, other));
        }
        Done::Closed => {
            return Err(Problem::new(StatusCode::CONFLICT, format!("the account {account} is closed")));
        }
        Done::Expired => return Err(request::of(&Mistake::Expired)),
    };
    let status = if entered { StatusCode::CREATED } else { StatusCode::OK };
    let body = json!({
        "reference": reference,
        "kind": posting.kind,
        "amount": dollars(amount.into()),
        "amount_nanos": amount,
        "entered": entered,
    });
    Ok((status, body))
}

fn unknown(account: &str) -> Problem {
    let detail = format!(
        "there is no account {account}: it begins with its first usage or grant, or where ?new=true says so"
    );
    Problem::new(StatusCode::NOT_FOUND, detail)
}

fn away(error: &StoreError) -> Problem {
    tracing::error!(%error, "the money API cannot reach the ledger");
    Problem::away(format!(
        "the ledger cannot be used now; ask again with the same key, which counts once: {error}"
    ))
}

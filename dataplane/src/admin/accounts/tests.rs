use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    net::TcpStream,
    task::JoinSet,
};

use super::*;
use crate::admin::{Readiness, serve};
use crate::ledger::Nanos;
use crate::ledger::audit::Audit as _;
use crate::ledger::postgres::testing::Server;
use crate::ledger::postgres::{DatabaseUrl, Options, Postgres};
use crate::ledger::sqlite::{FILE, Sqlite};
use crate::ledger::store::Store as _;
use crate::ledger::store::suite::row;
use crate::ledger::testing::HOLDER;
use crate::secret::SecretValue;
use crate::source::Source;
use crate::telemetry::Telemetry;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const TOP_UPS: &str = "/v1/accounts/team%2Facme/top-ups";

/// An admin listener, and the ledger behind it: `team/acme` owes 1.25 dollars.
struct Fixture {
    address: std::net::SocketAddr,
    ledger: Ledger,
    folder: TempDir,
}

/// A status, the headers and the body.
struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Answer {
    fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    fn is_problem(&self, status: u16, says: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        assert_eq!(self.body["status"], status);
        assert!(self.detail().contains(says), "{says}: {}", self.body);
    }
}

async fn served(money: Option<Money>) -> std::net::SocketAddr {
    let (_, loaded) = tokio::sync::watch::channel(Arc::default());
    let (_, rejected) = tokio::sync::watch::channel(Arc::default());
    let source = Source::new(loaded, rejected);
    let admin =
        Admin { telemetry: Arc::new(Telemetry::new()), readiness: Readiness::default(), source, money };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, admin, std::future::pending()));
    address
}

fn token(folder: &Path) -> TokenFile {
    let file = folder.join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    TokenFile::new(file).unwrap()
}

async fn fixture() -> Fixture {
    let folder = TempDir::new().unwrap();
    let store = Sqlite::open(&folder.path().join(FILE)).await.unwrap();
    fixture_on(Ledger::Sqlite(store), folder).await
}

async fn fixture_on(ledger: Ledger, folder: TempDir) -> Fixture {
    let mut used = row(1);
    used.intent.account = "team/acme".into();
    used.outcome.charge.price = Nanos(1_250_000_000);
    ledger.insert(HOLDER, &[used]).await.unwrap();
    let money = Money::new(token(folder.path()), ledger.clone(), Clock::default());
    Fixture { address: served(Some(money)).await, ledger, folder }
}

/// The request line without its version, further headers, and the body.
async fn ask(address: std::net::SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let headers = headers.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\r\n");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: serde_json::from_str(body).unwrap_or_default() }
}

impl Fixture {
    async fn ask(&self, line: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        ask(self.address, line, &headers, &body.to_string()).await
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.ask(&format!("POST {path}"), &[("idempotency-key", key)], &body).await
    }

    async fn account(&self) -> Value {
        let answer = self.ask("GET /v1/accounts/team%2Facme", &[], &Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}

#[tokio::test]
async fn it_is_off_without_a_token_and_closed_without_showing_it() {
    let off = served(None).await;
    for line in ["GET /v1/accounts", "GET /v1/accounts/", "GET /v1/accounts/a", "POST /v1/accounts/a/top-ups"]
    {
        ask(off, line, &[], "").await.is_problem(404, "--admin-token-file");
    }
    let fixture = fixture().await;
    let wrong = format!("Bearer {}", TOKEN.replace('0', "1"));
    for headers in [&[][..], &[("authorization", wrong.as_str())], &[("authorization", TOKEN)]] {
        let answer = ask(fixture.address, &format!("POST {TOP_UPS}"), headers, r#"{"amount": "1"}"#).await;
        answer.is_problem(401, "missing or wrong");
        assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
    }
    std::fs::write(fixture.folder.path().join("token"), "short").unwrap();
    let answer = fixture.post(TOP_UPS, "1", json!({"amount": "1"})).await;
    answer.is_problem(503, "32 or more");
    assert!(!answer.detail().contains("short"));
}

#[tokio::test]
async fn a_key_counts_once() {
    let fixture = fixture().await;
    let entered = fixture.post(TOP_UPS, "invoice-1", json!({"amount": "12.50", "note": "thanks"})).await;
    assert_eq!(entered.status, 201);
    let mut expected = json!({"reference": "topup/invoice-1", "kind": "TopUp", "amount": "12.50",
        "amount_nanos": 12_500_000_000_i64, "entered": true});
    assert_eq!(entered.body, expected);
    let again = fixture.post(TOP_UPS, "invoice-1", json!({"amount": "12.5"})).await;
    expected["entered"] = false.into();
    assert_eq!((again.status, again.body), (200, expected));
    let other = fixture.post(TOP_UPS, "invoice-1", json!({"amount": "13"})).await;
    other.is_problem(409, "with 12.50 instead of 13.00");

    let account = fixture.account().await;
    assert_eq!(
        (&account["balance"], &account["balance_nanos"]),
        (&"11.25".into(), &11_250_000_000_i64.into())
    );
    assert_eq!(account["account"], "team/acme");
    for name in ["leased_nanos", "frozen_nanos", "suspense_nanos"] {
        assert_eq!(account[name], 0, "{name}");
    }
    assert_eq!(account["closed_at"], Value::Null);
    let credits = account["credits"].as_array().unwrap();
    assert_eq!(credits.len(), 1);
    assert_eq!(
        (&credits[0]["reference"], &credits[0]["remaining_nanos"]),
        (&"topup/invoice-1".into(), &11_250_000_000_i64.into())
    );

    // Who asks again after it was closed learns what became of it; nothing new is taken.
    fixture.ledger.fulfil("team/acme", &accounts::Wish::Close, Clock::default().now_ms()).await.unwrap();
    assert_eq!(fixture.post(TOP_UPS, "invoice-1", json!({"amount": "12.5"})).await.status, 200);
    fixture.post(TOP_UPS, "invoice-2", json!({"amount": "1"})).await.is_problem(409, "is closed");
    assert!(fixture.account().await["closed_at"].is_string());
    assert!(fixture.ledger.differences().await.unwrap().is_empty());
}

#[tokio::test]
async fn every_kind_is_entered_with_its_line_in_the_audit_log() {
    let fixture = fixture().await;
    let of = |kind: &str| format!("/v1/accounts/team%2Facme/{kind}");
    let grant =
        json!({"name": "spring", "amount": "1", "expires_at": "2999-01-01T00:00:00Z", "priority": 10});
    let granted = fixture.ask(&format!("POST {}", of("grants")), &[("x-actor", "ada")], &grant).await;
    assert_eq!((granted.status, &granted.body["reference"]), (201, &"grant/spring".into()));
    let refunded = fixture.post(&of("refunds"), "1", json!({"amount": "0.000000001"})).await;
    assert_eq!((refunded.status, &refunded.body["kind"]), (201, &"Refund".into()));
    let corrected = fixture.post(&of("corrections"), "1", json!({"amount": "-0.5", "note": "twice"})).await;
    assert_eq!((corrected.status, &corrected.body["amount"]), (201, &"-0.50".into()));
    assert_eq!(fixture.post(&of("corrections"), "1", json!({"amount": "-0.5"})).await.status, 200);
    let lines = fixture.ledger.lines(None, 10).await.unwrap();
    let lines: Vec<_> = lines.iter().map(|line| [&*line.actor, &*line.command, &*line.detail]).collect();
    assert_eq!(
        lines,
        [
            ["ada", "api grant", "1.00 as grant/spring"],
            ["api", "api refund", "0.000000001 as refund/1"],
            ["api", "api correct", "-0.50 as correction/1: twice"],
        ]
    );
    assert_eq!(fixture.account().await["balance"], "-0.749999999");
}

#[tokio::test]
async fn an_account_that_is_unknown_begins_only_if_it_is_said() {
    let fixture = fixture().await;
    let path = "/v1/accounts/new/top-ups";
    fixture.post(path, "1", json!({"amount": "1"})).await.is_problem(404, "no account new");
    fixture.ask("GET /v1/accounts/new", &[], &Value::Null).await.is_problem(404, "no account new");
    let begun = fixture.post(&format!("{path}?new=true"), "1", json!({"amount": "1"})).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    assert_eq!(fixture.post(path, "1", json!({"amount": "1"})).await.status, 200);
}

#[tokio::test]
async fn mistakes_name_their_field_and_enter_nothing() {
    let fixture = fixture().await;
    let long = "x".repeat(129);
    let note = "x".repeat(501);
    let past = "2020-01-01T00:00:00Z";
    for (path, key, body, field) in [
        (TOP_UPS, "1", json!({}), "amount"),
        (TOP_UPS, "1", json!({"amount": 12.5}), "amount"),
        (TOP_UPS, "1", json!({"amount": "1e3"}), "amount"),
        (TOP_UPS, "1", json!({"amount": "0.00"}), "amount"),
        (TOP_UPS, "1", json!({"amount": "-1"}), "amount"),
        (TOP_UPS, "1", json!({"amount": "0.0000000001"}), "amount"),
        (TOP_UPS, "1", json!({"amount": "99999999999"}), "amount"),
        (TOP_UPS, "1", json!({"amount": "1", "expires_at": "tomorrow"}), "expires_at"),
        (TOP_UPS, "1", json!({"amount": "1", "expires_at": 1}), "expires_at"),
        (TOP_UPS, "1", json!({"amount": "1", "expires_at": past}), "expires_at"),
        (TOP_UPS, "1", json!({"amount": "1", "priority": 101}), "priority"),
        (TOP_UPS, "1", json!({"amount": "1", "priority": -1}), "priority"),
        (TOP_UPS, "1", json!({"amount": "1", "priority": "1"}), "priority"),
        ("/v1/accounts/team%2Facme/corrections", "1", json!({"amount": "-1", "priority": 1}), "priority"),
        (TOP_UPS, "1", json!({"amount": "1", "note": note}), "note"),
        (TOP_UPS, "1", json!({"amount": "1", "note": "a\u{0}b"}), "note"),
        (TOP_UPS, "1", json!({"amount": "1", "name": "x"}), "name"),
        (TOP_UPS, "1", json!({"amount": "1", "expiresAt": "x"}), "body"),
        (TOP_UPS, "1", json!("12.50"), "body"),
        (TOP_UPS, "", json!({"amount": "1"}), "Idempotency-Key"),
        (TOP_UPS, "two words", json!({"amount": "1"}), "Idempotency-Key"),
        (TOP_UPS, &long, json!({"amount": "1"}), "Idempotency-Key"),
        ("/v1/accounts/team%2Facme/grants", "1", json!({"amount": "1"}), "name"),
        ("/v1/accounts/team%2Facme/grants", "1", json!({"amount": "1", "name": "two words"}), "name"),
        ("/v1/accounts/Team/top-ups?new=true", "1", json!({"amount": "1"}), "account"),
        ("/v1/accounts/%00/top-ups", "1", json!({"amount": "1"}), "account"),
        ("/v1/accounts/a/top-ups?now=true", "1", json!({"amount": "1"}), "query"),
    ] {
        let answer = fixture.post(path, key, body.clone()).await;
        answer.is_problem(400, field);
        assert_eq!(answer.body["field"], field, "{path} {key} {body}");
    }
    let missing = fixture.ask(&format!("POST {TOP_UPS}"), &[], &json!({"amount": "1"})).await;
    missing.is_problem(400, "Idempotency-Key is missing");
    let actor = [("idempotency-key", "1"), ("x-actor", note.as_str())];
    fixture.ask(&format!("POST {TOP_UPS}"), &actor, &json!({"amount": "1"})).await.is_problem(400, "X-Actor");
    let twice = [("idempotency-key", "1"), ("authorization", &format!("Bearer {TOKEN}"))];
    let twice =
        ask(fixture.address, &format!("POST {TOP_UPS}"), &twice, r#"{"amount":"1","amount":"2"}"#).await;
    twice.is_problem(400, "duplicate field `amount`");
    let large = json!({"amount": "1", "note": "x".repeat(20_000)});
    fixture.post(TOP_UPS, "1", large).await.is_problem(413, "16 KiB");

    fixture.post("/v1/accounts/team/acme/top-ups", "1", json!({"amount": "1"})).await.is_problem(404, "%2F");
    fixture.post("/v1/accounts/a/topups", "1", json!({"amount": "1"})).await.is_problem(404, "/top-ups");
    let got = fixture.ask(&format!("GET {TOP_UPS}"), &[], &Value::Null).await;
    got.is_problem(405, "POST");
    assert!(got.head.contains("allow: post"), "{}", got.head);
    fixture.post("/v1/accounts/team%2Facme", "1", json!({})).await.is_problem(405, "GET");
    assert_eq!(fixture.account().await["balance"], "-1.25");
    assert!(fixture.ledger.lines(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_many_at_once_with_one_key_one_is_entered() {
    let fixture = Arc::new(fixture().await);
    let mut all = JoinSet::new();
    for _ in 0..20 {
        let fixture = Arc::clone(&fixture);
        all.spawn(async move { fixture.post(TOP_UPS, "once", json!({"amount": "2.25"})).await.status });
    }
    let mut statuses = all.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200; 19], vec![201]].concat());
    assert_eq!(fixture.account().await["balance"], "1.00");
    assert_eq!(fixture.ledger.lines(None, 30).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_ledger_that_is_away_is_asked_again_later() {
    let folder = TempDir::new().unwrap();
    let url = SecretValue::new("postgres://hub:s3cr3t@127.0.0.1:1/hub".into());
    let ledger = Ledger::Postgres(Postgres::new(Options::new(DatabaseUrl::Value(url))));
    let money = Money::new(token(folder.path()), ledger, Clock::default());
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "1")];
    let address = served(Some(money)).await;
    for line in [&format!("POST {TOP_UPS}"), "GET /v1/accounts/team%2Facme"] {
        let answer = ask(address, line, &headers, r#"{"amount": "1"}"#).await;
        answer.is_problem(503, "ask again");
        assert!(answer.head.contains("retry-after: 5"), "{}", answer.head);
        assert!(!answer.body.to_string().contains("s3cr3t"));
    }
}

#[tokio::test]
async fn it_is_the_same_on_postgres() {
    let database = Server::shared().database();
    let ledger = Ledger::Postgres(database.store());
    let fixture = Arc::new(fixture_on(ledger, TempDir::new().unwrap()).await);
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let fixture = Arc::clone(&fixture);
        all.spawn(async move { fixture.post(TOP_UPS, "once", json!({"amount": "2.25"})).await.status });
    }
    let mut statuses = all.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200; 7], vec![201]].concat());
    fixture.post(TOP_UPS, "once", json!({"amount": "3"})).await.is_problem(409, "with 2.25 instead of 3.00");
    let account = fixture.account().await;
    assert_eq!(
        (&account["balance"], &account["credits"][0]["reference"]),
        (&"1.00".into(), &"topup/once".into())
    );
    fixture
        .post("/v1/accounts/new/top-ups", "1", json!({"amount": "1"}))
        .await
        .is_problem(404, "no account new");
    assert_eq!(fixture.ledger.lines(None, 30).await.unwrap().len(), 1);
    assert!(fixture.ledger.differences().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_get_a_turn_is_to_ask_again() {
    let folder = TempDir::new().unwrap();
    let url = SecretValue::new("postgres://hub:s3cr3t@127.0.0.1:1/hub".into());
    let ledger = Ledger::Postgres(Postgres::new(Options::new(DatabaseUrl::Value(url))));
    let money = Money::new(token(folder.path()), ledger, Clock::default());
    let turns = Arc::clone(&money.turn);
    let taken = turns.acquire().await.unwrap();
    let address = served(Some(money)).await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "1")];
    let line = format!("POST {TOP_UPS}");
    let answer = ask(address, &line, &headers, r#"{"amount": "1"}"#).await;
    answer.is_problem(503, "too much is asked at once");
    assert!(answer.head.contains("retry-after: 5"), "{}", answer.head);
    drop(taken);
    let answer = ask(address, &line, &headers, r#"{"amount": "1"}"#).await;
    answer.is_problem(503, "the ledger cannot be used now");
}

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tempfile::TempDir;

use crate::cli::{Cli, Context};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::ledger::journal::{Journals, Options};
use crate::ledger::leases::{Ask, Cap, Class, FOREVER, Leases as _, Place};
use crate::ledger::sqlite::{FILE, Sqlite};
use crate::ledger::store::Store as _;
use crate::ledger::store::suite::row;
use crate::ledger::testing::{HOLDER, intent, outcome};
use crate::ledger::{Nanos, Row};

async fn ledger() -> TempDir {
    let data = TempDir::new().unwrap();
    let store = Sqlite::open(&data.path().join(FILE)).await.unwrap();
    let mut used = row(1);
    used.intent.account = "team/acme".into();
    used.outcome.charge.price = Nanos(1_250_000_001);
    store.insert(HOLDER, &[used]).await.unwrap();
    data
}

/// What it printed, or why not.
async fn run(data: &TempDir, line: &str) -> Result<(ExitCode, String), String> {
    let folder = data.path().display().to_string();
    let words = ["aigne-hub"].into_iter().chain(line.split(' ')).chain(["--data", &folder]);
    let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    // It makes a runtime of its own.
    let done = tokio::task::spawn_blocking(move || {
        let context = Context { environment: Environment::fixed([]), clock: Clock::default() };
        let mut output = Vec::new();
        let code = cli.run(&context, &mut output).map_err(|error| format!("{error:#}"))?;
        Ok((code, String::from_utf8(output).unwrap()))
    });
    done.await.unwrap()
}

async fn says(data: &TempDir, line: &str) -> String {
    let (code, text) = run(data, line).await.unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{text}");
    text
}

#[tokio::test]
async fn what_is_entered_again_is_entered_once_and_it_says_so() {
    let data = ledger().await;
    let top_up = "accounts topup team/acme --amount 5 --idempotency-key invoice-1";
    assert_eq!(says(&data, top_up).await, "Entered 5.00 as topup/invoice-1.\nteam/acme has 3.749999999.\n");
    let again = says(&data, top_up).await;
    assert_eq!(
        again,
        "topup/invoice-1 was entered before: nothing has changed.\nteam/acme has 3.749999999.\n"
    );
    let other = run(&data, "accounts topup team/acme --amount 6 --idempotency-key invoice-1").await;
    assert!(other.unwrap_err().contains("with 5.00 instead of 6.00"));
    says(&data, "accounts refund team/acme --amount 0.000000001 --idempotency-key invoice-1").await;
    let corrected = says(&data, "accounts correct team/acme --amount -3 --idempotency-key 1").await;
    assert!(corrected.ends_with("team/acme has 0.75.\n"), "{corrected}");
    let granted =
        says(&data, "accounts grant team/acme --name spring --amount 1 --expires-at 2999-01-01T00:00:00Z")
            .await;
    assert!(granted.ends_with("team/acme has 1.75.\n"), "{granted}");
    let shown = says(&data, "accounts balance team/acme").await;
    assert!(shown.contains("1.75") && shown.contains("grant/spring") && shown.contains("2999"), "{shown}");
    assert_eq!(says(&data, "reconcile").await, "The ledger adds up.\n");
}

#[tokio::test]
async fn mistakes_enter_nothing() {
    let data = ledger().await;
    for (line, why) in [
        ("accounts topup team/acne --amount 5 --idempotency-key 1", "no account team/acne"),
        ("accounts topup team/acme --amount -5 --idempotency-key 1", "only a correction"),
        ("accounts topup team/acme --amount 0 --idempotency-key 1", "nothing"),
        ("accounts topup team/acme --amount 0.0000000001 --idempotency-key 1", "finer than a nano-dollar"),
        ("accounts topup team/acme --amount 99999999999 --idempotency-key 1", "more than can be kept"),
        (
            "accounts topup team/acme --amount 1 --idempotency-key 1 --expires-at 2020-01-01T00:00:00Z",
            "in the past",
        ),
        ("accounts topup team/acme --amount 1", "--idempotency-key"),
        ("accounts statement team/acme --month 2026", "2026-03"),
        ("accounts balance nobody", "no account nobody"),
    ] {
        let error = run(&data, line).await.unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
    assert!(says(&data, "accounts list").await.contains("-1.250000001"));
    says(&data, "accounts topup other --amount 5 --idempotency-key 1 --new").await;
    assert!(says(&data, "accounts list").await.contains("other"));
}

#[tokio::test]
async fn a_statement_begins_where_the_last_one_ended() {
    let data = ledger().await;
    says(&data, "accounts topup team/acme --amount 5 --idempotency-key 1").await;
    let march = says(&data, "accounts statement team/acme --month 2026-03 --output csv").await;
    assert_eq!(
        march,
        "at,kind,reference,entries,amount_nanos,note\n2026-03-01T00:00:00Z,Opening,,,0,\n\
         2026-03-04T00:00:00Z,Usage,,1,-1250000001,\n2026-04-01T00:00:00Z,Closing,,,-1250000001,\n"
    );
    let now = says(&data, "accounts statement team/acme --output json").await;
    let lines: serde_json::Value = serde_json::from_str(&now).unwrap();
    let amounts: Vec<_> = lines.as_array().unwrap().iter().map(|line| line["amount_nanos"].clone()).collect();
    assert_eq!(amounts, [-1_250_000_001_i64, 5_000_000_000, 3_749_999_999]);
}

#[tokio::test]
async fn a_closed_account_is_given_nothing() {
    let data = ledger().await;
    says(&data, "accounts topup team/acme --amount 5 --idempotency-key 1").await;
    assert_eq!(says(&data, "accounts close team/acme").await, "team/acme is closed.\nteam/acme has 0.00.\n");
    assert!(says(&data, "accounts close team/acme").await.contains("was closed before"));
    let error = run(&data, "accounts topup team/acme --amount 5 --idempotency-key 2").await.unwrap_err();
    assert!(error.contains("is closed"), "{error}");
}

#[tokio::test]
async fn leases_show_who_holds_what() {
    let data = ledger().await;
    says(&data, "accounts topup team/acme --amount 5 --idempotency-key 1").await;
    let store = Sqlite::open(&data.path().join(FILE)).await.unwrap();
    let place = |allowance: &str| Place { allowance: allowance.into(), window: FOREVER };
    let ask = |allowance: &str, class, need| Ask {
        place: place(allowance),
        cap: Cap::Fixed(9_000_000_000),
        class,
        need,
        least: 0,
        want: need,
        granted: 0,
        returned: 0,
        spent: 0,
    };
    let asks =
        [ask("account:team/acme", Class::Money, 2_500_000_000), ask("concurrency:team/acme", Class::Held, 3)];
    store.exchange(HOLDER, Duration::ZERO, &asks).await.unwrap();
    let shown = says(&data, "leases").await;
    // The rows of usage came from the same process, beside its lease.
    let lines: Vec<Vec<_>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    let holder = HOLDER.to_string();
    assert_eq!(
        lines[1][..9],
        ["account:team/acme", "-", "Money", &holder, "2.50", "0.00", "0.00", "1.250000001", "0.00"]
    );
    assert_eq!(lines[2][..6], ["concurrency:team/acme", "-", "Held", &holder, "3", "0"]);
    assert_eq!(lines.len(), 3);
    let one = says(&data, "leases --allowance concurrency:team/acme --output csv").await;
    assert!(one.contains(",3,0,0,0,0,20") && one.lines().count() == 2, "{one}");
    assert!(says(&data, "leases --allowance nothing").await.contains("Nobody holds anything"));
    assert!(says(&data, "accounts balance team/acme").await.contains("2.50"));
    store.tidy(Duration::ZERO).await.unwrap();
    assert!(says(&data, "leases").await.contains("Nobody holds anything"));
    // What closed holders hold, and spending without entries, are found.
    for (text, check) in [
        ("INSERT INTO leases SELECT 'account:x', 0, holder, 5, 0, 0 FROM holders", "hold nothing"),
        (
            "UPDATE allowances SET spent = spent + 1 WHERE allowance = 'account:team/acme'",
            "its usage entries",
        ),
    ] {
        store.tamper("INSERT OR IGNORE INTO holders VALUES (x'0a', 1, 1, 1)").await;
        store.tamper(text).await;
        let (code, said) = run(&data, "reconcile").await.unwrap();
        assert!(code == ExitCode::FAILURE && said.contains(check), "{said}");
    }
}

#[tokio::test]
async fn what_is_in_a_journal_is_named_and_fails_only_where_it_differs() {
    let data = ledger().await;
    let journals = Journals::create(&data.path().join("journal"), Options::default()).unwrap();
    let mut journal = journals.open(0).unwrap();
    journal.intent(&intent(77, 1)).unwrap();
    let (code, said) = run(&data, "reconcile").await.unwrap();
    assert!(said.contains("each attempt in a journal has ended") && said.contains("4d 1"), "{said}");
    assert!(
        code == ExitCode::SUCCESS
            && said.contains("The ledger adds up.\nOpen or waiting in a journal, which is no mistake: 1."),
        "{said}"
    );
    journal.outcome(&outcome(77, 1)).unwrap();
    let (code, said) = run(&data, "reconcile --output json").await.unwrap();
    assert!(code == ExitCode::SUCCESS && said.contains("moved into the ledger"), "{said}");
    assert!(said.contains(r#""pending":true"#), "{said}");
    let store = Sqlite::open(&data.path().join(FILE)).await.unwrap();
    let mut other = outcome(77, 1);
    other.usage.input += 1;
    store.insert(HOLDER, &[Row { intent: intent(77, 1), outcome: other }]).await.unwrap();
    let (code, said) = run(&data, "reconcile").await.unwrap();
    assert!(code == ExitCode::FAILURE && said.contains("input_tokens"), "{said}");
}

#[tokio::test]
async fn every_difference_is_named_and_fails() {
    let data = ledger().await;
    let path = data.path().join(FILE);
    let tamper = async |text: &'static str| {
        let store = Sqlite::open(&path).await.unwrap();
        store.tamper(text).await;
    };
    for (text, check) in [
        ("UPDATE accounts SET credited = credited + 1", "a balance is the sum of its entries"),
        ("UPDATE usage_hourly SET price_nanos = price_nanos - 1", "hourly sums are those of the rows"),
        ("UPDATE usage_daily SET price_nanos = price_nanos - 1", "daily sums are those of the hours"),
        (
            "INSERT INTO entries (id, attempt, account, kind, amount, at) VALUES (x'ffffffffffffffffffffffffffffffff', 1, 'ghost', 'Usage', -5, 0)",
            "each usage entry has its row",
        ),
        ("DROP TRIGGER entries_are_final", ""),
        ("UPDATE entries SET amount = amount - 7", "each charged usage row has its entry"),
    ] {
        tamper(text).await;
        if check.is_empty() {
            continue;
        }
        let (code, said) = run(&data, "reconcile").await.unwrap();
        assert!(code == ExitCode::FAILURE && said.contains(check), "{said}");
    }
    let (_, said) = run(&data, "reconcile --output json").await.unwrap();
    let all: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(all.as_array().unwrap().len() >= 4, "{said}");
}

#[tokio::test]
async fn who_changed_what_is_kept() {
    let data = ledger().await;
    says(&data, "accounts topup team/acme --amount 5 --idempotency-key 1 --actor ada --note thanks").await;
    says(&data, "accounts topup team/acme --amount 5 --idempotency-key 1 --actor eve").await;
    says(&data, "accounts grant other --name spring --amount 1 --new --actor bob").await;
    says(&data, "accounts close team/acme --actor ada").await;
    let lines = says(&data, "accounts audit --output json").await;
    let lines: Vec<serde_json::Value> = serde_json::from_str(&lines).unwrap();
    let shown: Vec<_> = lines
        .iter()
        .map(|line| ["actor", "command", "account"].map(|name| line[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ["ada", "accounts topup", "team/acme"],
            ["bob", "accounts grant", "other"],
            ["ada", "accounts close", "team/acme"]
        ]
    );
    assert_eq!(lines[0]["detail"], "5.00 as topup/1: thanks");
    let one = says(&data, "accounts audit other").await;
    assert!(one.contains("bob") && !one.contains("ada"), "{one}");
    // Without a name it is the user of the operating system.
    says(&data, "accounts grant other --name summer --amount 1").await;
    assert!(says(&data, "accounts audit other").await.contains("uid "));
}

#[tokio::test]
async fn past_usage_is_charged_by_another_sheet_once() {
    let data = ledger().await;
    let store = Sqlite::open(&data.path().join(FILE)).await.unwrap();
    let sheet = |revision: &str, output: &str| {
        let amounts = aigne_hub_crds::config::Amounts { output: output.parse().ok(), ..Default::default() };
        let rate = aigne_hub_crds::config::Rate {
            model: "gpt-5-mini".into(),
            cost: amounts.clone(),
            price: amounts,
            tiers: Vec::new(),
            service_tiers: std::collections::BTreeMap::default(),
        };
        aigne_hub_crds::config::PriceSheet {
            revision: revision.into(),
            source: "ai/openai".into(),
            effective_from: None,
            rates: vec![rate],
        }
    };
    store.record_sheets(&[sheet("a-old", "2"), sheet("b-new", "3")]).await.unwrap();
    let rows: Vec<_> = (10..13)
        .map(|number| {
            let mut row = row(number);
            row.intent.account = "team/acme".into();
            row.intent.price_revision = Some("a-old".into());
            (row.outcome.charge.cost, row.outcome.charge.price) = (Nanos(100_000), Nanos(100_000));
            row
        })
        .collect();
    store.insert(crate::ledger::testing::HOLDER, &rows).await.unwrap();
    let all = "rerate --since 2026-03-01 --until 2026-04-01 --revision b-new";
    let dry = says(&data, &format!("{all} --dry-run")).await;
    assert!(
        dry.contains("-0.00015") && dry.contains("Nothing was entered.") && dry.contains("1 attempts"),
        "{dry}"
    );
    let done = says(&data, &format!("{all} --actor ada --output json")).await;
    let done: serde_json::Value = serde_json::from_str(&done).unwrap();
    assert_eq!((&done[0]["attempts"], &done[0]["charged_nanos"]), (&3.into(), &300_000.into()));
    assert_eq!((&done[0]["due_nanos"], &done[0]["correction_nanos"]), (&450_000.into(), &(-150_000).into()));
    assert!(says(&data, all).await.starts_with("Nothing is to be corrected."));
    // The sheet that came last is the current one.
    let current = "rerate --since 2026-03-04 --until 2026-03-05 --current";
    assert!(says(&data, current).await.starts_with("Nothing is to be corrected."));
    let back = says(&data, "rerate --since 2026-03-04 --until 2026-03-05 --revision a-old").await;
    assert!(back.contains(" 0.00015"), "{back}");
    assert!(
        says(&data, "accounts audit team/acme")
            .await
            .contains("rerate/2026-03-04/team-acme/acme/ai/openai/gpt-5-mini/1")
    );
    let statement = says(&data, "accounts statement team/acme --month 2026-03 --output csv").await;
    assert!(statement.ends_with("Closing,,,-1250300001,\n"), "{statement}");
    assert_eq!(says(&data, "reconcile").await, "The ledger adds up.\n");
    let unknown = run(&data, "rerate --since 2026-03-04 --until 2026-03-05 --revision no").await;
    assert!(unknown.unwrap_err().contains("revision no"));
}

#[tokio::test]
async fn a_providers_own_count_is_compared() {
    let data = ledger().await;
    let file = data.path().join("usage.csv");
    let csv =
        |output: u64| format!("date,model,input_tokens,output_tokens\n2026-03-04,gpt-5-mini,120,{output}\n");
    let line = format!("reconcile --provider ai/openai --provider-usage {}", file.display());
    std::fs::write(&file, csv(50)).unwrap();
    assert_eq!(says(&data, &line).await, "The provider has counted the same.\n");
    std::fs::write(&file, csv(60)).unwrap();
    let (code, said) = run(&data, &line).await.unwrap();
    assert_eq!(code, ExitCode::FAILURE);
    let expected =
        "2026-03-04 gpt-5-mini: output: the provider says 60, the ledger has 50\n1 differences, in tokens.\n";
    assert_eq!(said, expected);
    let (_, json) = run(&data, &format!("{line} --output json")).await.unwrap();
    assert!(
        json.contains(r#""provider":{"input":120,"output":60},"ledger":{"input":120,"output":50}"#),
        "{json}"
    );
}

use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::ledger::sqlite::{self, Sqlite};
use crate::ledger::store::Store as _;
use crate::ledger::testing::{AT, HOLDER, intent, outcome};
use crate::ledger::{Intent, Row};
use crate::usage::ImageKind;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn rows() -> Vec<Row> {
    let row = |number: u128, user: Option<&str>, model: &str, at| {
        let intent = Intent { user: user.map(str::to_owned), model: model.into(), at, ..intent(number, 1) };
        Row { intent, outcome: outcome(number, 1) }
    };
    let other_tenant = Intent { tenant: "default/beta".into(), ..intent(5, 1) };
    let mut retry = row(3, Some("ada"), "gpt-5", AT + 1_000);
    (retry.intent.attempt, retry.outcome.attempt) = (2, 2);
    vec![
        row(1, Some("ada"), "gpt-5-mini", AT),
        row(2, Some("o'neil, \"bob\"\u{7}"), "gpt-5-mini", AT + 86_400_000),
        row(3, Some("ada"), "gpt-5-mini", AT + 1_000),
        retry,
        row(4, None, "gpt-5", AT),
        Row::interrupted(other_tenant),
    ]
}

async fn usage(rows: &[Row], arguments: &str) -> anyhow::Result<String> {
    let data = TempDir::new()?;
    let store = Sqlite::open(&data.path().join(sqlite::FILE)).await?;
    store.insert(HOLDER, rows).await?;
    let folder = data.path().to_string_lossy().into_owned();
    let given = ["usage", "--data", &folder].into_iter().chain(arguments.split_whitespace());
    let args = Command::try_parse_from(given)?.args;
    let mut output = Vec::new();
    run(&args, &Environment::fixed([]), Timestamp::from_millisecond(AT + 2_000)?, &mut output).await?;
    Ok(String::from_utf8(output)?)
}

#[tokio::test]
async fn sums_and_rows_in_every_format() {
    for (name, arguments) in [
        ("by-default", ""),
        ("by-day-user-model", "--by day,user,model"),
        ("csv", "--by tenant,account,key,provider,project --output csv"),
        ("csv-quoted", "--by user --output csv"),
        ("json", "--by tenant --output json"),
        ("json-between", "--by user --since 1s --until 2026-03-05 --output json"),
        ("rows", "--rows"),
        ("rows-csv", "--rows --output csv --since 2026-03-05"),
        ("rows-json", "--rows --output json --tenant default/beta"),
    ] {
        let text = usage(&rows(), arguments).await.unwrap();
        insta::with_settings!({prepend_module_to_snapshot => false, description => arguments}, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[tokio::test]
async fn a_table_shows_what_is_no_token_where_there_is_any() {
    let mut rows = rows();
    rows[0].outcome.usage.image = ImageKind::new("1024x1024", "hd");
    (rows[0].outcome.usage.images, rows[1].outcome.usage.millis) = (3, 2_500);
    for (name, arguments) in [("units", ""), ("units-rows", "--rows")] {
        let text = usage(&rows, arguments).await.unwrap();
        insta::with_settings!({prepend_module_to_snapshot => false, description => arguments}, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[tokio::test]
async fn postgres_tells_the_same_from_a_file_or_the_environment() {
    let database = crate::ledger::postgres::testing::Server::shared().database();
    database.store().insert(HOLDER, &rows()).await.unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, &database.url).unwrap();
    let expected = usage(&rows(), "--by day,user,model").await.unwrap();
    let named = file.to_string_lossy();
    let by_file = (vec!["--database-url-file", &named], Environment::fixed([]));
    let by_variable = (vec![], Environment::fixed([("AIGNE_HUB_DATABASE_URL", database.url.as_str())]));
    for (given, environment) in [by_file, by_variable] {
        let line = [&["usage", "--by", "day,user,model"], given.as_slice()].concat();
        let mut output = Vec::new();
        run(&Command::parse_from(line).args, &environment, Timestamp::UNIX_EPOCH, &mut output).await.unwrap();
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }
    let both = ["usage", "--data", "x", "--database-url-file", "y"];
    assert!(Command::try_parse_from(both).is_err());
}

#[tokio::test]
async fn an_empty_ledger_says_so() {
    assert_eq!(usage(&[], "").await.unwrap(), "No usage.\n");
    assert_eq!(usage(&[], "--rows").await.unwrap(), "No usage.\n");
    assert_eq!(usage(&[], "--output json").await.unwrap(), "[]\n");
    assert_eq!(usage(&[], "--rows --output json").await.unwrap(), "");
    assert!(usage(&[], "--output csv").await.unwrap().starts_with("tenant,requests,"));
}

#[tokio::test]
async fn a_missing_ledger_is_named() {
    let data = TempDir::new().unwrap();
    let args = Command::parse_from(["usage", "--data", &data.path().to_string_lossy()]).args;
    let error =
        run(&args, &Environment::fixed([]), Timestamp::UNIX_EPOCH, &mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("no gateway has run"), "{error}");
    std::fs::write(data.path().join(sqlite::FILE), "rubbish ".repeat(100)).unwrap();
    let error =
        run(&args, &Environment::fixed([]), Timestamp::UNIX_EPOCH, &mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[tokio::test]
async fn json_is_json_and_sums_reconcile() {
    let sums: Vec<serde_json::Value> =
        serde_json::from_str(&usage(&rows(), "--by user,model --output json").await.unwrap()).unwrap();
    let lines = usage(&rows(), "--rows --output json").await.unwrap();
    let single: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let total = |rows: &[serde_json::Value], name: &str| -> i64 {
        rows.iter().map(|row| row[name].as_i64().unwrap()).sum()
    };
    let known: Vec<_> = single.iter().filter(|row| row["source"] != "Bound").cloned().collect();
    for name in ["cost_nanos", "price_nanos", "input_tokens", "output_tokens"] {
        assert_eq!(total(&sums, name), total(&known, name), "{name}");
    }
    assert_eq!(total(&sums, "attempts"), 6);
    assert_eq!(total(&sums, "requests"), 5);
    assert_eq!(total(&sums, "suspense_attempts"), 1);
}

#[test]
fn rows_and_sums_exclude_each_other() {
    assert!(Command::try_parse_from(["usage", "--data", "x", "--rows", "--by", "user"]).is_err());
    assert!(Command::try_parse_from(["usage", "--data", "x", "--by", "shoe"]).is_err());
    assert!(Command::try_parse_from(["usage", "--data", "x", "--since", "soon"]).is_err());
}

/// Takes a few bytes, then nothing more.
struct Head(usize);

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let data = TempDir::new().unwrap();
    let store = Sqlite::open(&data.path().join(sqlite::FILE)).await.unwrap();
    store.insert(HOLDER, &rows()).await.unwrap();
    for more in
        [&["--rows", "--output", "json"][..], &["--rows"], &["--output", "csv"], &["--output", "json"]]
    {
        let folder = data.path().to_string_lossy().into_owned();
        let args = Command::parse_from(["usage", "--data", &folder].iter().chain(more)).args;
        run(&args, &Environment::fixed([]), Timestamp::UNIX_EPOCH, &mut Head(50)).await.unwrap();
    }
}

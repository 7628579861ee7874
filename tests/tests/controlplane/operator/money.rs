//! Money in statuses, from a real ledger: balances and spend, conditions that turn and Events that come once, a database
//! that goes and comes back, and the months of usage.

use std::time::Duration;

use aigne_hub_tests::harness::asks::chat;
use aigne_hub_tests::harness::postgres::{self, Postgres, Stop};
use aigne_hub_tests::harness::system::MODEL;
use aigne_hub_tests::harness::{
    Command, Operators, Outcome, System, controlplane, eventually, eventually_within,
};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

const DOLLAR: i64 = 1_000_000_000;

async fn system(postgres: &Postgres) -> anyhow::Result<System> {
    System::start(controlplane::shared().await?, postgres, 1, 1).await
}

async fn get(system: &System, name: &str) -> anyhow::Result<Value> {
    Ok(serde_json::to_value(system.api("Tenant", &system.teams[0]).get(name).await?)?["status"].clone())
}

/// Waits until a condition has this status and reason; returns it.
async fn says(
    system: &System,
    name: &str,
    (kind, status, reason): (&str, &str, &str),
) -> anyhow::Result<Value> {
    let mut last = Value::Null;
    let found = eventually(&format!("{kind} is {status}, {reason}"), async || {
        last = get(system, name).await?;
        let mut conditions = last["conditions"].as_array().into_iter().flatten();
        Ok(conditions
            .find(|one| one["type"] == kind && one["status"] == status && one["reason"] == reason)
            .cloned())
    })
    .await;
    found.with_context(|| format!("{last}; {}", system.operator.logs().text()))
}

/// The Events of a Tenant with this reason: their types, and how often each was.
async fn events(system: &System, name: &str, reason: &str) -> anyhow::Result<Vec<(String, u64)>> {
    let about = format!("involvedObject.name={name},reason={reason}");
    let get = ["get", "events", "-n", &system.teams[0], "--field-selector", &about, "-o", "json"];
    let list: Value = serde_json::from_str(&controlplane::shared().await?.kubectl(get).ok().await?)?;
    let events = list["items"].as_array().into_iter().flatten();
    let one = |event: &Value| {
        let often = event["series"]["count"].as_u64().unwrap_or(1);
        (event["type"].as_str().unwrap_or_default().to_owned(), often)
    };
    Ok(events.map(one).collect())
}

/// Waits for the first Event of a reason, and sees that it is the only one.
async fn once(system: &System, name: &str, (kind, reason): (&str, &str)) -> Outcome {
    let found = eventually(reason, async || {
        Ok(Some(events(system, name, reason).await?).filter(|found| !found.is_empty()))
    });
    assert_eq!(found.await?, [(kind.to_owned(), 1)], "{reason}");
    Ok(())
}

/// Readings that the operator has done since its start.
async fn readings(system: &System, result: &str) -> anyhow::Result<f64> {
    let series = format!("aigne_hub_operator_ledger_readings_total{{result=\"{result}\"}}");
    Ok(system.operator.metric(&series).await?.unwrap_or_default())
}

/// Waits until the ledger was read twice from now on: whatever was to be said of it is said.
async fn is_read(system: &System, result: &str) -> Outcome {
    let before = readings(system, result).await?;
    eventually_within(Duration::from_mins(1), "it is read", async || {
        Ok((readings(system, result).await? >= before + 2.0).then_some(()))
    })
    .await
    .with_context(|| system.operator.logs().text())
}

/// So much is spent of a budget in the window that begins then (SQL for a number of milliseconds).
async fn spend(database: &sqlx::PgPool, allowance: &str, window: &str, nanos: i64) -> Outcome {
    let start = format!("(extract(epoch FROM {window}) * 1000)::bigint");
    let insert = format!(
        "INSERT INTO spending (allowance, \"window\", holder, spent, unreserved, suspense) \
         VALUES ($1, {start}, '00000000-0000-0000-0000-000000000001', $2, 0, 0) \
         ON CONFLICT (allowance, \"window\", holder) DO UPDATE SET spent = excluded.spent"
    );
    sqlx::query(sqlx::AssertSqlSafe(insert)).bind(allowance).bind(nanos).execute(database).await?;
    Ok(())
}

#[tokio::test]
async fn a_balance_is_shown_and_falls_with_usage() -> Outcome {
    let system = system(postgres::shared().await?).await?;
    let team = system.teams[0].clone();
    let mut tenant = system.tenant_manifest(&team, "acme");
    tenant["spec"]["billing"] =
        json!({"mode": "Credits", "starterCredits": "5", "lowBalance": "4.999999999"});
    system.apply(tenant.clone()).await?;
    says(&system, "acme", ("CreditExhausted", "False", "CreditAvailable")).await?;
    let listed = controlplane::shared().await?.kubectl(["get", "tenants", "-n", &team]).ok().await?;
    ensure!(listed.lines().any(|line| line.starts_with("acme") && line.contains("5.00")), "{listed}");

    let key = system.key(&team, "acme").await?;
    let client = system.serving[0].client(&key)?;
    eventually("it answers", async || {
        Ok((client.chat(&chat(MODEL, "hi")).await?.status == 200).then_some(()))
    })
    .await
    .with_context(|| system.serving[0].logs().text())?;
    says(&system, "acme", ("CreditExhausted", "False", "LowBalance")).await?;
    let status = get(&system, "acme").await?;
    let balance = status["balance"].as_str().context("balance")?;
    ensure!(balance.starts_with("4.99"), "{balance}");
    once(&system, "acme", ("Warning", "LowBalance")).await?;

    // Credits come by hand, and it is over.
    let account = format!("{team}/acme");
    let top_up = ["accounts", "topup", &account, "--amount", "3", "--idempotency-key", "invoice-1"];
    Command::new(top_up).environment("AIGNE_HUB_DATABASE_URL", &system.database).run().await?.ok()?;
    says(&system, "acme", ("CreditExhausted", "False", "CreditAvailable")).await?;
    once(&system, "acme", ("Normal", "CreditAvailable")).await?;
    let status = get(&system, "acme").await?;
    ensure!(status["balance"].as_str().is_some_and(|balance| balance.starts_with("7.99")), "{status}");

    // All of it goes.
    let database = sqlx::PgPool::connect(&system.database).await?;
    spend(&database, &format!("account:{account}"), "timestamptz 'epoch'", 10 * DOLLAR).await?;
    says(&system, "acme", ("CreditExhausted", "True", "CreditExhausted")).await?;
    once(&system, "acme", ("Warning", "CreditExhausted")).await?;
    system.ready("Tenant", &team, "acme").await?;

    // One that is not on credits has no balance.
    tenant["spec"]["billing"] = json!({"mode": "Attribution"});
    system.apply(tenant).await?;
    eventually("there is no balance", async || {
        let status = get(&system, "acme").await?;
        Ok((status["balance"].is_null() && !status.to_string().contains("CreditExhausted")).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_spent_budget_is_said_until_it_begins_anew() -> Outcome {
    let system = system(postgres::shared().await?).await?;
    let team = system.teams[0].clone();
    let budget = |zone: &str| json!([{"name": "daily", "amount": "10", "period": "Day", "timeZone": zone}]);
    let mut tenant = system.tenant_manifest(&team, "acme");
    tenant["spec"]["budgets"] = budget("UTC");
    tenant["spec"]["keys"][0]["budgets"] =
        json!([{"name": "small", "amount": "1", "period": "Month", "action": "Alert"}]);
    system.apply(tenant.clone()).await?;
    says(&system, "acme", ("BudgetExceeded", "False", "WithinBudget")).await?;
    let database = sqlx::PgPool::connect(&system.database).await?;
    let name = format!("budget:{team}/acme/daily");
    let day = "date_trunc('day', now(), 'UTC')";
    // Of the day before nothing counts.
    spend(&database, &name, &format!("({day} - interval '1 day')"), 99 * DOLLAR).await?;
    is_read(&system, "success").await?;
    says(&system, "acme", ("BudgetExceeded", "False", "WithinBudget")).await?;

    spend(&database, &name, day, 12 * DOLLAR).await?;
    let said = says(&system, "acme", ("BudgetExceeded", "True", "BudgetExceeded")).await?;
    let message = said["message"].as_str().context("message")?;
    ensure!(
        message.contains("the budget daily, 10.00 a day, is spent") && message.contains("+00:00"),
        "{message}"
    );
    let spent = get(&system, "acme").await?["spend"][0].clone();
    assert_eq!((&spent["amount"], &spent["of"]), (&json!("12.00"), &json!("10.00")));
    let listed = controlplane::shared().await?.kubectl(["get", "tenants", "-n", &team]).ok().await?;
    let row = listed.split_whitespace().collect::<Vec<_>>().join(" ");
    ensure!(row.contains("BALANCE SPENT BUDGET AGE") && row.contains("12.00 10.00"), "{listed}");
    once(&system, "acme", ("Warning", "BudgetExceeded")).await?;
    system.ready("Tenant", &team, "acme").await?;

    // Whoever leads next says nothing of it again.
    let mut system = system;
    system.operator.sigterm().await?;
    system.operator = system.operators.start().await?;
    system.operator.leads().await?;
    is_read(&system, "success").await?;
    let again = says(&system, "acme", ("BudgetExceeded", "True", "BudgetExceeded")).await?;
    assert_eq!(again["lastTransitionTime"], said["lastTransitionTime"]);
    once(&system, "acme", ("Warning", "BudgetExceeded")).await?;

    // A day of people whose clocks are fourteen hours ahead is never the same window.
    tenant["spec"]["budgets"] = budget("Pacific/Kiritimati");
    system.apply(tenant.clone()).await?;
    says(&system, "acme", ("BudgetExceeded", "False", "WithinBudget")).await?;
    once(&system, "acme", ("Normal", "WithinBudget")).await?;

    // A key's own.
    let month = "date_trunc('month', now(), 'UTC')";
    spend(&database, &format!("budget:{team}/acme#app/small"), month, DOLLAR).await?;
    let said = says(&system, "acme", ("BudgetExceeded", "True", "BudgetExceeded")).await?;
    ensure!(said["message"].to_string().contains("small of the key app"), "{said}");
    // More may be spent from now on: nobody has to wait for the ledger.
    tenant["spec"]["keys"][0]["budgets"][0]["amount"] = json!("2");
    system.apply(tenant).await?;
    says(&system, "acme", ("BudgetExceeded", "False", "WithinBudget")).await.map(drop)
}

#[tokio::test]
async fn a_database_that_is_away_changes_no_status() -> Outcome {
    let mut postgres = Postgres::start().await?;
    let system = system(&postgres).await?;
    let team = system.teams[0].clone();
    let mut tenant = system.tenant_manifest(&team, "acme");
    tenant["spec"]["billing"] = json!({"mode": "Credits", "starterCredits": "5"});
    tenant["spec"]["budgets"] = json!([{"name": "monthly", "amount": "10", "period": "Month"}]);
    system.apply(tenant).await?;
    let database = sqlx::PgPool::connect(&system.database).await?;
    let name = format!("budget:{team}/acme/monthly");
    let month = "date_trunc('month', now(), 'UTC')";
    says(&system, "acme", ("CreditExhausted", "False", "CreditAvailable")).await?;
    spend(&database, &name, month, 12 * DOLLAR).await?;
    says(&system, "acme", ("BudgetExceeded", "True", "BudgetExceeded")).await?;
    system.ready("Tenant", &team, "acme").await?;
    database.close().await;
    let before = get(&system, "acme").await?;

    postgres.stop(Stop::Immediate).await?;
    is_read(&system, "failure").await?;
    // Whoever comes now knows no more than what the status says.
    let mut system = system;
    system.operator.sigterm().await?;
    system.operator = system.operators.start().await?;
    system.operator.leads().await?;
    is_read(&system, "failure").await?;
    let said = system.operator.logs().lines();
    let said = said.iter().filter(|line| line.contains("the ledger cannot be read")).count();
    assert_eq!(said, 1, "{}", system.operator.logs().text());
    assert_eq!(get(&system, "acme").await?, before);
    // Everything else goes on.
    system.apply(system.tenant_manifest(&team, "other")).await?;
    system.key(&team, "other").await?;
    says(&system, "other", ("Accepted", "True", "Accepted")).await?;

    postgres.start_again().await?;
    is_read(&system, "success").await?;
    assert_eq!(get(&system, "acme").await?, before);
    let database = sqlx::PgPool::connect(&system.database).await?;
    spend(&database, &name, month, 2 * DOLLAR).await?;
    says(&system, "acme", ("BudgetExceeded", "False", "WithinBudget")).await?;
    ensure!(system.operator.logs().text().contains("the ledger is read again"));
    Ok(())
}

#[tokio::test]
async fn months_are_made_ahead_and_dropped_when_they_are_old_enough() -> Outcome {
    let (plane, postgres) = (controlplane::shared().await?, postgres::shared().await?);
    let url = postgres.database().await?;
    Command::new(["migrate"]).environment("AIGNE_HUB_DATABASE_URL", &url).run().await?.ok()?;
    let database = sqlx::PgPool::connect(&url).await?;
    let months = async || -> anyhow::Result<Vec<String>> {
        let names = "SELECT relname::text FROM pg_class WHERE relname ~ '^usage_[0-9]+_[0-9]+$' AND relkind = 'r' ORDER BY 1";
        Ok(sqlx::query_scalar(names).fetch_all(&database).await?)
    };
    let expected: Vec<String> = sqlx::query_scalar(
        "SELECT to_char((now() AT TIME ZONE 'UTC') + make_interval(months => m), '\"usage_\"YYYY_MM') \
         FROM generate_series(-2, 2) AS m",
    )
    .fetch_all(&database)
    .await?;
    sqlx::raw_sql(
        "SELECT make_usage_partition(usage_id('2020-01-01')); SELECT make_usage_partition(usage_id('2020-03-01'));
         SELECT make_usage_partition(usage_id((now() AT TIME ZONE 'UTC') - interval '2 months'));
         ALTER TABLE usage DETACH PARTITION usage_2020_02;
         COMMENT ON TABLE usage_2020_04 IS 'aigne-hub: usage that is older than its retention; to be dropped';
         ALTER TABLE usage DETACH PARTITION usage_2020_04",
    )
    .execute(&database)
    .await?;

    let hub = plane.namespace("hub").await?;
    let operators = Operators::new(plane, &hub, &[]).await?.database(&url)?;
    let mut operator = operators.start().await?;
    operator.leads().await?;
    eventually("months are made", async || Ok(months().await?.ends_with(&expected[2..]).then_some(())))
        .await
        .with_context(|| operator.logs().text())?;
    ensure!(months().await?.len() == 4 + expected.len(), "nothing is dropped unasked: {:?}", months().await?);
    operator.sigterm().await?;

    // Somebody reads an old month, and is not disturbed; nobody who inserts waits for him.
    let mut reader = database.begin().await?;
    sqlx::query("SELECT count(*) FROM usage_2020_01").execute(&mut *reader).await?;
    let operator = operators.args(["--usage-retention", "2"]).start().await?;
    operator.leads().await?;
    eventually("one is being detached", async || {
        let detaching = "SELECT EXISTS (SELECT FROM hub_usage_months WHERE detaching)";
        Ok(sqlx::query_scalar::<_, bool>(detaching).fetch_one(&database).await?.then_some(()))
    })
    .await
    .with_context(|| operator.logs().text())?;
    let write = "SET LOCAL lock_timeout = 100; DELETE FROM usage WHERE at > now() + interval '1 year'";
    sqlx::raw_sql(write).execute(&database).await?;
    reader.commit().await?;
    let left = [vec!["usage_2020_02".to_owned()], expected].concat();
    let dropped = async || Ok((months().await? == left).then_some(()));
    eventually_within(Duration::from_mins(1), "old months are dropped", dropped)
        .await
        .with_context(|| operator.logs().text())?;
    eventually("they are counted", async || {
        Ok(operator
            .metric("aigne_hub_operator_usage_months")
            .await?
            .filter(|count| (*count - 5.0).abs() < 0.5))
    })
    .await
    .map(drop)
}

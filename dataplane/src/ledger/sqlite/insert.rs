//! Adding rows.
//!
//! The hourly sums are made from the rows that were really inserted. Asking the database which those are costs
//! about as much as inserting them, so it is only asked when it matters: each statement tells how many of its
//! rows were new, which is nearly always all, and after a replay often none. Should a statement answer anything
//! else, the transaction is begun again with statements that return the keys of the new rows.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, LazyLock};

use sqlx::sqlite::{SqliteArguments, SqlitePool};
use sqlx::{Arguments, AssertSqlSafe, Connection, Row as _, SqliteConnection};
use uuid::Uuid;

use super::statements::Statements;
use super::{jobs, settle};
use crate::ledger::store::Sums;
use crate::ledger::{Row, Status};
use crate::usage::Source;

const HOUR_MS: i64 = 3_600_000;

/// Inserts rows and sums in one transaction, and settles them for their holder; returns how many rows were new.
pub(super) async fn insert(
    pool: &SqlitePool,
    texts: &Statements,
    holder: Uuid,
    rows: &[Row],
) -> sqlx::Result<u64> {
    let mut connection = pool.acquire().await?;
    let inserted = match transact(&mut connection, texts, holder, rows, How::Counting).await {
        Ok(None) => transact(&mut connection, texts, holder, rows, How::Returning).await,
        other => other,
    };
    match inserted {
        Ok(new) => Ok(new.unwrap_or(0)),
        Err(error) => {
            connection.close_on_drop();
            Err(error)
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Counting,
    Returning,
}

/// None, and no change, if only some rows of a statement were new and it is not known which.
async fn transact(
    connection: &mut SqliteConnection,
    texts: &Statements,
    holder: Uuid,
    rows: &[Row],
    how: How,
) -> sqlx::Result<Option<u64>> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let charged = settle::charged_before(&mut transaction, rows).await?;
    let mut new = Vec::with_capacity(rows.len());
    let mut rest = rows;
    while !rest.is_empty() {
        let counted = match how {
            How::Counting => &texts.usage,
            How::Returning => &texts.usage_returning,
        };
        let (size, text) = counted.covering(rest.len());
        let (chunk, after) = rest.split_at(size);
        rest = after;
        let query = sqlx::query_with(AssertSqlSafe(text), row_arguments(chunk)?);
        if how == How::Counting {
            let inserted = query.execute(&mut *transaction).await?.rows_affected();
            if inserted == size as u64 {
                new.extend(chunk);
            } else if inserted > 0 {
                transaction.rollback().await?;
                return Ok(None);
            }
        } else {
            let returned = query.fetch_all(&mut *transaction).await?;
            let mut keys = returned.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
            let mut keys: HashSet<(Vec<u8>, i64)> = keys.by_ref().collect::<sqlx::Result<_>>()?;
            // Twice in one statement is new once.
            new.extend(chunk.iter().filter(|row| keys.remove(&key(row))));
        }
    }
    let sums: Vec<_> = sums(&new).into_iter().collect();
    let mut rest = sums.as_slice();
    while !rest.is_empty() {
        let (size, text) = texts.hourly.covering(rest.len());
        let (chunk, after) = rest.split_at(size);
        rest = after;
        let query = sqlx::query_with(AssertSqlSafe(text), sum_arguments(chunk)?);
        query.execute(&mut *transaction).await?;
    }
    settle::settle(&mut transaction, texts, holder, &new, &charged).await?;
    jobs::insert(&mut transaction, &new).await?;
    transaction.commit().await?;
    Ok(Some(new.len() as u64))
}

pub(super) fn key(row: &Row) -> (Vec<u8>, i64) {
    (row.intent.request_id.as_bytes().to_vec(), row.intent.attempt.into())
}

fn row_arguments(rows: &[Row]) -> sqlx::Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(rows.len() * super::statements::USAGE.len(), 0);
    for row in rows {
        add_row(&mut arguments, row).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn add_row(to: &mut SqliteArguments, row: &Row) -> Result<(), sqlx::error::BoxDynError> {
    let Row { intent, outcome } = row;
    let usage = &outcome.usage;
    to.add(intent.request_id.as_bytes().as_slice())?;
    to.add(i64::from(intent.attempt))?;
    to.add(intent.at)?;
    for name in [&intent.tenant, &intent.account, &intent.key] {
        to.add(name.clone())?;
    }
    to.add(intent.user.clone())?;
    to.add(intent.project.clone())?;
    to.add(intent.provider.clone())?;
    to.add(intent.model.clone())?;
    to.add(WORDS.status(outcome.status))?;
    to.add(i64::from(outcome.http_status))?;
    to.add(WORDS.source(outcome.source))?;
    for count in [
        usage.input,
        usage.cached_input,
        usage.cache_write,
        usage.output,
        usage.reasoning,
        usage.audio_input,
        usage.audio_output,
        usage.image_input,
        usage.image_output,
        usage.images,
    ] {
        to.add(saturating(count))?;
    }
    for word in [usage.image.size, usage.image.quality] {
        to.add((!word.is_empty()).then(|| word.to_string()))?;
    }
    to.add(saturating(usage.millis))?;
    to.add(saturating(usage.characters))?;
    to.add(outcome.charge.cost.0)?;
    to.add(outcome.charge.price.0)?;
    to.add(intent.price_revision.clone())?;
    to.add(usage.reported_cost_nanos)?;
    to.add(outcome.first_byte_ms.map(i64::from))?;
    to.add(row.duration_ms())
}

/// The key of a row in `usage_hourly`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hour<'a> {
    begins: i64,
    names: [&'a Arc<str>; 3],
    user: &'a str,
    project: &'a str,
    upstream: [&'a Arc<str>; 2],
    source: &'static Arc<str>,
}

/// In key order: two processes that add to the same hours never wait for each other in a circle.
fn sums<'a>(rows: &[&'a Row]) -> BTreeMap<Hour<'a>, Sums> {
    let mut sums = BTreeMap::<_, Sums>::new();
    for Row { intent, outcome } in rows {
        let hour = Hour {
            begins: intent.at.div_euclid(HOUR_MS).saturating_mul(HOUR_MS),
            names: [&intent.tenant, &intent.account, &intent.key],
            user: intent.user.as_deref().unwrap_or_default(),
            project: intent.project.as_deref().unwrap_or_default(),
            upstream: [&intent.provider, &intent.model],
            source: WORDS.source(outcome.source),
        };
        let usage = &outcome.usage;
        let sum = sums.entry(hour).or_default();
        sum.requests += i128::from(intent.attempt == 1);
        sum.attempts += 1;
        sum.input_tokens += i128::from(saturating(usage.input));
        sum.cached_input_tokens += i128::from(saturating(usage.cached_input));
        sum.cache_write_tokens += i128::from(saturating(usage.cache_write));
        sum.output_tokens += i128::from(saturating(usage.output));
        sum.reasoning_tokens += i128::from(saturating(usage.reasoning));
        sum.images += i128::from(saturating(usage.images));
        sum.media_ms += i128::from(saturating(usage.millis));
        sum.characters += i128::from(saturating(usage.characters));
        sum.cost_nanos += i128::from(outcome.charge.cost.0);
        sum.price_nanos += i128::from(outcome.charge.price.0);
    }
    sums
}

fn sum_arguments(sums: &[(Hour<'_>, Sums)]) -> sqlx::Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for (hour, sum) in sums {
        add_sum(&mut arguments, hour, sum).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn add_sum(to: &mut SqliteArguments, hour: &Hour<'_>, sum: &Sums) -> Result<(), sqlx::error::BoxDynError> {
    to.add(hour.begins)?;
    for name in hour.names {
        to.add(name.clone())?;
    }
    to.add(hour.user)?;
    to.add(hour.project)?;
    for name in hour.upstream {
        to.add(name.clone())?;
    }
    to.add(hour.source.clone())?;
    for value in [
        sum.requests,
        sum.attempts,
        sum.input_tokens,
        sum.cached_input_tokens,
        sum.cache_write_tokens,
        sum.output_tokens,
        sum.reasoning_tokens,
        sum.images,
        sum.media_ms,
        sum.characters,
        sum.cost_nanos,
        sum.price_nanos,
    ] {
        to.add(clamped(value))?;
    }
    Ok(())
}

/// A sum ends at 64 bits.
pub(super) fn clamped(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn saturating(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Names of enum values, shared so that binding one copies nothing.
static WORDS: LazyLock<Words> = LazyLock::new(Words::new);

struct Words {
    statuses: [Arc<str>; 6],
    sources: [Arc<str>; 3],
}

impl Words {
    fn new() -> Self {
        Self {
            statuses: ["Completed", "ClientGone", "Failed", "Broken", "Unreachable", "Interrupted"]
                .map(Arc::from),
            sources: ["Provider", "Estimated", "Bound"].map(Arc::from),
        }
    }

    fn status(&self, status: Status) -> Arc<str> {
        let [completed, gone, failed, broken, unreachable, interrupted] = &self.statuses;
        let word = match status {
            Status::Completed => completed,
            Status::ClientGone => gone,
            Status::Failed => failed,
            Status::Broken => broken,
            Status::Unreachable => unreachable,
            Status::Interrupted => interrupted,
        };
        word.clone()
    }

    fn source(&self, source: Source) -> &Arc<str> {
        let [provider, estimated, bound] = &self.sources;
        match source {
            Source::Provider => provider,
            Source::Estimated => estimated,
            Source::Bound => bound,
        }
    }
}

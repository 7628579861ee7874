//! Rows and sums as columns of cells, the same for every format.

use serde::{Serialize, Serializer};

use crate::ledger::store::{Dimension, Totals, UsageRow};

/// A column.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Column {
    /// In CSV and JSON.
    pub(in crate::cli) name: &'static str,
    /// In a table; empty leaves the column out.
    pub(in crate::cli) title: &'static str,
    /// In a table only where a row has any.
    pub(in crate::cli) sparse: bool,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) enum Cell {
    Text(String),
    Count(i128),
    Nanos(i128),
    None,
}

pub(in crate::cli) const fn column(name: &'static str, title: &'static str) -> Column {
    Column { name, title, sparse: false }
}

const fn sparse(name: &'static str, title: &'static str) -> Column {
    Column { name, title, sparse: true }
}

/// Of single rows.
pub(in crate::cli) const ROW_COLUMNS: [Column; 33] = [
    column("request_id", "request"),
    column("attempt", "attempt"),
    column("at", "at"),
    column("tenant", "tenant"),
    column("account", ""),
    column("key", "key"),
    column("user", "user"),
    column("project", "project"),
    column("provider", "provider"),
    column("model", "model"),
    column("status", "status"),
    column("http_status", "http"),
    column("source", "source"),
    column("input_tokens", "input"),
    column("cached_input_tokens", "cached"),
    column("cache_write_tokens", "written"),
    column("output_tokens", "output"),
    column("reasoning_tokens", "reasoning"),
    column("audio_input_tokens", ""),
    column("audio_output_tokens", ""),
    column("image_input_tokens", ""),
    column("image_output_tokens", ""),
    sparse("images", "images"),
    sparse("image_size", "size"),
    sparse("image_quality", "quality"),
    sparse("media_ms", "media ms"),
    sparse("characters", "characters"),
    column("cost_nanos", "cost"),
    column("price_nanos", "price"),
    column("price_revision", ""),
    column("reported_cost_nanos", ""),
    column("first_byte_ms", ""),
    column("duration_ms", "ms"),
];

/// In the order of [`ROW_COLUMNS`].
pub(in crate::cli) fn row_cells(row: &UsageRow) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.to_owned());
    let optional = |text: &Option<String>| text.clone().map_or(Cell::None, Cell::Text);
    let count = |count: i64| Cell::Count(count.into());
    let nanos = |nanos: i64| Cell::Nanos(nanos.into());
    vec![
        Cell::Text(row.request_id.to_string()),
        count(row.attempt),
        Cell::Text(row.at.to_string()),
        text(&row.tenant),
        text(&row.account),
        text(&row.key),
        optional(&row.user),
        optional(&row.project),
        text(&row.provider),
        text(&row.model),
        text(&row.status),
        count(row.http_status),
        text(&row.source),
        count(row.input_tokens),
        count(row.cached_input_tokens),
        count(row.cache_write_tokens),
        count(row.output_tokens),
        count(row.reasoning_tokens),
        count(row.audio_input_tokens),
        count(row.audio_output_tokens),
        count(row.image_input_tokens),
        count(row.image_output_tokens),
        count(row.images),
        optional(&row.image_size),
        optional(&row.image_quality),
        count(row.media_ms),
        count(row.characters),
        nanos(row.cost_nanos),
        nanos(row.price_nanos),
        optional(&row.price_revision),
        row.reported_cost_nanos.map_or(Cell::None, nanos),
        row.first_byte_ms.map_or(Cell::None, count),
        row.duration_ms.map_or(Cell::None, count),
    ]
}

/// Of sums, after the dimensions.
const SUM_COLUMNS: [Column; 16] = [
    column("requests", "requests"),
    column("attempts", "attempts"),
    column("input_tokens", "input"),
    column("cached_input_tokens", "cached"),
    column("cache_write_tokens", "written"),
    column("output_tokens", "output"),
    column("reasoning_tokens", "reasoning"),
    sparse("images", "images"),
    sparse("media_ms", "media ms"),
    sparse("characters", "characters"),
    column("cost_nanos", "cost"),
    column("price_nanos", "price"),
    column("margin_nanos", "margin"),
    column("suspense_attempts", "suspense"),
    column("suspense_cost_nanos", "suspense cost"),
    column("suspense_price_nanos", "suspense price"),
];

/// The dimensions, then the sums.
pub(in crate::cli) fn group_columns(by: &[Dimension]) -> Vec<Column> {
    let dimension = |dimension: &Dimension| {
        let name = match dimension {
            Dimension::Tenant => "tenant",
            Dimension::Account => "account",
            Dimension::Key => "key",
            Dimension::User => "user",
            Dimension::Project => "project",
            Dimension::Provider => "provider",
            Dimension::Model => "model",
            Dimension::Day => "day",
        };
        column(name, name)
    };
    by.iter().map(dimension).chain(SUM_COLUMNS).collect()
}

/// In the order of [`group_columns`]; none where a client named no user or project.
pub(in crate::cli) fn group_cells(group: &[String], totals: &Totals) -> Vec<Cell> {
    let Totals { known, suspense } = totals;
    let sums = [
        Cell::Count(known.requests + suspense.requests),
        Cell::Count(known.attempts + suspense.attempts),
        Cell::Count(known.input_tokens),
        Cell::Count(known.cached_input_tokens),
        Cell::Count(known.cache_write_tokens),
        Cell::Count(known.output_tokens),
        Cell::Count(known.reasoning_tokens),
        Cell::Count(known.images),
        Cell::Count(known.media_ms),
        Cell::Count(known.characters),
        Cell::Nanos(known.cost_nanos),
        Cell::Nanos(known.price_nanos),
        Cell::Nanos(known.price_nanos - known.cost_nanos),
        Cell::Count(suspense.attempts),
        Cell::Nanos(suspense.cost_nanos),
        Cell::Nanos(suspense.price_nanos),
    ];
    let dimension = |value: &String| if value.is_empty() { Cell::None } else { Cell::Text(value.clone()) };
    group.iter().map(dimension).chain(sums).collect()
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Count(number) | Self::Nanos(number) => serializer.serialize_i128(*number),
            Self::None => serializer.serialize_none(),
        }
    }
}

//! Adds the cores up when someone scrapes.

use std::{collections::BTreeMap, fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet},
    metrics::MetricType,
    registry::Unit,
};

use super::{
    metric::{Counter, DURATION, FIRST_TOKEN, Histogram, Scale, TOKENS, Total, shown},
    series::{
        Cores, OutcomeSeries, RequestSeries, SOURCES, TOKEN_KINDS, TargetLabels, operation_name,
        outcome_name, provider_name,
    },
};
use crate::ledger::Status;

/// Nano-dollars in a dollar, as a unit.
const NANO: f64 = 1e-9;

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
pub(super) struct CoresCollector(pub(super) Arc<Cores>);

impl Collector for CoresCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let (targets, outcomes) = (self.0.targets.all(), self.0.outcomes.all());
        let (requests, cores) = (self.0.requests.all(), self.0.each.all());

        histograms(
            encoder,
            ("gen_ai_server_request_duration", "From a request's first byte to its answer's last", true),
            &DURATION,
            requests.iter().map(|series| (request_labels(series), &series.duration)),
        )?;
        histograms(
            encoder,
            (
                "gen_ai_server_time_to_first_token",
                "From a request's first byte to a streamed answer's first",
                true,
            ),
            &FIRST_TOKEN,
            targets.iter().map(|series| (target_labels(&series.labels), &series.first_token)),
        )?;
        histograms(
            encoder,
            ("gen_ai_client_operation_duration", "One attempt against a provider, to its last byte", true),
            &DURATION,
            outcomes.iter().map(|series| (attempt_labels(series), &series.duration)),
        )?;
        histograms(
            encoder,
            ("gen_ai_client_token_usage", "Tokens of one attempt", false),
            &TOKENS,
            targets.iter().flat_map(|series| {
                let labels = target_labels(&series.labels);
                let of = |kind: &str| with(labels.clone(), "gen_ai_token_type", kind);
                [(of("input"), &series.input), (of("output"), &series.output)]
            }),
        )?;

        let tokens = targets.iter().flat_map(|series| {
            let labels = target_labels(&series.labels);
            let of = move |(kind, count): (&&str, u64)| (with(labels.clone(), "kind", kind), count);
            TOKEN_KINDS.iter().zip(series.tokens.iter().map(Counter::get)).map(of)
        });
        counters(
            encoder,
            (
                "aigne_hub_tokens",
                "Tokens; cached input and cache writes apart from input, reasoning within output",
            ),
            1.0,
            tokens,
        )?;
        let cost = targets.iter().map(|series| (target_labels(&series.labels), series.cost.get()));
        counters(encoder, ("aigne_hub_cost_dollars", "What providers charge, in US dollars"), NANO, cost)?;
        let price = targets.iter().map(|series| (target_labels(&series.labels), series.price.get()));
        counters(encoder, ("aigne_hub_price_dollars", "What tenants pay, in US dollars"), NANO, price)?;
        let rows = targets.iter().flat_map(|series| {
            let of = |(source, count): (&&str, u64)| (vec![("source", (*source).to_owned())], count);
            SOURCES.iter().zip(series.rows.iter().map(Counter::get)).map(of)
        });
        counters(
            encoder,
            ("aigne_hub_usage_rows", "Settled attempts by where their numbers come from"),
            1.0,
            rows,
        )?;
        let attempts = outcomes.iter().map(|series| {
            (
                with(target_labels(&series.target), "outcome", outcome_name(series.status)),
                series.duration.count(),
            )
        });
        counters(
            encoder,
            ("aigne_hub_attempts", "Attempts against providers by how they ended"),
            1.0,
            attempts,
        )?;
        let answered = requests.iter().map(|series| (answer_labels(series), series.duration.count()));
        counters(encoder, ("aigne_hub_requests", "Answered requests, refused ones too"), 1.0, answered)?;
        let refusals = self.0.refusals.all();
        let refused =
            refusals.iter().map(|series| (vec![("reason", series.reason.to_owned())], series.count.get()));
        counters(encoder, ("aigne_hub_refused", "Requests that were refused, by reason"), 1.0, refused)?;
        encoder
            .encode_descriptor(
                "aigne_hub_access_log_dropped_lines",
                "Lines that the access log's reader was too slow for.",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, u64, f64>(&self.0.access_log_dropped(), None)?;

        let connections: u64 = cores.iter().map(|core| core.connections.get()).sum();
        gauge(encoder, "aigne_hub_open_connections", "Clients' connections", connections)?;
        let streams: u64 = cores.iter().map(|core| core.streams.get()).sum();
        gauge(encoder, "aigne_hub_open_streams", "Streamed answers in flight", streams)
    }
}

/// `family` is name, help and whether the unit is seconds.
fn histograms<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, seconds): (&str, &str, bool),
    scale: &Scale,
    series: impl Iterator<Item = (Labels, &'a Histogram)>,
) -> fmt::Result {
    let mut totals: BTreeMap<Labels, Total> = BTreeMap::new();
    for (labels, histogram) in series {
        totals.entry(labels).or_insert_with(|| Total::new(scale)).add(histogram);
    }
    let unit = seconds.then_some(&Unit::Seconds);
    let mut family = encoder.encode_descriptor(name, &format!("{help}."), unit, MetricType::Histogram)?;
    for (labels, total) in &totals {
        family.encode_family(labels)?.encode_histogram::<NoLabelSet>(
            total.sum,
            total.count,
            &total.buckets,
            None,
        )?;
    }
    Ok(())
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    unit: f64,
    series: impl IntoIterator<Item = (Labels, u64)>,
) -> fmt::Result {
    let mut totals: BTreeMap<Labels, u64> = BTreeMap::new();
    for (labels, count) in series {
        *totals.entry(labels).or_default() += count;
    }
    let mut family = encoder.encode_descriptor(name, &format!("{help}."), None, MetricType::Counter)?;
    for (labels, count) in &totals {
        let mut metric = family.encode_family(labels)?;
        if unit < 1.0 {
            metric.encode_counter::<NoLabelSet, f64, f64>(&shown(*count, unit), None)?;
        } else {
            metric.encode_counter::<NoLabelSet, u64, f64>(count, None)?;
        }
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    encoder.encode_descriptor(name, &format!("{help}."), None, MetricType::Gauge)?.encode_gauge(&value)
}

fn target_labels(target: &TargetLabels) -> Labels {
    vec![
        ("gen_ai_operation_name", operation_name(target.operation).to_owned()),
        ("gen_ai_provider_name", provider_name(target.provider_type).to_owned()),
        ("gen_ai_request_model", target.model.to_string()),
        ("provider", target.provider.to_string()),
    ]
}

fn attempt_labels(series: &OutcomeSeries) -> Labels {
    let mut labels = target_labels(&series.target);
    let error = match (series.status, series.http_status) {
        (Status::Completed, _) => None,
        // The conventions want the status itself where that is the error.
        (Status::Failed, 100..) => Some(series.http_status.to_string()),
        (status, _) => Some(outcome_name(status).to_owned()),
    };
    labels.extend(error.map(|error| ("error_type", error)));
    if series.http_status != 0 {
        labels.push(("http_response_status_code", series.http_status.to_string()));
    }
    labels
}

fn request_labels(series: &RequestSeries) -> Labels {
    let mut labels = match (&series.labels.target, series.labels.operation) {
        (Some(target), _) => target_labels(target),
        (None, Some(operation)) => vec![("gen_ai_operation_name", operation_name(operation).to_owned())],
        (None, None) => Labels::new(),
    };
    labels.extend(status_labels(series));
    labels
}

/// Coarser than [`request_labels`]: without provider and model.
fn answer_labels(series: &RequestSeries) -> Labels {
    let operation =
        series.labels.operation.map(|name| ("gen_ai_operation_name", operation_name(name).to_owned()));
    operation.into_iter().chain(status_labels(series)).collect()
}

fn status_labels(series: &RequestSeries) -> impl Iterator<Item = (&'static str, String)> {
    let error = series.labels.error.map(|error| ("error_type", error.to_owned()));
    error.into_iter().chain([("http_response_status_code", series.labels.http_status.to_string())])
}

fn with(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.to_owned()));
    labels
}

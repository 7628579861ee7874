//! What a core records its requests with.

use std::{cell::RefCell, collections::HashMap, sync::Arc, time::Duration};

use aigne_hub_crds::config::ProviderType;

use super::metric::Counter;
use super::series::{
    CoreSeries, Cores, OutcomeSeries, RefusalSeries, RequestLabels, RequestSeries, TargetLabels,
    TargetSeries, source_index,
};
use crate::{
    ledger::{Charge, Nanos, Status},
    usage::{Source, Usage},
    wire::Operation,
};

/// Where a request went. Only configured models: a name that a client made up is no label.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// `namespace/name` of the `AIProvider`.
    pub provider: &'a str,
    /// Its type.
    pub provider_type: ProviderType,
    /// The model's name in the hub.
    pub model: &'a str,
}

/// One settled attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What was asked for.
    pub operation: Operation,
    /// Of whom.
    pub target: Target<'a>,
    /// How it ended.
    pub status: Status,
    /// The provider's HTTP status, 0 where there was none.
    pub http_status: u16,
    /// From the sent request to the last byte.
    pub duration: Duration,
    /// Where the numbers come from.
    pub source: Source,
    /// What was used.
    pub usage: Usage,
    /// What it costs.
    pub charge: Charge,
}

/// One answered request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Absent where the path was not ours.
    pub operation: Option<Operation>,
    /// Of the last attempt; absent where none was made.
    pub target: Option<Target<'a>>,
    /// What the client got.
    pub http_status: u16,
    /// The error's type, one of few; absent on success.
    pub error: Option<&'static str>,
    /// From the request's first byte to the answer's last.
    pub duration: Duration,
    /// To the first byte of a streamed answer.
    pub first_token: Option<Duration>,
}

/// Records one core's requests: about 100 ns each, without a lock. Lives on its core, in an `Rc`.
pub struct Recorder {
    cores: Arc<Cores>,
    core: Arc<CoreSeries>,
    /// By provider.
    targets: RefCell<HashMap<Arc<str>, Models>>,
    /// Requests that reached no provider.
    requests: RefCell<Vec<Arc<RequestSeries>>>,
    refusals: RefCell<Vec<Arc<RefusalSeries>>>,
}

type Models = HashMap<Arc<str>, Vec<TargetEntry>>;

/// One operation on one model, with the endings seen so far: a handful, so searching a list is fastest.
struct TargetEntry {
    series: Arc<TargetSeries>,
    outcomes: Vec<Arc<OutcomeSeries>>,
    requests: Vec<Arc<RequestSeries>>,
}

impl Recorder {
    pub(super) fn new(cores: Arc<Cores>) -> Self {
        let core = cores.each.push(CoreSeries::default());
        Self {
            cores,
            core,
            targets: RefCell::default(),
            requests: RefCell::default(),
            refusals: RefCell::default(),
        }
    }

    /// Records a settled attempt.
    pub fn attempt(&self, attempt: &Attempt<'_>) {
        self.with_target(attempt.operation, attempt.target, |cores, entry| {
            let series = &entry.series;
            let usage = &attempt.usage;
            // A refused attempt used nothing; counting it would pull the distribution to zero.
            if usage.prompt() > 0 || usage.output > 0 {
                series.input.observe(usage.prompt());
                series.output.observe(usage.output);
            }
            let counts = [usage.input, usage.cached_input, usage.cache_write, usage.output, usage.reasoning];
            for (counter, count) in series.tokens.iter().zip(counts) {
                counter.add(count);
            }
            series.cost.add(nanos(attempt.charge.cost));
            series.price.add(nanos(attempt.charge.price));
            if let Some(rows) = series.rows.get(source_index(attempt.source)) {
                rows.add(1);
            }
            let outcome = find_or_push(
                &mut entry.outcomes,
                |known| known.status == attempt.status && known.http_status == attempt.http_status,
                || {
                    let labels = series.labels.clone();
                    cores.outcomes.push(OutcomeSeries::new(labels, attempt.status, attempt.http_status))
                },
            );
            outcome.duration.observe(whole_nanos(attempt.duration));
        });
    }

    /// Records an answered request, refused ones too.
    pub fn request(&self, request: &Request<'_>) {
        let (Some(operation), Some(target)) = (request.operation, request.target) else {
            return self.observe_request(&mut self.requests.borrow_mut(), None, request);
        };
        self.with_target(operation, target, |_, entry| {
            if let Some(first_token) = request.first_token {
                entry.series.first_token.observe(whole_nanos(first_token));
            }
            self.observe_request(&mut entry.requests, Some(&entry.series.labels), request);
        });
    }

    /// Counts a refusal; `reason` is one of few.
    pub fn refused(&self, reason: &'static str) {
        let mut refusals = self.refusals.borrow_mut();
        let refusal = find_or_push(
            &mut refusals,
            |known| known.reason == reason,
            || self.cores.refusals.push(RefusalSeries { reason, count: Counter::default() }),
        );
        refusal.count.add(1);
    }

    /// A client connected.
    pub fn connection_opened(&self) {
        self.core.connections.add(1);
    }

    /// A client's connection ended.
    pub fn connection_closed(&self) {
        self.core.connections.subtract(1);
    }

    /// A streamed answer began.
    pub fn stream_opened(&self) {
        self.core.streams.add(1);
    }

    /// A streamed answer ended.
    pub fn stream_closed(&self) {
        self.core.streams.subtract(1);
    }

    fn with_target(
        &self,
        operation: Operation,
        target: Target<'_>,
        record: impl FnOnce(&Cores, &mut TargetEntry),
    ) {
        let mut targets = self.targets.borrow_mut();
        let known = targets.get_mut(target.provider).and_then(|models| models.get_mut(target.model));
        let same = |entry: &&mut TargetEntry| {
            entry.series.labels.operation == operation
                && entry.series.labels.provider_type == target.provider_type
        };
        if let Some(entry) = known.and_then(|entries| entries.iter_mut().find(same)) {
            return record(&self.cores, entry);
        }
        let labels = TargetLabels {
            operation,
            provider: target.provider.into(),
            provider_type: target.provider_type,
            model: target.model.into(),
        };
        let models = targets.entry(Arc::clone(&labels.provider)).or_default();
        let entries = models.entry(Arc::clone(&labels.model)).or_default();
        let series = self.cores.targets.push(TargetSeries::new(labels));
        let mut entry = TargetEntry { series, outcomes: Vec::new(), requests: Vec::new() };
        record(&self.cores, &mut entry);
        entries.push(entry);
    }

    fn observe_request(
        &self,
        known: &mut Vec<Arc<RequestSeries>>,
        target: Option<&TargetLabels>,
        request: &Request<'_>,
    ) {
        let series = find_or_push(
            known,
            |known| {
                known.labels.http_status == request.http_status
                    && known.labels.error == request.error
                    && known.labels.operation == request.operation
            },
            || {
                self.cores.requests.push(RequestSeries::new(RequestLabels {
                    operation: request.operation,
                    target: target.cloned(),
                    http_status: request.http_status,
                    error: request.error,
                }))
            },
        );
        series.duration.observe(whole_nanos(request.duration));
    }
}

fn find_or_push<T>(list: &mut Vec<Arc<T>>, same: impl Fn(&T) -> bool, make: impl FnOnce() -> Arc<T>) -> &T {
    let index = list.iter().position(|known| same(known)).unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    });
    &list[index]
}

/// A counter cannot fall; a negative amount is a correction, which the ledger shows.
fn nanos(amount: Nanos) -> u64 {
    u64::try_from(amount.0).unwrap_or(0)
}

fn whole_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

//! Metrics off the request path: configuration, journal, ledger. Any thread may set them.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Metrics that any thread may set.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// Loading of the configuration.
    pub config: ConfigMetrics,
    /// The per-core journals.
    pub journal: JournalMetrics,
    /// The writer that moves journal records into the store.
    pub ledger: LedgerMetrics,
    /// Leases.
    pub allowances: AllowanceMetrics,
    /// The certificate that clients see.
    pub tls: TlsMetrics,
    /// The keys of `ServiceAccount` tokens.
    pub identity: IdentityMetrics,
    /// What others are told.
    pub export: ExportMetrics,
    /// Jobs that outlive their request.
    pub jobs: JobMetrics,
}

/// Jobs that outlive their request.
#[derive(Clone, Debug, Default)]
pub struct JobMetrics {
    /// Those that failed and were given back by this process.
    pub given_back: Counter,
    /// Those whose end was never seen.
    pub given_up: Counter,
}

/// Loading of the configuration.
#[derive(Clone, Debug, Default)]
pub struct ConfigMetrics {
    last_reload_successful: Gauge,
    source_connected: Gauge,
    reloads: Family<[(&'static str, &'static str); 1], Counter>,
    info: Family<[(&'static str, String); 1], Gauge>,
    findings: Family<[(&'static str, &'static str); 1], Gauge>,
}

impl ConfigMetrics {
    /// A revision is in use.
    pub fn loaded(&self, revision: &str, errors: usize, warnings: usize) {
        self.last_reload_successful.set(1);
        self.reloads.get_or_create(&[("result", "success")]).inc();
        self.info.clear();
        self.info.get_or_create(&[("revision", revision.to_owned())]).set(1);
        self.findings.get_or_create(&[("severity", "error")]).set(gauge(errors));
        self.findings.get_or_create(&[("severity", "warning")]).set(gauge(warnings));
    }

    /// Whether what is followed can be reached.
    pub fn connected(&self, is_connected: bool) {
        self.source_connected.set(is_connected.into());
    }

    /// What was found could not be read; the last good revision stays in use.
    pub fn rejected(&self) {
        self.last_reload_successful.set(0);
        self.reloads.get_or_create(&[("result", "failure")]).inc();
    }
}

/// The per-core journals.
#[derive(Clone, Debug, Default)]
pub struct JournalMetrics {
    /// Bytes that the writer has not moved yet, over all segments.
    pub pending_bytes: Gauge,
    /// Intents that found no room.
    pub full: Counter,
    /// Attempts whose outcome was lost with an earlier process.
    pub interrupted: Counter,
    /// Outcomes without an intent: a defect.
    pub unmatched: Counter,
}

/// The writer that moves journal records into the store.
#[derive(Clone, Debug, Default)]
pub struct LedgerMetrics {
    /// Rows really inserted.
    pub rows: Counter,
    /// Batches that the store refused; they are tried again.
    pub failed_batches: Counter,
    /// 1 while the store takes nothing.
    pub away: Gauge,
}

/// What the process holds of limits, budgets and balances.
#[derive(Clone, Debug, Default)]
pub struct AllowanceMetrics {
    /// Caps that a request found no room in at once and asked the ledger about.
    pub waits: Counter,
    /// Of them, those that were refused.
    pub refused: Counter,
    /// Of them, those that the ledger did not answer; and requests that went on without it.
    pub unanswered: Counter,
    /// Messages to the ledger.
    pub exchanges: Counter,
    /// Of them, those that failed.
    pub failures: Counter,
    /// Allowances in these messages.
    pub asks: Counter,
    /// How often the ledger had closed this process.
    pub voided: Counter,
    /// Allowances that are kept track of.
    pub tracked: Gauge,
}

/// The certificate that clients see. Nothing is shown where there is none.
#[derive(Clone, Debug, Default)]
pub struct TlsMetrics {
    expires_at: Family<[(&'static str, &'static str); 1], Gauge>,
    reloads: Family<[(&'static str, &'static str); 1], Counter>,
}

impl AllowanceMetrics {
    fn register(&self, registry: &mut Registry) {
        let counters = [
            ("waits", "Caps without room in this process that the ledger was asked about", &self.waits),
            ("refusals", "Caps that the ledger had no room in either", &self.refused),
            ("unanswered", "Caps that the ledger gave no answer about", &self.unanswered),
            ("exchanges", "Messages to the ledger about leases", &self.exchanges),
            ("failed_exchanges", "Messages to the ledger about leases that failed", &self.failures),
            ("asks", "Allowances in messages to the ledger", &self.asks),
            ("voided", "How often the ledger had closed this process for its silence", &self.voided),
        ];
        for (name, help, counter) in counters {
            registry.register(format!("aigne_hub_allowance_{name}"), help, counter.clone());
        }
        registry.register(
            "aigne_hub_allowance_tracked",
            "Allowances that this process keeps track of",
            self.tracked.clone(),
        );
    }
}

impl TlsMetrics {
    /// Unix seconds after which the certificate in use is no longer valid.
    pub fn expires_at(&self, seconds: i64) {
        self.expires_at.get_or_create(&[("listener", "clients")]).set(seconds);
    }

    /// One is in use: the first, or a new one.
    pub fn loaded(&self) {
        self.reloads.get_or_create(&[("result", "success")]).inc();
    }

    /// What was found cannot be served; the last good one stays in use.
    pub fn rejected(&self) {
        self.reloads.get_or_create(&[("result", "failure")]).inc();
    }
}

/// The keys of `ServiceAccount` tokens. Nothing is shown where none are trusted.
#[derive(Clone, Debug, Default)]
pub struct IdentityMetrics {
    refreshes: Family<[(&'static str, &'static str); 1], Counter>,
}

impl IdentityMetrics {
    /// The source was asked for keys.
    pub fn refreshed(&self, successfully: bool) {
        let result = if successfully { "success" } else { "failure" };
        self.refreshes.get_or_create(&[("result", result)]).inc();
    }
}

/// What others are told of the ledger. Nothing is shown where nobody is.
#[derive(Clone, Debug, Default)]
pub struct ExportMetrics {
    messages: Family<[(&'static str, &'static str); 2], Counter>,
    waiting: Family<[(&'static str, String); 1], Gauge>,
    oldest: Family<[(&'static str, String); 1], Gauge>,
    parked: Family<[(&'static str, String); 1], Gauge>,
}

impl ExportMetrics {
    /// What became of a message that was sent, or should have been.
    pub fn settled(&self, sink: &'static str, result: &'static str) {
        self.messages.get_or_create(&[("sink", sink), ("result", result)]).inc();
    }

    /// How many messages a sink has not accepted yet, and the age of the oldest in milliseconds.
    pub fn waiting(&self, sink: &str, count: i64, oldest_milliseconds: i64) {
        self.waiting.get_or_create(&[("sink", sink.to_owned())]).set(count);
        self.oldest.get_or_create(&[("sink", sink.to_owned())]).set(oldest_milliseconds.max(0) / 1_000);
    }

    /// How many messages are not sent again by themselves.
    pub fn parked(&self, sink: &str, count: i64) {
        self.parked.get_or_create(&[("sink", sink.to_owned())]).set(count);
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "aigne_hub_export_messages",
            "Messages to sinks, by what became of them: each time one is tried",
            self.messages.clone(),
        );
        registry.register(
            "aigne_hub_export_waiting",
            "Messages that a sink has not accepted yet",
            self.waiting.clone(),
        );
        registry.register(
            "aigne_hub_export_oldest_seconds",
            "The age of the oldest message that waits",
            self.oldest.clone(),
        );
        registry.register(
            "aigne_hub_export_parked",
            "Messages that a sink refused and that are not sent again by themselves",
            self.parked.clone(),
        );
    }
}

impl Shared {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let shared = Self::default();
        let config = &shared.config;
        registry.register(
            "aigne_hub_config_last_reload_successful",
            "1 while what was found last could be read, else 0",
            config.last_reload_successful.clone(),
        );
        registry.register(
            "aigne_hub_config_source_connected",
            "1 while the API server (or the folder) can be read, else 0",
            config.source_connected.clone(),
        );
        registry.register("aigne_hub_config_reloads", "Reads of the configuration", config.reloads.clone());
        registry.register("aigne_hub_config_info", "The revision in use", config.info.clone());
        registry.register(
            "aigne_hub_config_findings",
            "What a person should hear of in the revision in use",
            config.findings.clone(),
        );
        let journal = &shared.journal;
        registry.register(
            "aigne_hub_journal_pending_bytes",
            "Bytes that are not in the store yet",
            journal.pending_bytes.clone(),
        );
        registry.register("aigne_hub_journal_full", "Intents that found no room", journal.full.clone());
        registry.register(
            "aigne_hub_journal_interrupted",
            "Attempts whose outcome was lost with an earlier process",
            journal.interrupted.clone(),
        );
        registry.register(
            "aigne_hub_journal_unmatched",
            "Outcomes without an intent, which is a defect",
            journal.unmatched.clone(),
        );
        let ledger = &shared.ledger;
        registry.register("aigne_hub_ledger_rows", "Usage rows inserted", ledger.rows.clone());
        registry.register(
            "aigne_hub_ledger_failed_batches",
            "Batches that the store refused",
            ledger.failed_batches.clone(),
        );
        registry.register(
            "aigne_hub_ledger_away",
            "1 while the store takes nothing, else 0",
            ledger.away.clone(),
        );
        shared.allowances.register(registry);
        let tls = &shared.tls;
        registry.register(
            "aigne_hub_tls_certificate_expiry_timestamp_seconds",
            "When the certificate in use ends, in Unix time",
            tls.expires_at.clone(),
        );
        registry.register("aigne_hub_tls_certificate_reloads", "Reads of a certificate", tls.reloads.clone());
        registry.register(
            "aigne_hub_identity_key_refreshes",
            "Questions for the keys of ServiceAccount tokens",
            shared.identity.refreshes.clone(),
        );
        shared.export.register(registry);
        let jobs = &shared.jobs;
        registry.register(
            "aigne_hub_jobs_given_back",
            "Jobs that failed and whose price was given back",
            jobs.given_back.clone(),
        );
        registry.register(
            "aigne_hub_jobs_given_up",
            "Jobs whose end could not be seen in two days: they stay charged",
            jobs.given_up.clone(),
        );
        let build: Family<[(&'static str, &'static str); 1], Gauge> = Family::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("aigne_hub_build_info", "The version that runs", build);
        shared
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

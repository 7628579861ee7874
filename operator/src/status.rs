//! The objects that are reported on: what their status is, and which are due.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::{
    compile::{Finding, Resources, Severity},
    distribution::{EntryId, EntryKind},
    v1alpha1::{
        AIProvider, AIProviderStatus, ModelPricing, ModelPricingStatus, Tenant, TenantStatus,
        conditions::{
            ACCEPTED, BUDGET_EXCEEDED, CREDIT_EXHAUSTED, PROGRAMMED, READY, RESOLVED_REFS, SUSPENDED, reasons,
        },
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    build::Build,
    change::{Broken, Object},
    compile::Compilation,
    gateways::{Confirmation, Gateways},
    money::{purses::Purses, says},
    plan::{Note, Report, Status},
    report::{self, Known},
};

/// Conditions that the operator sets.
const OURS: [&str; 7] =
    [ACCEPTED, RESOLVED_REFS, PROGRAMMED, READY, SUSPENDED, BUDGET_EXCEEDED, CREDIT_EXHAUSTED];

/// What is known of one object.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    uid: String,
    generation: Option<i64>,
    /// As it was seen last, or sent after that.
    status: Status,
    /// Why it cannot be read, where that is so.
    broken: Option<String>,
}

/// What a status is made from.
pub(crate) struct Around<'a> {
    pub(crate) compilation: &'a Compilation,
    pub(crate) build: &'a Build,
    pub(crate) gateways: &'a Gateways,
    pub(crate) resources: &'a Resources,
    /// Of tenants' Secrets that exist but are not watched.
    pub(crate) hidden: &'a [Finding],
    /// What the ledger says; `None` where it is not asked.
    pub(crate) purses: Option<&'a Purses>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    known: BTreeMap<Object, Subject>,
    by_uid: BTreeMap<String, Object>,
    /// To be looked at.
    due: BTreeSet<Object>,
    /// Gateways have still to confirm them, and since when.
    pending: BTreeMap<Object, Timestamp>,
}

fn entry(object: &Object) -> EntryId {
    let kind = match object {
        Object::Provider(_) => EntryKind::Provider,
        Object::Pricing(_) => EntryKind::Price,
        Object::Tenant(_) => EntryKind::Tenant,
    };
    EntryId { kind, id: object.key().to_string() }
}

impl Subject {
    pub(crate) fn provider(object: &AIProvider) -> Self {
        Self::new(object, Status::Provider(object.status.clone().unwrap_or_default()))
    }

    pub(crate) fn pricing(object: &ModelPricing) -> Self {
        Self::new(object, Status::Pricing(object.status.clone().unwrap_or_default()))
    }

    pub(crate) fn tenant(object: &Tenant) -> Self {
        Self::new(object, Status::Tenant(object.status.clone().unwrap_or_default()))
    }

    fn new(object: &impl kube::Resource, status: Status) -> Self {
        let meta = object.meta();
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            generation: meta.generation,
            status: status.ours(),
            broken: None,
        }
    }
}

impl Status {
    /// What is the operator's of it: others may keep conditions of their own.
    fn ours(mut self) -> Self {
        self.conditions_mut().retain(|condition| OURS.contains(&condition.type_.as_str()));
        self
    }

    fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        match self {
            Self::Provider(status) => &mut status.conditions,
            Self::Pricing(status) => &mut status.conditions,
            Self::Tenant(status) => &mut status.conditions,
        }
    }

    /// The conditions in it.
    pub fn conditions(&self) -> &[Condition] {
        match self {
            Self::Provider(status) => &status.conditions,
            Self::Pricing(status) => &status.conditions,
            Self::Tenant(status) => &status.conditions,
        }
    }

    /// Of an object of which nothing was said.
    fn empty(object: &Object) -> Self {
        match object {
            Object::Provider(_) => Self::Provider(AIProviderStatus::default()),
            Object::Pricing(_) => Self::Pricing(ModelPricingStatus::default()),
            Object::Tenant(_) => Self::Tenant(TenantStatus::default()),
        }
    }
}

impl Subjects {
    /// An object was seen, or is gone.
    pub(crate) fn see(&mut self, object: Object, subject: Option<Subject>) {
        let former = if let Some(subject) = subject {
            self.due.insert(object.clone());
            self.by_uid.insert(subject.uid.clone(), object.clone());
            self.known.insert(object, subject)
        } else {
            self.due.remove(&object);
            self.pending.remove(&object);
            self.known.remove(&object)
        };
        if let Some(former) = former.filter(|former| !self.knows(&former.uid)) {
            self.by_uid.remove(&former.uid);
        }
    }

    /// An object was seen, and cannot be read.
    pub(crate) fn broke(&mut self, object: Object, broken: Broken) {
        let Broken { uid, generation, error } = broken;
        let former = self.known.get(&object).filter(|subject| subject.uid == uid);
        let status = former.map_or_else(|| Status::empty(&object), |subject| subject.status.clone());
        self.see(object, Some(Subject { uid, generation, status, broken: Some(error) }));
    }

    fn knows(&self, uid: &str) -> bool {
        let object = self.by_uid.get(uid).and_then(|object| self.known.get(object));
        object.is_some_and(|subject| subject.uid == uid)
    }

    /// What was compiled of it may be otherwise.
    pub(crate) fn changed(&mut self, object: Object) {
        if self.known.contains_key(&object) {
            self.due.insert(object);
        }
    }

    /// Providers and prices were compiled again.
    pub(crate) fn shared_changed(&mut self) {
        let shared = self.known.keys().filter(|object| !matches!(object, Object::Tenant(_)));
        self.due.extend(shared.cloned());
    }

    /// Gateways may have confirmed what is pending.
    pub(crate) fn gateways_changed(&mut self) {
        self.due.extend(self.pending.keys().cloned());
    }

    /// Whether gateways have something to confirm.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// A status could not be sent.
    pub(crate) fn forget(&mut self, uid: &str) {
        let Some(object) = self.by_uid.get(uid) else { return };
        if let Some(subject) = self.known.get_mut(object) {
            subject.status = Status::empty(object);
            self.due.insert(object.clone());
        }
    }

    /// How many gateways have still to confirm, and since when the oldest of them waits.
    pub(crate) fn unconfirmed(&self) -> (usize, Option<Timestamp>) {
        (self.pending.len(), self.pending.values().min().copied())
    }

    /// What is to be sent: the statuses that are otherwise than they were.
    pub(crate) fn report(
        &mut self,
        around: &Around<'_>,
        may_send: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Vec<Report> {
        let mut reports = Vec::new();
        let mut later = BTreeSet::new();
        for object in std::mem::take(&mut self.due) {
            let Some(subject) = self.known.get_mut(&object) else { continue };
            if !may_send(&subject.uid) {
                later.insert(object);
                continue;
            }
            let unreadable = subject.broken.as_deref().map(|error| unreadable(&object, error));
            let findings = match &unreadable {
                Some(finding) => vec![finding],
                None => findings(around, &object),
            };
            let sequence = around.build.sequence_of(&entry(&object));
            let confirmation = sequence.map(|sequence| match subject.broken {
                Some(_) => Confirmation::Former,
                None => around.gateways.confirm(sequence, now),
            });
            let known = Known {
                generation: subject.generation,
                findings: &findings,
                confirmation,
                former: subject.status.conditions(),
                now,
            };
            let status = status(&object, &known, around);
            let conditions = status.conditions();
            let is_pending = conditions.iter().any(|condition| {
                condition.type_ == PROGRAMMED
                    && condition.status != "True"
                    && !matches!(known.confirmation, None | Some(Confirmation::Former))
            });
            if is_pending {
                self.pending.entry(object.clone()).or_insert(now);
            } else {
                self.pending.remove(&object);
            }
            if status == subject.status {
                continue;
            }
            let mut events = report::notes(subject.status.conditions(), conditions);
            if let (Status::Tenant(former), Status::Tenant(now)) = (&subject.status, &status) {
                events.extend(rotations(former, now));
                events.extend(says::notes(former, now));
            }
            subject.status = status.clone();
            reports.push(Report { object: object.key().clone(), uid: subject.uid.clone(), status, events });
        }
        self.due = later;
        reports
    }
}

fn findings<'a>(around: &Around<'a>, object: &'a Object) -> Vec<&'a Finding> {
    let compilation = around.compilation;
    match object {
        Object::Provider(key) | Object::Pricing(key) => compilation.findings_of(object.kind(), key).collect(),
        Object::Tenant(key) => {
            let hidden: Vec<_> = around.hidden.iter().filter(|finding| finding.object == *key).collect();
            // That there is no such Secret is not the truth then.
            let said = |finding: &&Finding| !hidden.iter().any(|hidden| hidden.field == finding.field);
            let found = compilation.tenant(key).into_iter().flat_map(|part| &part.findings);
            found.filter(said).chain(hidden.iter().copied()).collect()
        }
    }
}

fn unreadable(object: &Object, error: &str) -> Finding {
    Finding {
        kind: object.kind().to_owned(),
        object: object.key().clone(),
        field: String::new(),
        severity: Severity::Error,
        condition: ACCEPTED.to_owned(),
        reason: reasons::INVALID.to_owned(),
        message: format!("this version of the operator cannot read it: {error}"),
    }
}

fn status(object: &Object, known: &Known<'_>, around: &Around<'_>) -> Status {
    let Around { compilation, resources, .. } = around;
    let (observed_generation, mut conditions) = (known.generation, report::conditions(known));
    match object {
        Object::Provider(_) => Status::Provider(AIProviderStatus { observed_generation, conditions }),
        Object::Pricing(key) => {
            let source = key.to_string();
            let sheets =
                compilation.shared().into_iter().flat_map(|part| part.shared.prices.values().flatten());
            let revision = sheets.into_iter().find(|sheet| sheet.source == source);
            let revision = revision.map(|sheet| sheet.revision.clone());
            Status::Pricing(ModelPricingStatus { observed_generation, revision, conditions })
        }
        Object::Tenant(key) => {
            let tenant = resources.tenants.get(key);
            if let Some(tenant) = tenant {
                conditions.push(report::suspended(known, tenant.spec.suspended));
            }
            let config = compilation.tenant(key).and_then(|part| part.tenant.as_ref());
            let mut status = TenantStatus {
                observed_generation,
                account_id: config.map(|config| config.account_id.clone()),
                keys: tenant.and_then(|tenant| tenant.status.clone()).unwrap_or_default().keys,
                conditions,
                ..TenantStatus::default()
            };
            let figures = around.purses.and_then(|purses| purses.shown(key));
            if let (Some(config), Some(figures)) = (config, figures) {
                says::write(&mut status, config, figures, known);
            }
            Status::Tenant(status)
        }
    }
}

/// Keys that were rotated since.
fn rotations(former: &TenantStatus, now: &TenantStatus) -> Vec<Note> {
    let old = |status: &TenantStatus, name: &str| {
        let keys = status.keys.iter().filter(|key| key.name == name);
        keys.flat_map(|key| &key.rotated)
            .map(|old| (old.sha256.clone(), old.expires_at))
            .collect::<BTreeMap<_, _>>()
    };
    let mut notes = Vec::new();
    for key in &now.keys {
        let before = old(former, &key.name);
        let new = key.rotated.iter().filter(|old| !before.contains_key(&old.sha256));
        notes.extend(new.map(|old| Note {
            warning: false,
            reason: reasons::KEY_ROTATED.to_owned(),
            message: format!(
                "the key {} was replaced; the old one is honoured until {}",
                key.name, old.expires_at
            ),
        }));
    }
    notes
}

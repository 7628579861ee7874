//! The objects that are reported on: what their status is, and which are due.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::{
    compile::{Finding, ObjectKey, Resources},
    distribution::{EntryId, EntryKind},
    v1alpha1::{
        AIProvider, AIProviderStatus, ModelPricing, ModelPricingStatus, Tenant, TenantStatus,
        conditions::{ACCEPTED, PROGRAMMED, READY, RESOLVED_REFS, SUSPENDED, reasons},
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    build::Build,
    compile::Compilation,
    gateways::Gateways,
    plan::{Note, Report, Status},
    report::{self, Known},
};

/// Conditions that the operator sets.
const OURS: [&str; 5] = [ACCEPTED, RESOLVED_REFS, PROGRAMMED, READY, SUSPENDED];

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Object {
    /// An `AIProvider`.
    Provider(ObjectKey),
    /// A `ModelPricing`.
    Pricing(ObjectKey),
    /// A `Tenant`.
    Tenant(ObjectKey),
}

/// What is known of one object.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    uid: String,
    generation: Option<i64>,
    /// As it was seen last, or sent after that.
    status: Status,
}

/// What a status is made from.
pub(crate) struct Around<'a> {
    pub(crate) compilation: &'a Compilation,
    pub(crate) build: &'a Build,
    pub(crate) gateways: &'a Gateways,
    pub(crate) resources: &'a Resources,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    known: BTreeMap<Object, Subject>,
    by_uid: BTreeMap<String, Object>,
    /// To be looked at.
    due: BTreeSet<Object>,
    /// Gateways have still to confirm them.
    pending: BTreeSet<Object>,
}

impl Object {
    fn key(&self) -> &ObjectKey {
        match self {
            Self::Provider(key) | Self::Pricing(key) | Self::Tenant(key) => key,
        }
    }

    fn entry(&self) -> EntryId {
        let (kind, key) = match self {
            Self::Provider(key) => (EntryKind::Provider, key),
            Self::Pricing(key) => (EntryKind::Price, key),
            Self::Tenant(key) => (EntryKind::Tenant, key),
        };
        EntryId { kind, id: key.to_string() }
    }
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
        Self { uid: meta.uid.clone().unwrap_or_default(), generation: meta.generation, status: status.ours() }
    }
}

impl Status {
    /// What is the operator's of it: others may keep conditions of their own, and balances.
    fn ours(mut self) -> Self {
        self.conditions_mut().retain(|condition| OURS.contains(&condition.type_.as_str()));
        if let Self::Tenant(status) = &mut self {
            status.balance = None;
            status.spend.clear();
        }
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

    /// Whether it says that the object is ready.
    pub fn is_ready(&self) -> bool {
        self.conditions().iter().any(|condition| condition.type_ == READY && condition.status == "True")
    }

    /// The same but without anything in it.
    fn emptied(&self) -> Self {
        match self {
            Self::Provider(_) => Self::Provider(AIProviderStatus::default()),
            Self::Pricing(_) => Self::Pricing(ModelPricingStatus::default()),
            Self::Tenant(_) => Self::Tenant(TenantStatus::default()),
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
        self.due.extend(self.pending.iter().cloned());
    }

    /// Whether gateways have something to confirm.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// A status could not be sent.
    pub(crate) fn forget(&mut self, uid: &str) {
        let Some(object) = self.by_uid.get(uid) else { return };
        if let Some(subject) = self.known.get_mut(object) {
            subject.status = subject.status.emptied();
            self.due.insert(object.clone());
        }
    }

    /// All objects and those that are ready, by kind; and how many are pending.
    pub(crate) fn census(&self) -> ([(usize, usize); 3], usize) {
        let mut objects = [(0, 0); 3];
        for (object, subject) in &self.known {
            let kind = match object {
                Object::Provider(_) => 0,
                Object::Pricing(_) => 1,
                Object::Tenant(_) => 2,
            };
            objects[kind].0 += 1;
            objects[kind].1 += usize::from(subject.status.is_ready());
        }
        (objects, self.pending.len())
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
            let findings = findings(around.compilation, &object);
            let sequence = around.build.sequence_of(&object.entry());
            let known = Known {
                generation: subject.generation,
                findings: &findings,
                confirmation: sequence.map(|sequence| around.gateways.confirm(sequence, now)),
                former: subject.status.conditions(),
                now,
            };
            let status = status(&object, &known, around);
            let conditions = status.conditions();
            let is_pending = conditions.iter().any(|condition| {
                condition.type_ == PROGRAMMED && condition.status != "True" && known.confirmation.is_some()
            });
            if is_pending {
                self.pending.insert(object.clone());
            } else {
                self.pending.remove(&object);
            }
            if status == subject.status {
                continue;
            }
            let mut events = report::notes(subject.status.conditions(), conditions);
            events.extend(rotations(&subject.status, &status));
            subject.status = status.clone();
            reports.push(Report { object: object.key().clone(), uid: subject.uid.clone(), status, events });
        }
        self.due = later;
        reports
    }
}

fn findings<'a>(compilation: &'a Compilation, object: &'a Object) -> Vec<&'a Finding> {
    match object {
        Object::Provider(key) => compilation.findings_of("AIProvider", key).collect(),
        Object::Pricing(key) => compilation.findings_of("ModelPricing", key).collect(),
        Object::Tenant(key) => compilation.tenant(key).into_iter().flat_map(|part| &part.findings).collect(),
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
            conditions.push(report::suspended(known, tenant.is_some_and(|tenant| tenant.spec.suspended)));
            let config = compilation.tenant(key).and_then(|part| part.tenant.as_ref());
            Status::Tenant(TenantStatus {
                observed_generation,
                account_id: config.map(|config| config.account_id.clone()),
                keys: tenant.and_then(|tenant| tenant.status.clone()).unwrap_or_default().keys,
                conditions,
                ..TenantStatus::default()
            })
        }
    }
}

/// Keys that were rotated since.
fn rotations(former: &Status, now: &Status) -> Vec<Note> {
    let (Status::Tenant(former), Status::Tenant(now)) = (former, now) else { return Vec::new() };
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

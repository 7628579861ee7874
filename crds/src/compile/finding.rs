//! What a person should hear of.

use serde::{Deserialize, Serialize};

use super::ObjectKey;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Something was left out of the configuration.
    Error,
    /// It serves, but a person should know.
    Warning,
}

/// Something a person should hear of: a status condition, a log line or an exit code.
///
/// An error makes its condition false, a warning does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `AIProvider`, `ModelPricing` or `Tenant`.
    pub kind: String,
    /// Which object.
    pub object: ObjectKey,
    /// Path inside the object, for example `spec.models[2].name`.
    pub field: String,
    /// Error or warning.
    pub severity: Severity,
    /// The condition that it speaks of: `Accepted` or `ResolvedRefs`.
    pub condition: String,
    /// A constant of [`reasons`](crate::v1alpha1::conditions::reasons).
    pub reason: String,
    /// A sentence that says what to do.
    pub message: String,
}

impl Finding {
    fn order(&self) -> impl Ord + '_ {
        (&self.object, &self.kind, &self.field, self.severity, &self.condition, &self.reason, &self.message)
    }
}

impl PartialOrd for Finding {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Finding {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// Collects the findings of one object.
pub(super) struct Report<'a> {
    kind: &'static str,
    object: &'a ObjectKey,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(kind: &'static str, object: &'a ObjectKey, findings: &'a mut Vec<Finding>) -> Self {
        Self { kind, object, findings }
    }

    /// Something is left out, and `condition` becomes false.
    pub(super) fn error(
        &mut self,
        field: impl Into<String>,
        condition: &str,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.push(field.into(), Severity::Error, condition, reason, message.into());
    }

    /// It serves, but a person should know.
    pub(super) fn warning(
        &mut self,
        field: impl Into<String>,
        condition: &str,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.push(field.into(), Severity::Warning, condition, reason, message.into());
    }

    fn push(&mut self, field: String, severity: Severity, condition: &str, reason: &str, message: String) {
        self.findings.push(Finding {
            kind: self.kind.to_owned(),
            object: self.object.clone(),
            field,
            severity,
            condition: condition.to_owned(),
            reason: reason.to_owned(),
            message,
        });
    }
}

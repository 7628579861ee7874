//! What can be written but does nothing in this version. Each row tells whoever wrote it, so that nobody trusts
//! configuration that does nothing; a version that learns one deletes its row.

use super::finding::Report;
use crate::v1alpha1::{
    Model, ModelType, TenantSpec,
    conditions::{ACCEPTED, reasons},
};

/// Model types that have an endpoint.
pub const SERVED_MODEL_TYPES: &[ModelType] = &[
    ModelType::Chat,
    ModelType::Embedding,
    ModelType::Image,
    ModelType::Speech,
    ModelType::Transcription,
    ModelType::Video,
];

/// Something that can be written and that gateways don't act on.
struct Row {
    field: &'static str,
    says: &'static str,
    /// Whether it was written.
    written: fn(&TenantSpec) -> bool,
}

/// Below `spec` of a Tenant.
const TENANT: &[Row] = &[
    Row {
        field: "billing.costCenter",
        says: "the cost center is not stored with usage yet",
        written: |spec| spec.billing.as_ref().is_some_and(|billing| billing.cost_center.is_some()),
    },
    Row { field: "brand", says: "the brand is not shown anywhere yet", written: |spec| spec.brand.is_some() },
];

/// Warns of each part of a Tenant that does nothing.
pub(super) fn tenant(spec: &TenantSpec, report: &mut Report<'_>) {
    for row in TENANT.iter().filter(|row| (row.written)(spec)) {
        report.warning(format!("spec.{}", row.field), ACCEPTED, reasons::NOT_ENFORCED, row.says);
    }
}

/// Warns of a model that no endpoint serves.
pub(super) fn model_type(index: usize, model: &Model, report: &mut Report<'_>) {
    let r#type = model.r#type.unwrap_or_default();
    if !SERVED_MODEL_TYPES.contains(&r#type) {
        let message = format!("this version serves no {type:?} models, so {} cannot be called", model.name);
        report.warning(format!("spec.models[{index}].type"), ACCEPTED, reasons::NOT_SERVED, message);
    }
}

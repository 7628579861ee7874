//! What can be written but does nothing in this version. Each row tells whoever wrote it, so that nobody trusts
//! configuration that does nothing; a version that learns one deletes its row.

use super::finding::Report;
use crate::v1alpha1::{
    TenantSpec,
    conditions::{ACCEPTED, reasons},
};

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

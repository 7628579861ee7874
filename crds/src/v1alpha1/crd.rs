//! The three CustomResourceDefinitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use super::{
    AIProvider, ModelPricing, Tenant,
    conditions::{ACCEPTED, PROGRAMMED, READY, RESOLVED_REFS, reasons},
};

/// One kind's definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// For example `AIProvider`.
    pub kind: &'static str,
    /// For example `aiproviders`; also the name of its file.
    pub plural: &'static str,
    /// The CustomResourceDefinition, as it is applied.
    pub crd: Value,
}

impl Definition {
    /// The structural schema of the kind.
    pub fn schema(&self) -> &Value {
        &self.crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    }
}

/// All kinds, in the order in which people read them.
pub fn definitions() -> [Definition; 3] {
    [
        definition("AIProvider", "aiproviders", &AIProvider::crd()),
        definition("ModelPricing", "modelpricings", &ModelPricing::crd()),
        definition("Tenant", "tenants", &Tenant::crd()),
    ]
}

fn definition(kind: &'static str, plural: &'static str, crd: &CustomResourceDefinition) -> Definition {
    let mut crd = serde_json::to_value(crd).unwrap_or_default();
    tidy(&mut crd);
    let properties = "/spec/versions/0/schema/openAPIV3Schema/properties/status";
    if let Some(status) = crd.pointer_mut(properties) {
        status["default"] = untouched();
    }
    Definition { kind, plural, crd }
}

/// The status of an object that no operator has looked at: what waits for Ready waits, instead of taking silence for
/// good news.
fn untouched() -> Value {
    let conditions = [ACCEPTED, RESOLVED_REFS, PROGRAMMED, READY].map(|r#type| {
        json!({
            "type": r#type, "status": "Unknown", "reason": reasons::PENDING,
            "message": "the operator has not looked at it yet", "lastTransitionTime": "1970-01-01T00:00:00Z",
        })
    });
    json!({ "conditions": conditions })
}

/// Makes the derived schema say what the API server shall check, and no more.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            tidy_schema(object);
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn tidy_schema(schema: &mut Map<String, Value>) {
    // An explicit null would be `has()` in CEL and then have no value.
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        schema.remove("nullable");
    }
    if schema.get("title").is_some_and(Value::is_string) {
        schema.remove("title");
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    // Source lines are no paragraphs.
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    // Kubernetes knows int32 and int64.
    if let Some("uint32" | "uint64") = schema.get("format").and_then(Value::as_str) {
        schema.insert("format".into(), "int64".into());
    }
    // A whole number as bound is written as one.
    for bound in ["minimum", "maximum"] {
        let whole = schema.get(bound).and_then(Value::as_f64).filter(|number| number.fract() == 0.0);
        if let Some(number) = whole
            && number.abs() < 9e15
        {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and far below i64's end")]
            schema.insert(bound.into(), (number as i64).into());
        }
    }
}

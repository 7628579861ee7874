//! The rules of `x-kubernetes-validations`, in the Common Expression Language.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, Program};
use serde_json::Value;

use super::{
    error::Violation,
    place::{child, item},
    schema::Schema,
};

/// One rule, compiled.
#[derive(Debug)]
pub(super) struct Rule {
    program: Program,
    message: String,
    /// It compares with what was there before, so it says nothing about a new object.
    transition: bool,
}

impl Rule {
    pub(super) fn read(json: &Value) -> Result<Self, String> {
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        let rule = text("rule").ok_or("a rule needs a rule")?;
        let program = Program::compile(rule).map_err(|error| error.to_string())?;
        let transition = program.references().has_variable("oldSelf");
        let message = text("message").map_or_else(|| format!("must satisfy {rule}"), ToOwned::to_owned);
        Ok(Self { program, message, transition })
    }

    fn check(&self, env: &Arc<Env>, value: &Value, old: Option<&Value>) -> Result<(), String> {
        let mut context = Context::with_env(Arc::clone(env));
        match (self.transition, old) {
            (false, _) => {}
            (true, Some(old)) => context.add_variable_from_value("oldSelf", to_cel(old)),
            (true, None) => return Ok(()),
        }
        context.add_variable_from_value("self", to_cel(value));
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(true)) => Ok(()),
            Ok(_) => Err(self.message.clone()),
            // As on the API server, a rule that cannot be evaluated is a refusal.
            Err(error) => Err(format!("{} (the rule failed: {error})", self.message)),
        }
    }
}

/// Checks every rule on `value` and below. Rules on something whose structure is wrong already are left out, as they
/// could only say the same in other words.
pub(super) fn check(
    schema: &Schema,
    value: &Value,
    old: Option<&Value>,
    path: &str,
    found: &mut Vec<Violation>,
) {
    let broken: Vec<String> = found.iter().map(|violation| violation.field.clone()).collect();
    let walk = Walk { env: &STANDARD, broken };
    walk.value(schema, value, old, path, found);
}

/// The functions that rules may call.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

struct Walk<'a> {
    env: &'a Arc<Env>,
    broken: Vec<String>,
}

impl Walk<'_> {
    fn value(
        &self,
        schema: &Schema,
        value: &Value,
        old: Option<&Value>,
        path: &str,
        found: &mut Vec<Violation>,
    ) {
        if !self.broken.iter().any(|field| is_within(field, path)) {
            for rule in &schema.rules {
                if let Err(message) = rule.check(self.env, value, old) {
                    found.push(Violation::new(path, message));
                }
            }
        }
        match value {
            Value::Object(entries) => {
                for (name, value) in entries {
                    if let Some(schema) = schema.properties.get(name).or(schema.additional.as_deref()) {
                        let old = old.and_then(|old| old.get(name));
                        self.value(schema, value, old, &child(path, name), found);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &schema.items {
                    for (index, value) in items.iter().enumerate() {
                        self.value(schema, value, None, &item(path, index), found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether `field` is `path` or below it.
fn is_within(field: &str, path: &str) -> bool {
    field
        .strip_prefix(path)
        .is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whole numbers are `int`, as the schema's types make them on the API server.
fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(flag) => cel::Value::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => cel::Value::Int(integer),
            (None, Some(float)) => cel::Value::Float(float),
            (None, None) => cel::Value::Null,
        },
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(entries) => {
            let entries: HashMap<String, cel::Value> =
                entries.iter().map(|(name, value)| (name.clone(), to_cel(value))).collect();
            cel::Value::Map(entries.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::v1alpha1::crd::definitions;

    /// What the Kubernetes and the Rust evaluator both have, and mean alike.
    const SHARED: &[&str] = &[
        "has",
        "size",
        "matches",
        "startsWith",
        "endsWith",
        "contains",
        "all",
        "exists",
        "in",
        "@in",
        "_==_",
        "_!=_",
        "_&&_",
        "_||_",
        "!_",
        "_<=_",
        "_<_",
        "_>_",
        "_>=_",
        "_?_:_",
        "_[_]",
        "_+_",
        "_-_",
    ];

    #[test]
    fn rules_use_only_what_both_evaluators_have() {
        let mut rules = Vec::new();
        for definition in definitions() {
            collect(definition.schema(), &mut rules);
        }
        assert!(rules.len() > 8, "{rules:?}");
        for rule in rules {
            let program = Program::compile(&rule).unwrap();
            for function in program.references().functions() {
                assert!(SHARED.contains(&function), "{function} in {rule}");
            }
            for variable in program.references().variables() {
                assert!(["self", "oldSelf"].contains(&variable), "{variable} in {rule}");
            }
        }
    }

    fn collect(value: &Value, rules: &mut Vec<String>) {
        match value {
            Value::Object(entries) => {
                for rule in
                    entries.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten()
                {
                    rules.push(rule["rule"].as_str().unwrap().to_owned());
                }
                entries.values().for_each(|value| collect(value, rules));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, rules)),
            _ => {}
        }
    }

    #[test]
    fn a_rule_that_cannot_be_evaluated_refuses() {
        let rule = Rule::read(&json!({ "rule": "self.a > 1", "message": "a must be more than 1" })).unwrap();
        let env = Arc::new(Env::stdlib());
        assert_eq!(rule.check(&env, &json!({ "a": 2 }), None), Ok(()));
        assert_eq!(rule.check(&env, &json!({ "a": 1 }), None), Err("a must be more than 1".into()));
        let error = rule.check(&env, &json!({}), None).unwrap_err();
        assert!(error.starts_with("a must be more than 1 (the rule failed"), "{error}");
    }
}

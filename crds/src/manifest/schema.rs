//! A structural schema, read once from the `CustomResourceDefinition`: the keywords that Kubernetes has, and no others.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::rules::Rule;

/// What a value must be.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) r#type: Option<Type>,
    pub(super) nullable: bool,
    pub(super) default: Option<Value>,
    pub(super) one_of: Vec<Value>,
    pub(super) pattern: Option<Regex>,
    pub(super) format: Option<String>,
    /// Characters, items or entries.
    pub(super) min_size: Option<u64>,
    /// Characters, items or entries.
    pub(super) max_size: Option<u64>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) properties: BTreeMap<String, Schema>,
    pub(super) required: Vec<String>,
    pub(super) additional: Option<Box<Schema>>,
    pub(super) open: bool,
    pub(super) items: Option<Box<Schema>>,
    pub(super) list: List,
    pub(super) rules: Vec<Rule>,
}

/// `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

/// `x-kubernetes-list-type`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum List {
    #[default]
    Atomic,
    /// No two items are equal.
    Set,
    /// No two items agree in all of these.
    Map(Vec<String>),
}

impl Schema {
    /// Reads a schema. A keyword that is not known here would not be checked, so it is refused.
    pub(super) fn read(json: &Value) -> Result<Self, String> {
        let object = json.as_object().ok_or("a schema must be an object")?;
        let mut schema = Self::default();
        for (keyword, value) in object {
            schema.keyword(keyword, value).map_err(|error| format!("{keyword}: {error}"))?;
        }
        if let Some(keys) = object.get("x-kubernetes-list-map-keys") {
            schema.list = List::Map(strings(keys)?);
        }
        Ok(schema)
    }

    fn keyword(&mut self, keyword: &str, value: &Value) -> Result<(), String> {
        match keyword {
            "description" | "x-kubernetes-list-map-keys" => {}
            "type" => self.r#type = Some(Type::read(value)?),
            "nullable" => self.nullable = value == &Value::Bool(true),
            "default" => self.default = Some(value.clone()),
            "enum" => self.one_of.clone_from(value.as_array().ok_or("must be a list")?),
            "pattern" => self.pattern = Some(Regex::new(text(value)?).map_err(|error| error.to_string())?),
            "format" => self.format = Some(text(value)?.to_owned()),
            "minLength" | "minItems" | "minProperties" => self.min_size = value.as_u64(),
            "maxLength" | "maxItems" | "maxProperties" => self.max_size = value.as_u64(),
            "minimum" => self.minimum = value.as_f64(),
            "maximum" => self.maximum = value.as_f64(),
            "required" => self.required = strings(value)?,
            "properties" => self.properties = read_each(value.as_object().ok_or("must be an object")?)?,
            "additionalProperties" => self.additional = Some(Box::new(Self::read(value)?)),
            "items" => self.items = Some(Box::new(Self::read(value)?)),
            "x-kubernetes-preserve-unknown-fields" => self.open = value == &Value::Bool(true),
            "x-kubernetes-list-type" => {
                if text(value)? == "set" {
                    self.list = List::Set;
                }
            }
            "x-kubernetes-validations" => {
                let rules = value.as_array().ok_or("must be a list")?;
                self.rules = rules.iter().map(Rule::read).collect::<Result<_, _>>()?;
            }
            _ => return Err("this keyword is not known".to_owned()),
        }
        Ok(())
    }
}

impl Type {
    fn read(value: &Value) -> Result<Self, String> {
        Ok(match text(value)? {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            other => return Err(format!("{other} is no type")),
        })
    }

    /// For a message.
    pub(super) fn article(self) -> &'static str {
        match self {
            Self::Object => "a map",
            Self::Array => "a list",
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
        }
    }
}

fn read_each(schemas: &Map<String, Value>) -> Result<BTreeMap<String, Schema>, String> {
    schemas
        .iter()
        .map(|(name, schema)| {
            Schema::read(schema)
                .map(|schema| (name.clone(), schema))
                .map_err(|error| format!("{name}: {error}"))
        })
        .collect()
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be text".to_owned())
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    let items = value.as_array().ok_or("must be a list")?;
    items.iter().map(|item| text(item).map(ToOwned::to_owned)).collect()
}

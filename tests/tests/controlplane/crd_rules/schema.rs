//! The rules that are no CEL: an object with every field is built from the schema, and for each keyword of each field one that breaks it.

use std::collections::BTreeMap;

use aigne_hub_tests::harness::{Outcome, controlplane};
use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};

use super::{KINDS, Trial, object, ours, schema_of};

/// A text that each pattern takes. None of them takes a blank.
const SAMPLES: [&str; 11] = [
    "a",
    "1",
    "1s",
    "5%",
    "a/b",
    "eu-central-1",
    "UTC",
    "https://a",
    "hub",
    "2027-01-01T00:00:00Z",
    "default/a",
];

/// Where the first choice of the schema would break a rule in CEL.
const CHOICES: [(&str, &str); 2] = [("spec.type", "Bedrock"), ("spec.billing.mode", "Credits")];

/// A value with every field that its schema has.
fn full(schema: &Value, place: &str) -> anyhow::Result<Value> {
    if let Some((_, choice)) = CHOICES.iter().find(|(chosen, _)| *chosen == place) {
        return Ok(json!(choice));
    }
    if let Some(first) = schema["enum"].get(0) {
        return Ok(first.clone());
    }
    Ok(match schema["type"].as_str().with_context(|| format!("{place} has no type"))? {
        "object" => {
            let mut members = Map::new();
            for (name, below) in schema["properties"].as_object().into_iter().flatten() {
                members.insert(name.clone(), full(below, &child(place, name))?);
            }
            if schema["additionalProperties"].is_object() {
                let below = &schema["additionalProperties"];
                members.insert("m".into(), full(below, &child(place, "m"))?);
            }
            Value::Object(members)
        }
        "array" => json!([full(&schema["items"], &format!("{place}[0]"))?]),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "string" => text(schema, place)?,
        other => anyhow::bail!("{place}: a sample of {other} is needed here"),
    })
}

fn text(schema: &Value, place: &str) -> anyhow::Result<Value> {
    let Some(pattern) = schema["pattern"].as_str() else { return Ok(json!("a")) };
    // Our own validator knows patterns; that the API server takes the sample, it says itself.
    let pattern = regex::Regex::new(pattern)?;
    let sample = SAMPLES.iter().find(|sample| pattern.is_match(sample));
    Ok(json!(sample.with_context(|| format!("{place}: a sample of {pattern} is needed here"))?))
}

fn child(place: &str, name: &str) -> String {
    format!("{place}.{name}").trim_start_matches('.').to_owned()
}

/// A value that breaks one rule.
struct Broken {
    keyword: &'static str,
    /// The field that is blamed.
    field: String,
    /// Part of what the API server says.
    says: &'static str,
    spec: Value,
}

/// Walks a schema and a value with every field together; what is broken is put in the place of what is good.
struct Walk<'a> {
    whole: &'a Value,
    found: Vec<Broken>,
}

impl Walk<'_> {
    fn add(&mut self, keyword: &'static str, says: &'static str, field: String, at: &str, value: Value) {
        let mut spec = self.whole.clone();
        if let Some(place) = spec.pointer_mut(at) {
            *place = value;
            self.found.push(Broken { keyword, field, says, spec });
        }
    }

    fn value(&mut self, schema: &Value, good: &Value, field: &str, at: &str) {
        let own = field.to_owned();
        let wrong_type = if good.is_string() { json!(5) } else { json!("text") };
        self.add("type", "Invalid value", own.clone(), at, wrong_type);
        if schema["enum"].is_array() {
            self.add("enum", "Unsupported value", own.clone(), at, json!("NoSuchValue"));
        }
        if schema["pattern"].is_string() {
            self.add("pattern", "should match", own.clone(), at, json!(" "));
        }
        if schema["format"] == "date-time" {
            self.add("format", "date-time", own.clone(), at, json!("2027-13-01T00:00:00Z"));
        }
        if let Some(most) = schema["maxLength"].as_u64() {
            let long = "a".repeat(usize::try_from(most).unwrap_or_default() + 1);
            self.add("maxLength", "Too long", own.clone(), at, json!(long));
        }
        if let Some(least) = schema["minimum"].as_i64() {
            self.add("minimum", "greater than or equal", own.clone(), at, json!(least - 1));
        }
        if let Some(most) = schema["maximum"].as_i64() {
            self.add("maximum", "less than or equal", own.clone(), at, json!(most + 1));
        }
        match good {
            Value::Array(items) => self.array(schema, items, field, at),
            Value::Object(members) => self.object(schema, members, field, at),
            _ => {}
        }
    }

    fn array(&mut self, schema: &Value, items: &[Value], field: &str, at: &str) {
        if let Some(most) = schema["maxItems"].as_u64() {
            let many = vec![items[0].clone(); usize::try_from(most).unwrap_or_default() + 1];
            self.add("maxItems", "Too many", field.to_owned(), at, json!(many));
        }
        if schema["minItems"].is_u64() {
            self.add("minItems", "should have at least", field.to_owned(), at, json!([]));
        }
        if ["map", "set"].iter().any(|r#type| schema["x-kubernetes-list-type"] == *r#type) {
            let twice = json!([items[0], items[0]]);
            self.add("list-type", "Duplicate value", format!("{field}[1]"), at, twice);
        }
        self.value(&schema["items"], &items[0], &format!("{field}[0]"), &format!("{at}/0"));
    }

    fn object(&mut self, schema: &Value, members: &Map<String, Value>, field: &str, at: &str) {
        let more = |members: &Map<String, Value>, name: &str, value: &Value| {
            let mut members = members.clone();
            members.insert(name.to_owned(), value.clone());
            members
        };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut fewer = members.clone();
            fewer.remove(name);
            self.add("required", "Required value", child(field, name), at, Value::Object(fewer));
        }
        if let Some(most) = schema["maxProperties"].as_u64() {
            let many =
                (0..=most).fold(Map::new(), |many, index| more(&many, &format!("m{index}"), &members["m"]));
            self.add("maxProperties", "Too many", field.to_owned(), at, Value::Object(many));
        }
        if !schema["additionalProperties"].is_object() {
            let strange = Value::Object(more(members, "strange", &json!(1)));
            self.add("unknown", "unknown field", child(field, "strange"), at, strange);
        }
        for (name, good) in members {
            let below = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
            self.value(below, good, &child(field, name), &format!("{at}/{name}"));
        }
    }
}

#[tokio::test]
async fn the_api_server_refuses_what_breaks_a_schema_and_so_do_we() -> Outcome {
    let plane = controlplane::shared().await?;
    let trial = &Trial::new(plane).await?;
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut disagreements = Vec::new();
    for (kind, plural) in KINDS {
        let schema = schema_of(plane, plural).await?;
        let spec = full(&schema["properties"]["spec"], "spec")?;
        let good = object(kind, "tried", &spec);
        let (theirs, own) = (trial.create(&good).await?, ours(&good, None));
        ensure!(theirs.is_empty() && own.is_empty(), "{kind} with every field: {theirs:#?} {own:#?}");

        let mut walk = Walk { whole: &spec, found: Vec::new() };
        walk.value(&schema["properties"]["spec"], &spec, "spec", "");
        let verdicts = futures::stream::iter(walk.found)
            .map(|broken| async move { anyhow::Ok((broken.keyword, agree(trial, kind, &broken).await?)) })
            .buffer_unordered(8);
        for (keyword, disagreement) in verdicts.try_collect::<Vec<_>>().await? {
            *seen.entry(keyword).or_default() += 1;
            disagreements.extend(disagreement);
        }
    }
    ensure!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    // The walk itself is not broken: it found fields of each sort.
    for keyword in ["enum", "pattern", "maxLength", "minimum", "maximum", "minItems", "maxItems", "required"]
    {
        ensure!(seen.get(keyword).is_some_and(|count| *count > 2), "{keyword}: {seen:?}");
    }
    ensure!(seen.values().sum::<usize>() > 300, "{seen:?}");
    Ok(())
}

/// Where the API server or we do not refuse it for what is wrong: what they say.
async fn agree(trial: &Trial, kind: &str, broken: &Broken) -> anyhow::Result<Option<String>> {
    let Broken { keyword, field, says, spec } = broken;
    let tried = object(kind, "tried", spec);
    let (theirs, own) = (trial.create(&tried).await?, ours(&tried, None));
    let blamed = theirs.iter().any(|cause| {
        // What is read strictly is named in the message, quoted.
        let here = cause.field == *field || cause.message.contains(&format!("\"{field}\""));
        here && cause.message.contains(says)
    });
    let blamed_by_us = own.iter().any(|cause| cause.field.starts_with(field.as_str()));
    let agreed = blamed && blamed_by_us;
    Ok((!agreed).then(|| {
        format!("{kind} {keyword} ({says}): {field}: the API server says {theirs:?}, we say {own:?}")
    }))
}

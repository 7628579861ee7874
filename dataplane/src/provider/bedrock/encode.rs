//! A chat request as Converse takes it.
//!
//! | of the model | becomes |
//! |---|---|
//! | system and developer messages, wherever they stand | `system`, in their order |
//! | messages of the same role in a row | one message; its tool results come first |
//! | blank texts | left out: Bedrock refuses them |
//! | no `max_tokens` | the model's `maxOutputTokens`, where it is known |
//! | an effort, a thinking budget | what the model's maker calls it: [`reasoning`](super::reasoning) |
//! | a schema for the answer | `outputConfig.textFormat` where the model states `StructuredOutput` and can follow the schema, its objects closed; else [a tool](super::tools) |
//! | `json_object` | a sentence in `system` |
//! | `top_k` | the model's own field |
//! | marks of the prompt cache | `cachePoint`s, for Anthropic's and Amazon's models: others cache nothing |
//! | thinking of earlier turns | left out but for Anthropic's models, which take only what they have signed or sealed themselves |
//! | a picture's `detail`, speaker's names, `user`, `metadata`, `store`, `prompt_cache_*` and fields that nobody knows | left out: they change no answer, and AWS's interfaces ignore what they don't know |
//! | a service tier | `serviceTier` |
//! | stop texts of white space alone, all else that Converse cannot do | refused by name: [`fields`](super::fields) |

use super::{family::Family, fields, messages, reasoning, tools};
use crate::{
    chat::{Content, Part, Raw, Request, ResponseFormat, Role},
    json::{self, Object},
    provider::{Refusal, Target, told},
};

pub(super) fn encode(request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
    fields::check(&request.extra)?;
    fields::check_own(request)?;
    let family = Family::of(target.model);
    let plan = tools::Plan::new(request, target, family)?;
    let max_tokens = request.max_output_tokens.or(target.model.max_output_tokens);
    let mut additional = Additional::default();
    let effort = reasoning::plan(request, target, family, &plan, max_tokens, &mut additional)?;
    plan.write_native(&mut additional);
    top_k(request, family, &mut additional)?;

    let mut out = Vec::with_capacity(1024);
    let mut body = Object::open(&mut out);
    messages::write(body.name("messages"), &request.messages, family)?;
    system(&mut body, request, &plan, family)?;
    inference(&mut body, request, max_tokens);
    plan.write(&mut body)?;
    output(&mut body, request, &plan, effort);
    additional.write(&mut body);
    // Nothing is what Converse calls `default`.
    let tier = request.extra("service_tier").and_then(Raw::read::<String>);
    if let Some(tier) = tier.filter(|tier| !matches!(tier.as_str(), "auto" | "default")) {
        let mut object = Object::open(body.name("serviceTier"));
        object.string("type", &tier);
        object.close();
    }
    if family == Family::Claude && !request.stop.is_empty() {
        // Which text ended the answer: Converse itself does not tell.
        body.raw("additionalModelResponseFieldPaths", r#"["/stop_sequence"]"#);
    }
    body.close();
    Ok(out)
}

fn system(
    body: &mut Object<'_>,
    request: &Request,
    plan: &tools::Plan<'_>,
    family: Family,
) -> Result<(), Refusal> {
    let json = (request.response_format == Some(ResponseFormat::JsonObject)).then_some(told::JSON);
    let ours: Vec<Part> = json
        .into_iter()
        .chain(plan.sentence())
        .map(|sentence| Content::Text(sentence.to_owned()).into())
        .collect();
    let parts: Vec<&Part> = request
        .messages
        .iter()
        .filter(|message| matches!(message.role, Role::System | Role::Developer))
        .flat_map(|message| &message.parts)
        .chain(&ours)
        .filter(|part| messages::is_sent(part, family))
        .collect();
    if !parts.is_empty() {
        messages::system(body.name("system"), &parts, family)?;
    }
    Ok(())
}

fn inference(body: &mut Object<'_>, request: &Request, max_tokens: Option<u64>) {
    let stop = &request.stop;
    let numbers = [("temperature", &request.temperature), ("topP", &request.top_p)];
    if max_tokens.is_none() && stop.is_empty() && numbers.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    let mut config = Object::open(body.name("inferenceConfig"));
    if let Some(most) = max_tokens {
        config.number("maxTokens", most);
    }
    for (name, value) in numbers {
        if let Some(value) = value {
            config.raw(name, value.get());
        }
    }
    if !stop.is_empty() {
        json::list(config.name("stopSequences"), stop, |out, text| json::string(out, text));
    }
    config.close();
}

/// `outputConfig`
fn output(body: &mut Object<'_>, request: &Request, plan: &tools::Plan<'_>, effort: Option<&str>) {
    let format = match &request.response_format {
        Some(ResponseFormat::JsonSchema { name, description, .. }) => {
            plan.schema().map(|schema| (name, description, schema))
        }
        _ => None,
    };
    if format.is_none() && effort.is_none() {
        return;
    }
    let mut config = Object::open(body.name("outputConfig"));
    if let Some((name, description, schema)) = format {
        let mut format = Object::open(config.name("textFormat"));
        format.string("type", "json_schema");
        let mut structure = Object::open(format.name("structure"));
        let mut inner = Object::open(structure.name("jsonSchema"));
        // A text that holds JSON.
        inner.string("schema", schema);
        if let Some(name) = name {
            inner.string("name", name);
        }
        if let Some(description) = description {
            inner.string("description", description);
        }
        inner.close();
        structure.close();
        format.close();
    }
    if let Some(effort) = effort {
        config.string("effort", effort);
    }
    config.close();
}

fn top_k(request: &Request, family: Family, additional: &mut Additional) -> Result<(), Refusal> {
    let Some(top_k) = &request.top_k else { return Ok(()) };
    match family {
        Family::Claude | Family::Mistral => additional.add("top_k", top_k.get()),
        Family::Nova => additional.add("inferenceConfig", &format!("{{\"topK\":{}}}", top_k.get())),
        Family::EffortWord | Family::EffortObject | Family::Other => {
            let message = "`top_k` is not known for this model of Amazon Bedrock".to_owned();
            return Err(Refusal { field: "top_k".to_owned(), message });
        }
    }
    Ok(())
}

/// `additionalModelRequestFields`: what Converse hands on to the model as it is.
#[derive(Debug, Default)]
pub(super) struct Additional(Vec<(&'static str, String)>);

impl Additional {
    pub(super) fn add(&mut self, name: &'static str, json: &str) {
        self.0.push((name, json.to_owned()));
    }

    fn write(&self, body: &mut Object<'_>) {
        if self.0.is_empty() {
            return;
        }
        let mut fields = Object::open(body.name("additionalModelRequestFields"));
        for (name, json) in &self.0 {
            fields.raw(name, json);
        }
        fields.close();
    }
}

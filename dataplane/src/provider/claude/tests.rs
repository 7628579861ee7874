//! What reaches Anthropic's models, from Anthropic and from Bedrock.

use serde_json::{Value, json};

use crate::{
    body,
    provider::{self, Target, testing},
    wire::Wire,
};
use aigne_hub_crds::config::{ModelFeature, ProviderType};

const CLAUDE: &str = "anthropic.claude-x-v1:0";

/// What a provider gets of a request; `most`: the model's own bound.
fn sent(
    r#type: ProviderType,
    model: &str,
    features: &[ModelFeature],
    most: Option<u64>,
    (wire, request): (Wire, &Value),
) -> Value {
    let mut provider = testing::provider(r#type);
    provider.models = vec![testing::model(features)];
    provider.models[0].upstream_model = model.into();
    provider.models[0].max_output_tokens = most;
    let target = Target { provider: &provider, model: &provider.models[0] };
    let decoded = wire.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
    serde_json::from_slice(&provider::adapter(r#type).encode(&decoded, target).unwrap()).unwrap()
}

fn to_anthropic(wire: Wire, request: &Value) -> Value {
    sent(ProviderType::Anthropic, CLAUDE, &[], Some(8000), (wire, request))
}

fn to_bedrock(model: &str, wire: Wire, request: &Value) -> Value {
    sent(ProviderType::Bedrock, model, &[ModelFeature::StructuredOutput], Some(8000), (wire, request))
}

/// A question in OpenAI's words, with more members.
fn chat(members: Value) -> Value {
    let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    let (Value::Object(into), Value::Object(from)) = (&mut request, members) else { panic!("objects") };
    into.extend(from);
    request
}

/// A question in Gemini's words.
fn gemini(config: &Value) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}], "generationConfig": config})
}

fn asking_for(schema: &Value) -> Value {
    chat(json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}}))
}

#[test]
fn objects_of_a_schema_are_closed() {
    let open = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "string"}}}},
        "c": {"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]}},
        "$defs": {"D": {"type": "object", "properties": {}, "additionalProperties": false}}});
    let closed = json!({"type": "object", "required": ["a"], "additionalProperties": false, "properties": {
        "a": {"type": "array", "items":
            {"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": false}},
        "c": {"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]}},
        "$defs": {"D": {"type": "object", "properties": {}, "additionalProperties": false}}});
    let request = asking_for(&open);
    let sent = to_anthropic(Wire::OpenAiChat, &request);
    assert_eq!(sent["output_config"]["format"]["schema"], closed);
    let sent = to_bedrock(CLAUDE, Wire::OpenAiChat, &request);
    let text = &sent["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"];
    assert_eq!(serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap(), closed);
}

#[test]
fn a_schema_of_geminis_is_closed_too() {
    let schema = json!({"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": true}}});
    let request = gemini(&json!({"responseMimeType": "application/json", "responseSchema": schema}));
    assert_eq!(
        to_anthropic(Wire::Gemini, &request)["output_config"]["format"]["schema"],
        json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "additionalProperties": false})
    );
}

#[test]
fn what_they_do_not_see_to_is_told_in_the_description() {
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {
        "a": {"type": "integer", "minimum": 1, "description": "An age."},
        "b": {"type": "string", "format": "email", "maxLength": 9},
        "c": {"$ref": "#/$defs/C", "description": "A colour."}},
        "$defs": {"C": {"enum": ["red", "blue"], "type": "string", "title": "C"}}});
    assert_eq!(
        to_anthropic(Wire::OpenAiChat, &asking_for(&schema))["output_config"]["format"]["schema"],
        json!({"type": "object", "additionalProperties": false, "properties": {
            "a": {"type": "integer", "description": "An age.\n\n{\"minimum\":1}"},
            "b": {"type": "string", "format": "email", "description": "{\"maxLength\":9}"},
            "c": {"$ref": "#/$defs/C"}},
            "$defs": {"C": {"enum": ["red", "blue"], "type": "string", "title": "C"}}})
    );
}

#[test]
fn a_schema_that_they_cannot_follow_is_told() {
    for open in [
        json!({"type": "object", "additionalProperties": true}),
        json!({"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}}),
        json!({"type": "object", "properties": {"a": {}}}),
        json!({"type": "object", "properties": {"a": {"not": {"type": "string"}}}}),
        json!({"allOf": [{"type": "object", "properties": {}}, {"type": "object", "properties": {}}]}),
    ] {
        let request = asking_for(&open);
        let sent = to_anthropic(Wire::OpenAiChat, &request);
        assert_eq!(sent.get("output_config"), None, "{open}");
        assert!(sent["system"].as_str().unwrap().ends_with(&open.to_string()), "{open}");
        let sent = to_bedrock(CLAUDE, Wire::OpenAiChat, &request);
        assert_eq!(sent.get("outputConfig"), None, "{open}");
        assert_eq!(sent["toolConfig"]["tools"][0]["toolSpec"]["name"], "hub_structured_answer");
    }
}

#[test]
fn a_strict_tool_is_closed_and_another_is_left_alone() {
    let open = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let tool = |strict: Value| json!({"type": "function", "function": {"name": "f", "parameters": open, "strict": strict}});
    let request = chat(json!({"tools": [tool(json!(true)), tool(json!(null))]}));
    let tools = to_anthropic(Wire::OpenAiChat, &request)["tools"].take();
    assert_eq!(tools[0]["input_schema"]["additionalProperties"], false);
    assert_eq!(tools[1]["input_schema"], open);
}

#[test]
fn thinking_that_a_model_cannot_bound_itself_gets_a_budget() {
    for (wire, request) in [
        (
            Wire::Gemini,
            gemini(&json!({"thinkingConfig": {"includeThoughts": true}, "maxOutputTokens": 8000})),
        ),
        (Wire::Gemini, gemini(&json!({"thinkingConfig": {"thinkingBudget": -1}, "maxOutputTokens": 8000}))),
        (Wire::OpenAiChat, chat(json!({"reasoning": {"enabled": true}, "max_tokens": 8000}))),
        (Wire::OpenAiChat, chat(json!({"thinking": {"type": "enabled"}, "max_tokens": 8000}))),
    ] {
        let budget = json!({"type": "enabled", "budget_tokens": 4096});
        assert_eq!(to_anthropic(wire, &request)["thinking"], budget, "{request}");
        let bedrock = to_bedrock(CLAUDE, wire, &request);
        assert_eq!(bedrock["additionalModelRequestFields"]["thinking"], budget, "{request}");
        let adaptive = [ModelFeature::AdaptiveThinking];
        let sent = sent(ProviderType::Anthropic, CLAUDE, &adaptive, Some(8000), (wire, &request));
        assert_eq!(sent["thinking"], json!({"type": "adaptive"}), "{request}");
    }
}

#[test]
fn a_budget_is_at_least_what_they_take_and_leaves_something_for_the_answer() {
    let budget = |tokens: u64, most: Option<u64>, of_model: Option<u64>| {
        let mut config = json!({"thinkingConfig": {"thinkingBudget": tokens}});
        if let Some(most) = most {
            config["maxOutputTokens"] = json!(most);
        }
        let sent = sent(ProviderType::Anthropic, CLAUDE, &[], of_model, (Wire::Gemini, &gemini(&config)));
        (sent["thinking"]["budget_tokens"].as_u64(), sent["max_tokens"].as_u64().unwrap())
    };
    assert_eq!(budget(512, Some(8000), None), (Some(1024), 8000));
    assert_eq!(budget(8192, Some(4096), None), (Some(3072), 4096));
    // A smaller answer has no room for any.
    assert_eq!(budget(8192, Some(2000), None), (None, 2000));
    // The client named no limit: what the model is known to take, or what is used elsewhere beside the thinking.
    assert_eq!(budget(8192, None, Some(8000)), (Some(6976), 8000));
    assert_eq!(budget(8192, None, None), (Some(8192), 12_288));
    let bedrock = gemini(&json!({"thinkingConfig": {"thinkingBudget": 512}}));
    let bedrock = to_bedrock(CLAUDE, Wire::Gemini, &bedrock);
    assert_eq!(bedrock["additionalModelRequestFields"]["thinking"]["budget_tokens"], 1024);
}

#[test]
fn an_effort_yields_to_what_cannot_stand_beside_thinking() {
    for (member, thinks) in [
        (json!({"temperature": 0.2}), false),
        (json!({"temperature": 1.0}), true),
        (json!({"top_p": 0.9}), false),
        (json!({"top_p": 0.95}), true),
        (json!({"top_k": 5}), false),
    ] {
        let mut request = chat(member.clone());
        request["reasoning_effort"] = json!("low");
        let sent_by = |adaptive: bool| {
            let features: &[_] = if adaptive { &[ModelFeature::AdaptiveThinking] } else { &[] };
            let asked = (Wire::OpenAiChat, &request);
            let anthropic = sent(ProviderType::Anthropic, CLAUDE, features, Some(8000), asked);
            let bedrock = sent(ProviderType::Bedrock, CLAUDE, features, Some(8000), asked);
            (anthropic, bedrock["additionalModelRequestFields"]["thinking"].is_object())
        };
        for adaptive in [false, true] {
            let (anthropic, bedrock) = sent_by(adaptive);
            assert_eq!((anthropic["thinking"].is_object(), bedrock), (thinks, thinks), "{member}");
            // How hard to try can be said without it.
            assert_eq!(anthropic["output_config"]["effort"] == "low", adaptive, "{member}");
        }
    }
}

#[test]
fn thinking_goes_back_to_whoever_made_it() {
    let sealed = |format: &str| {
        json!({"messages": [{"role": "assistant", "content": "a", "reasoning_details":
            [{"type": "reasoning.encrypted", "data": "gAAA", "format": format}]}, {"role": "user", "content": "x"}]})
    };
    let (openais, own) = (chat(sealed("openai-responses-v1")), chat(sealed("anthropic-claude-v1")));
    let count = |sent: &Value, kind: &str| sent["messages"].to_string().matches(kind).count();
    for (request, left) in [(&openais, 0), (&own, 1)] {
        let anthropic = to_anthropic(Wire::OpenAiChat, request);
        assert_eq!(count(&anthropic, "redacted_thinking"), left, "{request}");
        let bedrock = to_bedrock(CLAUDE, Wire::OpenAiChat, request);
        assert_eq!(count(&bedrock, "redactedContent"), left, "{request}");
    }
    let signed = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "ZW5j"}, {"type": "text", "text": "a"}]},
        {"role": "user", "content": "y"}]});
    for (model, left) in
        [(CLAUDE, 2), ("us.amazon.nova-2-lite-v1:0", 0), ("meta.llama3-1-8b-instruct-v1:0", 0)]
    {
        let sent = to_bedrock(model, Wire::AnthropicMessages, &signed);
        assert_eq!(count(&sent, "reasoningContent"), left, "{model}");
    }
}

#[test]
fn a_call_after_anothers_sealed_thinking_is_one_without_its_own() {
    let request = chat(json!({"reasoning_effort": "low", "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": null,
            "reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses-v1"}],
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "y"}]}));
    assert_eq!(to_anthropic(Wire::OpenAiChat, &request).get("thinking"), None);
}

#[test]
fn blank_texts_are_left_out() {
    let request = json!({"model": "m", "messages": [
        {"role": "system", "content": " \n"},
        {"role": "user", "content": [{"type": "text", "text": "  "}, {"type": "text", "text": "x"}]},
        {"role": "assistant", "content": "\n"},
        {"role": "user", "content": "y"}]});
    let sent = to_anthropic(Wire::OpenAiChat, &request);
    assert_eq!(sent.get("system"), None);
    assert_eq!(
        sent["messages"],
        json!([{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]}])
    );
}

//! From script and question to the content of an answer.

use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::script::{Call, Script};
use super::usage::Tokens;

/// Why the answer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Done,
    Length,
    /// The sequence that was met.
    Stop(String),
    Calls,
    /// The model declines.
    Refused,
    /// In the wire's own words.
    Verbatim(String),
}

/// The content of one answer, the same for every wire.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) reasoning: Vec<String>,
    pub(super) text: Vec<String>,
    pub(super) refusal: Option<String>,
    /// Title of the source.
    pub(super) citation: Option<String>,
    pub(super) calls: Vec<Call>,
    pub(super) finish: Finish,
    pub(super) tokens: Tokens,
}

const GREETING: &[&str] = &["Hello", " from", " the", " scripted", " provider", "."];

impl Reply {
    pub(super) fn compose(script: &Script, ask: &Ask) -> Self {
        let mut calls = script.calls.clone();
        let forced = ask.tool_forced && calls.is_empty();
        let offered = if forced { script.call_offered.max(1) } else { script.call_offered };
        for (number, (name, schema)) in ask.tools.iter().take(offered).enumerate() {
            calls.push(Call {
                id: format!("call_scripted_{number}"),
                name: name.clone(),
                arguments: sample(schema),
            });
        }
        let text = match &ask.schema {
            Some(schema) if script.text.is_empty() && calls.is_empty() => vec![sample(schema).to_string()],
            _ if script.refusal.is_some() => Vec::new(),
            _ if script.text.is_empty() && calls.is_empty() => {
                GREETING.iter().map(ToString::to_string).collect()
            }
            _ => script.text.clone(),
        };
        let (text, finish) = limit(text, ask);
        let finish = match (&script.finish, finish) {
            (Some(words), _) => Finish::Verbatim(words.clone()),
            (None, Finish::Done) if script.refusal.is_some() => Finish::Refused,
            (None, Finish::Done) if !calls.is_empty() => Finish::Calls,
            (None, finish) => finish,
        };
        let tokens = script.usage.clone().unwrap_or_else(|| {
            let reasoning = count(script.reasoning.len());
            let arguments: u64 =
                calls.iter().map(|call| count(call.arguments.to_string().len()).div_ceil(4)).sum();
            let output = (count(text.len()) * ask.choices + reasoning + arguments).max(1);
            let cached = script.reused.min(ask.prompt_tokens);
            Tokens { input: ask.prompt_tokens - cached, cached, output, reasoning, ..Tokens::default() }
        });
        let (refusal, citation) = (script.refusal.clone(), script.citation.clone());
        Self { reasoning: script.reasoning.clone(), text, refusal, citation, calls, finish, tokens }
    }
}

/// Applies stop sequences and the token limit (a piece is a token).
fn limit(mut text: Vec<String>, ask: &Ask) -> (Vec<String>, Finish) {
    let mut finish = Finish::Done;
    let whole = text.concat();
    let met = ask.stop.iter().filter_map(|stop| whole.find(stop).map(|at| (at, stop))).min();
    if let Some((at, stop)) = met {
        let mut room = at;
        for piece in &mut text {
            piece.truncate(room);
            room -= piece.len();
        }
        text.retain(|piece| !piece.is_empty());
        finish = Finish::Stop(stop.clone());
    }
    if let Some(limit) = ask.max_tokens.filter(|limit| *limit < text.len()) {
        text.truncate(limit);
        finish = Finish::Length;
    }
    (text, finish)
}

/// A value that satisfies a schema, the same each time.
pub(super) fn sample(schema: &Value) -> Value {
    if let Some(choice) = schema["enum"].as_array().and_then(|choices| choices.first()) {
        return choice.clone();
    }
    // Gemini writes types in capitals.
    match schema["type"].as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("object") => {
            let members = schema["properties"].as_object().map(|properties| {
                properties.iter().map(|(name, schema)| (name.clone(), sample(schema))).collect::<Map<_, _>>()
            });
            Value::Object(members.unwrap_or_default())
        }
        Some("array") => json!([sample(&schema["items"])]),
        Some("integer" | "number") => json!(7),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ => json!("sample"),
    }
}

pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &Value) -> Ask {
        Ask::of(body)
    }

    #[test]
    fn a_stop_sequence_across_pieces_ends_the_text() {
        let question = ask(&json!({"stop": ["d E"]}));
        let reply = Reply::compose(&Script::text("good END more"), &question);
        assert_eq!(reply.text.concat(), "goo");
        assert_eq!(reply.finish, Finish::Stop("d E".into()));
    }

    #[test]
    fn the_token_limit_holds() {
        let reply = Reply::compose(&Script::chunks(9), &ask(&json!({"max_tokens": 4})));
        assert_eq!((reply.text.len(), reply.finish, reply.tokens.output), (4, Finish::Length, 4));
    }

    #[test]
    fn forced_tools_are_called_with_arguments_of_their_schema() {
        let schema =
            json!({"type": "object", "properties": {"city": {"type": "string"}, "n": {"type": "integer"}}});
        let question =
            ask(&json!({"tools": [{"name": "f", "input_schema": schema}], "tool_choice": {"type": "any"}}));
        let reply = Reply::compose(&Script::default(), &question);
        assert_eq!(reply.calls[0].arguments, json!({"city": "sample", "n": 7}));
        assert_eq!(reply.finish, Finish::Calls);
    }
}

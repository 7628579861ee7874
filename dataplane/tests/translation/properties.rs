use aigne_hub::{
    body,
    chat::{
        Content, Event, FinishReason, Likelihood, Message, Raw, Reasoning, Request, ResponseFormat, Role,
        Source, TokenLogprob, ToolChoice,
    },
    provider::{Asked, Target},
    usage::Usage,
    wire::Wire,
};
use aigne_hub_crds::config::ProviderType;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::support::{
    PROVIDERS, WIRES, adapter, adapter_of, decode, encode, fixtures, meta, native, own, provider, relay,
};

/// The text cut at these places.
fn frames(text: &Bytes, cuts: &[Index]) -> Vec<Bytes> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| text.slice(pair[0]..pair[1])).collect()
}

/// A fixture with some damage.
fn damaged(text: &[u8], damage: &[(Index, u8)]) -> Vec<u8> {
    let mut text = text.to_vec();
    for (place, byte) in damage {
        let place = place.index(text.len());
        match byte % 4 {
            0 => text.truncate(place.max(1)),
            1 => {
                text.remove(place);
                if text.is_empty() {
                    text.push(*byte);
                }
            }
            _ => text[place] = *byte,
        }
    }
    text
}

#[test]
fn every_single_byte_boundary_gives_the_same_stream() {
    for (fixture, text) in fixtures("answers", "sse") {
        let adapter = adapter_of(&fixture);
        let bytes: Vec<Bytes> = (0..text.len()).map(|at| text.slice(at..=at)).collect();
        let whole = [text];
        for asked in [Asked { usage: true }, Asked { usage: false }] {
            assert_eq!(relay(adapter, &bytes, asked), relay(adapter, &whole, asked), "{fixture}");
        }
        assert_eq!(decode(adapter, &bytes), decode(adapter, &whole), "{fixture}");
    }
}

/// A schema that every provider takes as it is, however strictly it is to be followed.
fn closed() -> Value {
    json!({"type": "object", "properties": {}, "additionalProperties": false})
}

/// A request in `OpenAI`'s format that every part of the model can hold.
pub(super) fn request() -> impl Strategy<Value = Value> {
    let text = || "[a-zü\"\\\\\n]{1,8}";
    let call = (0..3_u8, "[a-z]{1,6}", text()).prop_map(|(id, name, argument)| {
        json!({"id": format!("call_{id}"), "type": "function", "function": {"name": name, "arguments": json!({"x": argument}).to_string()}})
    });
    let part = prop_oneof![
        text().prop_map(|text| json!({"type": "text", "text": text})),
        Just(
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}})
        ),
        Just(json!({"type": "image_url", "image_url": {"url": "https://example.com/x.png"}})),
        Just(json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}})),
        Just(
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}})
        ),
    ];
    let message = prop_oneof![
        (prop_oneof![Just("system"), Just("developer"), Just("user")], text())
            .prop_map(|(role, text)| json!({"role": role, "content": text})),
        proptest::collection::vec(part, 1..4).prop_map(|parts| json!({"role": "user", "content": parts})),
        (proptest::option::of(text()), proptest::collection::vec(call, 1..3))
            .prop_map(|(text, calls)| json!({"role": "assistant", "content": text, "tool_calls": calls})),
        text().prop_map(|text| json!({"role": "assistant", "content": text})),
        (0..3_u8, text()).prop_map(
            |(id, text)| json!({"role": "tool", "tool_call_id": format!("call_{id}"), "content": text})
        ),
    ];
    let tool = ("[a-z]{1,6}", proptest::option::of(any::<bool>())).prop_map(|(name, strict)| {
        json!({"type": "function", "function": {"name": name, "parameters": closed(), "strict": strict}})
    });
    let settings = prop_oneof![
        Just(json!({"temperature": 0.7, "stop": "x", "stream": true})),
        Just(json!({"top_p": 1, "seed": 3, "stop": ["x", "y"], "user": "u", "unknown": {"a": [1.50]}})),
        Just(
            json!({"max_tokens": 7, "presence_penalty": -1, "reasoning_effort": "low", "stream_options": {}})
        ),
        Just(json!({"max_completion_tokens": 7, "response_format": {"type": "json_object"}, "n": 1})),
        Just(json!({"n": 2, "logprobs": true})),
        Just(json!({"logprobs": true, "top_logprobs": 3})),
        Just(
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": closed()}}})
        ),
    ];
    let choice = prop_oneof![
        Just(json!("auto")),
        Just(json!("required")),
        Just(json!("none")),
        Just(json!({"type": "function", "function": {"name": "f"}})),
        Just(Value::Null),
    ];
    let messages = proptest::collection::vec(message, 1..6);
    let tools = proptest::collection::vec(tool, 1..3);
    (messages, tools, choice, proptest::option::of(any::<bool>()), settings).prop_map(
        |(messages, tools, choice, parallel, settings)| {
            let mut request = json!({"model": "m", "messages": messages, "tools": tools, "tool_choice": choice, "parallel_tool_calls": parallel});
            if let (Some(request), Value::Object(settings)) = (request.as_object_mut(), settings) {
                request.extend(settings);
            }
            request
        },
    )
}

/// What a request keeps on its way through Gemini's format: everything but what that format has no place for.
fn kept_by_gemini(mut request: Request) -> Request {
    let (mut system, mut turns) = (Vec::new(), Vec::<Message>::new());
    for message in std::mem::take(&mut request.messages) {
        match (message.role, turns.last_mut()) {
            (Role::System | Role::Developer, _) => system.extend(message.parts),
            (role, Some(turn)) if turn.role == role => turn.parts.extend(message.parts),
            (role, _) => turns.push(Message::new(role, message.parts)),
        }
    }
    for turn in &mut turns {
        turn.parts.sort_by_key(|part| !matches!(part.content, Content::ToolResult { .. }));
        for part in &mut turn.parts {
            part.signature = None;
            match &mut part.content {
                Content::Image { detail, .. } => *detail = None,
                Content::File { name, .. } => *name = None,
                _ => {}
            }
        }
    }
    if !system.is_empty() {
        turns.insert(0, Message::new(Role::System, system));
    }
    let validated = matches!(request.tool_choice, None | Some(ToolChoice::Auto))
        && request.tools.iter().any(|tool| tool.strict == Some(true));
    if validated {
        request.tool_choice = Some(ToolChoice::Auto);
    }
    request.tools.iter_mut().for_each(|tool| tool.strict = validated.then_some(true));
    if let Some(ResponseFormat::JsonSchema { name, description, strict, .. }) = &mut request.response_format {
        (*name, *description, *strict) = (None, None, Some(true));
    }
    if let Some(Reasoning { thinking, display, .. }) = &mut request.reasoning {
        (*thinking, *display) = (None, None);
    }
    Request {
        model: String::new(),
        messages: turns,
        parallel_tool_calls: None,
        user: None,
        stream: false,
        include_usage: true,
        ..request
    }
}

/// The same request without what Gemini refuses: results of calls that were never made, and others' files.
fn without_what_gemini_refuses(mut request: Request) -> Request {
    let mut calls = Vec::new();
    for message in &mut request.messages {
        message.parts.retain(|part| match &part.content {
            Content::ToolCall { id, .. } => {
                calls.push(id.clone());
                true
            }
            Content::ToolResult { id, .. } => calls.contains(id),
            Content::File { source: Source::Id(_), .. } => false,
            _ => true,
        });
    }
    request.messages.retain(|message| !message.parts.is_empty());
    request.messages.push(Message::new(Role::User, vec![Content::Text("And now?".into()).into()]));
    Request { parallel_tool_calls: None, ..request }
}

/// Log probabilities of tokens that are unlike each other.
fn logprobs() -> impl Strategy<Value = Event> {
    proptest::collection::vec((".{0,3}", 0..99_u32, any::<bool>()), 1..3).prop_map(|tokens| {
        let token = |(token, number, told): (String, u32, bool)| {
            let bytes = told.then(|| Raw::parse("[1,\n2]")).flatten();
            let chosen = Likelihood::new(token, Raw::parse(&format!("-{number}.50")), bytes).unwrap();
            TokenLogprob { top: if told { vec![chosen.clone()] } else { Vec::new() }, chosen }
        };
        Event::Logprobs(tokens.into_iter().map(token).collect())
    })
}

/// Any event, in any order.
fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => Just(Event::Start { id: None, model: None, usage: None }),
        1 => Just(Event::Usage(Usage { input: 3, output: 5, ..Usage::default() })),
        2 => (0..3_u32).prop_map(Event::Answer),
        12 => said(),
    ]
}

/// Any event of one answer.
fn said() -> impl Strategy<Value = Event> {
    let text = || ".{0,6}";
    prop_oneof![
        logprobs(),
        text().prop_map(Event::Text),
        text().prop_map(Event::Thinking),
        text().prop_map(Event::Signature),
        text().prop_map(Event::RedactedThinking),
        text().prop_map(Event::Refusal),
        (0..3_u32, text()).prop_map(|(index, name)| Event::ToolCall {
            index,
            id: format!("c{index}"),
            name,
            signature: None
        }),
        (0..4_u32, text()).prop_map(|(index, text)| Event::ToolArguments { index, text }),
        Just(Event::Finish(FinishReason::ToolCalls.into())),
    ]
}

/// What was written of one answer, in the order in which it was.
fn of_answer(wire: Wire, events: &[Event], answer: u32) -> Vec<Value> {
    let list = if wire == Wire::Gemini { "candidates" } else { "choices" };
    let pieces = written(&encode(wire, events, false));
    let pieces = pieces.iter().flat_map(|piece| piece[list].as_array().unwrap().clone());
    pieces.filter(|piece| piece["index"] == answer).collect()
}

/// The JSON of each event of a written stream.
fn written(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

proptest! {
    #[test]
    fn anthropic_blocks_open_and_close_one_after_the_other(events in proptest::collection::vec(event(), 0..20)) {
        let mut open = None;
        let mut next = 0;
        let mut kinds = Vec::new();
        for event in written(&encode(Wire::AnthropicMessages, &events, true)) {
            let kind = event["type"].as_str().unwrap().to_owned();
            let index = event["index"].as_u64();
            match kind.as_str() {
                "content_block_start" => {
                    prop_assert_eq!((open, index), (None, Some(next)));
                    open = index;
                    next += 1;
                }
                "content_block_stop" => {
                    prop_assert_eq!(open.take(), index);
                }
                // Pieces of a tool's input may come late; all others belong to the open block.
                "content_block_delta" if event["delta"]["type"] != "input_json_delta" => prop_assert_eq!(open, index),
                "content_block_delta" => prop_assert!(index < Some(next)),
                _ => prop_assert_eq!(open, None, "{}", kind),
            }
            kinds.push(kind);
        }
        prop_assert_eq!(kinds.first().map(String::as_str), Some("message_start"));
        prop_assert_eq!(kinds.iter().filter(|kind| *kind == "message_start").count(), 1);
        prop_assert_eq!(&kinds[kinds.len() - 2..], ["message_delta", "message_stop"]);
    }

    #[test]
    fn responses_events_are_numbered_and_items_open_and_close_once(events in proptest::collection::vec(event(), 0..20)) {
        let events = written(&encode(Wire::OpenAiResponses, &events, true));
        let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
        let items = |wanted: &str| -> Vec<Value> {
            events.iter().filter(|event| event["type"] == wanted).map(|event| event["output_index"].clone()).collect()
        };
        for (number, event) in events.iter().enumerate() {
            prop_assert_eq!(&event["sequence_number"], &json!(number));
        }
        prop_assert_eq!([kind(&events[0]), kind(&events[1])], ["response.created", "response.in_progress"]);
        prop_assert_eq!(kind(&events[events.len() - 1]), "response.completed");
        let added = items("response.output_item.added");
        prop_assert_eq!(&added, &(0..added.len()).map(|index| json!(index)).collect::<Vec<_>>());
        let mut done = items("response.output_item.done");
        done.sort_by_key(Value::as_u64);
        prop_assert_eq!(&done, &added);
        // What the pieces add up to is what the whole answer says.
        let output = events[events.len() - 1]["response"]["output"].as_array().unwrap();
        prop_assert_eq!(output.len(), added.len());
        for (index, item) in output.iter().enumerate() {
            let pieces = |kind: &str| -> String {
                events
                    .iter()
                    .filter(|event| event["type"] == kind && event["output_index"] == index)
                    .map(|event| event["delta"].as_str().unwrap())
                    .collect()
            };
            match item["type"].as_str().unwrap() {
                "function_call" => {
                    let arguments = pieces("response.function_call_arguments.delta");
                    let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
                    prop_assert_eq!(item["arguments"].as_str(), Some(arguments.as_str()));
                }
                "message" => {
                    let texts: String = item["content"].as_array().unwrap().iter().filter_map(|part| part["text"].as_str()).collect();
                    prop_assert_eq!(texts, pieces("response.output_text.delta"));
                    let done = events.iter().filter(|event| event["type"] == "response.output_text.done" && event["output_index"] == index);
                    let done: Vec<_> = done.map(|event| event["logprobs"].clone()).collect();
                    let whole = item["content"].as_array().unwrap().iter().filter(|part| part["type"] == "output_text");
                    prop_assert_eq!(done, whole.map(|part| part["logprobs"].clone()).collect::<Vec<_>>());
                }
                _ => {
                    let thought = item["summary"][0]["text"].as_str().unwrap_or_default();
                    prop_assert_eq!(thought, pieces("response.reasoning_summary_text.delta"));
                }
            }
        }
    }

    #[test]
    fn openai_chunks_have_one_id_and_the_usage_last(events in proptest::collection::vec(event(), 0..20), usage in any::<bool>()) {
        let chunks = written(&encode(Wire::OpenAiChat, &events, usage));
        for chunk in &chunks {
            prop_assert_eq!(&chunk["id"], &chunks[0]["id"]);
            prop_assert_eq!(chunk.get("usage").is_some(), usage);
        }
        let counted: Vec<usize> = (0..chunks.len()).filter(|index| chunks[*index]["usage"].is_object()).collect();
        prop_assert!(counted.is_empty() || (usage && counted == [chunks.len() - 1]));
    }

    #[test]
    fn answers_that_come_in_turn_do_not_mix(said in proptest::collection::vec((0..3_u32, said()), 0..20)) {
        let with_turns = |said: &[(u32, Event)]| -> Vec<Event> {
            said.iter().flat_map(|(answer, event)| [Event::Answer(*answer), event.clone()]).collect()
        };
        for answer in 0..3 {
            let alone: Vec<_> = said.iter().filter(|(other, _)| *other == answer).cloned().collect();
            if alone.is_empty() {
                continue;
            }
            for wire in [Wire::OpenAiChat, Wire::OpenAiCompletions, Wire::Gemini] {
                let mixed = of_answer(wire, &with_turns(&said), answer);
                prop_assert_eq!(mixed, of_answer(wire, &with_turns(&alone), answer), "{:?}", wire);
            }
        }
        // Where there is place for one answer, the others are not heard of.
        let first: Vec<_> = said.iter().filter(|(answer, _)| *answer == 0).map(|(_, event)| event.clone()).collect();
        for wire in [Wire::AnthropicMessages, Wire::OpenAiResponses] {
            prop_assert_eq!(encode(wire, &with_turns(&said), true), encode(wire, &first, true), "{:?}", wire);
        }
    }

    #[test]
    fn no_log_probability_is_lost_or_told_twice(said in proptest::collection::vec(said(), 0..20)) {
        let mut told: Vec<String> = Vec::new();
        for event in &said {
            if let Event::Logprobs(tokens) = event {
                told.extend(tokens.iter().map(|token| token.chosen.token.clone()));
            }
        }
        let tokens = |value: &Value, name: &str| -> Vec<String> {
            let text = |token: &Value| token.as_str().or(token["token"].as_str()).unwrap().to_owned();
            value[name].as_array().into_iter().flatten().map(text).collect()
        };
        let chat = of_answer(Wire::OpenAiChat, &said, 0);
        let chat: Vec<String> = chat
            .iter()
            .flat_map(|choice| [tokens(&choice["logprobs"], "content"), tokens(&choice["logprobs"], "refusal")].concat())
            .collect();
        prop_assert_eq!(&chat, &told);
        let gemini = of_answer(Wire::Gemini, &said, 0);
        let gemini: Vec<String> =
            gemini.iter().flat_map(|piece| tokens(&piece["logprobsResult"], "chosenCandidates")).collect();
        prop_assert_eq!(&gemini, &told);
    }

    #[test]
    fn what_anthropic_gets_keeps_to_its_format(request in request()) {
        let provider = provider(ProviderType::Anthropic, &[]);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let request = Wire::OpenAiChat.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
        if let Ok(bytes) = adapter(ProviderType::Anthropic).encode(&request, target) {
            let body = body::scan(bytes.into()).unwrap();
            let again = Wire::AnthropicMessages.decode(&body).unwrap();
            let roles: Vec<Role> = again.messages.iter().map(|message| message.role).filter(|role| *role != Role::System).collect();
            prop_assert!(roles.windows(2).all(|pair| pair[0] != pair[1]), "roles alternate");
            for message in &again.messages {
                let results: Vec<bool> = message.parts.iter().map(|part| matches!(part.content, Content::ToolResult { .. })).collect();
                prop_assert!(results.windows(2).all(|pair| pair[0] || !pair[1]), "tool results come first");
            }
            prop_assert_eq!(again.tools.len(), request.tools.len());
        }
    }

    #[test]
    fn what_bedrock_gets_keeps_to_its_format(request in request()) {
        let provider = provider(ProviderType::Bedrock, &[]);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let mut request = Wire::OpenAiChat.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
        // Refused by name, as other tests show.
        (request.seed, request.presence_penalty) = (None, None);
        if let Ok(bytes) = adapter(ProviderType::Bedrock).encode(&request, target) {
            let body: Value = serde_json::from_slice(&bytes).unwrap();
            let messages = body["messages"].as_array().unwrap();
            prop_assert!(messages.windows(2).all(|pair| pair[0]["role"] != pair[1]["role"]), "roles alternate");
            let blocks = || messages.iter().map(|message| message["content"].as_array().unwrap());
            for blocks in blocks() {
                prop_assert!(!blocks.is_empty());
                let results: Vec<bool> = blocks.iter().map(|block| block.get("toolResult").is_some()).collect();
                prop_assert!(results.windows(2).all(|pair| pair[0] || !pair[1]), "tool results come first");
                prop_assert!(blocks.iter().all(|block| block["text"].as_str().is_none_or(|text| !text.trim().is_empty())));
            }
            let tools = blocks().flatten().any(|block| block.get("toolUse").or(block.get("toolResult")).is_some());
            prop_assert!(!tools || body["toolConfig"]["tools"].as_array().is_some_and(|tools| !tools.is_empty()));
        }
    }

    #[test]
    fn what_ollama_gets_says_what_was_said(request in request()) {
        let provider = provider(ProviderType::Ollama, &[]);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let mut request = Wire::OpenAiChat.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
        // Refused by name, as other tests show.
        request.tool_choice = request.tool_choice.filter(|choice| *choice == ToolChoice::Auto);
        if let Ok(bytes) = adapter(ProviderType::Ollama).encode(&request, target) {
            let body: Value = serde_json::from_slice(&bytes).unwrap();
            let messages = body["messages"].as_array().unwrap();
            let mut calls = Vec::new();
            let mut heard = Vec::new();
            for message in messages {
                prop_assert!(matches!(message["role"].as_str(), Some("system" | "user" | "assistant" | "tool")));
                heard.extend(message["content"].as_str().map(str::to_owned));
                let called = message["tool_calls"].as_array().into_iter().flatten();
                for call in called {
                    prop_assert!(call["function"]["arguments"].is_object());
                    calls.push((&call["id"], &call["function"]["name"]));
                    heard.push(call["function"]["arguments"]["x"].as_str().unwrap().to_owned());
                }
                let of = calls.iter().rfind(|(id, _)| **id == message["tool_call_id"]);
                prop_assert_eq!(&message["tool_name"], of.map_or(&Value::Null, |(_, name)| *name));
            }
            let heard = heard.join("\n");
            let parts = request.messages.iter().flat_map(|message| &message.parts);
            let mut pictures = 0;
            for part in parts {
                match &part.content {
                    Content::Text(text) => prop_assert!(heard.contains(text.as_str())),
                    Content::Image { .. } => pictures += 1,
                    _ => {}
                }
            }
            let shown = messages.iter().filter_map(|message| message["images"].as_array()).flatten().count();
            prop_assert_eq!(shown, pictures);
        }
    }

    #[test]
    fn any_boundaries_give_the_same_stream(which in any::<Index>(), cuts in proptest::collection::vec(any::<Index>(), 0..8), usage in any::<bool>()) {
        let mut all = fixtures("answers", "sse");
        all.extend(fixtures("answers", "ndjson"));
        let (fixture, text) = &all[which.index(all.len())];
        let adapter = adapter_of(fixture);
        let cut = frames(text, &cuts);
        let whole = [text.clone()];
        prop_assert_eq!(relay(adapter, &cut, Asked { usage }), relay(adapter, &whole, Asked { usage }));
        prop_assert_eq!(decode(adapter, &cut), decode(adapter, &whole));
    }

    #[test]
    fn nothing_is_lost_between_openai_and_openai(request in request()) {
        let read = |bytes: Vec<u8>| Wire::OpenAiChat.decode(&body::scan(bytes.into()).unwrap()).unwrap();
        let once = read(request.to_string().into_bytes());
        let provider = provider(ProviderType::OpenAI, &[]);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let mut twice = read(adapter(ProviderType::OpenAI).encode(&once, target).unwrap());
        // What the hub sets itself.
        twice.model.clone_from(&once.model);
        twice.include_usage = once.include_usage;
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn nothing_that_both_have_is_lost_between_openai_and_gemini(request in request()) {
        let once = Wire::OpenAiChat.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
        let once = without_what_gemini_refuses(once);
        let provider = provider(ProviderType::Gemini, &[]);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let sent = adapter(ProviderType::Gemini).encode(&once, target).unwrap();
        let twice = Wire::Gemini.decode(&body::scan(sent.into()).unwrap()).unwrap();
        prop_assert_eq!(kept_by_gemini(once), kept_by_gemini(twice));
    }

    #[test]
    fn every_piece_of_a_gemini_stream_is_an_answer_and_only_the_last_has_a_reason(events in proptest::collection::vec(event(), 0..20)) {
        let pieces = written(&encode(Wire::Gemini, &events, true));
        let reasons = pieces.iter().map(|piece| piece["candidates"][0]["finishReason"].is_string());
        let last = pieces.len() - 1;
        prop_assert!(reasons.enumerate().all(|(index, has)| has == (index == last)));
        for piece in &pieces {
            prop_assert_eq!(&piece["responseId"], &pieces[0]["responseId"]);
            for part in piece["candidates"][0]["content"]["parts"].as_array().unwrap() {
                prop_assert!(part["text"].is_string() || part["functionCall"]["args"].is_object());
            }
        }
    }

    #[test]
    fn damaged_answers_are_survived(which in any::<Index>(), damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..6), status in 100_u16..600) {
        let mut all = fixtures("answers", "sse");
        all.extend(fixtures("answers", "ndjson"));
        all.extend(fixtures("answers", "json"));
        let (fixture, text) = &all[which.index(all.len())];
        let text = damaged(text, &damage);
        let adapter = adapter_of(fixture);
        let _ = adapter.observe(native(adapter), &text);
        if let Ok(response) = adapter.decode(&text) {
            for (wire, _) in WIRES {
                let bytes = wire.encode(&response, &meta(true));
                prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
            }
        }
        let _ = adapter.error(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), &text);
        let stream = [Bytes::from(text)];
        relay(adapter, &stream, Asked { usage: true });
        let (events, _) = decode(adapter, &stream);
        for (wire, _) in WIRES {
            encode(wire, &events, true);
        }
    }

    #[test]
    fn damaged_requests_are_survived(which in any::<Index>(), damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4), to in any::<Index>()) {
        let all = fixtures("requests", "json");
        let (_, text) = &all[which.index(all.len())];
        if let Ok(body) = body::scan(damaged(text, &damage).into()) {
            let provider = provider(PROVIDERS[to.index(PROVIDERS.len())].0, &[]);
            let target = Target { provider: &provider, model: &provider.models[0] };
            let adapter = adapter(provider.r#type);
            if let Ok((edits, _)) = adapter.relay(own(adapter), &body, target) {
                body::scan(body::apply(&body, &edits)).unwrap();
            }
            for (wire, _) in WIRES {
                if let Ok(request) = wire.decode(&body) && let Ok(bytes) = adapter.encode(&request, target) {
                    body::scan(bytes.into()).unwrap();
                }
            }
        }
    }

    #[test]
    fn anything_is_survived(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (r#type, _) in PROVIDERS {
            let adapter = adapter(r#type);
            let _ = adapter.observe(own(adapter), &text);
            let _ = adapter.observe(native(adapter), &text);
            let _ = adapter.decode(&text);
            let _ = adapter.error(StatusCode::BAD_REQUEST, &HeaderMap::new(), &text);
            adapter.observer(own(adapter), Asked { usage: true }).event(&text);
            let _ = adapter.decoder().event(&text, &mut Vec::new());
        }
    }
}

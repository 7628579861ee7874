//! `options`: how the model generates.

use crate::{
    body,
    chat::{Raw, Request},
    json::{self, Object},
    provider::{Refusal, Target},
};

/// Options of the client's own that shape its answer and nothing else. The rest is said by other fields of the client's
/// format, or sets how a model is loaded: that throws it out of memory and loads it anew, for everybody.
const OWN: [&str; 9] = [
    "min_p",
    "typical_p",
    "repeat_last_n",
    "repeat_penalty",
    "mirostat",
    "mirostat_tau",
    "mirostat_eta",
    "penalize_newline",
    "num_keep",
];

/// Writes the member, where there is anything to say.
pub(super) fn write(body: &mut Object<'_>, request: &Request, target: Target<'_>) -> Result<(), Refusal> {
    let most = request.max_output_tokens.or(target.model.max_output_tokens);
    if most == Some(0) {
        return refuse("max_tokens", "`max_tokens` must be at least 1: Ollama takes 0 for no end at all");
    }
    let numbers = [
        ("temperature", &request.temperature),
        ("top_p", &request.top_p),
        ("top_k", &request.top_k),
        ("presence_penalty", &request.presence_penalty),
        ("frequency_penalty", &request.frequency_penalty),
        ("seed", &request.seed),
    ];
    let own = request.extra("options").map(own).transpose()?.unwrap_or_default();
    let silent = most.is_none()
        && request.stop.is_empty()
        && own.is_empty()
        && numbers.iter().all(|(_, value)| value.is_none());
    if silent {
        return Ok(());
    }
    let mut options = Object::open(body.name("options"));
    if let Some(most) = most {
        options.number("num_predict", most);
    }
    for (name, value) in numbers {
        if let Some(value) = value {
            options.raw(name, value.get());
        }
    }
    if !request.stop.is_empty() {
        json::list(options.name("stop"), &request.stop, |out, text| json::string(out, text));
    }
    for (name, value) in own {
        options.raw(&name, &value);
    }
    options.close();
    Ok(())
}

/// The client's own.
fn own(options: &Raw) -> Result<Vec<(String, String)>, Refusal> {
    let Ok(options) = body::scan(bytes::Bytes::copy_from_slice(options.get().as_bytes())) else {
        return refuse("options", "`options` must be an object that names each option once");
    };
    let mut own = Vec::new();
    for (name, raw) in options.members().filter(|(_, raw)| *raw != "null") {
        if !OWN.contains(&name) {
            let field = format!("options.{name}");
            let message = format!(
                "`{field}` is said by a field of this format, or sets how the model is loaded for everybody; allowed: {}",
                OWN.join(", ")
            );
            return refuse(&field, &message);
        }
        own.push((name.to_owned(), raw.to_owned()));
    }
    Ok(own)
}

fn refuse<T>(field: &str, message: &str) -> Result<T, Refusal> {
    Err(Refusal { field: field.to_owned(), message: message.to_owned() })
}

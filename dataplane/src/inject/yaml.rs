//! Text into documents, and documents into text that kubectl reads as they were meant.

use std::fmt::Write as _;

use aigne_hub_crds::manifest::values;
use serde_json::Value;

/// The documents of a text, each with the marker before it. Joined, they are the text.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let is_marker = |line: &str| {
        line.strip_prefix("---").is_some_and(|rest| rest.trim_start().len() < rest.len() || rest.is_empty())
    };
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && is_marker(line) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// A document in block style.
pub(super) fn write(document: &Value) -> String {
    let mut text = String::new();
    node(document, 0, &mut text);
    text
}

/// At the beginning of a line or behind a `- `; ends its line.
fn node(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (number, (name, value)) in members.iter().enumerate() {
                if number > 0 {
                    pad(indent, text);
                }
                text.push_str(&scalar(name));
                text.push(':');
                member(value, indent, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    pad(indent, text);
                }
                text.push_str("- ");
                node(item, indent + 2, text);
            }
        }
        Value::String(string) => {
            text.push_str(&scalar(string));
            text.push('\n');
        }
        // Empty ones, too.
        other => {
            text.push_str(&other.to_string());
            text.push('\n');
        }
    }
}

/// Behind a `name:`.
fn member(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            pad(indent + 2, text);
            node(value, indent + 2, text);
        }
        // As kubectl writes it: a list stands no deeper than its name.
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            pad(indent, text);
            node(value, indent, text);
        }
        Value::String(string) if is_block(string) => {
            text.push_str(if string.ends_with('\n') { " |\n" } else { " |-\n" });
            for line in string.lines() {
                if !line.is_empty() {
                    pad(indent + 2, text);
                }
                text.push_str(line);
                text.push('\n');
            }
        }
        other => {
            text.push(' ');
            node(other, indent, text);
        }
    }
}

fn pad(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Plain where nobody can take it for something else, in quotes otherwise: JSON's are YAML's, too.
fn scalar(string: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-./$(){}@%+,=~ :".contains(c);
    let begins = string.starts_with(|c: char| c.is_ascii_alphanumeric() || "/_$(".contains(c));
    let plain = begins
        && string.chars().all(harmless)
        && !string.ends_with([' ', ':'])
        && !string.contains(": ")
        && values("", string).is_ok_and(|read| read == [Value::String(string.to_owned())]);
    if plain { string.to_owned() } else { quoted(string) }
}

/// As JSON has it, and with escapes for what YAML allows nowhere.
fn quoted(string: &str) -> String {
    let mut text = String::new();
    for c in Value::from(string).to_string().chars() {
        match u32::from(c) {
            code @ (0x7f..=0x9f | 0x2028 | 0x2029 | 0xfeff | 0xfffe | 0xffff) => {
                let _ = write!(text, "\\u{code:04x}");
            }
            _ => text.push(c),
        }
    }
    text
}

/// Several lines that a block keeps as they are: nothing invisible, no spaces where they would be lost.
fn is_block(string: &str) -> bool {
    let lines = string.lines().count();
    lines > 1
        && !string.ends_with("\n\n")
        && !string.starts_with([' ', '\n'])
        && string.lines().all(|line| !line.ends_with([' ', '\t']))
        && string.chars().all(|c| c == '\n' || (' '..='~').contains(&c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_are_cut_at_markers_and_nowhere_else() {
        let text = "# first\na: 1\n--- # second\nb: |\n  ---\n  c\n---\n---\n{d: 1}\n";
        let found = pieces(text);
        assert_eq!(found, ["# first\na: 1\n", "--- # second\nb: |\n  ---\n  c\n", "---\n", "---\n{d: 1}\n"]);
        assert_eq!(found.concat(), text);
        assert_eq!(pieces("---\na: 1\n----\n"), ["---\na: 1\n----\n"]);
        assert_eq!(pieces(""), [""]);
    }

    #[test]
    fn what_is_written_can_be_read_by_people() {
        let document = json!({
            "args": ["--hub=https://hub.ai.svc:8443", "yes", "0644", ""],
            "containers": [{ "env": [{ "name": "A", "value": "$(B): c" }], "name": "app" }, {}],
            "empty": { "list": [], "map": {} },
            "mode": 420,
            "nested": [[1, 2], [true, null]],
            "script": "#!/bin/sh\nset -e\n\n  run\n",
        });
        let expected = "\
args:
- \"--hub=https://hub.ai.svc:8443\"
- \"yes\"
- \"0644\"
- \"\"
containers:
- env:
  - name: A
    value: \"$(B): c\"
  name: app
- {}
empty:
  list: []
  map: {}
mode: 420
nested:
- - 1
  - 2
- - true
  - null
script: |
  #!/bin/sh
  set -e

    run
";
        assert_eq!(write(&document), expected);
        assert_eq!(values("", expected).unwrap(), [document]);
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[ -~\n\t]{0,12}",
            "\\PC{0,6}",
            "(yes|no|on|null|~|0[0-7]{1,3}|1e[0-9]|0x1f|[0-9]{1,3}:[0-9]{2}|[+-]?\\.?[0-9_]{1,5}|.*: .*|- .*|[0-9]{4}-[0-9]{2}-[0-9]{2}|<<|=)",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            let members = prop::collection::btree_map(text.clone(), inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::Array),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(value in prop::collection::btree_map("[a-z]{1,3}", value(), 1..3)) {
            let value = Value::Object(value.into_iter().collect());
            let text = write(&value);
            prop_assert_eq!(values("", &text).ok(), Some(vec![value]), "{}", text);
        }
    }
}

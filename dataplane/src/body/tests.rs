use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn body(text: &str) -> Body {
    scan(Bytes::from(text.to_owned())).unwrap()
}

fn refused(text: &str) -> Malformed {
    scan(Bytes::from(text.to_owned())).unwrap_err()
}

fn edited(text: &str, edits: &[Edit]) -> String {
    String::from_utf8(apply(&body(text), edits).to_vec()).unwrap()
}

fn set(name: &'static str, value: &str) -> Edit {
    Edit::Set(name, value.to_owned())
}

#[test]
fn members_are_found_with_their_raw_text() {
    let body =
        body(" { \"model\" : \"m\" ,\n\"max\\u005ftokens\":1.50e3, \"messages\":[{\"a\":[]}],\"n\":null} ");
    assert_eq!(
        body.members().collect::<Vec<_>>(),
        [("model", "\"m\""), ("max_tokens", "1.50e3"), ("messages", "[{\"a\":[]}]"), ("n", "null")]
    );
    assert_eq!(body.get::<String>("model").as_deref(), Some("m"));
    assert_eq!(body.get::<u64>("model"), None);
    assert_eq!(body.get::<u64>("n"), None);
    assert_eq!(body.raw("absent"), None);
}

#[test]
fn what_is_not_an_object_is_refused() {
    assert_eq!(refused("[1]"), Malformed::NotAnObject);
    assert_eq!(refused(" \"x\" "), Malformed::NotAnObject);
    for text in [
        "",
        " ",
        "{",
        "{\"a\"}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":01}",
        "{} x",
        "{'a':1}",
        "{\"a\":tru}",
        "\u{feff}{}",
    ] {
        assert!(matches!(refused(text), Malformed::NotJson(_)), "{text:?}");
    }
    for text in
        ["{\"a\":\"\n\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":1e}"]
    {
        assert!(matches!(refused(text), Malformed::NotJson(_)), "{text:?}");
    }
    assert_eq!(scan(Bytes::from_static(b"{\"a\":\"\xff\"}")).unwrap_err(), Malformed::NotUtf8);
}

#[test]
fn duplicates_are_seen_through_escapes() {
    assert_eq!(refused(r#"{"model":"a","mod\u0065l":"b"}"#), Malformed::Duplicate("model".into()));
    assert_eq!(refused(r#"{"\/":1,"/":2}"#), Malformed::Duplicate("/".into()));
    let many: Vec<String> = (0..100).map(|index| format!("\"k{}\":0", index % 99)).collect();
    assert_eq!(refused(&format!("{{{}}}", many.join(","))), Malformed::Duplicate("k0".into()));
    body(r#"{"a":{"b":1,"b":2}}"#);
}

#[test]
fn depth_is_bounded_where_serde_json_bounds_it() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    body(&nested(MAX_DEPTH));
    assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(refused(&nested(MAX_DEPTH + 1)), Malformed::TooDeep);
    assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH + 1)).is_err());
    assert_eq!(refused(&format!("{{\"a\":{}", "[".repeat(1_000_000))), Malformed::TooDeep);
}

#[test]
fn lone_surrogates_and_huge_numbers_are_bytes_to_us() {
    body(r#"{"a":"\ud83c","\udf89":1e99999}"#);
}

#[test]
fn edits_leave_everything_else_as_it_was() {
    let text = "{ \"a\" : 1 ,\n \"model\":\"x\" , \"z\": [1, 2]  }";
    assert_eq!(edited(text, &[]), text);
    assert_eq!(edited(text, &[set("model", "\"y\"")]), text.replace("\"x\"", "\"y\""));
    assert_eq!(
        edited(text, &[set("new", "true")]),
        "{ \"a\" : 1 ,\n \"model\":\"x\" , \"z\": [1, 2],\"new\":true  }"
    );
    assert_eq!(edited(text, &[Edit::Remove("a")]), "{ \"model\":\"x\" , \"z\": [1, 2]  }");
    assert_eq!(edited(text, &[Edit::Remove("model")]), "{ \"a\" : 1 , \"z\": [1, 2]  }");
    assert_eq!(edited(text, &[Edit::Remove("z")]), "{ \"a\" : 1 ,\n \"model\":\"x\"  }");
    assert_eq!(edited(text, &[Edit::Rename("a", "b")]), text.replace("\"a\"", "\"b\""));
    assert_eq!(edited(text, &[Edit::Rename("a", "z")]), "{ \"z\" : 1 ,\n \"model\":\"x\"  }");
    assert_eq!(edited(text, &[Edit::Rename("absent", "z")]), text);
    assert_eq!(edited("{}", &[set("a", "1"), set("b", "2"), set("a", "3")]), "{\"a\":3,\"b\":2}");
    assert_eq!(edited(" { } ", &[set("a", "1")]), " {\"a\":1 } ");
    assert_eq!(edited("{\"a\":1}", &[Edit::Remove("a")]), "{}");
    assert_eq!(edited("{\"a\":1}", &[Edit::Remove("a"), set("a", "2")]), "{\"a\":2}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

const NAMES: [&str; 5] = ["a", "b", "c", "model", "stream"];

fn edit() -> impl Strategy<Value = Edit> {
    let name = proptest::sample::select(NAMES.as_slice());
    prop_oneof![
        (name.clone(), value()).prop_map(|(name, value)| Edit::Set(name, value.to_string())),
        name.clone().prop_map(Edit::Remove),
        (name.clone(), name).prop_map(|(from, to)| Edit::Rename(from, to)),
    ]
}

/// The same edits on a value.
fn model(mut object: Map<String, Value>, edits: &[Edit]) -> Value {
    for edit in edits {
        match edit {
            Edit::Set(name, value) => {
                object.insert((*name).to_owned(), serde_json::from_str(value).unwrap());
            }
            Edit::Remove(name) => {
                object.remove(*name);
            }
            Edit::Rename(from, to) => {
                if let Some(value) = object.remove(*from) {
                    object.insert((*to).to_owned(), value);
                }
            }
        }
    }
    Value::Object(object)
}

proptest! {
    #[test]
    fn edits_equal_the_same_edits_on_a_value(
        object in proptest::collection::btree_map(proptest::sample::select(NAMES.as_slice()), value(), 0..5),
        edits in proptest::collection::vec(edit(), 0..6),
        pretty in any::<bool>(),
    ) {
        let object: Map<String, Value> = object.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
        let edited = apply(&body(&text), &edits);
        prop_assert_eq!(serde_json::from_slice::<Value>(&edited).unwrap(), model(object, &edits));
        scan(edited).unwrap();
    }

    #[test]
    fn the_scanner_accepts_what_serde_json_accepts(value in value(), cut in any::<proptest::sample::Index>(), byte in any::<u8>(), damage in 0..3) {
        let mut bytes = format!("{{\"a\":{value}}}").into_bytes();
        let at = cut.index(bytes.len());
        match damage {
            0 => {}
            1 => { bytes[at] = byte; }
            _ => { bytes.remove(at); }
        }
        // Read as raw pieces: as we do, serde_json then judges neither the size of numbers nor surrogates.
        let theirs = std::str::from_utf8(&bytes).is_ok_and(|text| serde_json::from_str::<&serde_json::value::RawValue>(text)
            .is_ok_and(|raw| raw.get().trim_start().starts_with('{')));
        let ours = scan(Bytes::from(bytes.clone()));
        let ours = ours.is_ok() || matches!(ours, Err(Malformed::Duplicate(_)));
        prop_assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn anything_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = scan(Bytes::from(bytes));
    }
}

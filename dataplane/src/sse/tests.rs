use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// All events of the text when it comes in these frames.
fn split(frames: impl IntoIterator<Item = Bytes>, limit: usize) -> Result<Vec<Event>, TooLong> {
    let mut splitter = Splitter::new(limit);
    let mut events = Vec::new();
    for frame in frames {
        splitter.push(frame);
        while let Some(event) = splitter.next_event()? {
            events.push(event);
        }
    }
    events.extend(splitter.finish()?);
    Ok(events)
}

fn data(text: &str) -> Vec<Option<String>> {
    split([Bytes::from(text.to_owned())], MAX_EVENT)
        .unwrap()
        .into_iter()
        .map(|event| event.data.map(|data| String::from_utf8(data.to_vec()).unwrap()))
        .collect()
}

#[test]
fn all_line_ends_are_line_ends() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["event: x", "data: {\"a\":1}", "", "data: 2", "id: 7", "", ""].join(end);
        assert_eq!(data(&text), [Some("{\"a\":1}".to_owned()), Some("2".to_owned())], "{end:?}");
    }
}

#[test]
fn data_lines_are_joined_and_need_no_space() {
    assert_eq!(data("data:a\ndata:  b\ndata\ndata:\nretry: 3\n\n"), [Some("a\n b\n\n".to_owned())]);
    assert_eq!(data("database: no\n\n"), [None]);
}

#[test]
fn comments_and_stray_blank_lines_carry_no_data_but_their_bytes() {
    let text = ": OPENROUTER PROCESSING\n\n\ndata: x\n: and\n\n";
    assert_eq!(data(text), [None, None, Some("x".to_owned())]);
    let events = split([Bytes::from(text)], MAX_EVENT).unwrap();
    assert_eq!(events.iter().map(|event| event.raw.len()).collect::<Vec<_>>(), [25, 1, 15]);
}

#[test]
fn a_byte_order_mark_and_a_missing_end_are_forgiven() {
    assert_eq!(data("\u{feff}data: x\n\ndata: [DONE]"), [Some("x".to_owned()), Some("[DONE]".to_owned())]);
    assert_eq!(data("data: x\r"), [Some("x".to_owned())]);
    assert_eq!(data("data: x\n"), [Some("x".to_owned())]);
}

#[test]
fn bare_json_is_data_and_becomes_an_event() {
    let text = "data: {\"a\":1}\n\n{\n  \"error\": {\"code\": 503}\n}\n";
    let events = split([Bytes::from(text)], MAX_EVENT).unwrap();
    let [first, second] = <[Event; 2]>::try_from(events).unwrap();
    assert_eq!(first.clone().framed(), first.raw);
    assert_eq!(second.data.as_deref(), Some(&b"{\n  \"error\": {\"code\": 503}\n}"[..]));
    assert_eq!(second.framed(), "data: {\ndata:   \"error\": {\"code\": 503}\ndata: }\n\n");
    assert_eq!(data("{\"a\":1}\ndata: x\n\n[1\n\n"), [Some("x".to_owned()), Some("[1".to_owned())]);
}

#[test]
fn a_block_within_a_frame_is_not_copied() {
    let frame = Bytes::from_static(b"data: abc\n\ndata: d\n\n");
    let events = split([frame.clone()], MAX_EVENT).unwrap();
    assert_eq!(events[0].raw.as_ptr(), frame.as_ptr());
    assert_eq!(events[0].data.as_ref().unwrap().as_ptr(), frame[6..].as_ptr());
}

#[test]
fn an_endless_line_is_refused() {
    let mut splitter = Splitter::new(1000);
    let refused = (0..100).find_map(|_| {
        splitter.push(Bytes::from_static(&[b'x'; 64]));
        splitter.next_event().err()
    });
    assert_eq!(refused, Some(TooLong(1000)));
}

fn stream() -> impl Strategy<Value = String> {
    let pieces = [
        "data: ",
        "data:",
        "data",
        "{\"a\":\"ü\"}",
        "\n",
        "\n\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "\r\r",
        ": note",
        "event: e",
        " ",
        "\u{feff}",
        "id:1",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..30)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(text in stream(), cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6), limit in 8_usize..200) {
        let whole = Bytes::from(text);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let frames = cuts.windows(2).map(|pair| whole.slice(pair[0]..pair[1]));
        let split_up = split(frames, limit);
        let at_once = split([whole.clone()], limit);
        prop_assert_eq!(split_up.is_err(), at_once.is_err());
        if let (Ok(split_up), Ok(at_once)) = (split_up, at_once) {
            let raw: Vec<u8> = at_once.iter().flat_map(|event| event.raw.to_vec()).collect();
            prop_assert_eq!(raw, whole.to_vec());
            prop_assert_eq!(split_up, at_once);
        }
    }

    #[test]
    fn single_bytes_give_the_same_events(text in stream()) {
        let whole = Bytes::from(text);
        let bytes = (0..whole.len()).map(|at| whole.slice(at..=at));
        prop_assert_eq!(split(bytes, MAX_EVENT), split([whole.clone()], MAX_EVENT));
    }
}

use proptest::{prelude::*, sample::Index};

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

fn data(text: &'static str) -> Vec<&'static str> {
    let events = split([Bytes::from(text)], MAX_EVENT).unwrap();
    let data = events.into_iter().filter_map(|event| event.data);
    data.map(|data| std::str::from_utf8(&data.to_vec().leak()[..]).unwrap()).collect()
}

#[test]
fn a_line_is_an_event_whatever_ends_it() {
    assert_eq!(data("{\"a\":1}\n{\"b\":\"\\n\"}\r\n{}"), ["{\"a\":1}", "{\"b\":\"\\n\"}", "{}"]);
}

#[test]
fn blank_lines_carry_no_data_but_their_bytes() {
    assert_eq!(data("\n\r\n {} \n \n"), ["{}"]);
    let events = split([Bytes::from_static(b"\n\r\n{}\n")], MAX_EVENT).unwrap();
    assert_eq!(events.iter().map(|event| event.raw.len()).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_line_within_a_frame_is_not_copied() {
    let frame = Bytes::from_static(b"{}\n[]\n");
    let events = split([frame.clone()], MAX_EVENT).unwrap();
    assert_eq!(events[1].data.as_ref().unwrap().as_ptr(), frame[3..].as_ptr());
}

#[test]
fn an_endless_line_is_refused() {
    let mut splitter = Splitter::new(1000);
    let refused = (0..100).find_map(|_| {
        splitter.push(Bytes::from_static(&[b'x'; 64]));
        splitter.next_event().err()
    });
    assert_eq!(refused, Some(TooLong(1000)));
    assert_eq!(split([Bytes::from_static(b"{}\n123456789\n")], 8).unwrap_err(), TooLong(8));
}

fn stream() -> impl Strategy<Value = String> {
    let pieces = ["{\"a\":\"ü\"}", "\n", "\n\n", "\r\n", "\r", " ", "1", "\u{feff}"];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..30)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(text in stream(), cuts in proptest::collection::vec(any::<Index>(), 0..6), limit in 4_usize..60) {
        let whole = Bytes::from(text);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let frames = cuts.windows(2).map(|pair| whole.slice(pair[0]..pair[1]));
        let split_up = split(frames, limit);
        let at_once = split([whole.clone()], limit);
        prop_assert_eq!(&split_up, &at_once);
        let bytes = (0..whole.len()).map(|at| whole.slice(at..=at));
        prop_assert_eq!(&split(bytes, limit), &at_once);
        if let Ok(events) = at_once {
            let raw: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).collect();
            prop_assert_eq!(raw, whole.to_vec());
        }
    }
}

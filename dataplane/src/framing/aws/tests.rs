use proptest::{prelude::*, sample::Index};

use super::*;

/// Each was read by botocore's decoder, which says what is in it.
const VECTORS: &str = include_str!("vectors.txt");

fn vectors() -> Vec<(Bytes, String)> {
    VECTORS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (frame, event) = line.split_once(' ').unwrap();
            (hex::decode(frame).unwrap().into(), event.to_owned())
        })
        .collect()
}

fn events(frames: impl IntoIterator<Item = Bytes>) -> Result<Vec<String>, Broken> {
    let mut splitter = Splitter::default();
    let mut events = Vec::new();
    for frame in frames {
        splitter.push(&frame);
        while let Some(event) = splitter.next_event()? {
            events.push(String::from_utf8(event.to_vec()).unwrap());
        }
    }
    splitter.finish().map(|()| events)
}

#[test]
fn each_message_is_one_event() {
    for (frame, event) in vectors() {
        let expected: Vec<String> = if event == "-" { Vec::new() } else { vec![event] };
        assert_eq!(events([frame]), Ok(expected));
    }
}

#[test]
fn no_changed_bit_goes_unseen() {
    let (frame, _) = vectors().swap_remove(0);
    for bit in 0..frame.len() * 8 {
        let mut damaged = frame.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(events([damaged.into()]).is_err(), "bit {bit}");
    }
    let cut = frame.slice(..frame.len() - 1);
    assert_eq!(events([cut]), Err(Broken::Cut));
}

#[test]
fn a_message_too_long_is_not_waited_for() {
    let mut splitter = Splitter::new(64);
    let mut prelude = [0, 0, 1, 0, 0, 0, 0, 0].to_vec();
    prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
    splitter.push(&prelude.into());
    assert_eq!(splitter.next_event(), Err(Broken::TooLong(64)));
    let mut splitter = Splitter::default();
    let mut prelude = [0, 0, 0, 15, 0, 0, 0, 0].to_vec();
    prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
    splitter.push(&prelude.into());
    assert_eq!(splitter.next_event(), Err(Broken::Prelude));
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_events(cuts in proptest::collection::vec(any::<Index>(), 0..12)) {
        let whole: Vec<u8> = vectors().into_iter().flat_map(|(frame, _)| frame).collect();
        let whole = Bytes::from(whole);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let frames: Vec<Bytes> = cuts.windows(2).map(|pair| whole.slice(pair[0]..pair[1])).collect();
        prop_assert_eq!(events(frames), events([whole]));
    }

    #[test]
    fn anything_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), headers in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = events([bytes.clone().into()]);
        // A message whose checksums are right, around headers that are anything.
        let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
        let mut message = length(16 + headers.len() + bytes.len()).to_vec();
        message.extend(length(headers.len()));
        message.extend(crc32fast::hash(&message).to_be_bytes());
        message.extend(&headers);
        message.extend(&bytes);
        message.extend(crc32fast::hash(&message).to_be_bytes());
        let mut splitter = Splitter::default();
        splitter.push(&message.into());
        let _ = splitter.next_event();
    }
}

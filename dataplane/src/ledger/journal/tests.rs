use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::record::{OUTCOME_LEN, PLAIN_OUTCOME_LEN};
use super::*;
use crate::ledger::leases::{Draw, Place};
use crate::ledger::testing::{intent, outcome};
use crate::usage::{ImageKind, Usage};

const SMALL: Options = Options { segment_bytes: 2_048, ready_segments: 2, max_segments: 4 };

fn journal(root: &TempDir, options: Options) -> (Journals, Journal) {
    let journals = Journals::create(root.path(), options).unwrap();
    let journal = journals.open(0).unwrap();
    (journals, journal)
}

fn read_all(reader: &mut Reader) -> Vec<Record> {
    let mut records = Vec::new();
    while reader.read(|record| records.push(record)).unwrap() {}
    records
}

fn ship(reader: &mut Reader) {
    reader.shipped([].into_iter()).unwrap();
}

fn read_left(leftover: &Leftover) -> Vec<Record> {
    leftover.segments().unwrap().iter().flat_map(|segment| segment.read().unwrap()).collect()
}

fn leftover(root: &TempDir) -> Vec<Record> {
    let own = Journals::create(root.path(), SMALL).unwrap();
    let records = own.leftovers().unwrap().iter().flat_map(read_left).collect();
    own.remove().unwrap();
    records
}

fn pair(number: u128) -> [Record; 2] {
    [Record::Intent(intent(number, 1)), Record::Outcome(outcome(number, 1))]
}

fn append(journal: &mut Journal, record: &Record) -> Result<(), AppendError> {
    match record {
        Record::Intent(intent) => journal.intent(intent),
        Record::Outcome(outcome) => journal.outcome(outcome),
    }
}

#[test]
fn what_a_living_process_writes_is_left_to_it() {
    let root = TempDir::new().unwrap();
    let (journals, mut journal) = journal(&root, SMALL);
    journal.intent(&intent(1, 1)).unwrap();
    assert_eq!(leftover(&root), [], "its open attempt is not lost");
    journal.outcome(&outcome(1, 1)).unwrap();
    drop((journals, journal));
    assert_eq!(leftover(&root), pair(1), "a dead one's is");
}

#[test]
fn a_living_reader_sees_each_record_once() {
    let root = TempDir::new().unwrap();
    let (journals, mut journal) = journal(&root, SMALL);
    let mut reader = journals.readers(0).remove(0);
    let [i, o] = pair(1);
    append(&mut journal, &i).unwrap();
    assert_eq!(read_all(&mut reader), [i]);
    assert!(journals.lag_bytes() > PLAIN_OUTCOME_LEN, "read is not shipped");
    ship(&mut reader);
    assert_eq!(journals.lag_bytes(), 0);
    append(&mut journal, &o).unwrap();
    assert_eq!(journals.lag_bytes(), PLAIN_OUTCOME_LEN);
    assert_eq!(read_all(&mut reader), [o]);
    assert!(read_all(&mut reader).is_empty());
    ship(&mut reader);
    assert!(!journals.is_done(), "more may come");
    drop(journal);
    assert!(journals.is_done());
}

#[test]
fn what_a_dead_process_wrote_is_found_and_held_by_one() {
    let root = TempDir::new().unwrap();
    let (journals, mut journal) = journal(&root, SMALL);
    for record in pair(1) {
        append(&mut journal, &record).unwrap();
    }
    let other = Journals::create(root.path(), SMALL).unwrap();
    assert!(other.leftovers().unwrap().is_empty(), "it lives");
    drop((journals, journal));
    let held = other.leftovers().unwrap();
    assert_eq!(held.len(), 1);
    assert!(other.leftovers().unwrap().is_empty(), "it is held");
    drop(held);
    let left = other.leftovers().unwrap().remove(0);
    assert_eq!(read_left(&left), pair(1));
    left.remove().unwrap();
    assert!(other.leftovers().unwrap().is_empty(), "it is gone");
}

#[test]
fn a_torn_write_ends_the_segment_at_every_byte() {
    let root = TempDir::new().unwrap();
    let (journals, mut journal) = journal(&root, SMALL);
    let records = [pair(1), pair(2)].concat();
    let mut ends = Vec::new();
    for record in &records {
        append(&mut journal, record).unwrap();
        ends.push(journal.current.written());
    }
    let path = journals.0.dir.join("c00-s02.seg");
    let whole = fs::read(&path).unwrap();
    drop((journals, journal));
    for cut in 0..=usize::try_from(ends[3]).unwrap() {
        // The file ends there, or zeros or rubbish follow.
        for rest in [Vec::new(), vec![0; whole.len() - cut], vec![0xA5; whole.len() - cut]] {
            let torn = [&whole[..cut], &rest].concat();
            fs::write(&path, &torn).unwrap();
            // A record that ends in zeros is whole before its last byte is written.
            let whole_until = |end: u64| torn.starts_with(&whole[..usize::try_from(end).unwrap()]);
            let expected = ends.iter().filter(|end| whole_until(**end)).count();
            assert_eq!(leftover(&root), records[..expected], "cut at {cut}");
        }
    }
}

#[test]
fn a_flipped_bit_is_found() {
    let mut record = Vec::new();
    record::encode_intent(&mut record, &intent(1, 1));
    record::seal(&mut record, 7);
    assert!(record::unseal(&record, 7).is_some());
    assert!(record::unseal(&record, 8).is_none(), "another use of the file");
    for byte in 0..record.len() {
        for bit in 0..8 {
            record[byte] ^= 1 << bit;
            assert!(record::unseal(&record, 7).is_none(), "byte {byte} bit {bit}");
            record[byte] ^= 1 << bit;
        }
    }
}

#[test]
fn outcomes_have_room_when_intents_have_none() {
    let root = TempDir::new().unwrap();
    let (journals, mut journal) = journal(&root, SMALL);
    let mut begun = 0;
    while journal.intent(&intent(begun, 1)).is_ok() {
        begun += 1;
    }
    assert!(begun > 4);
    assert!(matches!(journal.intent(&intent(99, 1)), Err(AppendError::Full)));
    for number in 0..begun {
        journal.outcome(&outcome(number, 1)).unwrap();
    }
    assert_eq!(journal.open_attempts(), 0);
    drop((journals, journal));
    assert_eq!(leftover(&root).len() as u128, 2 * begun);
}

#[test]
fn full_ends_when_the_writer_gives_a_segment_back() {
    let root = TempDir::new().unwrap();
    let (journals, mut journal) = journal(&root, SMALL);
    let mut reader = journals.readers(0).remove(0);
    let mut number = 0;
    let mut fill = |journal: &mut Journal| {
        loop {
            let [i, o] = pair(number + 1);
            if append(journal, &i).is_err() {
                return number;
            }
            append(journal, &o).unwrap();
            number += 1;
        }
    };
    let with_two = fill(&mut journal);
    journals.provision().unwrap();
    journals.provision().unwrap();
    let with_three = fill(&mut journal);
    assert!(with_three > with_two);
    journals.provision().unwrap();
    fill(&mut journal);
    journals.provision().unwrap();
    let at_bound = fill(&mut journal);
    assert_eq!(fs::read_dir(&journals.0.dir).unwrap().count(), SMALL.max_segments + 2);
    assert_eq!(read_all(&mut reader).len() as u128, 2 * at_bound);
    ship(&mut reader);
    // One is written, two are kept to be used again, the other is removed; a lock, the holder's name and the open
    // intents beside them.
    assert_eq!(fs::read_dir(&journals.0.dir).unwrap().count(), SMALL.ready_segments + 4);
    let more = fill(&mut journal) - at_bound;
    assert!(more > 2);
    assert_eq!(read_all(&mut reader).len() as u128, 2 * more);
}

#[test]
fn a_disk_that_is_full_is_named() {
    let error = segment::Slot::create("/dev/full/x".into(), 1).unwrap_err();
    assert!(error.to_string().starts_with("cannot preallocate 1 bytes for /dev/full/x"), "{error}");
    let root = TempDir::new().unwrap();
    let path = root.path().join("slot");
    fs::write(&path, "someone else's").unwrap();
    assert!(segment::Slot::create(path.clone(), 1).is_err());
}

#[test]
fn an_intent_larger_than_a_segment_is_refused() {
    let root = TempDir::new().unwrap();
    let (_journals, mut journal) = journal(&root, SMALL);
    let large = Intent { user: Some("é".repeat(40_000)), ..intent(1, 1) };
    assert!(matches!(journal.intent(&large), Err(AppendError::Full)));
    journal.intent(&intent(2, 1)).unwrap();
}

#[test]
fn an_intent_of_an_earlier_version_draws_nothing() {
    let mut bytes = Vec::new();
    record::encode_intent(&mut bytes, &intent(1, 1));
    // It ended where the number of draws is now.
    let body = &bytes[8..bytes.len() - 1];
    assert_eq!(record::decode(body), Some(Record::Intent(intent(1, 1))));
}

#[test]
fn whoever_replays_a_journal_knows_whose_it_was() {
    let root = TempDir::new().unwrap();
    let dead: Vec<_> = (0..3).map(|_| Journals::create(root.path(), SMALL).unwrap()).collect();
    let mut expected: Vec<_> = dead.iter().map(Journals::holder).collect();
    assert!(expected[0] != expected[1] && !expected[0].is_nil());
    drop(dead);
    // An earlier version's, and one that was killed as it began.
    std::fs::remove_file(root.path().join("0000000001/holder")).unwrap();
    std::fs::write(root.path().join("0000000002/holder"), &expected[1].to_string()[..9]).unwrap();
    expected[..2].fill(Uuid::nil());
    let own = Journals::create(root.path(), SMALL).unwrap();
    let found: Vec<_> = own.leftovers().unwrap().iter().map(Leftover::holder).collect();
    assert_eq!(found, expected);
}

/// Without the job that it names.
fn unnamed(record: Record) -> Record {
    match record {
        Record::Outcome(outcome) => Record::Outcome(Outcome { job: None, ..outcome }),
        intent @ Record::Intent(_) => intent,
    }
}

#[test]
fn a_job_is_named_where_there_is_room_and_the_outcome_stands_where_there_is_none() {
    let root = TempDir::new().unwrap();
    let options = Options { max_segments: 2, ..SMALL };
    let (journals, mut journal) = journal(&root, options);
    let made = |number| Outcome { job: Some("video_".repeat(60).into()), ..outcome(number, 1) };
    let mut written = Vec::new();
    for number in 1.. {
        if journal.intent(&intent(number, 1)).is_err() {
            break;
        }
        journal.outcome(&made(number)).unwrap();
        written.push(number);
    }
    let mut reader = journals.readers(0).remove(0);
    let outcomes: Vec<_> = read_all(&mut reader)
        .into_iter()
        .filter_map(|record| match record {
            Record::Outcome(outcome) => Some(outcome),
            Record::Intent(_) => None,
        })
        .collect();
    let ids: Vec<_> = outcomes.iter().map(|outcome| outcome.request_id).collect();
    assert_eq!(ids, written.into_iter().map(Uuid::from_u128).collect::<Vec<_>>());
    let named = outcomes.iter().filter(|outcome| outcome.job.is_some()).count();
    assert!(named >= 2 && named >= outcomes.len() - 1, "{named} of {}", outcomes.len());
}

fn any_draw() -> impl Strategy<Value = Draw> {
    (".{0,40}", any::<i64>(), any::<bool>()).prop_map(|(allowance, window, reserved)| Draw {
        place: Place { allowance: allowance.into(), window },
        reserved,
    })
}

proptest! {
    #[test]
    fn records_survive_encoding(
        number: u128, attempt: u32, user in proptest::option::of(".{0,40}"), counts: [u64; 7], cost: i64, first: Option<u32>,
        reported: Option<i64>, draws in proptest::collection::vec(any_draw(), 0..4),
        units in proptest::option::of(any::<[u64; 5]>()), size in ".{0,20}", quality in ".{0,20}",
        job in proptest::option::of("video_[a-z]{0,900}"),
    ) {
        let [input, cached_input, cache_write, output, reasoning, audio_input, audio_output] = counts;
        let text = Usage {
            input, cached_input, cache_write, output, reasoning, audio_input, audio_output,
            reported_cost_nanos: reported, ..Usage::default()
        };
        let usage = units.map_or(text, |[image_input, image_output, images, millis, characters]| {
            let image = ImageKind::new(&size, &quality);
            Usage { image_input, image_output, images, image, millis, characters, ..text }
        });
        let mut bytes = Vec::new();
        let charge = crate::ledger::Charge { cost: crate::ledger::Nanos(cost), ..Default::default() };
        let draws = draws.into();
        let wanted = Intent { user, bound: usage, bound_charge: charge, draws, ..intent(number, attempt) };
        record::encode_intent(&mut bytes, &wanted);
        prop_assert_eq!(record::decode(&bytes[8..]), Some(Record::Intent(wanted)));
        for status in crate::ledger::testing::STATUSES {
            let wanted = Outcome {
                request_id: Uuid::from_u128(number), usage, charge, status, first_byte_ms: first, ..outcome(number, attempt)
            };
            record::encode_outcome(&mut bytes, &wanted);
            let most = if units.is_none() { PLAIN_OUTCOME_LEN } else { OUTCOME_LEN };
            prop_assert!(bytes.len() as u64 <= most);
            prop_assert_eq!(record::decode(&bytes[8..]), Some(Record::Outcome(wanted.clone())));
            let wanted = Outcome { job: job.as_deref().map(Into::into), ..wanted };
            record::encode_outcome(&mut bytes, &wanted);
            prop_assert_eq!(record::decode(&bytes[8..]), Some(Record::Outcome(wanted)));
        }
    }

    #[test]
    fn rubbish_is_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        record::unseal(&bytes, 0);
        record::decode(&bytes);
    }

    /// Whatever is open when, however far the reader is, and wherever the process ends.
    #[test]
    fn any_order_of_appending_and_shipping_keeps_every_record(steps in proptest::collection::vec(0..10_u8, 1..150)) {
        let root = TempDir::new().unwrap();
        let (journals, mut journal) = journal(&root, SMALL);
        let mut reader = journals.readers(0).remove(0);
        let (mut appended, mut read, mut open, mut next) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let mut shipped = 0;
        for step in steps {
            match step {
                0..4 => {
                    next += 1;
                    if journal.intent(&intent(next, 1)).is_ok() {
                        open.push(next);
                        appended.push(Record::Intent(intent(next, 1)));
                    }
                }
                4..7 if !open.is_empty() => {
                    let number = open.swap_remove(usize::from(step) % open.len());
                    // Some name a job: for that nothing was kept free.
                    let job = (step == 6).then(|| "video_".repeat(60).into());
                    journal.outcome(&Outcome { job, ..outcome(number, 1) }).unwrap();
                    appended.push(Record::Outcome(outcome(number, 1)));
                }
                7 => read.extend(read_all(&mut reader).into_iter().map(unnamed)),
                8 => {
                    read.extend(read_all(&mut reader).into_iter().map(unnamed));
                    let open: Vec<_> = open.iter().map(|number| intent(*number, 1)).collect();
                    reader.shipped(open.iter()).unwrap();
                    shipped = read.len();
                }
                _ => journals.provision().unwrap(),
            }
        }
        for number in &open {
            journal.outcome(&outcome(*number, 1)).unwrap();
            appended.push(Record::Outcome(outcome(*number, 1)));
        }
        drop((journals, journal));
        prop_assert!(appended.starts_with(&read));
        // What the dead process left: all that was not shipped, and the intents that were open then.
        let left: Vec<_> = leftover(&root).into_iter().map(unnamed).collect();
        let (open_then, rest) = left.split_at(left.len() - (appended.len() - shipped).min(left.len()));
        prop_assert_eq!(rest, &appended[shipped..]);
        prop_assert!(open_then.iter().all(|record| appended[..shipped].contains(record)));
        let ended = rest.iter().filter_map(|record| match record {
            Record::Outcome(outcome) => Some(outcome.request_id),
            Record::Intent(_) => None,
        });
        for id in ended {
            prop_assert!(left.iter().any(|record| matches!(record, Record::Intent(i) if i.request_id == id)));
        }
    }
}

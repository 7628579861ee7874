use std::{collections::BTreeMap, sync::Arc};

use proptest::{collection::btree_map, prelude::*};

use super::*;
use crate::config::{Config, FORMAT, PriceSheet, Tenant};

fn tenant(id: &str, name: &str) -> Arc<Tenant> {
    let tenant = serde_json::json!({
        "id": id, "accountId": id, "displayName": name, "suspended": false, "models": { "allow": ["*"], "deny": [] },
        "keys": [], "workloadIdentities": [], "billing": { "mode": "Attribution", "grants": [] }, "budgets": [],
        "limits": {}, "policy": { "clientGone": "Cancel", "ledgerUnavailable": "Allow" }, "brand": {},
    });
    Arc::new(serde_json::from_value(tenant).unwrap())
}

fn config(tenants: &BTreeMap<u8, u8>) -> Config {
    let mut config = Config { format: FORMAT, ..Config::default() };
    for (id, name) in tenants {
        let id = format!("team/{id}");
        config.tenants.insert(id.clone(), tenant(&id, &name.to_string()));
    }
    config
}

/// What an operator writes to get from one configuration to the next: parts, the index, and what is left over.
fn writes(held: &mut BTreeMap<u32, Part>, config: &Config, sequence: u64, parts: u32) -> Vec<Change> {
    let mut wanted: BTreeMap<u32, Part> =
        (0..parts).map(|number| (number, Part { sequence, ..Part::default() })).collect();
    for (id, text) in entries(config) {
        wanted.get_mut(&id.part(parts)).unwrap().entries.insert(id, text);
    }
    let keys = |part: &Part| {
        part.entries.iter().map(|(id, text)| (id.clone(), text.get().to_owned())).collect::<Vec<_>>()
    };
    let mut changes = Vec::new();
    // New numbers first: what a part loses is somewhere else already.
    for (number, part) in wanted.iter().rev() {
        if held.get(number).is_none_or(|held| keys(held) != keys(part)) {
            changes.push(Change::Part(*number, Some(part.clone())));
            held.insert(*number, part.clone());
        }
    }
    changes.push(Change::Index(Some(Index { format: FORMAT, sequence, digest: config.digest(), parts })));
    let left_over: Vec<u32> = held.keys().copied().filter(|number| *number >= parts).collect();
    for number in left_over {
        held.remove(&number);
        changes.push(Change::Part(number, None));
    }
    changes
}

fn through_text(change: Change) -> Change {
    match change {
        Change::Index(index) => Change::Index(index.map(|index| Index::from_data(&index.to_data()).unwrap())),
        Change::Part(number, part) => {
            Change::Part(number, part.map(|part| Part::from_data(&part.to_data()).unwrap()))
        }
    }
}

proptest! {
    #[test]
    fn what_is_there_before_and_after_is_there_all_the_time(
        steps in proptest::collection::vec((btree_map(0_u8..24, 0_u8..3, 0..20), 0_u32..5), 1..8)
    ) {
        let (mut assembly, mut held) = (Assembly::default(), BTreeMap::new());
        let mut before = Config::default();
        for (step, (tenants, doublings)) in steps.iter().enumerate() {
            let after = config(tenants);
            for change in writes(&mut held, &after, step as u64 + 1, 1 << doublings) {
                prop_assert_eq!(assembly.take(through_text(change)), vec![]);
                for (id, kept) in before.tenants.iter().filter(|(id, _)| after.tenants.contains_key(*id)) {
                    let now = assembly.config().tenants.get(id);
                    prop_assert!(now == Some(kept) || now == after.tenants.get(id), "{} is {:?}", id, now);
                }
            }
            prop_assert_eq!(assembly.config(), &after);
            prop_assert_eq!(assembly.complete(), Some(step as u64 + 1));
            before = after;
        }
    }

    #[test]
    fn whoever_comes_later_gets_the_same_in_any_order(
        tenants in btree_map(any::<u8>(), any::<u8>(), 1..30), doublings in 0_u32..5, seed in any::<u64>()
    ) {
        let wanted = config(&tenants);
        let mut changes = writes(&mut BTreeMap::new(), &wanted, 7, 1 << doublings);
        changes.sort_by_key(|change| match change {
            Change::Index(_) => seed,
            Change::Part(number, _) => u64::from(*number).wrapping_mul(seed | 1),
        });
        let mut assembly = Assembly::default();
        for change in changes {
            prop_assert!(assembly.complete().is_none() || *assembly.config() == wanted, "not before all of it is there");
            assembly.take(change);
        }
        prop_assert_eq!(assembly.config(), &wanted);
        prop_assert_eq!(assembly.complete(), Some(7));
    }
}

#[test]
fn the_digest_is_of_content_alone() {
    let one = config(&BTreeMap::from([(1, 1), (2, 2)]));
    let mut other = config(&BTreeMap::from([(2, 2)]));
    assert_ne!(one.digest(), other.digest());
    other.tenants.extend(config(&BTreeMap::from([(1, 1)])).tenants);
    assert_eq!(one.digest(), other.digest());
}

#[test]
fn price_sheets_stay_in_the_order_of_their_dates() {
    let sheet = |source: &str, from: Option<&str>| PriceSheet {
        revision: source.into(),
        source: source.into(),
        effective_from: from.map(|from| from.parse().unwrap()),
        rates: Vec::new(),
    };
    let sheets = vec![sheet("ai/b", None), sheet("ai/a", Some("2027-01-01T00:00:00Z"))];
    let mut wanted = Config { format: FORMAT, ..Config::default() };
    wanted.shared.prices.insert("ai/openai".into(), sheets);
    let mut assembly = Assembly::default();
    for change in writes(&mut BTreeMap::new(), &wanted, 1, 4).into_iter().rev() {
        assembly.take(change);
    }
    assert_eq!(assembly.config(), &wanted);
}

#[test]
fn an_unknown_format_is_refused_and_changes_nothing() {
    let wanted = config(&BTreeMap::from([(1, 1)]));
    let mut assembly = Assembly::default();
    for change in writes(&mut BTreeMap::new(), &wanted, 1, 1) {
        assembly.take(change);
    }
    let newer = Index::from_data(r#"{"format":99,"sequence":2,"digest":"0","parts":1,"more":true}"#).unwrap();
    assert_eq!(assembly.take(Change::Index(Some(newer))), vec![Refused::Format(99)]);
    assert_eq!((assembly.config(), assembly.complete()), (&wanted, Some(1)));
}

#[test]
fn an_entry_that_cannot_be_read_keeps_its_former_state_and_stops_no_other() {
    let wanted = config(&BTreeMap::from([(1, 1), (2, 1)]));
    let mut assembly = Assembly::default();
    for change in writes(&mut BTreeMap::new(), &wanted, 1, 1) {
        assembly.take(change);
    }
    let mut next = Part { sequence: 2, entries: entries(&config(&BTreeMap::from([(1, 2), (2, 2)]))) };
    let id = EntryId { kind: EntryKind::Tenant, id: "team/1".into() };
    next.entries
        .insert(id.clone(), serde_json::value::to_raw_value(&serde_json::json!({ "new": 1 })).unwrap());
    let refused = assembly.take(Change::Part(0, Some(next)));
    assert!(matches!(&refused[..], [Refused::Entry { id: of, .. }] if *of == id), "{refused:?}");
    assert_eq!(assembly.config(), &config(&BTreeMap::from([(1, 1), (2, 2)])));
}

#[test]
fn a_part_that_somebody_changed_is_not_read() {
    let wanted = config(&BTreeMap::from([(1, 1)]));
    let part = Part { sequence: 1, entries: entries(&wanted) };
    let text = part.to_data().replace("\"suspended\":false", "\"suspended\":true");
    assert!(matches!(Part::from_data(&text), Err(Unreadable::Digest)));
    assert!(matches!(Part::from_data("{}"), Err(Unreadable::Text(_))));
}

#[test]
fn a_part_of_an_unknown_format_is_not_read_though_its_index_has_not_come_yet() {
    let text = Part::default().to_data().replace("\"format\":1", "\"format\":99,\"more\":true");
    assert!(matches!(Part::from_data(&text), Err(Unreadable::Format(99))), "{text}");
}

#[test]
fn what_the_index_names_stays_when_its_object_is_deleted() {
    let wanted = config(&BTreeMap::from([(1, 1)]));
    let mut assembly = Assembly::default();
    for change in writes(&mut BTreeMap::new(), &wanted, 1, 1) {
        assembly.take(change);
    }
    assembly.take(Change::Part(0, None));
    assembly.take(Change::Index(None));
    assert_eq!((assembly.config(), assembly.complete()), (&wanted, Some(1)));
}

#[test]
fn what_was_deleted_goes_once_the_index_names_it_no_more() {
    let old = config(&(0..24).map(|id| (id, 1)).collect());
    let mut assembly = Assembly::default();
    for change in writes(&mut BTreeMap::new(), &old, 50, 8) {
        assembly.take(change);
    }
    // Somebody deletes everything, and an operator begins again from one.
    (0..8).for_each(|number| drop(assembly.take(Change::Part(number, None))));
    assembly.take(Change::Index(None));
    assert_eq!(assembly.config(), &old);
    let new = config(&BTreeMap::from([(1, 2)]));
    for change in writes(&mut BTreeMap::new(), &new, 1, 1) {
        assembly.take(change);
    }
    assert_eq!((assembly.config(), assembly.complete()), (&new, Some(1)));
}

#[test]
fn parts_grow_with_what_they_hold_and_do_not_flap() {
    let ids: Vec<EntryId> =
        (0..10_000).map(|n| EntryId { kind: EntryKind::Tenant, id: format!("team/{n}") }).collect();
    let of = |present, count: usize, bytes| {
        parts_for(present, &ids.iter().take(count).map(|id| (id, bytes)).collect::<Vec<_>>())
    };
    assert_eq!(of(0, 0, 700), 1);
    assert_eq!(of(0, 10, 700), 1);
    assert_eq!(of(0, 10_000, 700), 1024);
    assert_eq!(of(1024, 9_000, 700), 1024, "a little less needs no other number");
    assert_eq!(of(1024, 1_000, 700), 128, "much less does");
    assert_eq!(of(0, 1, 900_000), 128, "one large entry is not helped by more");
}

#[test]
fn numbers_are_read_from_names() {
    assert_eq!(part_number(&part_name(7)), Some(7));
    assert_eq!(part_number(&part_name(4095)), Some(4095));
    assert_eq!(part_number(INDEX_NAME), None);
    assert_eq!(part_number("aigne-hub-config-7"), None);
    assert_eq!(part_number("aigne-hub-config-+007"), None);
}

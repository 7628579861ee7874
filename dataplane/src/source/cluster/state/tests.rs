use aigne_hub_crds::{config::Config, distribution::Part};

use super::{
    super::testing::{config, name, reference, texts, value},
    *,
};

fn take(state: &mut State, config: &Config, sequence: u64, now: Instant) {
    for (place, text) in texts(config, sequence) {
        assert!(state.take(place, Some(&text)));
    }
    state.name_secrets(now, SECRETS);
}

/// What is there after a list.
fn listed(config: &Config, now: Instant) -> State {
    let mut state = State::new("ai".into());
    state.begin_list();
    take(&mut state, config, 1, now);
    assert_eq!(state.standing(), Standing::Nothing, "more may come");
    assert!(state.end_list().is_empty());
    state
}

fn messages(state: &State) -> Vec<String> {
    state.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn a_list_and_its_secrets_are_a_revision() {
    let now = Instant::now();
    let wanted = config(Some("a"), None, &["acme"]);
    let mut state = listed(&wanted, now);
    assert_eq!(state.standing(), Standing::Whole);
    assert_eq!(state.deadlines(now).max(), Some(now + SECRETS));
    state.take_secret(&name("a"), Some(value("sk-1")));
    assert_eq!(state.deadlines(now).max(), None);
    let loaded = state.loaded(&Loaded::default(), now);
    assert_eq!((&loaded.config, loaded.digest, loaded.sequence), (&wanted, wanted.digest(), Some(1)));
    assert_eq!(loaded.secrets.get(&reference("a")).map(SecretValue::expose), Some("sk-1"));
    state.take_secret(&name("unasked"), Some(value("sk-2")));
    assert_eq!(state.loaded(&loaded, now).revision, loaded.revision, "nobody names it");
}

#[test]
fn who_names_a_new_secret_waits_as_it_was_and_nobody_else_does() {
    let now = Instant::now();
    let mut state = listed(&config(Some("a"), None, &["acme", "other"]), now);
    state.take_secret(&name("a"), Some(value("sk-1")));
    let before = state.loaded(&Loaded::default(), now);
    // One provider gets another Secret, a second one comes, and a tenant goes.
    let after = config(Some("b"), Some("c"), &["acme"]);
    take(&mut state, &after, 2, now);
    state.refuse_secret(&name("b"), "forbidden");
    let waiting = state.loaded(&before, now);
    assert!(!waiting.config.tenants.contains_key("other"), "gone at once");
    assert_eq!(waiting.config.shared.providers, before.config.shared.providers);
    assert_eq!(waiting.secrets.get(&reference("a")).map(SecretValue::expose), Some("sk-1"), "it still works");
    assert_eq!((waiting.sequence, waiting.digest), (Some(1), waiting.config.digest()));
    // One is answered, the other never.
    state.take_secret(&name("c"), Some(value("sk-3")));
    let waiting = state.loaded(&waiting, now + SECRETS / 2);
    assert_eq!(waiting.config.shared.providers.len(), 2);
    assert_eq!(waiting.config.shared.providers["ai/one"].credentials[0].secret, reference("a"));
    let waited = state.loaded(&waiting, now + SECRETS);
    assert_eq!((&waited.config, waited.digest, waited.sequence), (&after, after.digest(), Some(2)));
    assert_eq!((waited.secrets.len(), state.deadlines(now + SECRETS).count()), (1, 0));
    assert_eq!(messages(&state), ["Secret ai/b: it cannot be read: forbidden"]);
}

#[test]
fn what_is_known_of_a_secret_stays_while_it_cannot_be_read() {
    let now = Instant::now();
    let mut state = listed(&config(Some("a"), None, &[]), now);
    state.take_secret(&name("a"), Some(value("sk-1")));
    state.refuse_secret(&name("a"), "away");
    assert_eq!(state.loaded(&Loaded::default(), now).secrets.len(), 1);
    assert!(messages(&state).is_empty());
    state.take_secret(&name("a"), None);
    assert_eq!(state.loaded(&Loaded::default(), now).secrets.len(), 0);
    assert_eq!(messages(&state), ["Secret ai/a: it is not there"]);
    state.take_secret(&name("a"), Some(Values::from([("apiKey".into(), Err(Unresolved::NotAHeader))])));
    assert!(messages(&state)[0].starts_with("Secret ai/a: data.apiKey: it holds a space"));
    state.take_secret(&name("a"), Some(Values::new()));
    assert_eq!(messages(&state), ["Secret ai/a: data.apiKey: it has no such key"]);
    // Forgotten with the last who names it.
    take(&mut state, &config(None, None, &[]), 2, now);
    assert_eq!((state.secret_names().count(), messages(&state).len()), (0, 0));
}

#[test]
fn a_part_of_a_later_sequence_is_used_and_the_sequence_is_not_claimed() {
    let now = Instant::now();
    let mut state = listed(&config(None, None, &["acme"]), now);
    let [part, index] = texts(&config(None, None, &["acme", "new"]), 2);
    state.take(part.0, Some(&part.1));
    assert_eq!(state.standing(), Standing::Partial);
    let loaded = state.loaded(&Loaded::default(), now);
    assert_eq!((loaded.config.tenants.len(), loaded.sequence), (2, Some(1)));
    state.take(index.0, Some(&index.1));
    assert_eq!((state.standing(), state.loaded(&loaded, now).sequence), (Standing::Whole, Some(2)));
}

#[test]
fn what_a_person_must_act_on_is_refused_until_it_passes() {
    let now = Instant::now();
    let good = config(None, None, &["acme"]);
    let mut state = listed(&good, now);
    let [part, index] = texts(&good, 2);
    assert!(!state.take(part.0, Some(&part.1.replace("\"suspended\":false", "\"suspended\":true"))));
    assert!(state.refused().unwrap().contains("aigne-hub-config-0000: its entries do not have the digest"));
    assert!(!state.take(index.0, Some(&index.1.replace("\"format\":1", "\"format\":99"))));
    assert!(state.refused().unwrap().contains("ConfigMap aigne-hub-config: the configuration has format 99"));
    assert_eq!(state.loaded(&Loaded::default(), now).config, good, "what was good last stays");
    for (place, text) in [part, index] {
        assert!(state.take(place, Some(&text)));
    }
    assert_eq!((state.refused(), messages(&state).len()), (None, 0));
    let unreadable = texts(&good, 3)[0].1.replace("\"displayName\"", "\"displeyName\"");
    let mut entries = Part::from_data(&texts(&good, 3)[0].1).unwrap();
    let text = entries.entries.values_mut().next().unwrap();
    *text = serde_json::value::RawValue::from_string(text.get().replace("displayName", "new")).unwrap();
    assert!(!state.take(Place::Part(0), Some(&unreadable)));
    assert!(state.take(Place::Part(0), Some(&entries.to_data())), "its other entries are used");
    assert!(state.refused().unwrap().contains("tenant acme cannot be read"), "{:?}", state.refused());
}

#[test]
fn what_the_operator_puts_back_is_told_and_not_refused() {
    let now = Instant::now();
    let good = config(None, None, &["acme"]);
    let mut state = listed(&good, now);
    assert!(!state.take(Place::Part(0), None));
    assert!(messages(&state)[0].contains("it has no part.json"), "{:?}", messages(&state));
    assert!(!state.delete(Place::Part(0)) && !state.delete(Place::Index));
    let told = messages(&state);
    assert!(told.len() == 2 && told.iter().all(|told| told.contains("it was deleted")), "{told:?}");
    assert_eq!((state.refused(), state.standing()), (None, Standing::Whole));
    assert_eq!(state.loaded(&Loaded::default(), now).config, good);
    take(&mut state, &good, 2, now);
    assert!(messages(&state).is_empty());
    // A list that they are not in says the same.
    state.begin_list();
    assert!(state.end_list().is_empty(), "kept");
    assert_eq!(messages(&state).len(), 2);
}

#[test]
fn what_the_index_names_no_more_is_forgotten() {
    let now = Instant::now();
    let mut state = listed(&config(None, None, &["acme"]), now);
    let extra = Part { sequence: 0, ..Part::default() };
    state.take(Place::Part(5), Some(&extra.to_data()));
    assert!(state.delete(Place::Part(5)));
    assert!(messages(&state).is_empty());
}

#[test]
fn nothing_is_served_before_the_index_is_there() {
    let mut state = State::new("ai".into());
    state.begin_list();
    state.end_list();
    assert_eq!(state.standing(), Standing::Nothing);
    assert!(messages(&state)[0].contains("the operator has not written the configuration yet"));
    assert!(!state.make_do());
}

#[test]
fn what_was_kept_is_served_if_whole_and_else_only_when_it_must_do() {
    let now = Instant::now();
    let good = config(Some("a"), Some("b"), &["acme"]);
    let secret = || [(reference("a"), SecretValue::new("sk-1".into()))];
    let mut whole = State::new("ai".into());
    assert!(whole.restore(texts(&good, 3).into(), secret(), now));
    assert_eq!(whole.deadlines(now).count(), 0, "nobody waits for what was not there before");
    let loaded = whole.loaded(&Loaded::default(), now);
    assert_eq!((&loaded.config, loaded.sequence, loaded.secrets.len()), (&good, Some(3), 1));
    assert!(!whole.make_do(), "it serves already");

    let mut damaged = State::new("ai".into());
    let [part, index] = texts(&good, 3);
    let cut = part.1[..part.1.len() / 2].to_owned();
    assert!(!damaged.restore(vec![(part.0, cut), index], secret(), now));
    assert_eq!(damaged.standing(), Standing::Nothing);
    assert!(damaged.make_do());
    assert_eq!(damaged.standing(), Standing::Partial);
    // The cluster mends it.
    damaged.begin_list();
    take(&mut damaged, &good, 4, now);
    damaged.end_list();
    assert_eq!((damaged.standing(), messages(&damaged).len()), (Standing::Whole, 0));
}

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn secret() -> ObjectKey {
    ObjectKey::new("team-acme", "acme-hub")
}

#[test]
fn a_key_is_made_once_and_is_its_owners_alone() {
    let data = tempfile::tempdir().unwrap();
    let keyring = Keyring::below(data.path());
    assert!(keyring.read(&secret()).unwrap().is_none());
    let made = keyring.read_or_make(&secret(), at(1)).unwrap();
    assert!(made.value.expose().starts_with("hub-") && made.value.len() == 4 + 64);
    let again = keyring.read_or_make(&secret(), at(2)).unwrap();
    assert_eq!((again.value.expose(), again.made_at), (made.value.expose(), at(1)));
    let permissions = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(permissions(keyring.folder()), 0o700);
    assert_eq!(permissions(&keyring.folder().join("team-acme.acme-hub.key")), 0o600);
    assert_eq!(fs::read_dir(keyring.folder()).unwrap().count(), 1, "nothing else is left behind");
    let other = keyring.read_or_make(&ObjectKey::new("team-acme", "other"), at(1)).unwrap();
    assert_ne!(other.value.expose(), made.value.expose());
}

#[test]
fn a_rotated_key_is_honoured_for_its_grace_and_only_as_a_hash() {
    let data = tempfile::tempdir().unwrap();
    let keyring = Keyring::below(data.path());
    let first = keyring.read_or_make(&secret(), at(0)).unwrap();
    let second = keyring.rotate(&secret(), at(60), HOUR).unwrap();
    assert_ne!(second.value.expose(), first.value.expose());
    let expected = vec![RotatedKey { sha256: first.value.sha256(), expires_at: at(3_660) }];
    assert_eq!(keyring.read(&secret()).unwrap().unwrap().rotated, expected);
    let text = fs::read_to_string(keyring.folder().join("team-acme.acme-hub.key")).unwrap();
    assert!(!text.contains(first.value.expose()));

    let third = keyring.rotate(&secret(), at(3_660), HOUR).unwrap();
    let hashes: Vec<_> = third.rotated.iter().map(|key| key.sha256.clone()).collect();
    assert_eq!(hashes, [second.value.sha256()], "the first one's grace is over");
    for second in 3_661..3_670 {
        keyring.rotate(&secret(), at(second), HOUR).unwrap();
    }
    assert_eq!(keyring.read(&secret()).unwrap().unwrap().rotated.len(), MOST_ROTATED_KEYS);
}

#[test]
fn two_processes_end_with_the_same_key() {
    let data = tempfile::tempdir().unwrap();
    let keyring = Keyring::below(data.path());
    let key = MadeKey { value: SecretValue::new("hub-theirs".into()), made_at: at(0), rotated: Vec::new() };
    // What the slower one does: it saw no file, and then finds the name taken.
    keyring.write(&secret(), &key, |from, to| fs::rename(from, to)).unwrap();
    let late = keyring.write(&secret(), &key, |from, to| fs::hard_link(from, to));
    assert_eq!(late.unwrap_err().source.kind(), ErrorKind::AlreadyExists);
    assert_eq!(keyring.read_or_make(&secret(), at(1)).unwrap().value.expose(), "hub-theirs");
}

#[test]
fn a_broken_file_is_an_error_that_does_not_quote_it() {
    let data = tempfile::tempdir().unwrap();
    let keyring = Keyring::below(data.path());
    keyring.read_or_make(&secret(), at(0)).unwrap();
    let path = keyring.folder().join("team-acme.acme-hub.key");
    fs::write(&path, r#"{"apiKey":["hub-secret"]}"#).unwrap();
    let error = keyring.read(&secret()).unwrap_err().to_string();
    assert!(error.ends_with("team-acme.acme-hub.key: is not a key's file"), "{error}");
}

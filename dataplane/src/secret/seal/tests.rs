use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

fn place(name: &str) -> SecretRef {
    SecretRef { namespace: "ai".into(), name: name.into(), key: "apiKey".into() }
}

fn value() -> SecretValue {
    SecretValue::new("sk-very-secret".into())
}

fn error(result: Result<SecretValue, OpenError>) -> OpenError {
    result.map(|_| "opened").unwrap_err()
}

#[test]
fn a_sealed_value_opens_where_it_was_sealed_for() {
    let key = SealKey::generate().unwrap();
    let sealed = key.seal(&place("openai"), &value()).unwrap();
    assert!(sealed.starts_with("sealed:v1:") && !sealed.contains("secret"));
    assert_eq!(key.open(&place("openai"), &sealed).unwrap().expose(), "sk-very-secret");
    assert_ne!(sealed, key.seal(&place("openai"), &value()).unwrap(), "each has its own nonce");
}

#[test]
fn a_moved_or_changed_value_stays_shut() {
    let key = SealKey::generate().unwrap();
    let sealed = key.seal(&place("openai"), &value()).unwrap();
    assert_eq!(error(key.open(&place("mine"), &sealed)), OpenError::OtherPlace);
    let mut bytes = BASE64.decode(sealed.strip_prefix(PREFIX).unwrap()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let changed = format!("{PREFIX}{}", BASE64.encode(bytes));
    assert_eq!(error(key.open(&place("openai"), &changed)), OpenError::OtherPlace);
}

#[test]
fn another_key_and_garbage_are_told_apart() {
    let (key, other) = (SealKey::generate().unwrap(), SealKey::generate().unwrap());
    let sealed = key.seal(&place("openai"), &value()).unwrap();
    assert_eq!(error(other.open(&place("openai"), &sealed)), OpenError::OtherKey);
    for garbage in ["", "sk-plain", "sealed:v1:", "sealed:v1:%%%", "sealed:v1:AAAA", "sealed:v2:AAAA"] {
        assert_eq!(error(key.open(&place("openai"), garbage)), OpenError::Malformed, "{garbage}");
    }
}

#[test]
fn the_key_is_made_once_and_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("seal.key");
    assert!(matches!(SealKey::load(&path), Err(KeyFileError::Missing(_))));
    let (key, made) = SealKey::load_or_create(&path).unwrap();
    assert!(made);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let (again, made) = SealKey::load_or_create(&path).unwrap();
    assert!(!made);
    let sealed = key.seal(&place("openai"), &value()).unwrap();
    assert_eq!(again.open(&place("openai"), &sealed).unwrap().expose(), "sk-very-secret");
    fs::write(&path, "not a key").unwrap();
    assert!(matches!(SealKey::load(&path), Err(KeyFileError::Malformed(_))));
}

#[test]
fn the_key_file_is_found_by_option_environment_and_home() {
    let both = Environment::fixed([("HOME", "/home/me"), (KEY_FILE_VARIABLE, "/etc/seal.key")]);
    let home = Environment::fixed([("HOME", "/home/me")]);
    let xdg = Environment::fixed([("HOME", "/home/me"), ("XDG_CONFIG_HOME", "/config")]);
    let data = tempfile::tempdir().unwrap();
    assert_eq!(key_file(Some("k".into()), &both, None), Some("k".into()));
    assert_eq!(key_file(None, &both, None), Some("/etc/seal.key".into()));
    assert_eq!(key_file(None, &home, Some(data.path())), Some("/home/me/.config/aigne-hub/seal.key".into()));
    assert_eq!(key_file(None, &xdg, None), Some("/config/aigne-hub/seal.key".into()));
    assert_eq!(key_file(None, &Environment::fixed([]), None), None);
    fs::write(beside_data(data.path()), "").unwrap();
    assert_eq!(key_file(None, &home, Some(data.path())), Some(beside_data(data.path())));
    assert_eq!(key_file(None, &both, Some(data.path())), Some("/etc/seal.key".into()));
}

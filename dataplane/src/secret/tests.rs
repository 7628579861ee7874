use std::{
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// Files that may see plaintext, each for its reason.
const MAY_EXPOSE: &[&str] = &[
    "admin/token.rs",               // compares what a request shows with its hash
    "cli/keys.rs",                  // prints a tenant's own key to the person who asked for it
    "cli/seal/text.rs",             // encrypts it
    "export/secret.rs",             // shows it to its sink, and signs with it
    "ledger/postgres/url.rs",       // connects to the database
    "secret.rs",                    // hashes and measures it
    "secret/job.rs",                // derives the key of video ids from it
    "secret/keyring.rs",            // writes a made key into its file
    "secret/seal.rs",               // encrypts it
    "source/cluster/cache.rs",      // keeps it for a restart, in memory
    "source/resolve.rs",            // reads manifests, checks that a value can be a header
    "upstream/sign.rs",             // puts it into the request's header
    "upstream/sign/aws.rs",         // signs with it
    "upstream/sign/aws/written.rs", // reads what a Secret holds for AWS
];

fn reference(name: &str) -> SecretRef {
    SecretRef { namespace: "ai".into(), name: name.into(), key: "apiKey".into() }
}

#[test]
fn values_print_as_stars() {
    let value = SecretValue::new("sk-very-secret".into());
    let store: SecretStore = [(reference("openai"), value.clone())].into_iter().collect();
    let printed = format!("{value} {value:?} {store:?} {:?}", Some(&value));
    assert_eq!(printed, r#"*** *** {"ai/openai/apiKey"} Some(***)"#);
}

#[test]
fn a_store_finds_what_it_holds_and_nothing_else() {
    let store: SecretStore = [(reference("openai"), SecretValue::new("sk-1".into()))].into_iter().collect();
    assert_eq!(store.get(&reference("openai")).map(SecretValue::expose), Some("sk-1"));
    assert!(store.get(&reference("anthropic")).is_none());
    assert_eq!(store.len(), 1);
}

#[test]
fn the_hash_is_of_the_text() {
    // printf %s abc | sha256sum
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(SecretValue::new("abc".into()).sha256(), expected);
}

#[test]
fn only_the_listed_files_see_plaintext() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let callers: Vec<String> = sources(&root)
        .into_iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            code.contains(".expose()") || code.contains("SecretValue::expose")
        })
        .map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(!callers.is_empty(), "the search itself is broken");
    for caller in callers {
        assert!(MAY_EXPOSE.contains(&caller.as_str()), "{caller} must not see plaintext");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

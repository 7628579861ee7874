//! What keeps the parts apart, and the text fit to be read. ARCHITECTURE.md says why.
//!
//! Others stand beside what they hold: `crds/tests/purity.rs` (no I/O), `crds/tests/compile_properties.rs` (the same
//! in any order), `dataplane/src/secret/tests.rs` (who sees plaintext).

mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use aigne_hub_tests::harness::{self, Outcome};
use anyhow::{Context, ensure};
use serde_json::Value;

use source::{Source, files, module, root, rust};

/// Packages of this workspace, each with those of the workspace that it is built on, however far down.
fn packages() -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().context("packages")? {
        let on = package["dependencies"].as_array().context("dependencies")?;
        let on = on.iter().filter(|on| !on["path"].is_null()).filter_map(|on| on["name"].as_str());
        let name = package["name"].as_str().context("name")?;
        packages.insert(name.to_owned(), on.map(str::to_owned).collect());
    }
    for _ in 0..packages.len() {
        let known = packages.clone();
        for on in packages.values_mut() {
            let further: Vec<_> = on.iter().filter_map(|name| known.get(name)).flatten().cloned().collect();
            on.extend(further);
        }
    }
    Ok(packages)
}

#[test]
fn the_contract_is_in_the_middle() -> Outcome {
    let packages = packages()?;
    let on = |name: &str| packages.get(name).cloned().unwrap_or_default();
    assert_eq!(on("aigne-hub-crds"), BTreeSet::new(), "the contract knows nobody");
    assert_eq!(on("aigne-hub"), BTreeSet::from(["aigne-hub-crds".to_owned()]));
    assert!(!on("aigne-hub-operator").contains("aigne-hub"), "the operator must not know the gateway");
    Ok(())
}

/// Asserts that a module names nothing of its crate but these (with everything below them).
fn assert_knows_only(of: &str, known: &[&str]) {
    for source in module(of) {
        for name in source.names() {
            let fits = |known: &&str| {
                name.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            };
            assert!(known.iter().any(fits), "{} must not know {name}", source.path);
        }
    }
}

/// Asserts that code neither waits nor reaches out of memory.
fn assert_pure(source: &Source) {
    let outside =
        ["async ", ".await", "tokio", "hyper", "reqwest", "sqlx", "tracing::", "std::env", "std::fs"];
    let further = ["std::net", "std::process", "std::thread", "std::time", "stdin(", "stdout(", "stderr("];
    for word in outside.into_iter().chain(further) {
        assert!(!source.has(word), "{word} in {}", source.path);
    }
    for group in source.code.split("use std::{").skip(1) {
        let group = group.split("};").next().unwrap_or_default();
        for word in ["env", "fs", "net", "process", "thread", "time"] {
            let named = group.split(|c: char| !c.is_alphanumeric() && c != '_').any(|name| name == word);
            assert!(!named, "std::{word} in {}", source.path);
        }
    }
}

#[test]
fn wires_and_providers_are_pure_and_do_not_know_each_other() {
    let base = ["body", "chat", "json", "usage"];
    assert_knows_only("dataplane/src/chat", &base);
    assert_knows_only("dataplane/src/form", &["form"]);
    assert_knows_only("dataplane/src/payload", &["body", "form", "json"]);
    assert_knows_only("dataplane/src/media", &[&base[..], &["media"]].concat());
    // What is asked beside chat may be a form.
    let base = [&base[..], &["form", "media", "payload"]].concat();
    assert_knows_only("dataplane/src/wire", &[&base[..], &["wire"]].concat());
    // Which wire a provider speaks, and what is asked for, are words of the contract between the two.
    assert_knows_only(
        "dataplane/src/provider",
        &[&base[..], &["provider", "wire::Wire", "wire::Operation", "framing::Framing"]].concat(),
    );
    for of in
        ["chat", "form", "media", "payload", "wire", "provider", "body", "json", "sse", "framing", "usage"]
    {
        module(&format!("dataplane/src/{of}")).iter().for_each(assert_pure);
    }
}

/// Asserts that what is listed in a folder does not name each other.
fn assert_strangers(folder: &str, listed: &[String]) {
    for one in listed {
        for source in module(&format!("dataplane/src/{folder}/{one}")) {
            let others = listed.iter().filter(|other| *other != one);
            for other in others.map(|other| format!("{folder}::{other}")) {
                let named = |name: &String| *name == other || name.starts_with(&format!("{other}::"));
                assert!(!source.names().iter().any(named), "{} must not know {other}", source.path);
            }
        }
    }
}

#[test]
fn one_wire_does_not_know_another_nor_one_provider_another() {
    let below = |folder: &str, mark: &str| -> Vec<String> {
        module(&format!("dataplane/src/{folder}"))
            .iter()
            .filter(|source| source.has(mark) && source.module().len() == 2)
            .filter_map(|source| source.module().pop())
            .collect()
    };
    let wires = below("wire", "mod decode;");
    assert!(wires.len() >= 2, "{wires:?}");
    assert_strangers("wire", &wires);
    let providers = below("provider", "static ADAPTER");
    assert!(providers.len() >= 9, "{providers:?}");
    assert_strangers("provider", &providers);
}

/// Asserts that a text stands in the code of these files of the gateway and nowhere else, and as often.
fn assert_only_in(text: &str, expected: &[(&str, usize)]) {
    let found: Vec<(String, usize)> = module("dataplane/src")
        .iter()
        .map(|source| (source.path.clone(), source.code.matches(text).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    let expected: Vec<(String, usize)> =
        expected.iter().map(|(path, count)| (format!("dataplane/src/{path}"), *count)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn only_respond_answers() {
    // Beside it, a sidecar says whether it is ready.
    let answers = [("gateway/respond.rs", 1), ("gateway/respond/error.rs", 1), ("sidecar/probe.rs", 1)];
    assert_only_in("Response::new(", &answers);
    assert_only_in("Response::builder(", &[]);
    assert_only_in("\"error\":", &[("gateway/respond/error.rs", 4)]);
    for source in module("dataplane/src/gateway") {
        let answers = ["StreamBody::", "ReplyBody::", "in_stream("].iter().any(|word| source.has(word));
        assert!(!answers || source.path.contains("/respond"), "{} must not answer", source.path);
    }
}

#[test]
fn only_settle_writes_usage() {
    assert_only_in(".journal.borrow_mut()", &[("gateway/settle.rs", 2)]);
    assert_only_in("core.journal", &[("gateway/settle.rs", 2)]);
    for source in module("dataplane/src") {
        let (path, gateway) = (&source.path, source.path.starts_with("dataplane/src/gateway"));
        for word in ["Intent {", "Outcome {", ".record_sheets("] {
            let may = path.contains("/ledger") || path.ends_with("/settle.rs") || path.ends_with("/run.rs");
            assert!(!source.has(word) || may, "{word} in {path}");
        }
        assert!(!gateway || !source.names().iter().any(|name| name.starts_with("ledger::store")), "{path}");
    }
}

#[test]
fn a_request_takes_one_snapshot() {
    // The other is a look at a job that nobody asks for.
    assert_only_in("snapshot.load", &[("gateway.rs", 2)]);
    assert_only_in("shared.snapshot", &[("gateway.rs", 2), ("run.rs", 1)]);
}

#[test]
fn files_are_short_enough_to_be_read() {
    let mut sizes: Vec<(usize, String)> =
        rust().into_iter().map(|source| (source.lines, source.path)).collect();
    sizes.sort();
    let at = |percent: usize| sizes[(sizes.len() - 1) * percent / 100].clone();
    assert!(at(50).0 <= 150, "the median: {:?}", at(50));
    assert!(at(90).0 <= 450, "nine of ten: {:?}", at(90));
    assert!(at(100).0 <= 800, "the longest: {:?}", at(100));
}

#[test]
fn nothing_names_a_place_on_one_machine() {
    let here = format!("{}/", root().display());
    // Homes, and folders that builds use; a test may speak of nobody's home.
    let places = [
        &here,
        concat!("/wo", "rk/"),
        concat!("/wo", "rkspace/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
    ];
    for path in files() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        let text = text.replace("/home/me", "");
        for place in places {
            let named = text
                .match_indices(place)
                .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "._-/}".contains(c)));
            assert!(!named, "{place} in {path}");
        }
    }
}

/// `crds/tests/examples.rs` compiles each; this is what a person who tries one does.
#[tokio::test]
async fn every_example_passes_check() -> Outcome {
    let folders: BTreeSet<_> = files()
        .iter()
        .filter_map(|path| Some(path.strip_prefix("examples/")?.split_once('/')?.0.to_owned()))
        .collect();
    ensure!(folders.contains("quickstart"), "{folders:?}");
    for folder in folders {
        let ran = harness::Command::new(["check", "--output", "json", "-f"])
            .path(&root().join("examples").join(&folder))
            .run()
            .await?;
        let report: Value = serde_json::from_str(&ran.stdout).with_context(|| ran.stderr.clone())?;
        let findings = report["findings"].as_array().context("findings")?;
        let errors: Vec<_> = findings.iter().filter(|finding| finding["severity"] == "Error").collect();
        ensure!(errors.is_empty(), "{folder}: {errors:#?}");
    }
    Ok(())
}

//! What is generated is up to date.

use std::process::Command;

#[test]
fn generated_files_are_up_to_date() {
    let output = Command::new(env!("CARGO_BIN_EXE_crdgen")).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_stale_file_is_named() {
    let empty = std::env::temp_dir().join("aigne-hub-crdgen-empty");
    let output =
        Command::new(env!("CARGO_BIN_EXE_crdgen")).args(["--check", "--root"]).arg(empty).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    let kinds = ["aiproviders", "modelpricings", "tenants"];
    let mut names = vec!["docs/reference.md".to_owned()];
    for folder in ["crds", "charts/aigne-hub-crds/templates"] {
        names.extend(kinds.map(|kind| format!("{folder}/{kind}.yaml")));
    }
    for name in names {
        assert!(said.contains(&format!("{name} is not up to date")), "{said}");
    }
}

#[test]
fn help_has_an_example() {
    let output = Command::new(env!("CARGO_BIN_EXE_crdgen")).arg("--help").output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("Example:"));
}

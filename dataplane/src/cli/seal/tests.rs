use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    cli::testing::try_run,
    secret::SecretValue,
    source::directory::tests::{Fixture, PROVIDER, secret},
};

const SECRET: &str = "\
# The key of our OpenAI account.
apiVersion: v1
kind: Secret
metadata:
  name: openai
  namespace: ai
  labels: {hub.aigne.io/credential: \"true\"}
stringData:
  # Rotated every March.
  apiKey: sk-plain # ask the platform team
  second: \"sk-\\\"quoted\\\"\" # in quotes
  third: 'sk-''single'''
  fromEnv: env:OPENAI_API_KEY
  block: |
    sk-block

  last: sk-last
data:
  encoded: c2stZW5jb2RlZA==
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data: {a: sk-not-a-secret}
";

const VALUES: [&str; 7] =
    ["sk-plain", "sk-\\\"quoted", "sk-''single", "sk-block", "sk-last", "c2stZW5jb2RlZA", "sk-encoded"];

fn seal(fixture: &Fixture, text: &str) -> Result<String, String> {
    fs::write(fixture.path("secret.yaml"), text).unwrap();
    let path = fixture.path("secret.yaml").display().to_string();
    let (result, output) = try_run(fixture, &["seal", "-f", &path]);
    result.map(|_| output).map_err(|error| format!("{error:#}").replace(&path, "secret.yaml"))
}

#[test]
fn values_are_replaced_and_every_other_character_stays() {
    let fixture = Fixture::new(&[]);
    let sealed = seal(&fixture, SECRET).unwrap();
    for value in VALUES {
        assert!(!sealed.contains(value), "{value}: {sealed}");
    }
    let filters = vec![
        (r"sealed:v1:[A-Za-z0-9+/=]+", "<sealed>"),
        (r#""c2VhbGVk[A-Za-z0-9+/=]+""#, "<sealed, encoded>"),
    ];
    insta::with_settings!({filters => filters}, { insta::assert_snapshot!(sealed) });
    assert_eq!(seal(&fixture, &sealed).unwrap(), sealed, "what is sealed stays as it is");
}

#[test]
fn the_hub_opens_what_was_sealed() {
    let fixture = Fixture::new(&[("provider.yaml", PROVIDER)]);
    let sealed = seal(&fixture, &secret("sk-plain")).unwrap();
    fs::write(fixture.path("secret.yaml"), &sealed).unwrap();
    let loaded = fixture.directory().load().unwrap();
    let (_, value) = loaded.secrets.iter().next().unwrap();
    assert_eq!(SecretValue::expose(value), "sk-plain");
    assert!(loaded.findings.iter().all(|found| found.finding.kind != "Secret"), "{:?}", loaded.findings);
}

#[test]
fn one_line_forms_and_json_are_understood() {
    let fixture = Fixture::new(&[]);
    for text in [
        r"{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {apiKey: sk-plain, b: sk-plain}}",
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"stringData":{"apiKey":"sk-plain"},"data":{"b":"c2stcGxhaW4="}}"#,
        "apiVersion: v1\r\nkind: Secret\r\nmetadata: {name: a}\r\nstringData:\r\n  a: >-\r\n    sk-plain\r\n    more\r\n  b: sk-plain\r\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {é: ü}\n"
            .replace("é: ü", "a: sk-plain-ü")
            .as_str(),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  a:\n    sk-plain",
    ] {
        let sealed = seal(&fixture, text).unwrap();
        assert!(!sealed.contains("sk-plain") && !sealed.contains("c2stcGxhaW4="), "{sealed}");
        assert_eq!(sealed.matches("\r\n").count() > 0, text.contains("\r\n"));
    }
}

#[test]
fn what_cannot_be_replaced_is_refused_and_never_quoted() {
    let fixture = Fixture::new(&[]);
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n";
    for (values, expected) in [
        ("  a: &x sk-plain\n  b: *x\n", "this value's form cannot be replaced"),
        ("  a: sk-plain\n    over two lines\n", "its values cannot be replaced as they are written"),
        ("  a: [sk-plain]\n", "secret.yaml:5:"),
    ] {
        let error = seal(&fixture, &format!("{head}{values}")).unwrap_err();
        assert!(error.contains(expected) && !error.contains("sk-plain"), "{error}");
    }
    let binary = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: /w==}\n";
    assert_eq!(seal(&fixture, binary).unwrap_err(), "secret.yaml:4:11: data.a: only text can be sealed");
}

#[test]
fn in_place_keeps_the_files_mode() {
    let fixture = Fixture::new(&[("secret.yaml", SECRET)]);
    let path = fixture.path("secret.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let (result, output) = try_run(&fixture, &["seal", "--in-place", "-f", &path.display().to_string()]);
    assert!(result.is_ok() && output.is_empty(), "{result:?} {output}");
    let sealed = fs::read_to_string(&path).unwrap();
    assert!(sealed.contains("sealed:v1:") && !sealed.contains("sk-plain"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(fixture.manifests.path()).unwrap().count(), 1);
}

#[test]
fn the_key_may_lie_beside_the_data() {
    let fixture = Fixture::new(&[("secret.yaml", SECRET)]);
    let (path, data) = (fixture.path("secret.yaml").display().to_string(), fixture.data.path().join("hub"));
    let (result, _) = try_run(&fixture, &["seal", "-f", &path, "--data", &data.display().to_string()]);
    assert!(result.is_ok() && data.join("seal.key").exists());
}

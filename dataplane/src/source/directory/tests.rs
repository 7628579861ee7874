use std::{fs, path::Path};

use aigne_hub_crds::{compile::Severity, config::SecretRef};
use tempfile::TempDir;

use super::*;
use crate::secret::{SecretValue, keyring::Keyring};

pub(crate) const PROVIDER: &str = "\
apiVersion: hub.aigne.io/v1alpha1
kind: AIProvider
metadata: {name: openai, namespace: ai}
spec:
  type: OpenAI
  credentials:
  - {name: primary, secretKeyRef: {name: openai, key: apiKey}}
  models:
  - {name: gpt-5-mini, type: Chat}
";

pub(crate) const TENANT: &str = "\
apiVersion: hub.aigne.io/v1alpha1
kind: Tenant
metadata: {name: acme, namespace: team-acme}
spec:
  keys: [{name: app, secretName: acme-hub}]
";

pub(crate) fn secret(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: openai\n  namespace: ai\n  \
         labels: {{hub.aigne.io/credential: \"true\"}}\nstringData:\n  apiKey: {value}\n"
    )
}

/// Manifests and data folder.
pub(crate) struct Fixture {
    pub(crate) manifests: TempDir,
    pub(crate) data: TempDir,
}

impl Fixture {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let fixture = Self { manifests: TempDir::new().unwrap(), data: TempDir::new().unwrap() };
        for (name, text) in files {
            fs::write(fixture.path(name), text).unwrap();
        }
        fixture
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.manifests.path().join(name)
    }

    pub(crate) fn root(&self) -> String {
        self.manifests.path().display().to_string()
    }

    pub(crate) fn directory(&self) -> Directory {
        Directory {
            root: self.manifests.path().to_owned(),
            environment: Environment::fixed([("OPENAI_API_KEY", "sk-env")]),
            seal_key_file: Some(self.data.path().join("seal.key")),
            missing: Missing::Make(Keyring::below(self.data.path())),
            clock: Clock::default(),
        }
    }
}

fn credential() -> SecretRef {
    SecretRef { namespace: "ai".into(), name: "openai".into(), key: "apiKey".into() }
}

/// Severity, place and message of each finding, without the folder.
fn shown(loaded: &Loaded, root: &Path) -> Vec<String> {
    let line = |found: &LocatedFinding| format!("{:?} {found}", found.finding.severity);
    loaded.findings.iter().map(line).map(|line| line.replace(&format!("{}/", root.display()), "")).collect()
}

#[test]
fn a_folder_becomes_a_revision_with_secrets_and_keys() {
    let fixture = Fixture::new(&[
        ("provider.yaml", PROVIDER),
        ("tenant.yaml", TENANT),
        ("secret.yaml", &secret("env:OPENAI_API_KEY")),
        ("kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"),
    ]);
    let loaded = fixture.directory().load().unwrap();
    assert_eq!(loaded.secrets.get(&credential()).map(SecretValue::expose), Some("sk-env"));
    let key = Keyring::below(fixture.data.path())
        .read(&aigne_hub_crds::compile::ObjectKey::new("team-acme", "acme-hub"))
        .unwrap()
        .unwrap();
    let hashes = &loaded.config.tenants["team-acme/acme"].keys[0].hashes;
    assert_eq!(hashes[0].sha256, key.value.sha256());
    let errors: Vec<_> = loaded.findings.iter().filter(|f| f.finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(fixture.directory().load().unwrap().revision, loaded.revision, "nothing changed");
}

#[test]
fn a_rotated_secret_is_another_revision() {
    let fixture = Fixture::new(&[("provider.yaml", PROVIDER), ("secret.yaml", &secret("sk-one"))]);
    let before = fixture.directory().load().unwrap();
    fs::write(fixture.path("secret.yaml"), secret("sk-two")).unwrap();
    let after = fixture.directory().load().unwrap();
    assert_eq!(before.config, after.config);
    assert_ne!(before.revision, after.revision);
}

#[test]
fn a_rotated_tenant_key_is_honoured_beside_the_new_one() {
    let fixture = Fixture::new(&[("tenant.yaml", TENANT)]);
    let before = fixture.directory().load().unwrap();
    let secret = aigne_hub_crds::compile::ObjectKey::new("team-acme", "acme-hub");
    let keyring = Keyring::below(fixture.data.path());
    keyring.rotate(&secret, Clock::default().now(), jiff::SignedDuration::from_hours(24)).unwrap();
    let after = fixture.directory().load().unwrap();
    let hashes = |loaded: &Loaded| loaded.config.tenants["team-acme/acme"].keys[0].hashes.clone();
    assert_eq!(hashes(&after).len(), 2);
    assert!(
        hashes(&after)
            .iter()
            .any(|hash| hash.sha256 == hashes(&before)[0].sha256 && hash.expires_at.is_some())
    );
    assert_ne!(before.revision, after.revision);
}

#[test]
fn a_provider_key_in_clear_is_said_once_and_never_shown() {
    let fixture = Fixture::new(&[("provider.yaml", PROVIDER), ("secret.yaml", &secret("sk-plain"))]);
    let loaded = fixture.directory().load().unwrap();
    let lines = shown(&loaded, fixture.manifests.path());
    let clear: Vec<_> = lines.iter().filter(|line| line.contains("in clear")).collect();
    assert_eq!(
        clear,
        [
            "Warning secret.yaml:8:11: Secret ai/openai: stringData.apiKey: the provider key lies here in clear: \
          `aigne-hub seal -f secret.yaml` encrypts it, or write env:NAME to take it from the environment"
        ]
    );
    assert!(!format!("{loaded:?}").contains("sk-plain"));
}

#[test]
fn a_value_that_cannot_be_had_is_an_error_and_the_rest_serves() {
    let other =
        PROVIDER.replace("name: openai,", "name: second,").replace("name: openai, key", "name: second, key");
    let fixture = Fixture::new(&[
        ("a.yaml", PROVIDER),
        ("b.yaml", &other),
        ("c.yaml", &secret("env:NOT_SET")),
        ("d.yaml", &secret("sk-2").replace("name: openai", "name: second")),
    ]);
    let loaded = fixture.directory().load().unwrap();
    assert_eq!(loaded.config.shared.providers.keys().collect::<Vec<_>>(), ["ai/second"]);
    let lines = shown(&loaded, fixture.manifests.path());
    let expected =
        "Error c.yaml:8:11: Secret ai/openai: stringData.apiKey: the environment variable NOT_SET is not set";
    assert!(lines.iter().any(|line| line == expected), "{lines:#?}");
}

#[test]
fn sealed_values_are_opened_and_a_moved_one_is_an_error() {
    let fixture = Fixture::new(&[("provider.yaml", PROVIDER)]);
    let (key, _) = SealKey::load_or_create(&fixture.data.path().join("seal.key")).unwrap();
    let sealed = key.seal(&credential(), &SecretValue::new("sk-sealed".into())).unwrap();
    fs::write(fixture.path("secret.yaml"), secret(&sealed)).unwrap();
    let loaded = fixture.directory().load().unwrap();
    assert_eq!(loaded.secrets.get(&credential()).map(SecretValue::expose), Some("sk-sealed"));

    let moved =
        key.seal(&SecretRef { name: "mine".into(), ..credential() }, &SecretValue::new("sk".into())).unwrap();
    fs::write(fixture.path("secret.yaml"), secret(&moved)).unwrap();
    let lines = shown(&fixture.directory().load().unwrap(), fixture.manifests.path());
    let message = "stringData.apiKey: it cannot be opened: it was sealed for another namespace";
    assert!(
        lines.iter().any(|line| line.starts_with("Error secret.yaml:8") && line.contains(message)),
        "{lines:#?}"
    );
}

#[test]
fn checking_takes_for_granted_what_the_place_where_it_runs_provides() {
    let fixture = Fixture::new(&[
        ("provider.yaml", PROVIDER),
        ("tenant.yaml", TENANT),
        ("secret.yaml", &secret("env:NOT_SET")),
    ]);
    let check = |secrets| Directory { missing: Missing::Assume { secrets }, ..fixture.directory() };
    let loaded = check(false).load().unwrap();
    let of = |loaded: &Loaded, severity| {
        let all = loaded.findings.iter().filter(|found| found.finding.severity == severity);
        all.map(|found| found.finding.reason.clone()).collect::<Vec<_>>()
    };
    assert!(of(&loaded, Severity::Error).is_empty(), "{:#?}", loaded.findings);
    assert!(of(&loaded, Severity::Warning).contains(&secrets::NOT_FOUND_HERE.to_owned()));
    assert_eq!(fs::read_dir(fixture.data.path()).unwrap().count(), 0, "a check makes nothing");

    fs::remove_file(fixture.path("secret.yaml")).unwrap();
    assert!(of(&check(false).load().unwrap(), Severity::Error).contains(&"SecretNotFound".to_owned()));
    assert!(of(&check(true).load().unwrap(), Severity::Error).is_empty());
}

#[test]
fn every_error_of_every_file_is_named() {
    let fixture = Fixture::new(&[
        ("a.yaml", &PROVIDER.replace("type: OpenAI", "type: OpenAPI")),
        ("b.yaml", "kind: [\n"),
        ("c.yaml", TENANT),
    ]);
    let problems = fixture.directory().load().unwrap_err();
    let files: Vec<_> =
        problems.iter().map(|problem| problem.location.file.rsplit('/').next().unwrap()).collect();
    assert_eq!(files, ["a.yaml", "b.yaml"]);
    assert_eq!((problems[0].location.line, problems[0].field.as_str()), (5, "spec.type"));
}

#[test]
fn an_empty_folder_is_an_error() {
    let fixture = Fixture::new(&[("secret.yaml", &secret("sk"))]);
    let problems = fixture.directory().load().unwrap_err();
    assert_eq!(problems[0].message, "holds no AIProvider, ModelPricing or Tenant");
}

use std::{fs, time::Duration};

use super::*;
use crate::source::directory::tests::{Fixture, PROVIDER, TENANT, secret};

/// Far beyond what a change takes, so that only a defect reaches it.
const HANGS: Duration = Duration::from_secs(20);

async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    tokio::time::timeout(HANGS, receiver.changed()).await.unwrap().unwrap();
}

fn started(fixture: &Fixture) -> (Source, Arc<Telemetry>) {
    let telemetry = Arc::new(Telemetry::new());
    let first = fixture.directory().load().unwrap();
    (start(fixture.directory(), first, Arc::clone(&telemetry)), telemetry)
}

#[tokio::test]
async fn a_change_is_picked_up() {
    let fixture = Fixture::new(&[("a.yaml", PROVIDER), ("s.yaml", &secret("sk-1"))]);
    let (mut source, telemetry) = started(&fixture);
    assert!(source.loaded.borrow().config.tenants.is_empty());
    fs::write(fixture.path("tenant.yaml"), TENANT).unwrap();
    changed(&mut source.loaded).await;
    let revision = source.loaded.borrow().revision.clone();
    assert!(source.loaded.borrow().config.tenants.contains_key("team-acme/acme"));
    assert!(
        telemetry.encode().unwrap().contains(&format!("aigne_hub_config_info{{revision=\"{revision}\"}} 1"))
    );
}

#[tokio::test]
async fn a_broken_file_keeps_the_last_good_state_until_it_is_mended() {
    let fixture = Fixture::new(&[("a.yaml", PROVIDER), ("s.yaml", &secret("sk-1"))]);
    let (mut source, telemetry) = started(&fixture);
    let good = source.loaded.borrow().revision.clone();

    fs::write(fixture.path("tenant.yaml"), "kind: [").unwrap();
    changed(&mut source.rejected).await;
    assert!(source.rejected.borrow()[0].location.file.ends_with("tenant.yaml"));
    assert_eq!(source.loaded.borrow().revision, good);
    assert!(telemetry.encode().unwrap().contains("aigne_hub_config_last_reload_successful 0\n"));

    fs::remove_file(fixture.path("tenant.yaml")).unwrap();
    changed(&mut source.rejected).await;
    assert!(source.rejected.borrow().is_empty());
    assert_eq!(source.loaded.borrow().revision, good);
    assert!(telemetry.encode().unwrap().contains("aigne_hub_config_last_reload_successful 1\n"));
}

#[tokio::test]
async fn a_key_that_was_rotated_by_another_process_is_picked_up() {
    let fixture = Fixture::new(&[("tenant.yaml", TENANT)]);
    let (mut source, _telemetry) = started(&fixture);
    let secret = aigne_hub_crds::compile::ObjectKey::new("team-acme", "acme-hub");
    let keyring = crate::secret::keyring::Keyring::below(fixture.data.path());
    let now = crate::clock::Clock::default().now();
    let made = keyring.rotate(&secret, now, jiff::SignedDuration::from_hours(1)).unwrap();
    changed(&mut source.loaded).await;
    let hashes = source.loaded.borrow().config.tenants["team-acme/acme"].keys[0].hashes.clone();
    assert!(hashes.iter().any(|hash| hash.sha256 == made.value.sha256()));
    assert_eq!(hashes.len(), 2);
}

//! Many tenants.

use futures::{StreamExt, TryStreamExt, stream};
use kube::api::ListParams;

use crate::harness::{System, eventually_within};

/// Objects on their way at once.
const AT_ONCE: usize = 32;

/// The namespace and name of a tenant.
pub(super) fn place(system: &System, number: usize) -> (String, String) {
    (system.teams[number % system.teams.len()].clone(), format!("tenant-{number}"))
}

/// Creates them, and waits until each is Ready.
pub(super) async fn populate(system: &System, count: usize, say: &impl Fn(&str)) -> anyhow::Result<()> {
    stream::iter(0..count)
        .map(|number| async move {
            let (namespace, name) = place(system, number);
            system.create(system.tenant_manifest(&namespace, &name)).await
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    say(&format!("{count} tenants: created"));
    let patience = std::time::Duration::from_secs(120 + count as u64 / 10);
    eventually_within(patience, "all tenants are ready", async || {
        let mut ready = 0;
        for team in &system.teams {
            let tenants = system.api("Tenant", team).list(&ListParams::default()).await?;
            let is_ready = |tenant: &&kube::core::DynamicObject| {
                let conditions = tenant.data["status"]["conditions"].as_array();
                conditions.is_some_and(|all| {
                    all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
                })
            };
            ready += tenants.items.iter().filter(is_ready).count();
        }
        if ready < count {
            // Looking is work for the API server too.
            tokio::time::sleep(std::time::Duration::from_millis(200 + count as u64 / 5)).await;
        }
        Ok((ready == count).then_some(()))
    })
    .await
}

//! A real API server takes every rendered object, and every pod is one that restricted Pod Security lets in.

use aigne_hub_tests::harness::Outcome;
use anyhow::ensure;
use serde_json::json;

use super::{SETS, objects, plane, pod, title};

#[tokio::test]
async fn every_object_has_only_fields_that_the_api_server_knows() -> Outcome {
    let plane = plane().await?;
    for (set, values) in SETS {
        let namespace = plane.namespace("strict").await?;
        for mut object in objects(plane, &namespace, values).await? {
            let group = object["apiVersion"].as_str().unwrap_or_default();
            // Their owners are not installed here.
            if group.starts_with("cert-manager.io/") || group.starts_with("monitoring.coreos.com/") {
                continue;
            }
            if !object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = json!(namespace);
            }
            let call = plane.kubectl(["apply", "--server-side", "--dry-run=server", "--validate=strict"]);
            let ran = call.args(["-n", &namespace, "-f", "-"]).input(object.to_string()).run().await?;
            ensure!(ran.success, "{set}: {}: {}", title(&object), ran.stderr);
            ensure!(!ran.stderr.contains("Warning"), "{set}: {}: {}", title(&object), ran.stderr);
        }
    }
    Ok(())
}

#[tokio::test]
async fn pods_are_let_into_a_restricted_namespace() -> Outcome {
    let plane = plane().await?;
    let namespace = plane.namespace("restricted").await?;
    let label = "pod-security.kubernetes.io/enforce=restricted";
    plane.kubectl(["label", "namespace", &namespace, label]).ok().await?;
    let mut pods = 0;
    for (_, values) in SETS {
        for object in objects(plane, &namespace, values).await? {
            let Some(mut pod) = pod(&object).cloned() else { continue };
            pods += 1;
            pod["apiVersion"] = json!("v1");
            pod["kind"] = json!("Pod");
            pod["metadata"]["name"] = object["metadata"]["name"].clone();
            // These would have to exist.
            pod["spec"]["priorityClassName"] = json!(null);
            pod["spec"]["serviceAccountName"] = json!(null);
            for claim in object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
                let name = &claim["metadata"]["name"];
                let volume = json!({ "name": name, "persistentVolumeClaim": { "claimName": name } });
                pod["spec"]["volumes"].as_array_mut().into_iter().for_each(|list| list.push(volume.clone()));
            }
            let call = plane.kubectl(["create", "--dry-run=server", "--validate=strict", "-n", &namespace]);
            let ran = call.args(["-f", "-"]).input(pod.to_string()).run().await?;
            ensure!(ran.success, "{}: {}", title(&object), ran.stderr);
        }
    }
    assert_eq!(pods, 12, "two programs in each set, two bundled Postgres, a demo and its test");

    // The namespace does refuse others.
    let careless = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "careless" },
        "spec": { "containers": [{ "name": "a", "image": "a" }] } });
    let call = plane.kubectl(["create", "--dry-run=server", "-n", &namespace, "-f", "-"]);
    let ran = call.input(careless.to_string()).run().await?;
    ensure!(!ran.success && ran.stderr.contains("violates PodSecurity"), "{}", ran.stderr);
    Ok(())
}

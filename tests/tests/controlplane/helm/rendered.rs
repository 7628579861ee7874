//! What the charts render, and what they refuse before anything reaches a cluster.

use aigne_hub_crds::distribution::{IDENTITY_AUDIENCE, SECRETS_ROLE};
use aigne_hub_tests::harness::{Command, Outcome};
use anyhow::ensure;

use super::{SETS, chart, parsed, plane, template, title};

#[tokio::test]
async fn the_charts_are_clean() -> Outcome {
    let plane = plane().await?;
    plane.helm(["lint", "--strict"]).args([chart("aigne-hub-crds")]).ok().await?;
    for (_, values) in SETS {
        plane.helm(["lint", "--strict"]).args([chart("aigne-hub")]).args(*values).ok().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_rendered_is_known_and_the_same_each_time() -> Outcome {
    let plane = plane().await?;
    for (name, values) in SETS {
        let rendered = template(plane, "ai", values).await?.ok()?;
        // Argo CD renders again and again: what changes by itself would be drift.
        assert_eq!(rendered, template(plane, "ai", values).await?.ok()?);
        let trimmed: Vec<&str> = rendered.lines().map(str::trim_end).collect();
        insta::with_settings!({snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(*name, trimmed.join("\n"));
        });
    }
    Ok(())
}

#[tokio::test]
async fn the_demo_is_a_configuration_without_findings() -> Outcome {
    let rendered = template(plane().await?, "ai", super::DEMO).await?.ok()?;
    let ours =
        parsed(&rendered)?.into_iter().filter(|object| object["apiVersion"] == "hub.aigne.io/v1alpha1");
    let ours: Vec<String> = ours.map(|object| format!("{object:#}\n")).collect();
    assert_eq!(ours.len(), 3, "a provider, a price, a tenant");
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("demo.yaml"), ours.join("---\n"))?;
    // The tenant's Secret is what the operator makes.
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: demo-hub, namespace: default}\n\
                  stringData: {apiKey: hub-0123456789abcdefghijklmnopqrstuvwxyz}\n";
    std::fs::write(place.path().join("secret.yaml"), secret)?;
    let ran = Command::new(["check", "-f"]).path(place.path()).run().await?;
    ensure!(ran.success && ran.stdout.contains("0 errors"), "{}{}", ran.stdout, ran.stderr);
    ensure!(!ran.stdout.contains("not_priced") && !ran.stdout.contains("NoPrice"), "{}", ran.stdout);
    Ok(())
}

#[tokio::test]
async fn mistakes_are_named() -> Outcome {
    let plane = plane().await?;
    let refused = [
        ("", "say where usage and money are recorded"),
        ("database.bundled.enabled=true,database.existingSecret=x", "both set; keep one of them"),
        ("gatway.replicas=3", "additional properties 'gatway' not allowed"),
        ("gateway.replica=3", "at '/gateway': additional properties 'replica' not allowed"),
        ("gateway.replicas=two", "at '/gateway/replicas': got string, want integer"),
        ("tls.mode=On", "at '/tls/mode': value must be one of 'Off', 'Secret', 'CertManager'"),
        ("database.existingSecret=x,tls.mode=Secret", "mode Secret needs tls.secretName"),
        ("database.existingSecret=x,tls.mode=CertManager", "mode CertManager needs tls.issuerRef.name"),
        (
            "database.existingSecret=x,export.stripe.eventName=e",
            "stripe.eventName needs stripe.existingSecret",
        ),
        (
            "database.existingSecret=x,export.webhook.url=https://a.example",
            "webhook.url needs webhook.existingSecret",
        ),
        (
            "gateway.adminToken.secret=x",
            "at '/gateway/adminToken': additional properties 'secret' not allowed",
        ),
        ("export.webhook.url=a.example", "at '/export/webhook/url'"),
        ("database.existingSecret=x,tenantNamespaces={a,*}", "\"*\" is every namespace already"),
        ("database.existingSecret=x,database.usageRetentionMonths=1", "at '/database/usageRetentionMonths'"),
        (
            "database.existingSecret=x,sidecar.injection.enabled=true",
            "set tls.mode, or sidecar.allowInsecure=true",
        ),
        (
            "database.existingSecret=x,sidecar.ca.configMap=a,sidecar.ca.bundle=b",
            "ca.configMap and ca.bundle are both set",
        ),
        ("sidecar.port=80", "at '/sidecar/port'"),
        ("tenantNamespaces={Team_A}", "at '/tenantNamespaces/0'"),
        ("address=hub.example.com", "at '/address'"),
        (
            "database.existingSecret=x,autoscaling.enabled=true,autoscaling.minReplicas=20",
            "minReplicas is above maxReplicas",
        ),
    ];
    for (values, message) in refused {
        let ran = template(plane, "ai", &[&format!("--set={values}")]).await?;
        ensure!(!ran.success && ran.stderr.contains(message), "{values}: {}", ran.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn names_are_those_that_operator_and_gateways_know() -> Outcome {
    let rendered = template(plane().await?, "ai", super::BUNDLED).await?.ok()?;
    let binding =
        parsed(&rendered)?.into_iter().find(|object| title(object) == format!("RoleBinding {SECRETS_ROLE}"));
    assert_eq!(binding.map(|binding| binding["roleRef"]["name"].clone()), Some(SECRETS_ROLE.into()));
    ensure!(rendered.contains(&format!("resourceNames: [{SECRETS_ROLE}]")));
    ensure!(rendered.contains(&format!("--identity-audience={IDENTITY_AUDIENCE}")));
    Ok(())
}

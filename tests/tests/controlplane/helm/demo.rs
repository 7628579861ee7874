//! What `helm test` would see: the demo's objects go through operator and gateway, and a chat is answered.

use std::process::Stdio;

use aigne_hub_tests::harness::{self, Command, Gateways, Operators, Outcome, free_port};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{DEMO, objects, plane};

#[tokio::test]
async fn a_chat_with_the_tenants_secret_is_answered() -> Outcome {
    let plane = plane().await?;
    let namespace = plane.namespace("demo").await?;
    // There are no nodes: the provider is a process here, and the gateway is reached where it listens.
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = tokio::process::Command::new(harness::binary()?);
    command.args(["demo", "--listen", &address]).stdin(Stdio::null()).kill_on_drop(true);
    let _demo = command.spawn()?;
    for mut object in objects(plane, &namespace, DEMO).await? {
        if object["apiVersion"] != "hub.aigne.io/v1alpha1" {
            continue;
        }
        if object["kind"] == "AIProvider" {
            object["spec"]["baseURL"] = json!(format!("http://{address}/v1"));
        }
        plane.kubectl(["create", "-n", &namespace, "-f", "-"]).input(object.to_string()).ok().await?;
    }
    let operators = Operators::new(plane, &namespace, &[]).await?;
    let _operator = operators.start().await?;
    let gateways = Gateways::new(plane, &namespace).await?;
    let gateway = gateways.start("gateway-0").await?;
    gateway.ready().await?;
    // As helm's --wait asks.
    let wait = ["wait", "--for=condition=Ready", "aiprovider/demo", "modelpricing/demo", "tenant/demo"];
    plane.kubectl(wait).args(["-n", &namespace, "--timeout=20s"]).ok().await?;

    let secret = plane.kubectl(["get", "secret", "demo-hub", "-n", &namespace, "-o", "json"]).ok().await?;
    let secret: Value = serde_json::from_str(&secret)?;
    let variable = |name: &str| -> anyhow::Result<String> {
        use base64::Engine as _;
        let value = secret["data"][name].as_str().with_context(|| name.to_owned())?;
        Ok(String::from_utf8(base64::engine::general_purpose::STANDARD.decode(value)?)?)
    };
    assert_eq!(variable("OPENAI_BASE_URL")?, format!("http://aigne-hub.{namespace}.svc:8080/v1"));
    let ran = Command::new(["chat", "--model=demo", "--wait=20s", "Say hello."])
        .environment("OPENAI_BASE_URL", &format!("{}/v1", gateway.origin()?))
        .environment("OPENAI_API_KEY", &variable("OPENAI_API_KEY")?)
        .run()
        .await?;
    ensure!(ran.success, "{}", ran.stderr);
    ensure!(
        ran.stdout.contains("You wrote: Say hello.") && ran.stdout.contains(" tokens in, "),
        "{}",
        ran.stdout
    );
    Ok(())
}

//! What the private cluster cannot show: its network enforces no policy, its volumes are folders of the node. Here it is
//! held against the API server instead: policies select the pods they mean, and let in and out by ports that pods really have.

use std::collections::BTreeSet;

use aigne_hub_tests::harness::Outcome;
use aigne_hub_tests::harness::e2e::{Release, SMALL, on_stage, say};
use anyhow::{Context, ensure};
use serde_json::Value;

/// Each policy, the component that it is for, how many pods that has, and who gets in by ports of its own besides the namespace.
const POLICIES: [(&str, &str, usize); 4] = [
    ("aigne-hub-gateway", "gateway", 2),
    ("aigne-hub-operator", "operator", 1),
    ("aigne-hub-postgres", "postgres", 1),
    ("aigne-hub-demo", "demo", 1),
];

#[tokio::test]
async fn policies_select_the_pods_and_ports_that_there_are_and_volumes_are_kept() -> Outcome {
    on_stage(async |stage| {
        let space = stage.space("network").await?;
        let demo = ["--set=demo.enabled=true,demo.resources.requests.cpu=10m"];
        let hub = Release::install(stage, &space, &[SMALL, &demo].concat()).await?;
        space.rolled_out("deployment/aigne-hub-demo").await?;
        hub.ready().await?;
        let pods = space.list("pods", "").await?;
        let policies = space.list("networkpolicies", "").await?;
        assert_eq!(policies.len(), POLICIES.len(), "one for each component");

        for (name, component, count) in POLICIES {
            let policy = policies.iter().find(|policy| policy["metadata"]["name"] == name).context(name)?;
            let spec = &policy["spec"];
            assert_eq!(spec["policyTypes"], serde_json::json!(["Ingress", "Egress"]), "{name}");
            let mine = selected(&pods, &spec["podSelector"])?;
            ensure!(mine.len() == count && mine.iter().all(|pod| is(pod, component)), "{name} selects {:?}", names(&mine));

            let inward: BTreeSet<u64> = rules(spec, "ingress").flat_map(ports).collect();
            assert_eq!(inward, container_ports(&mine), "{name}: what pods listen on, and nothing else, is let in somewhere");
            for rule in rules(spec, "ingress").chain(rules(spec, "egress")) {
                for peer in rule["from"].as_array().into_iter().chain(rule["to"].as_array()).flatten() {
                    let others = selected(&pods, &peer["podSelector"])?;
                    ensure!(!others.is_empty(), "{name}: nobody is {peer}");
                    let open = container_ports(&others);
                    let to_them = rule["to"].is_array();
                    ensure!(!to_them || ports(rule).all(|port| open.contains(&port)), "{name}: {rule} leads to {open:?}");
                }
            }
            say(format_args!("{name}: {:?}, in by {inward:?}", names(&mine)));
        }

        let of = |name: &str| policies.iter().find(|policy| policy["metadata"]["name"] == name).context("policy");
        // The database knows gateways and operator, and none of whoever else is in the namespace.
        let rule = &of("aigne-hub-postgres")?["spec"]["ingress"][0];
        let mut known = Vec::new();
        for peer in rule["from"].as_array().context("from")? {
            known.extend(selected(&pods, &peer["podSelector"])?);
        }
        ensure!(known.len() == 3 && known.iter().all(|pod| is(pod, "gateway") || is(pod, "operator")), "{:?}", names(&known));
        // Both reach the API server: by its Service's port, and by that of what is behind it, whichever the network looks at.
        let service = space.cluster().kubectl(["get", "service,endpoints", "kubernetes", "--namespace=default", "--output=json"]);
        let found: Value = serde_json::from_str(&service.ok().await?)?;
        let needed = [&found["items"][0]["spec"]["ports"][0]["port"], &found["items"][1]["subsets"][0]["ports"][0]["port"]];
        for name in ["aigne-hub-gateway", "aigne-hub-operator"] {
            let open: BTreeSet<u64> = rules(&of(name)?["spec"], "egress").filter(|rule| rule["to"].is_null()).flat_map(ports).collect();
            ensure!(needed.iter().all(|port| port.as_u64().is_some_and(|port| open.contains(&port))), "{name}: {needed:?} of {open:?}");
        }

        let claim = space.get("persistentvolumeclaim/data-aigne-hub-postgres-0").await?;
        ensure!(claim["status"]["phase"] == "Bound" && claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep", "{claim:#}");
        let keeps = &space.get("statefulset/aigne-hub-postgres").await?["spec"]["persistentVolumeClaimRetentionPolicy"];
        assert_eq!(*keeps, serde_json::json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
        say("NOT SHOWN by this cluster: that packets are dropped (its network enforces no policy), that a volume outlives its node");
        Ok(())
    })
    .await
}

fn selected<'a>(pods: &'a [Value], selector: &Value) -> anyhow::Result<Vec<&'a Value>> {
    ensure!(
        selector.is_object() && selector["matchExpressions"].is_null(),
        "a selector of another kind: {selector}"
    );
    let wanted = selector["matchLabels"].as_object();
    let matches = |pod: &&Value| {
        wanted.into_iter().flatten().all(|(name, value)| pod["metadata"]["labels"][name] == *value)
    };
    Ok(pods.iter().filter(matches).collect())
}

fn rules<'a>(spec: &'a Value, way: &str) -> impl Iterator<Item = &'a Value> {
    spec[way].as_array().into_iter().flatten()
}

fn ports(rule: &Value) -> impl Iterator<Item = u64> {
    rule["ports"].as_array().into_iter().flatten().filter_map(|port| port["port"].as_u64())
}

fn container_ports(pods: &[&Value]) -> BTreeSet<u64> {
    let containers = pods.iter().flat_map(|pod| pod["spec"]["containers"].as_array().into_iter().flatten());
    let ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
    ports.filter_map(|port| port["containerPort"].as_u64()).collect()
}

fn is(pod: &Value, component: &str) -> bool {
    pod["metadata"]["labels"]["app.kubernetes.io/component"] == component
}

fn names<'a>(pods: &[&'a Value]) -> Vec<&'a str> {
    pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect()
}

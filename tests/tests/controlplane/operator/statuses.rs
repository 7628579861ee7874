//! Statuses from end to end: whatever is wrong stands in a condition, with a reason and a sentence that says what to do;
//! `kubectl wait` waits for what it should, and a cluster in which nothing happens sees no writes.

use aigne_hub_tests::harness::controlplane::{self, ControlPlane, Options};
use aigne_hub_tests::harness::{Operators, Outcome, eventually};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// A hub and a team.
struct Place<'a> {
    plane: &'a ControlPlane,
    hub: String,
    team: String,
    operators: Operators,
}

impl<'a> Place<'a> {
    async fn new(plane: &'a ControlPlane) -> anyhow::Result<Self> {
        let (hub, team) = (plane.namespace("hub").await?, plane.namespace("team").await?);
        let operators = Operators::new(plane, &hub, &[&team]).await?;
        Ok(Self { plane, hub, team, operators })
    }

    async fn apply(&self, objects: &[Value]) -> Outcome {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        self.plane.kubectl(["apply", "-f", "-"]).input(list.to_string()).ok().await.map(drop)
    }

    fn provider(&self, name: &str, secret: &str, models: &[&str]) -> Value {
        let models: Vec<_> = models.iter().map(|name| json!({ "name": name, "type": "Chat" })).collect();
        own(
            "AIProvider",
            &self.hub,
            name,
            json!({
                "type": "OpenAI", "models": models,
                "credentials": [{ "name": "one", "secretKeyRef": { "name": secret, "key": "apiKey" } }],
            }),
        )
    }

    fn tenant(&self, name: &str, spec: Value) -> Value {
        own("Tenant", &self.team, name, spec)
    }

    fn credential(&self, name: &str, data_key: &str, labelled: bool) -> Value {
        let labels = if labelled { json!({ "hub.aigne.io/credential": "true" }) } else { json!({}) };
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": name, "namespace": self.hub, "labels": labels },
            "stringData": { data_key: "sk-not-a-real-key" }
        })
    }

    async fn get(&self, namespace: &str, object: &str) -> anyhow::Result<Value> {
        let get = ["get", "-n", namespace, object, "-o", "json"];
        Ok(serde_json::from_str(&self.plane.kubectl(get).ok().await?)?)
    }

    /// Waits until a condition has this status and reason, and gives its message.
    async fn says(
        &self,
        namespace: &str,
        object: &str,
        (kind, status, reason): (&str, &str, &str),
    ) -> anyhow::Result<String> {
        let mut last = Value::Null;
        let found = eventually(&format!("{object}: {kind} is {status}, {reason}"), async || {
            last = self.get(namespace, object).await?;
            let conditions = last["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let found = conditions
                .into_iter()
                .find(|one| one["type"] == kind && one["status"] == status && one["reason"] == reason)
                .filter(|one| one["observedGeneration"] == last["metadata"]["generation"]);
            Ok(found)
        })
        .await;
        let found = found.with_context(|| last["status"].to_string())?;
        Ok(found["message"].as_str().context("message")?.to_owned())
    }

    /// A gateway that serves this sequence, for a while.
    async fn confirms(&self, sequence: u64) -> Outcome {
        self.apply(&[json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": "aigne-hub-gateway-one", "namespace": self.hub,
                "labels": { "hub.aigne.io/component": "gateway" },
                "annotations": { "hub.aigne.io/sequence": sequence.to_string() }
            },
            "spec": { "holderIdentity": "one", "leaseDurationSeconds": 30, "renewTime": "2099-01-01T00:00:00.000000Z" }
        })])
        .await
    }

    async fn waits(&self, namespace: &str, object: &str, timeout: &str) -> anyhow::Result<bool> {
        let wait = ["wait", "-n", namespace, "--for=condition=Ready", object, "--timeout", timeout];
        Ok(self.plane.kubectl(wait).run().await?.success)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is used")]
fn own(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "hub.aigne.io/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": namespace }, "spec": spec
    })
}

#[tokio::test]
async fn whatever_is_wrong_stands_in_a_condition_that_says_what_to_do() -> Outcome {
    let place = Place::new(controlplane::shared().await?).await?;
    let (hub, team) = (place.hub.clone(), place.team.clone());
    // Objects before what they refer to and before the operator; only keys that are brought along are there already, as
    // the operator would make them.
    let key = "brought-along-0123456789-0123456789";
    let brought = |name: &str, r#type: &str, data: Value| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": r#type,
            "metadata": { "name": name, "namespace": team }, "stringData": data
        })
    };
    let keyed = |secret: &str| json!({ "keys": [{ "name": "app", "secretName": secret }] });
    place
        .apply(&[
            brought("brought", "Opaque", json!({ "apiKey": key })),
            brought("short", "Opaque", json!({ "apiKey": "short" })),
            brought("tls", "kubernetes.io/tls", json!({ "tls.crt": "", "tls.key": "" })),
            place.provider("good", "good", &["gpt", "cheap"]),
            place.provider("missing", "nowhere", &["a"]),
            place.provider("wrong-key", "wrong-key", &["b"]),
            place.provider("unlabelled", "unlabelled", &["c"]),
            place.provider("twice", "good", &["d"]),
            own(
                "ModelPricing",
                &hub,
                "good",
                json!({
                    "providerRef": { "name": "good" },
                    "rates": [{ "model": "cheap", "cost": { "input": "1", "output": "2" } }]
                }),
            ),
            place.tenant("unpriced", json!({ "billing": { "mode": "Credits" } })),
            place.tenant(
                "first",
                json!({ "accountID": "one", "keys": [{ "name": "app", "secretName": "brought" }] }),
            ),
            place.tenant("needs-a", json!({ "models": { "allow": ["good/gpt"] } })),
            place.tenant("needs-b", json!({ "models": { "allow": ["good/*"] } })),
            place.tenant("tls", keyed("tls")),
            place.tenant("short", keyed("short")),
        ])
        .await?;
    let operator = place.operators.start().await?;
    operator.leads().await?;
    place
        .apply(&[
            place.credential("good", "apiKey", true),
            place.credential("wrong-key", "api-key", true),
            place.credential("unlabelled", "apiKey", false),
        ])
        .await?;
    let has = |message: &str, words: &str| -> Outcome {
        ensure!(message.contains(words), "{message}");
        Ok(())
    };
    let resolved = |reason| ("ResolvedRefs", "False", reason);
    let said = place.says(&hub, "aiprovider/missing", resolved("SecretNotFound")).await?;
    has(&said, &format!("{hub}/nowhere"))?;
    let said = place.says(&hub, "aiprovider/wrong-key", resolved("SecretKeyNotFound")).await?;
    has(&said, "apiKey")?;
    let said = place.says(&hub, "aiprovider/unlabelled", resolved("RefNotPermitted")).await?;
    has(&said, "hub.aigne.io/credential")?;
    let said = place.says(&team, "tenant/short", resolved("KeyTooShort")).await?;
    has(&said, "32")?;
    let said = place.says(&team, "tenant/tls", resolved("SecretNotFound")).await?;
    has(&said, "kubernetes.io/tls")?;
    let good = ("Accepted", "True", "Accepted");
    place.says(&hub, "aiprovider/good", good).await?;
    let tenant = place.get(&team, "tenant/unpriced").await?;
    let conditions = tenant["status"]["conditions"].to_string();
    ensure!(conditions.contains("ModelNotPriced") && conditions.contains("gpt"), "{conditions}");

    // Who was first keeps it.
    place.says(&team, "tenant/first", good).await?;
    place
        .apply(&[
            place.tenant("second", json!({ "accountID": "one" })),
            place.tenant("thief", keyed("stolen")),
            brought("stolen", "Opaque", json!({ "apiKey": key })),
            place.provider("doubled", "good", &["gpt"]),
        ])
        .await?;
    let said = place.says(&team, "tenant/second", ("Accepted", "False", "Conflicted")).await?;
    has(&said, &format!("{team}/first"))?;
    let said = place.says(&team, "tenant/thief", ("Accepted", "False", "Conflicted")).await?;
    has(&said, &format!("{team}/first"))?;
    place.says(&team, "tenant/first", good).await?;

    // A provider that two tenants need goes.
    place.says(&team, "tenant/needs-a", ("ResolvedRefs", "True", "ResolvedRefs")).await?;
    place.plane.kubectl(["delete", "-n", &hub, "aiprovider", "good"]).ok().await?;
    for tenant in ["tenant/needs-a", "tenant/needs-b"] {
        let gone = eventually("it says that the provider is gone", async || {
            let conditions = place.get(&team, tenant).await?["status"]["conditions"].to_string();
            Ok((conditions.contains("NotFound") || conditions.contains("MatchesNothing"))
                .then_some(conditions))
        })
        .await?;
        has(&gone, "good/")?;
    }
    let said = place.says(&hub, "modelpricing/good", resolved("ProviderNotFound")).await?;
    has(&said, "good")
}

#[tokio::test]
async fn it_can_be_waited_for_described_and_listed() -> Outcome {
    let place = Place::new(controlplane::shared().await?).await?;
    let (hub, team) = (place.hub.clone(), place.team.clone());
    let tenant = place.tenant("acme", json!({ "keys": [{ "name": "app", "secretName": "acme-hub" }] }));
    place.apply(&[place.provider("openai", "openai", &["gpt"]), tenant]).await?;

    // Nobody has looked at it.
    let untouched = place.get(&team, "tenant/acme").await?;
    let conditions = untouched["status"]["conditions"].as_array().context("no conditions")?;
    let kinds: Vec<_> = conditions.iter().filter_map(|condition| condition["type"].as_str()).collect();
    assert_eq!(kinds, ["Accepted", "ResolvedRefs", "Programmed", "Ready"]);
    for condition in conditions {
        assert_eq!((&condition["status"], &condition["reason"]), (&json!("Unknown"), &json!("Pending")));
    }
    ensure!(!place.waits(&team, "tenant/acme", "1s").await?, "nobody looked at it, and it is ready");

    place.apply(&[place.credential("openai", "apiKey", true)]).await?;
    let operator = place.operators.start().await?;
    operator.leads().await?;
    place.says(&team, "tenant/acme", ("Ready", "False", "NoGateways")).await?;
    ensure!(!place.waits(&team, "tenant/acme", "1s").await?, "no gateway serves it, and it is ready");
    let sequence = async || {
        let index = place.get(&hub, "configmap/aigne-hub-config").await?;
        let index: Value = serde_json::from_str(index["data"]["index.json"].as_str().context("index")?)?;
        index["sequence"].as_u64().context("sequence")
    };
    place.confirms(sequence().await? - 1).await?;
    place.says(&team, "tenant/acme", ("Ready", "False", "Pending")).await?;
    let waiting = "aigne_hub_operator_unconfirmed_objects";
    eventually("it is counted", async || Ok(operator.metric(waiting).await?.filter(|count| *count > 0.5)))
        .await?;
    place.confirms(sequence().await?).await?;
    ensure!(place.waits(&team, "tenant/acme", "20s").await?, "{}", place.get(&team, "tenant/acme").await?);
    ensure!(place.waits(&hub, "aiprovider/openai", "20s").await?);
    eventually("nobody waits", async || Ok(operator.metric(waiting).await?.filter(|count| *count < 0.5)))
        .await?;

    // The operator owns its status wholly: nothing of the default is left.
    let status = place.get(&team, "tenant/acme").await?["status"].clone();
    let conditions = status["conditions"].as_array().context("conditions")?;
    ensure!(conditions.iter().all(|one| one["lastTransitionTime"] != "1970-01-01T00:00:00Z"), "{status}");
    assert_eq!(status["observedGeneration"], 1);

    let columns = place.plane.kubectl(["get", "-n", &team, "tenants"]).ok().await?;
    let words = |line: Option<&str>| line.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let row = words(columns.lines().nth(1)).context("no row")?;
    ensure!(row.starts_with("acme") && row.contains("True Ready"), "{columns}");

    // It breaks, and a person reads why.
    place.plane.kubectl(["delete", "secret", "-n", &hub, "openai"]).ok().await?;
    place.says(&hub, "aiprovider/openai", ("Ready", "False", "SecretNotFound")).await?;
    ensure!(!place.waits(&hub, "aiprovider/openai", "1s").await?);
    eventually("kubectl describe shows why", async || {
        let shown = place.plane.kubectl(["describe", "-n", &hub, "aiprovider", "openai"]).ok().await?;
        let events = shown.split("Events:").nth(1).unwrap_or_default();
        Ok((events.contains("Warning") && events.contains("SecretNotFound")).then_some(()))
    })
    .await
}

#[tokio::test]
async fn an_object_that_it_cannot_read_says_so() -> Outcome {
    let cluster = ControlPlane::start().await?;
    cluster.install_crds().await?;
    let place = Place::new(&cluster).await?;
    // As if a newer version of the kinds were installed.
    let type_of = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/suspended/type";
    let looser = json!([{ "op": "replace", "path": type_of, "value": "string" }]).to_string();
    cluster.kubectl(["patch", "crd", "tenants.hub.aigne.io", "--type=json", "-p", &looser]).ok().await?;
    let tenant = place.tenant("acme", json!({ "suspended": "perhaps" }));
    eventually("the API server takes it", async || Ok(place.apply(std::slice::from_ref(&tenant)).await.ok()))
        .await?;
    let operator = place.operators.start().await?;
    operator.leads().await?;
    let said = place.says(&place.team, "tenant/acme", ("Accepted", "False", "Invalid")).await?;
    ensure!(said.contains("perhaps"), "{said}");
    // One that can be read is not held up by it.
    place.apply(&[own("Tenant", &place.hub, "fine", json!({}))]).await?;
    place.says(&place.hub, "tenant/fine", ("Accepted", "True", "Accepted")).await?;
    let unreadable = "aigne_hub_operator_unreadable_objects{kind=\"Tenant\"}";
    assert_eq!(operator.metric(unreadable).await?, Some(1.0));
    Ok(())
}

#[tokio::test]
async fn where_nothing_happens_nothing_is_written_but_the_lease() -> Outcome {
    let cluster = ControlPlane::start_with(Options { audit_log: true }).await?;
    cluster.install_crds().await?;
    let place = Place::new(&cluster).await?;
    let tenant = |name: &str| place.tenant(name, json!({ "keys": [{ "name": "app", "secretName": name }] }));
    place
        .apply(&[
            place.credential("openai", "apiKey", true),
            place.provider("openai", "openai", &["gpt"]),
            place.provider("broken", "nowhere", &["gpt"]),
            tenant("a"),
            tenant("b"),
        ])
        .await?;
    let operator = place.operators.start().await?;
    operator.leads().await?;
    place.says(&place.team, "tenant/b", ("Ready", "False", "NoGateways")).await?;
    place.says(&place.hub, "aiprovider/broken", ("Ready", "False", "SecretNotFound")).await?;
    let user = format!("system:serviceaccount:{}:operator", place.hub);
    let writes = || -> anyhow::Result<(usize, usize)> {
        let ours = cluster.audited()?.into_iter().filter(|asked| asked.user == user);
        let writes = ours.filter(|asked| !["get", "list", "watch"].contains(&asked.verb.as_str()));
        let (lease, other): (Vec<_>, Vec<_>) = writes.partition(|asked| asked.resource == "leases");
        Ok((lease.len(), other.len()))
    };
    // It has come to rest once it renews its Lease several times and writes nothing beside.
    let mut quiet = writes()?;
    eventually("it comes to rest", async || {
        let now = writes()?;
        if now.1 != quiet.1 {
            quiet = now;
        }
        Ok((now.0 >= quiet.0 + 5).then_some(()))
    })
    .await?;
    // And so it does when it starts anew, after which all is looked at once more.
    let before = writes()?;
    drop(operator);
    let operator = place.operators.start().await?;
    operator.leads().await?;
    eventually("it has led for a while", async || Ok((writes()?.0 >= before.0 + 8).then_some(()))).await?;
    assert_eq!(writes()?.1, before.1, "an operator that starts anew writes nothing");
    Ok(())
}

use aigne_hub_crds::distribution::VARIABLES;
use serde_json::{Value, json};

use super::*;

const DEPLOYMENT: &str = "\
# kept
apiVersion: v1
kind: Service   # as it is
metadata: {name: app}
--- # the second
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: team}
spec:
  replicas: 2
  template:
    metadata:
      labels: {app: app, hub.aigne.io/inject: sidecar}
    spec:
      initContainers: [{name: first, image: a}]
      containers:
      - name: app
        image: app:1
        env: [{name: OPENAI_API_KEY, valueFrom: {secretKeyRef: {name: own, key: key}}}]
      - {name: second, image: b, envFrom: [{secretRef: {name: acme-hub}}]}
      volumes:
      - {name: data, secret: {secretName: x, defaultMode: 0440}}
";

fn run(text: &str, which: Which) -> Result<Injected, Vec<String>> {
    inject("f.yaml", text, &Settings::default(), which)
}

fn pod(spec: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "app", "namespace": "team", "labels": { "hub.aigne.io/inject": "sidecar" } }, "spec": spec })
}

/// The pod after it.
fn injected(spec: &Value, settings: &Settings) -> Value {
    let text = inject("", &pod(spec).to_string(), settings, Which::Labelled).unwrap().text;
    values("", &text).unwrap().remove(0)["spec"].take()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn a_deployment_gets_what_it_asks_for_and_keeps_what_it_has() {
    let done = run(DEPLOYMENT, Which::Labelled).unwrap();
    assert_eq!(done.pods, 1);
    let (service, _) = DEPLOYMENT.split_once("---").unwrap();
    assert!(done.text.starts_with(&format!("{service}---\napiVersion: apps/v1\n")), "{}", done.text);
    let deployment = values("", &done.text).unwrap().remove(1);
    assert_eq!(deployment["spec"]["replicas"], 2);
    let spec = &deployment["spec"]["template"]["spec"];
    assert_eq!(names(&spec["initContainers"]), ["aigne-hub-sidecar", "first"]);
    assert_eq!(names(&spec["volumes"]), ["data", "aigne-hub-sidecar"]);
    assert_eq!(spec["volumes"][0]["secret"]["defaultMode"], 0o440);
    assert_eq!(spec["initContainers"][0]["restartPolicy"], "Always");
    assert_eq!(names(&spec["initContainers"][0]["env"]), ["MIMALLOC_ALLOW_THP"]);
    let set = [
        "OPENAI_BASE_URL",
        "OPENAI_API_KEY",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_API_KEY",
        "AIGNE_HUB_API_URL",
        "AIGNE_HUB_API_KEY",
    ];
    assert_eq!(names(&spec["initContainers"][1]["env"]), set);
    assert_eq!(names(&spec["containers"][1]["env"]), set, "it goes before what envFrom brings");
    let own = &spec["containers"][0]["env"];
    assert_eq!(names(own), [&["OPENAI_API_KEY", "OPENAI_BASE_URL"][..], &set[2..]].concat());
    assert_eq!(own[0]["valueFrom"]["secretKeyRef"]["name"], "own");
    assert_eq!(own[1]["value"], "http://127.0.0.1:19080/v1");
}

#[test]
fn doing_it_again_changes_nothing() {
    let once = run(DEPLOYMENT, Which::Labelled).unwrap();
    assert_eq!(run(&once.text, Which::Labelled).unwrap(), once);
    let all = run(DEPLOYMENT, Which::All).unwrap();
    assert_eq!(all, once);
}

#[test]
fn a_container_that_names_an_address_keeps_the_key_that_may_come_with_it() {
    for of in VARIABLES {
        let own = json!({ "name": of.address, "value": "https://elsewhere.example" });
        let with = json!({ "name": "a", "image": "a", "env": [own], "envFrom": [{ "secretRef": { "name": "keys" } }] });
        let without = json!({ "name": "b", "image": "b", "env": [own], "envFrom": [] });
        let spec = injected(&json!({ "containers": [with, without] }), &Settings::default());
        let (with, without) = (&spec["containers"][0]["env"], &spec["containers"][1]["env"]);
        assert_eq!(with[0], own);
        assert!(!names(with).contains(&of.key) && names(with).len() == 5, "{with}");
        assert!(names(without).contains(&of.key) && names(without).len() == 6, "{without}");
    }
}

#[test]
fn every_kind_of_workload_and_lists_of_them_are_known() {
    let template =
        |spec: Value| json!({ "metadata": { "labels": { "hub.aigne.io/inject": "sidecar" } }, "spec": spec });
    let spec = json!({ "containers": [{ "name": "a", "image": "a" }] });
    let of = |kind: &str, spec: Value| json!({ "apiVersion": "x/v1", "kind": kind, "metadata": { "name": "a" }, "spec": spec });
    let mut items = vec![pod(&spec)];
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"] {
        items.push(of(kind, json!({ "template": template(spec.clone()) })));
    }
    items.push(of("CronJob", json!({ "jobTemplate": { "spec": { "template": template(spec.clone()) } } })));
    let count = items.len();
    items.push(of("Other", json!({ "template": template(spec) })));
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let done = run(&list.to_string(), Which::Labelled).unwrap();
    assert_eq!((done.pods, done.text.matches("name: aigne-hub-sidecar\n").count()), (count, 3 * count));
}

#[test]
fn unlabelled_pods_are_left_alone_unless_all_are_meant() {
    let text = DEPLOYMENT.replace("inject: sidecar", "inject: other");
    let none = run(&text, Which::Labelled).unwrap();
    assert_eq!(none, Injected { text: text.clone(), pods: 0 });
    assert_eq!(run(&text, Which::All).unwrap().pods, 1);
}

#[test]
fn pods_on_the_host_network_are_refused_by_name_and_broken_text_by_line() {
    let host = json!({ "hostNetwork": true, "containers": [{ "name": "a", "image": "a" }] });
    let text = format!("---\n{}\n---\na: [\n", pod(&host));
    let errors = run(&text, Which::Labelled).unwrap_err();
    assert!(errors[0].starts_with("Pod team/app: hostNetwork is on"), "{errors:?}");
    assert!(errors[1].starts_with("f.yaml:5:") || errors[1].starts_with("f.yaml:4:"), "{errors:?}");
    for nonsense in
        ["kind: Pod", "a", "kind: Deployment\nspec: {template: text}", "kind: List", "kind: [Pod]"]
    {
        assert_eq!(run(nonsense, Which::All).map(|done| done.pods).unwrap_or_default(), 0);
    }
}

#[test]
fn tls_trusts_what_it_is_given() {
    let spec = json!({ "containers": [{ "name": "a", "image": "a" }] });
    let settings = Settings {
        trust: Trust::ConfigMap { name: "hub-ca".into(), key: "root.pem".into() },
        ..Settings::default()
    };
    let pod = injected(&spec, &settings);
    let args = pod["initContainers"][0]["args"].to_string();
    assert!(args.contains("--ca-file=/var/run/secrets/hub.aigne.io/ca.crt"), "{args}");
    assert_eq!(pod["volumes"][0]["projected"]["sources"][1]["configMap"]["items"][0]["key"], "root.pem");
    let settings =
        Settings { trust: Trust::Pem("PEM\n".into()), allow_insecure: true, ..Settings::default() };
    let pod = injected(&spec, &settings);
    let given = json!({ "name": "AIGNE_HUB_SIDECAR_CA", "value": "PEM\n" });
    assert_eq!(pod["initContainers"][0]["env"][1], given);
    assert!(pod["initContainers"][0]["args"].to_string().contains("--allow-insecure"));
}

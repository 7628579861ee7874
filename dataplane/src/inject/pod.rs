//! One pod. The chart's `templates/injection.yaml` says the same in CEL: whoever changes one changes both.

use aigne_hub_crds::distribution::VARIABLES;
use serde_json::{Map, Value, json};

use super::Settings;

/// The container, and the volume with its token.
const NAME: &str = "aigne-hub-sidecar";
/// Where that volume is mounted; the sidecar looks for its token there by itself.
const MOUNT: &str = "/var/run/secrets/hub.aigne.io";
/// SDKs refuse to start without a key. The sidecar drops whatever they show.
const PLACEHOLDER: &str = "from-the-sidecar";

/// Whom the sidecar's TLS trusts beside public authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody.
    Public,
    /// Who is in this ConfigMap of the pod's namespace.
    ConfigMap {
        /// Its name.
        name: String,
        /// Its data key.
        key: String,
    },
    /// Who is in this PEM.
    Pem(String),
}

/// Why a pod gets no sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(
        "hostNetwork is on, so the sidecar's loopback would be the node's, open to everybody on it: take hostNetwork \
         away, or the label"
    )]
    HostNetwork,
    #[error("it has no containers")]
    NoContainers,
}

/// Puts the sidecar into the pod; what is there already stays.
pub(super) fn inject(spec: &mut Value, settings: &Settings) -> Result<(), Refused> {
    if spec["hostNetwork"] == true {
        return Err(Refused::HostNetwork);
    }
    let spec = spec.as_object_mut().ok_or(Refused::NoContainers)?;
    if !spec.get("containers").is_some_and(Value::is_array) {
        return Err(Refused::NoContainers);
    }
    // Before the others: they may want to use the hub.
    change(spec, "initContainers", |init| {
        if !has(init, NAME) {
            init.insert(0, container(settings));
        }
    });
    change(spec, "volumes", |volumes| {
        if !has(volumes, NAME) {
            volumes.push(volume(settings));
        }
    });
    for containers in ["initContainers", "containers"] {
        change(spec, containers, |containers| {
            let others = containers.iter_mut().filter(|container| container["name"] != NAME);
            others.filter_map(Value::as_object_mut).for_each(|container| environment(container, settings));
        });
    }
    Ok(())
}

/// Says where the hub is, in each way that SDKs look for it, unless the container says it already.
///
/// What is set here goes before what a Secret brings by `envFrom`: a pod that has both uses the sidecar. But a container
/// that names an address of its own may take the key for it from there, so that is left as it is.
fn environment(container: &mut Map<String, Value>, settings: &Settings) {
    let from = container.get("envFrom").and_then(Value::as_array).is_some_and(|from| !from.is_empty());
    change(container, "env", |env| {
        let named = VARIABLES.map(|of| has(env, of.address));
        for (of, named) in VARIABLES.iter().zip(named) {
            let address = format!("http://127.0.0.1:{}{}", settings.port, of.suffix);
            if !named {
                env.push(json!({ "name": of.address, "value": address }));
            }
            let comes_from_elsewhere = named && from;
            if !has(env, of.key) && !comes_from_elsewhere {
                env.push(json!({ "name": of.key, "value": PLACEHOLDER }));
            }
        }
    });
}

fn container(settings: &Settings) -> Value {
    let Settings { hub, port, .. } = settings;
    let mut args = vec![format!("--hub={hub}"), format!("--listen=127.0.0.1:{port}")];
    if settings.allow_insecure {
        args.push("--allow-insecure".to_owned());
    }
    // Else the allocator asks for pages of 2 MiB, of which a sidecar uses a fraction.
    let mut env = vec![json!({ "name": "MIMALLOC_ALLOW_THP", "value": "0" })];
    match &settings.trust {
        Trust::Public => {}
        Trust::ConfigMap { .. } => args.push(format!("--ca-file={MOUNT}/ca.crt")),
        Trust::Pem(pem) => env.push(json!({ "name": "AIGNE_HUB_SIDECAR_CA", "value": pem })),
    }
    json!({
        "name": NAME,
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/aigne-hub", "sidecar"],
        "args": args,
        "env": env,
        // A sidecar to Kubernetes: there before the others, and until they have ended.
        "restartPolicy": "Always",
        // The kubelet's own requests go to the pod's address, where nobody listens.
        "startupProbe": {
            "exec": { "command": ["/aigne-hub", "sidecar", "--check", format!("--listen=127.0.0.1:{port}")] },
            "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 60,
        },
        "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" },
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{ "name": NAME, "mountPath": MOUNT, "readOnly": true }],
    })
}

fn volume(settings: &Settings) -> Value {
    let token = json!({ "serviceAccountToken": {
        "path": "token", "audience": settings.audience, "expirationSeconds": 3600,
    } });
    let mut sources = vec![token];
    if let Trust::ConfigMap { name, key } = &settings.trust {
        sources.push(json!({ "configMap": { "name": name, "items": [{ "key": key, "path": "ca.crt" }] } }));
    }
    json!({ "name": NAME, "projected": { "sources": sources } })
}

/// Changes the list of this name, which need not be there.
fn change(of: &mut Map<String, Value>, name: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let mut list = match of.get_mut(name).map(Value::take) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    change(&mut list);
    of.insert(name.to_owned(), Value::Array(list));
}

fn has(list: &[Value], name: &str) -> bool {
    list.iter().any(|item| item["name"] == name)
}

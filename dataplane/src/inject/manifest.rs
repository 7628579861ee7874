//! Where the pods of a document are.

use aigne_hub_crds::distribution::{INJECT_LABEL, INJECT_SIDECAR};
use serde_json::Value;

use super::{Settings, pod};

/// Which pods are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that have the label, as it is in a cluster.
    Labelled,
    /// Each.
    All,
}

/// Puts the sidecar into each pod of the document that is meant, and says how many there were.
pub(super) fn inject(document: &mut Value, settings: &Settings, which: Which) -> Result<usize, Vec<String>> {
    let title = title(document);
    let kind = document["kind"].as_str().unwrap_or_default();
    if kind == "List" {
        let mut pods = 0;
        let mut errors = Vec::new();
        for item in document["items"].as_array_mut().into_iter().flatten() {
            match inject(item, settings, which) {
                Ok(more) => pods += more,
                Err(refused) => errors.extend(refused),
            }
        }
        return if errors.is_empty() { Ok(pods) } else { Err(errors) };
    }
    let path = match kind {
        "Pod" => "",
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            "/spec/template"
        }
        "CronJob" => "/spec/jobTemplate/spec/template",
        "PodTemplate" => "/template",
        _ => return Ok(0),
    };
    let Some(pod) = document.pointer_mut(path) else { return Ok(0) };
    let labelled = pod["metadata"]["labels"][INJECT_LABEL] == INJECT_SIDECAR;
    if !labelled && which == Which::Labelled {
        return Ok(0);
    }
    let Some(spec) = pod.get_mut("spec") else { return Ok(0) };
    pod::inject(spec, settings).map_err(|refused| vec![format!("{title}: {refused}")])?;
    Ok(1)
}

/// For example `Deployment team/app`.
fn title(document: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &document["metadata"];
    let name = [text(&metadata["namespace"]), text(&metadata["name"])];
    let name: Vec<_> = name.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{} {}", text(&document["kind"]), name.join("/"))
}

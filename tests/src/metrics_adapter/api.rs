//! The API `custom.metrics.k8s.io/v1beta2` as far as an autoscaler asks: pure.

use std::borrow::Cow;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

const GROUP: &str = "custom.metrics.k8s.io";
const VERSION: &str = "custom.metrics.k8s.io/v1beta2";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Health,
    Groups,
    Group,
    Resources,
    Pods(Pods),
}

/// A metric of pods of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pods {
    pub(super) namespace: String,
    /// One pod; none: those that the selector chooses.
    pub(super) name: Option<String>,
    /// A label selector as the API server takes it.
    pub(super) selector: String,
    pub(super) metric: String,
}

impl Asked {
    pub(super) fn of(path: &str, query: &str) -> Option<Self> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned);
        let segments: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect::<Option<_>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["healthz" | "livez" | "readyz"] => Some(Self::Health),
            ["apis"] => Some(Self::Groups),
            ["apis", GROUP] => Some(Self::Group),
            ["apis", GROUP, "v1beta2"] => Some(Self::Resources),
            ["apis", GROUP, "v1beta2", "namespaces", namespace, "pods", name, metric] => {
                let selector = query.split('&').find_map(|pair| pair.strip_prefix("labelSelector="));
                Some(Self::Pods(Pods {
                    namespace: namespace.to_owned(),
                    name: (name != "*").then(|| name.to_owned()),
                    selector: decoded(&selector.unwrap_or_default().replace('+', " "))?,
                    metric: metric.to_owned(),
                }))
            }
            _ => None,
        }
    }
}

pub(super) fn groups() -> Value {
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]})
}

pub(super) fn group() -> Value {
    let version = json!({"groupVersion": VERSION, "version": "v1beta2"});
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": GROUP, "versions": [version], "preferredVersion": version})
}

/// Discovery: one metric, of pods.
pub(super) fn resources(metric: &str) -> Value {
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION, "resources": [
        {"name": format!("pods/{metric}"), "singularName": "", "namespaced": true, "kind": "MetricValueList",
            "verbs": ["get"]}]})
}

/// A `MetricValueList` of pods by name.
pub(super) fn values(pods: &Pods, values: &[(String, f64)], at: Timestamp) -> Value {
    // Whole seconds, as Kubernetes writes times.
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let item = |(name, value): &(String, f64)| {
        json!({
            "describedObject": {"kind": "Pod", "apiVersion": "v1", "namespace": pods.namespace, "name": name},
            "metric": {"name": pods.metric, "selector": null},
            "timestamp": at,
            "value": quantity(*value),
        })
    };
    let items: Vec<Value> = values.iter().map(item).collect();
    json!({"kind": "MetricValueList", "apiVersion": VERSION, "metadata": {}, "items": items})
}

/// A Kubernetes quantity, in thousandths where it is no whole number.
fn quantity(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{:.0}m", value * 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_autoscaler_asks_is_understood() {
        let path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/ai/pods/%2A/aigne_hub_open_streams";
        let query = "labelSelector=app.kubernetes.io%2Fname%3Daigne-hub%2Ca+in+%28b%29&timeout=1s";
        let Some(Asked::Pods(pods)) = Asked::of(path, query) else { panic!("not understood") };
        assert_eq!(pods.selector, "app.kubernetes.io/name=aigne-hub,a in (b)");
        assert_eq!(
            (pods.namespace.as_str(), pods.name, pods.metric.as_str()),
            ("ai", None, "aigne_hub_open_streams")
        );
        let one = Asked::of("/apis/custom.metrics.k8s.io/v1beta2/namespaces/ai/pods/p-0/m", "");
        assert!(matches!(one, Some(Asked::Pods(Pods { name: Some(name), .. })) if name == "p-0"));
        assert_eq!(Asked::of("/apis/custom.metrics.k8s.io/v1beta2", ""), Some(Asked::Resources));
        assert_eq!(Asked::of("/apis/", ""), Some(Asked::Groups));
        for other in ["/openapi/v2", "/apis/custom.metrics.k8s.io/v1beta1", "/apis/metrics.k8s.io"] {
            assert_eq!(Asked::of(other, ""), None, "{other}");
        }
    }

    #[test]
    fn values_are_a_list_that_names_each_pod() {
        let pods =
            Pods { namespace: "ai".into(), name: None, selector: String::new(), metric: "open".into() };
        let list = values(&pods, &[("a".into(), 7.0), ("b".into(), 0.25)], Timestamp::UNIX_EPOCH);
        assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("MetricValueList"), &json!(VERSION)));
        let item = &list["items"][0];
        assert_eq!(item["describedObject"]["name"], "a");
        assert_eq!((&item["value"], &item["timestamp"]), (&json!("7"), &json!("1970-01-01T00:00:00Z")));
        assert_eq!((&list["items"][1]["value"], &item["metric"]["name"]), (&json!("250m"), &json!("open")));
    }
}

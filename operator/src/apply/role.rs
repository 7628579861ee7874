//! The Role that names the Secrets which gateways may read.

use aigne_hub_crds::distribution::{CONFIG_COMPONENT, SECRETS_ROLE};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role};
use serde_json::{Value, json};

const VERBS: [&str; 2] = ["list", "watch"];

/// The Role that names these Secrets and no others.
pub(super) fn role(names: &[String]) -> Value {
    // No names would mean every Secret: then there is no rule at all.
    let rules: Vec<Value> = if names.is_empty() {
        Vec::new()
    } else {
        vec![json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": VERBS})]
    };
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": SECRETS_ROLE, "labels": super::labels(CONFIG_COMPONENT)},
        "rules": rules,
    })
}

/// The Secrets that a Role names; `None` if it is not exactly as we write it.
pub fn secrets_of(found: &Role) -> Option<Vec<String>> {
    match found.rules.as_deref() {
        None | Some([]) => Some(Vec::new()),
        Some([only]) => {
            let names = only.resource_names.clone().filter(|names| !names.is_empty())?;
            let ours = PolicyRule {
                api_groups: Some(vec![String::new()]),
                non_resource_urls: None,
                resource_names: Some(names.clone()),
                resources: Some(vec!["secrets".into()]),
                verbs: VERBS.map(str::to_owned).to_vec(),
            };
            (*only == ours).then_some(names)
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(names: &[&str]) -> Role {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        serde_json::from_value(role(&names)).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(secrets_of(&written(&["a", "b"])), Some(vec!["a".into(), "b".into()]));
        assert_eq!(secrets_of(&written(&[])), Some(Vec::new()));
    }

    #[test]
    fn no_secrets_are_no_rule_and_never_all() {
        assert_eq!(written(&[]).rules, Some(Vec::new()));
    }

    #[test]
    fn anything_else_is_not_ours() {
        let mut wider = written(&["a"]);
        wider.rules.as_mut().unwrap()[0].verbs.push("delete".into());
        assert_eq!(secrets_of(&wider), None);
        let mut all = written(&["a"]);
        all.rules.as_mut().unwrap()[0].resource_names = None;
        assert_eq!(secrets_of(&all), None);
        let mut two = written(&["a"]);
        let rule = two.rules.as_ref().unwrap()[0].clone();
        two.rules.as_mut().unwrap().push(rule);
        assert_eq!(secrets_of(&two), None);
    }
}

//! Names of objects, labels, annotations and data keys.

/// Whether an object belongs to the hub, and which part of it: `gateway`, `operator`, `config`, `key`.
pub const COMPONENT_LABEL: &str = "hub.aigne.io/component";

/// [`COMPONENT_LABEL`] of the ConfigMaps that hold configuration.
pub const CONFIG_COMPONENT: &str = "config";

/// [`COMPONENT_LABEL`] of gateways' Leases.
pub const GATEWAY_COMPONENT: &str = "gateway";

/// [`COMPONENT_LABEL`] of Secrets with a tenant's key that the operator made.
pub const KEY_COMPONENT: &str = "key";

/// `app.kubernetes.io/managed-by` of everything that the operator writes, and its field manager.
pub const MANAGER: &str = "aigne-hub-operator";

/// The ConfigMap of the index.
pub const INDEX_NAME: &str = "aigne-hub-config";

/// The data key inside the index's ConfigMap.
pub const INDEX_KEY: &str = "index.json";

/// The data key inside a part's ConfigMap.
pub const PART_KEY: &str = "part.json";

/// The Role (and its `RoleBinding`, which the chart makes) that names the Secrets which gateways may read.
pub const SECRETS_ROLE: &str = "aigne-hub-gateway-secrets";

/// On a gateway's Lease: the sequence that it serves, a decimal number.
pub const SEQUENCE_ANNOTATION: &str = "hub.aigne.io/sequence";

/// On a gateway's Lease: why it does not serve what it found, in one sentence; absent where it does.
pub const REFUSED_ANNOTATION: &str = "hub.aigne.io/refused";

/// On a Secret that the operator made: any new value asks for a new key.
pub const ROTATE_ANNOTATION: &str = "hub.aigne.io/rotate";

/// On a Secret that the operator made: the value of [`ROTATE_ANNOTATION`] that was acted upon.
pub const ROTATED_ANNOTATION: &str = "hub.aigne.io/rotated";

/// On a Secret that the operator made: hashes of old keys and the ends of their grace, as in a Tenant's status.
pub const ROTATED_KEYS_ANNOTATION: &str = "hub.aigne.io/rotated-keys";

/// The audience of ServiceAccount tokens that gateways accept, unless they are told another.
pub const IDENTITY_AUDIENCE: &str = "hub.aigne.io";

/// On a pod: what is to be put into it. Only [`INJECT_SIDECAR`] has a meaning.
pub const INJECT_LABEL: &str = "hub.aigne.io/inject";

/// [`INJECT_LABEL`] of pods whose containers are to use the hub through a sidecar.
pub const INJECT_SIDECAR: &str = "sidecar";

/// The variables by which applications of one kind find the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variables {
    /// Where the key is looked for.
    pub key: &'static str,
    /// Where the address is looked for.
    pub address: &'static str,
    /// What applications of this kind expect at the end of the address.
    pub suffix: &'static str,
}

/// Of each kind: OpenAI's SDKs, Anthropic's, AIGNE's. They are the data keys of tenants' Secrets, too.
pub const VARIABLES: [Variables; 3] = [
    Variables { key: "OPENAI_API_KEY", address: "OPENAI_BASE_URL", suffix: "/v1" },
    Variables { key: "ANTHROPIC_API_KEY", address: "ANTHROPIC_BASE_URL", suffix: "" },
    Variables { key: "AIGNE_HUB_API_KEY", address: "AIGNE_HUB_API_URL", suffix: "" },
];

/// The ConfigMap of a part.
pub fn part_name(number: u32) -> String {
    format!("{INDEX_NAME}-{number:04}")
}

/// The number in the name of a part's ConfigMap; `None` for any other name.
pub fn part_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix(INDEX_NAME)?.strip_prefix('-')?;
    let number = digits.parse().ok()?;
    (part_name(number) == name).then_some(number)
}

/// The Lease of a gateway pod.
pub fn lease_name(pod: &str) -> String {
    format!("aigne-hub-gateway-{pod}")
}

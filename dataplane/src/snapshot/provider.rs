//! A provider, prepared: its address, adapter, credentials' headers, models and prices.

use std::sync::{Arc, atomic::AtomicU32};

use aigne_hub_crds::config::{self, PriceSheet};
use http::Uri;

use crate::{
    health::{Circuit, Cooling, Registry},
    ledger::price::Rates,
    provider::{
        Adapter, Ask, Auth, Target, adapter,
        endpoints::{self, How, jobs::jobs},
    },
    secret::{SecretStore, SecretValue, job::JobKey},
    upstream::{BadEndpoint, Endpoint, Identity, Shown, Signer, authorization},
    usage::ImageKind,
    wire::{Operation, Wire},
};

/// A provider, prepared.
pub struct Provider {
    /// As configured.
    pub config: config::Provider,
    /// `namespace/name`.
    pub id: Arc<str>,
    /// Speaks its dialect.
    pub adapter: &'static dyn Adapter,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Those whose values are known (a nameless one where the provider needs none). Without any, nothing is routed to it.
    pub credentials: Vec<Credential>,
    /// Those of weight 0, out of rotation: what they have made can still be fetched.
    pub resting: Vec<Credential>,
    /// As configured, in their order.
    pub models: Vec<Model>,
    /// Requests in flight.
    pub in_flight: Arc<AtomicU32>,
    /// Cost and price.
    pub rates: Rates,
}

/// A credential, prepared.
#[derive(Debug)]
pub struct Credential {
    /// For logs.
    pub name: String,
    /// How it is shown with each request.
    pub shown: Shown,
    /// Share among those that are well.
    pub weight: u32,
    /// Its state with the provider.
    pub circuit: Arc<Circuit>,
    /// Seals the ids of the jobs that it makes; none where the provider has no jobs, or there is no secret.
    pub jobs: Option<JobKey>,
}

/// A model, prepared.
#[derive(Debug)]
pub struct Model {
    /// As configured.
    pub config: config::Model,
    /// The hub's name for it.
    pub name: Arc<str>,
    /// `provider/model`.
    pub qualified: String,
    /// Its state with each credential, in their order.
    pub cooling: Vec<Arc<Cooling>>,
    /// Request targets; few, and the commonest first.
    targets: Vec<(Ask, Uri)>,
    /// What there is beside chat.
    endpoints: Vec<(Operation, How, Uri)>,
}

impl Provider {
    /// Prepares a provider.
    pub fn new(
        config: &config::Provider,
        sheets: &[PriceSheet],
        secrets: &SecretStore,
        registry: &Registry,
    ) -> Result<Self, BadEndpoint> {
        let adapter = adapter(config.r#type);
        let endpoint = Endpoint::parse(&config.base_url, config.allow_private, config.timeouts.connect)?;
        let (credentials, resting) = credentials(config, adapter, secrets, registry);
        let models = config
            .models
            .iter()
            .map(|model| {
                let target = Target { provider: config, model };
                let targets = targets(adapter, target, &endpoint);
                Model::new(target, &credentials, registry, targets, beside_chat(target, &endpoint))
            })
            .collect();
        Ok(Self {
            id: config.id.as_str().into(),
            adapter,
            in_flight: registry.in_flight(&config.id),
            rates: Rates::new(sheets),
            config: config.clone(),
            endpoint,
            credentials,
            resting,
            models,
        })
    }

    /// What an adapter may know of a request to one of its models.
    pub fn adapter_target<'a>(&'a self, model: &'a Model) -> Target<'a> {
        Target { provider: &self.config, model: &model.config }
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Provider").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Those that are used, and those that rest.
fn credentials(
    config: &config::Provider,
    adapter: &dyn Adapter,
    secrets: &SecretStore,
    registry: &Registry,
) -> (Vec<Credential>, Vec<Credential>) {
    let circuit = |name: &str| registry.circuit(&format!("{}/{name}", config.id));
    if config.credentials.is_empty() {
        // What a provider without credentials takes: nothing, or, of AWS, who the pod is.
        let (name, shown) = match (adapter.auth(), region(config)) {
            (Auth::Aws, Some(region)) => ("pod", Shown::Aws(Signer::of_pod(region, &registry.workload))),
            _ => ("none", Shown::Nothing),
        };
        let circuit = circuit("");
        let only = Credential { name: name.into(), shown, weight: 1, circuit, jobs: None };
        return (vec![only], Vec::new());
    }
    let known: Vec<_> = config
        .credentials
        .iter()
        .filter_map(|credential| {
            let value = secrets.get(&credential.secret)?;
            Some(Credential {
                name: credential.name.clone(),
                shown: shown(config, &credential.name, adapter.auth(), value)?,
                weight: credential.weight,
                circuit: circuit(&credential.name),
                jobs: jobs(config.r#type).and_then(|_| JobKey::derive(&config.id, value)),
            })
        })
        .collect();
    // Weight 0 takes one out of rotation; the last is never taken away.
    if known.iter().any(|credential| credential.weight > 0) {
        return known.into_iter().partition(|credential| credential.weight > 0);
    }
    (known, Vec::new())
}

/// How this value is shown; `None` where it is no credential for such a provider.
fn shown(config: &config::Provider, name: &str, auth: Auth, value: &SecretValue) -> Option<Shown> {
    match (auth, region(config)) {
        (Auth::Aws, Some(region)) => match Identity::read(value) {
            Ok(identity) => Some(Shown::Aws(Signer::fixed(region, identity))),
            Err(error) => {
                tracing::error!(provider = %config.id, credential = name, %error, "this credential is not used");
                None
            }
        },
        _ => authorization(auth, value).map(|(name, value)| Shown::Header(name, value)),
    }
}

/// AWS's.
fn region(config: &config::Provider) -> Option<&str> {
    config.bedrock.as_ref().map(|bedrock| bedrock.region.as_str())
}

/// Every way in which a provider can be asked for a model.
fn targets(adapter: &dyn Adapter, target: Target<'_>, endpoint: &Endpoint) -> Vec<(Ask, Uri)> {
    let ways = std::iter::once(None).chain(Wire::ALL.into_iter().map(Some));
    let mut targets = Vec::new();
    for operation in Operation::ALL {
        for relayed in ways.clone() {
            for stream in [false, true] {
                let ask = Ask { relayed, operation, stream };
                if let Some(path) = adapter.path(ask, target) {
                    targets.push((ask, endpoint.target(&path)));
                }
            }
        }
    }
    targets
}

/// Every endpoint beside chat that the provider has for a model.
fn beside_chat(target: Target<'_>, endpoint: &Endpoint) -> Vec<(Operation, How, Uri)> {
    let found = Operation::ALL.into_iter().filter_map(|operation| {
        let found = endpoints::endpoint(operation, target)?;
        Some((operation, found.how, endpoint.target(&found.path)))
    });
    found.collect()
}

impl Model {
    fn new(
        Target { provider, model }: Target<'_>,
        credentials: &[Credential],
        registry: &Registry,
        targets: Vec<(Ask, Uri)>,
        endpoints: Vec<(Operation, How, Uri)>,
    ) -> Self {
        let cooling = |credential: &Credential| {
            registry.cooling(&format!("{}/{}/{}", provider.id, credential.name, model.name))
        };
        Self {
            config: model.clone(),
            name: model.name.as_str().into(),
            qualified: format!("{}/{}", provider.name, model.name),
            cooling: credentials.iter().map(cooling).collect(),
            targets,
            endpoints,
        }
    }

    /// Where to send such a request; `None` where the provider cannot be asked so.
    pub fn target(&self, ask: Ask) -> Option<&Uri> {
        self.targets.iter().find(|(other, _)| *other == ask).map(|(_, target)| target)
    }

    /// Where and how to ask for something beside chat; `None` where the provider has nothing for it.
    pub fn endpoint(&self, operation: Operation) -> Option<(How, &Uri)> {
        let found = self.endpoints.iter().find(|(other, ..)| *other == operation)?;
        Some((found.1, &found.2))
    }

    /// What a picture's price depends on, in the words in which the provider is asked for it.
    pub fn image_kind(&self, asked: ImageKind) -> ImageKind {
        let images = [Operation::Images, Operation::ImageEdits];
        match images.into_iter().find_map(|operation| self.endpoint(operation)) {
            Some((How::Translated(translation), _)) => translation.kind(asked),
            _ => asked,
        }
    }

    /// Every name by which a client may ask for it.
    pub(super) fn client_names(&self, provider: &str) -> impl Iterator<Item = String> {
        let names = std::iter::once(&self.config.name).chain(&self.config.aliases);
        names.flat_map(move |name| [name.clone(), format!("{provider}/{name}")])
    }
}

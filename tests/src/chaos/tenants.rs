//! Who asks: hundreds of tenants with caps of every kind, and the providers that they reach.

use serde_json::{Value, json};

use super::Options;
use super::dice::Dice;
use super::proxy::Proxy;
use crate::harness::{Blueprint, Pricing, Provider, Tenant, key};
use crate::scripted::Scripted;

/// Billionths of a US dollar.
pub(super) const DOLLAR: i64 = 1_000_000_000;

/// What a tenant is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cap {
    /// Nothing: the organisation pays.
    None,
    /// Nano-dollars in a day or a month; the run is within one.
    Budget(i64),
    /// Nano-dollars, prepaid.
    Credits(i64),
    /// Requests, tokens and concurrency.
    Rates,
}

/// One tenant.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    /// Of the object.
    pub(super) name: String,
    /// What it is held to.
    pub(super) cap: Cap,
}

impl Customer {
    /// The key that its clients use.
    pub(super) fn key(&self) -> String {
        key(&self.name, "app")
    }

    /// As usage rows name it.
    pub(super) fn id(&self) -> String {
        format!("hub/{}", self.name)
    }

    fn manifest(&self, options: &Options, zone: &str, dice: &mut Dice) -> Tenant {
        let tenant = Tenant::new(&self.name);
        let dollars = |nanos: i64| format!("{}.{:09}", nanos / DOLLAR, nanos % DOLLAR);
        match self.cap {
            Cap::Credits(nanos) => {
                let nanos = if options.caps { nanos } else { 1_000_000 * DOLLAR };
                // Some are dear to their clients' last word, some are not.
                let policy = json!({"clientGone": if dice.percent(70) { "Finish" } else { "Cancel" }});
                // Few tokens are better than none, for some: their answers are cut to what they can pay for.
                let least = [4, 256][dice.roll(2)];
                let billing =
                    json!({"mode": "Credits", "starterCredits": dollars(nanos), "minimumMaxTokens": least});
                tenant.set("billing", billing).set("policy", policy)
            }
            Cap::Budget(nanos) if options.caps => {
                let period = ["Day", "Month"][dice.roll(2)];
                let budget = json!({"name": "cap", "amount": dollars(nanos), "period": period, "action": "Block",
                    "timeZone": zone});
                // By default such tenants are served beyond it while the ledger is away.
                tenant.set("budgets", json!([budget])).set("policy", json!({"ledgerUnavailable": "Refuse"}))
            }
            Cap::Rates if options.caps => {
                let limits = [
                    json!({"requestsPerMinute": 20 + dice.roll(60)}),
                    json!({"tokensPerMinute": 2_000 + dice.roll(8_000)}),
                    json!({"concurrentRequests": 1 + dice.roll(3)}),
                ];
                tenant.set("limits", limits[dice.roll(3)].clone())
            }
            Cap::None | Cap::Budget(_) | Cap::Rates => tenant,
        }
    }
}

/// All of them. The first eighth, which everybody wants, has caps of a few requests; those of the others are about what
/// their clients would spend in the time.
pub(super) fn customers(options: &Options) -> Vec<Customer> {
    let mut dice = Dice::new(options.seed, "tenants", 0);
    let demand = options.demand();
    let customer = |number: usize| {
        let share = i64::try_from(20 + dice.roll(130)).unwrap_or(100);
        let of_everybody = number < options.tenants.div_ceil(8);
        let nanos =
            if of_everybody { DOLLAR / 100 * share / 100 } else { demand * share / 100 }.max(DOLLAR / 200);
        let cap = match number % 4 {
            0 => Cap::None,
            1 => Cap::Budget(nanos),
            2 => Cap::Credits(nanos),
            _ => Cap::Rates,
        };
        Customer { name: format!("t{number:03}"), cap }
    };
    (0..options.tenants).map(customer).collect()
}

/// The manifests. Each wire has a provider that is reached directly and one across a network that is not to be relied on.
pub(super) fn manifests(
    options: &Options,
    zone: &str,
    customers: &[Customer],
    upstream: &Scripted,
    network: &Proxy,
) -> Blueprint {
    let mut dice = Dice::new(options.seed, "manifests", 0);
    let far = format!("http://{}", network.address());
    let mut blueprint = Blueprint::default();
    for (name, kind, origin, models) in [
        ("near", "OpenAI", &upstream.origin(), ["gpt", "mini"]),
        ("far", "OpenAI", &far, ["gpt", "far-gpt"]),
        ("anear", "Anthropic", &upstream.origin(), ["sonnet", "haiku"]),
        ("afar", "Anthropic", &far, ["sonnet", "far-sonnet"]),
    ] {
        // The provider sees by the path which of the four it is asked as.
        let wire = if kind == "OpenAI" { "/v1" } else { "" };
        let provider = Provider::at(name, kind, &format!("{origin}/as/{name}{wire}"));
        let provider = models.iter().fold(provider, |provider, model| provider.model(model));
        let provider = provider
            .set("retry", json!({"attempts": 2, "backoff": "20ms", "maxBackoff": "100ms"}))
            .set("timeouts", json!({"connect": "2s", "firstToken": "2s", "idle": "2s", "request": "20s"}));
        blueprint = blueprint.provider(provider).pricing(Pricing::new(name));
    }
    for customer in customers {
        blueprint = blueprint.tenant(customer.manifest(options, zone, &mut dice));
    }
    blueprint
}

/// Whose name it was asked by: a provider's base URL has `/as/NAME` in it, so that the path says which of several it is.
pub(super) fn provider_of(path: &str) -> Option<&str> {
    path.strip_prefix("/as/")?.split('/').next()
}

/// What nobody can be charged more than for a request, by the manifests above: input and output tokens.
pub(crate) fn bound(bytes: usize, body: &Value) -> (i64, i64) {
    let output = body["max_tokens"].as_i64().unwrap_or(4096).min(4096) * body["n"].as_i64().unwrap_or(1);
    (i64::try_from(bytes).unwrap_or(i64::MAX) + 64, output)
}

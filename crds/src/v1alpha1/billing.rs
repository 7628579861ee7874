//! A tenant's money: how usage is paid for, credit grants and budgets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Money,
    schema::{self, plain_enum, rule},
};

/// How usage is paid for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule(
    "(has(self.mode) && self.mode == 'Credits') || !(has(self.starterCredits) || has(self.grants) || \
     has(self.overdraft) || has(self.lowBalance) || has(self.paymentURL) || has(self.minimumMaxTokens))",
    "starterCredits, grants, overdraft, lowBalance, paymentURL and minimumMaxTokens are for mode Credits only"
)]))]
pub struct Billing {
    /// Attribution: the organisation pays the providers, the hub says who caused what. Credits: the tenant has a
    /// prepaid balance. Default Attribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<BillingMode>,

    /// US dollars that the account is given once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starter_credits: Option<Money>,

    /// Credits that were granted. A grant counts once for an account and name, for ever: applying it again mints nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub grants: Vec<Grant>,

    /// US dollars below zero that are tolerated. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overdraft: Option<Money>,

    /// US dollars at which the tenant is warned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_balance: Option<Money>,

    /// Where a tenant whose balance is used up is sent to.
    #[serde(rename = "paymentURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), regex(pattern = schema::LINK.pattern))]
    pub payment_url: Option<String>,

    /// For finance; stored with each usage row.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub cost_center: Option<String>,

    /// Where the balance cannot pay for max_tokens, it is lowered down to this before the request is refused. Default 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub minimum_max_tokens: Option<u64>,
}

/// How usage is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum BillingMode {
    /// The organisation pays the providers; the hub says who caused what.
    #[default]
    Attribution,
    /// Prepaid balance.
    Credits,
}

plain_enum!(BillingMode: Attribution, Credits);

/// A credit grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Unique within the account, for ever.
    #[schemars(schema_with = "schema::dns_label")]
    pub name: String,

    /// US dollars.
    pub amount: Money,

    /// What is left of it lapses then. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::timestamp")]
    pub expires_at: Option<jiff::Timestamp>,

    /// Lower is spent first; of the same priority what expires first, then what was given first. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    pub priority: Option<u32>,
}

/// A spending cap per calendar period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Unique within its tenant or key.
    #[schemars(schema_with = "schema::dns_label")]
    pub name: String,

    /// US dollars.
    pub amount: Money,

    /// The calendar period; a week begins on Monday.
    pub period: Period,

    /// The IANA name of the time zone in which the period begins, for example Asia/Shanghai. Default UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = schema::TIME_ZONE.pattern))]
    pub time_zone: Option<String>,

    /// Block: further requests are refused. Alert: a condition and an event, no refusal. Default Block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<BudgetAction>,
}

/// A calendar period in the budget's time zone; a week begins on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the period's own name")]
pub enum Period {
    Day,
    Week,
    Month,
}

plain_enum!(Period: Day, Week, Month);

/// What happens when a budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum BudgetAction {
    /// Requests are refused.
    #[default]
    Block,
    /// A condition and an event, no refusal.
    Alert,
}

plain_enum!(BudgetAction: Block, Alert);

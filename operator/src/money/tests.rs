use aigne_hub_crds::{
    compile::{ObjectKey, Resources, SharedPart, compile_shared, compile_tenant},
    v1alpha1::{self, TenantStatus},
};
use jiff::ToSpan as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    figures::{Credit, Figures, Spent, Verdict},
    purses::{AT_ONCE, Purses},
    *,
};
use crate::{plan::Note, report::Known};

const DOLLAR: i64 = NANOS;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Of Shanghai's November and of its 24th.
fn now() -> Timestamp {
    time("2026-11-24T12:00:00Z")
}

const NOVEMBER: i64 = 1_793_462_400_000;

fn object(name: &str, spec: &Value, status: &Value) -> v1alpha1::Tenant {
    let metadata = json!({"namespace": "team", "name": name, "uid": format!("uid-{name}")});
    let tenant = json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": metadata, "spec": spec, "status": status});
    serde_json::from_value(tenant).unwrap()
}

fn compiled(name: &str, spec: &Value) -> Tenant {
    let key = ObjectKey::new("team", name);
    let mut resources = Resources::default();
    resources.tenants.insert(key.clone(), object(name, spec, &json!({})));
    let shared: SharedPart = compile_shared(&resources);
    compile_tenant(&resources, &key, &shared, None).tenant.unwrap()
}

fn credits() -> Value {
    json!({"mode": "Credits", "starterCredits": "5", "overdraft": "1", "lowBalance": "2"})
}

fn monthly(amount: &str) -> Value {
    json!({"name": "monthly", "amount": amount, "period": "Month", "timeZone": "Asia/Shanghai"})
}

fn tenant() -> Tenant {
    let mut tenant = compiled("acme", &json!({"billing": credits(), "budgets": [monthly("10")]}));
    // As if its Secret were there.
    let daily =
        json!({"name": "daily", "amount": "3", "period": "Day", "timeZone": "UTC", "action": "Alert"});
    let app = json!({"name": "app", "hashes": [], "disabled": false, "limits": {}, "budgets": [daily]});
    tenant.keys.push(serde_json::from_value(app).unwrap());
    tenant
}

fn question(tenant: &Tenant, at: Timestamp) -> Question {
    let mut question = Question { at, ..Question::default() };
    question.add(tenant);
    question
}

fn month_of(tenant: &str) -> (String, i64) {
    (format!("budget:team/{tenant}/monthly"), NOVEMBER)
}

/// What a status says after another one.
fn status(tenant: &Tenant, figures: &Figures, former: &TenantStatus) -> TenantStatus {
    let mut status = TenantStatus::default();
    let keys = tenant.keys.iter().map(|key| key.name.clone());
    status.keys = keys.map(|name| v1alpha1::KeyStatus { name, ..Default::default() }).collect();
    let known = Known {
        generation: Some(1),
        findings: &[],
        confirmation: None,
        former: &former.conditions,
        now: now(),
    };
    says::write(&mut status, tenant, figures, &known);
    status
}

fn said(status: &TenantStatus) -> Vec<(&str, &str, &str)> {
    let conditions = status.conditions.iter();
    conditions.map(|one| (one.type_.as_str(), one.status.as_str(), one.reason.as_str())).collect()
}

#[test]
fn amounts_are_exact_and_come_back() {
    for (nanos, text) in [
        (0, "0.00"),
        (1, "0.000000001"),
        (1_500_000_000, "1.50"),
        (-250_000_000, "-0.25"),
        (i64::MIN, "-9223372036.854775808"),
        (i64::MAX, "9223372036.854775807"),
    ] {
        assert_eq!((dollars(nanos).as_str(), parsed(text)), (text, Some(nanos)));
    }
    assert_eq!(nanos("99999999999".parse().unwrap()), i64::MAX);
    assert_eq!(parsed("much"), None);
}

#[test]
fn what_is_asked_is_the_balance_and_each_budget_in_its_window() {
    let question = question(&tenant(), now());
    assert_eq!(question.accounts, ["team/acme"]);
    let day = time("2026-11-24T00:00:00Z").as_millisecond();
    let expected = [month_of("acme"), ("budget:team/acme#app/daily".to_owned(), day)];
    assert_eq!(question.budgets, expected);
    let attribution = compiled("blue", &json!({}));
    assert!(self::question(&attribution, now()).is_empty(), "a balance is for mode Credits");
}

#[test]
fn what_is_not_there_is_nothing_spent_and_a_balance_that_is_still_to_come() {
    let read = |tenant: &Tenant| {
        let reading = question(tenant, now()).answered([], []);
        Figures::read(tenant, &reading, &Figures::default())
    };
    let figures = read(&tenant());
    assert_eq!(figures.balance, None, "its starter credits are about to be entered");
    assert_eq!(figures.spent[&(None, "monthly".to_owned())], Spent { since: NOVEMBER, nanos: 0 });
    // Nobody ever gave it anything, or it has ended.
    for billing in [
        json!({"mode": "Credits"}),
        json!({"mode": "Credits", "grants": [{"name": "a", "amount": "1", "expiresAt": "2026-01-01T00:00:00Z"}]}),
    ] {
        let tenant = compiled("poor", &json!({"billing": billing}));
        let figures = read(&tenant);
        assert_eq!(figures.balance, Some(0));
        assert_eq!(figures.verdict(&tenant).credit, Some(Credit::Exhausted));
    }
}

#[test]
fn a_balance_is_low_and_then_used_up_with_its_overdraft() {
    let tenant = tenant();
    let credit =
        |balance| Figures { balance: Some(balance), ..Figures::default() }.verdict(&tenant).credit.unwrap();
    assert_eq!(credit(2 * DOLLAR + 1), Credit::Available);
    assert_eq!(credit(2 * DOLLAR), Credit::Low);
    assert_eq!(credit(1 - DOLLAR), Credit::Low);
    assert_eq!(credit(-DOLLAR), Credit::Exhausted);
}

#[test]
fn a_status_says_what_is_spent_of_what_and_since_when() {
    let tenant = tenant();
    let day = time("2026-11-24T00:00:00Z").as_millisecond();
    let spent =
        [(month_of("acme"), 4 * DOLLAR), (("budget:team/acme#app/daily".to_owned(), day), 3 * DOLLAR)];
    let reading = question(&tenant, now()).answered([("team/acme".to_owned(), DOLLAR / 2)], spent);
    let figures = Figures::read(&tenant, &reading, &Figures::default());
    let status = status(&tenant, &figures, &TenantStatus::default());
    insta::assert_yaml_snapshot!(json!(status));
    // And what it says can be read again.
    assert_eq!(Figures::of_status(&status), figures);
}

#[test]
fn what_cannot_be_of_the_present_budget_is_not_said() {
    let tenant = tenant();
    let spent = Spent { since: NOVEMBER + 1, nanos: DOLLAR };
    let figures = Figures { balance: None, spent: [((None, "monthly".to_owned()), spent)].into() };
    let status = status(&tenant, &figures, &TenantStatus::default());
    assert_eq!((status.spend, status.conditions.len()), (vec![], 0));
}

#[test]
fn what_is_crossed_is_said_once_and_when_it_is_over() {
    let tenant = tenant();
    let figures = |balance, spent| Figures {
        balance: Some(balance),
        spent: [((None, "monthly".to_owned()), Spent { since: NOVEMBER, nanos: spent })].into(),
    };
    let mut former = TenantStatus::default();
    let mut crossed = |balance: i64, spent: i64| -> Vec<(bool, String)> {
        let now = status(&tenant, &figures(balance, spent), &former);
        let notes = says::notes(&former, &now);
        former = now;
        notes.into_iter().map(|Note { warning, reason, .. }| (warning, reason)).collect()
    };
    let one = |warning: bool, reason: &str| vec![(warning, reason.to_owned())];
    assert_eq!(crossed(5 * DOLLAR, 0), []);
    assert_eq!(crossed(3 * DOLLAR, 9 * DOLLAR), []);
    assert_eq!(crossed(2 * DOLLAR, 9 * DOLLAR), one(true, "LowBalance"));
    assert_eq!(crossed(DOLLAR, 10 * DOLLAR), one(true, "BudgetExceeded"));
    assert_eq!(crossed(0, 11 * DOLLAR), []);
    assert_eq!(crossed(-DOLLAR, 11 * DOLLAR), one(true, "CreditExhausted"));
    assert_eq!(crossed(DOLLAR, 11 * DOLLAR), one(false, "CreditAvailable"));
    assert_eq!(crossed(9 * DOLLAR, 0), [one(false, "CreditAvailable"), one(false, "WithinBudget")].concat());
}

/// Tenants with purses, and what the ledger says of them.
struct Shop {
    tenants: BTreeMap<ObjectKey, Tenant>,
    purses: Purses,
}

impl Shop {
    fn of(count: usize) -> Self {
        let mut shop = Self { tenants: BTreeMap::new(), purses: Purses::default() };
        for number in 0..count {
            let (name, spec) = (format!("t-{number}"), json!({"budgets": [monthly("10")]}));
            let key = ObjectKey::new("team", name.as_str());
            shop.purses.see(&key, Some(&object(&name, &spec, &json!({}))));
            shop.tenants.insert(key, compiled(&name, &spec));
        }
        shop
    }

    /// Every tenant has spent so much, so many seconds from now; how many statuses change?
    fn read(&mut self, second: i64, spent: i64) -> usize {
        let at = now() + second.seconds();
        let question = Purses::question(self.tenants.iter(), at);
        let found: Vec<_> = question.budgets.iter().map(|place| (place.clone(), spent)).collect();
        let reading = question.answered([], found);
        self.purses.read(&reading, self.tenants.iter(), at).len()
    }
}

#[test]
fn figures_are_said_once_a_minute_and_at_once_where_they_cross() {
    let mut shop = Shop::of(1);
    assert_eq!(shop.read(0, 1), 1, "the first ones");
    assert_eq!(shop.read(15, 1), 0, "the same ones");
    assert_eq!(shop.read(30, 2), 0, "it is no minute since");
    assert_eq!(shop.read(45, 3), 0);
    assert_eq!(shop.read(60, 3), 1);
    assert_eq!(shop.read(75, 10 * DOLLAR), 1, "the budget is spent");
    assert_eq!(shop.read(90, 11 * DOLLAR), 0);
    assert_eq!(shop.read(105, 9 * DOLLAR), 1, "it is not any more");
    assert_eq!(shop.read(120, 8 * DOLLAR), 0);
    assert_eq!(shop.read(165, 8 * DOLLAR), 1);
}

#[test]
fn a_new_window_ends_it() {
    let mut shop = Shop::of(1);
    shop.read(0, 10 * DOLLAR);
    let (key, tenant) =
        shop.tenants.iter().next().map(|(key, tenant)| (key.clone(), tenant.clone())).unwrap();
    let exceeded = |shop: &Shop| shop.purses.shown(&key).unwrap().verdict(&tenant).exceeded.len();
    assert_eq!(exceeded(&shop), 1);
    let december = time("2026-11-30T16:00:00Z").duration_since(now()).as_secs();
    assert_eq!((shop.read(december - 1, 10 * DOLLAR), exceeded(&shop)), (0, 1));
    assert_eq!((shop.read(december, 0), exceeded(&shop)), (1, 0));
}

#[test]
fn of_very_many_tenants_those_come_first_who_have_waited_longest() {
    let count = AT_ONCE * 2 + 50;
    let mut shop = Shop::of(count);
    assert_eq!(shop.read(0, 1), AT_ONCE);
    assert_eq!(shop.read(15, 2), AT_ONCE);
    assert_eq!(shop.read(30, 3), 50, "each has been said once");
    assert_eq!(shop.read(60, 4), AT_ONCE);
    assert_eq!(shop.read(75, 5), AT_ONCE);
    assert_eq!(shop.read(80, 10 * DOLLAR), count, "what is crossed is said at once, of all of them");
}

#[test]
fn what_an_earlier_operator_said_stays_until_the_ledger_says_otherwise() {
    let tenant = tenant();
    let key = ObjectKey::new("team", "acme");
    let spend =
        json!([{"budget": "monthly", "amount": "10.00", "of": "10.00", "since": "2026-10-31T16:00:00Z"}]);
    let before = object("acme", &json!({}), &json!({"balance": "1.25", "spend": spend}));
    let mut purses = Purses::default();
    purses.see(&key, Some(&before));
    let shown = purses.shown(&key).unwrap().clone();
    assert_eq!(shown.balance, Some(5 * DOLLAR / 4));
    assert_eq!(
        shown.verdict(&tenant),
        Verdict { credit: Some(Credit::Low), exceeded: [(None, "monthly".to_owned())].into() }
    );
    // It comes again, as it was before: our own words are no news.
    purses.see(&key, Some(&object("acme", &json!({}), &json!({}))));
    assert_eq!(purses.shown(&key), Some(&shown));
    // What was asked before this tenant was known says nothing of it.
    let tenants = BTreeMap::from([(key.clone(), tenant)]);
    let reading = Question { at: now(), ..Question::default() }.answered([], []);
    assert!(purses.read(&reading, tenants.iter(), now()).is_empty());
    // Another one of that name is not what was known.
    let mut other = object("acme", &json!({}), &json!({}));
    other.metadata.uid = Some("another".to_owned());
    purses.see(&key, Some(&other));
    assert_eq!(purses.shown(&key), Some(&Figures::default()));
}

proptest! {
    #[test]
    fn every_amount_comes_back(amount: i64) {
        prop_assert_eq!(parsed(&dollars(amount)), Some(amount));
    }

    /// Whatever is read: no Event without a crossing, no crossing without an Event.
    #[test]
    fn events_and_conditions_agree(steps in prop::collection::vec((-3_i64..8, 0_i64..14), 1..20)) {
        let tenant = tenant();
        let mut former = TenantStatus::default();
        for (balance, spent) in steps {
            let spent = Spent { since: NOVEMBER, nanos: spent * DOLLAR };
            let figures = Figures { balance: Some(balance * DOLLAR), spent: [((None, "monthly".to_owned()), spent)].into() };
            let now = status(&tenant, &figures, &former);
            let (before, after) = (said(&former), said(&now));
            let notes = says::notes(&former, &now);
            let is_first = before.is_empty();
            if before == after {
                prop_assert!(notes.is_empty(), "{:?}", notes);
            } else if !is_first {
                prop_assert!(!notes.is_empty(), "{:?} {:?}", before, after);
            }
            let warned = notes.iter().any(|note| note.warning && note.reason == "BudgetExceeded");
            let exceeded = |said: &[(&str, &str, &str)]| said.contains(&("BudgetExceeded", "True", "BudgetExceeded"));
            prop_assert_eq!(warned, exceeded(&after) && !exceeded(&before));
            former = now;
        }
    }
}

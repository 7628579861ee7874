//! How much may be generated for so much money: pure.

use crate::{ledger::price::Rate, usage::Usage};

/// The most tokens for each of `n` answers whose bound costs at most `money` nano-dollars; `most` at most, and none
/// where the prompt alone costs more, in this service tier. `bound` tells what a number of tokens is bounded by.
pub(super) fn affordable(
    rate: &Rate,
    tier: Option<&str>,
    money: i64,
    most: u64,
    bound: impl Fn(u64) -> Option<Usage>,
) -> Option<u64> {
    let fits = |tokens: u64| bound(tokens).is_some_and(|usage| rate.bound(&usage, tier).price.0 <= money);
    if fits(most) {
        return Some(most);
    }
    if !fits(1) {
        return None;
    }
    // The bound never falls as tokens rise.
    let (mut low, mut high) = (1, most);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use aigne_hub_crds::config;

    use super::*;
    use crate::ledger::price::Rates;

    fn rates() -> Rates {
        let amounts = config::Amounts {
            input: Some("1".parse().unwrap()),
            output: Some("2".parse().unwrap()),
            ..config::Amounts::default()
        };
        let rate = config::Rate {
            model: "m".into(),
            cost: amounts.clone(),
            price: amounts,
            tiers: Vec::new(),
            service_tiers: std::collections::BTreeMap::default(),
        };
        Rates::new(&[config::PriceSheet {
            revision: "r".into(),
            source: "s".into(),
            effective_from: None,
            rates: vec![rate],
        }])
    }

    #[test]
    fn exactly_what_the_money_pays_for() {
        let rates = rates();
        let rate = rates.pin("m", 0).unwrap();
        // 100 tokens in at 1,000 nano-dollars each; 2,000 for each token out.
        let bound = |tokens| Some(Usage { input: 100, output: tokens, ..Usage::default() });
        assert_eq!(affordable(rate, None, 300_000, 1_000, bound), Some(100));
        assert_eq!(affordable(rate, None, 301_999, 1_000, bound), Some(100));
        assert_eq!(affordable(rate, None, 302_000, 1_000, bound), Some(101));
        assert_eq!(
            affordable(rate, None, 9_000_000, 1_000, bound),
            Some(1_000),
            "never more than was asked for"
        );
        assert_eq!(affordable(rate, None, 102_000, 1_000, bound), Some(1));
        assert_eq!(affordable(rate, None, 101_999, 1_000, bound), None);
    }
}

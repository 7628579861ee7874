//! What people and payment systems ask to be entered: checked, purely, and then entered. Commands and the API share it.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Accounts, Credit, Done, Kind, PRIORITY, Posting, Wish, due, nanos};
use crate::ledger::audit::{Audit, By};
use crate::ledger::dollars;
use crate::ledger::store::StoreError;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Grant, `TopUp`, Refund or Correction.
    pub kind: Kind,
    /// What tells it from all others of its kind within the account, for ever.
    pub key: String,
    /// US dollars.
    pub amount: Decimal,
    /// What is left of it lapses then.
    pub expires_at: Option<Timestamp>,
    /// 0 to 100: lower is spent first.
    pub priority: Option<u8>,
    /// For people.
    pub note: Option<String>,
}

/// Why it cannot be entered: a mistake of who asks. Reads on from the name of its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Not a number as people write it.
    #[error("must be US dollars, such as 12.50")]
    NoAmount,
    /// It would have to be rounded or cut.
    #[error("is more than can be kept, or finer than a nano-dollar: {0}")]
    Inexact(String),
    /// 0.
    #[error("is nothing")]
    Nothing,
    /// Below 0.
    #[error("must be more than nothing; only a correction takes something away")]
    Negative,
    /// Of an amount below 0.
    #[error("does not go with an amount below nothing: what is taken away does not expire")]
    ExpiresNever,
    /// Not 0 to 100.
    #[error("must be a whole number from 0, which is spent first, to 100")]
    NoPriority,
    /// Of an amount below 0.
    #[error("does not go with an amount below nothing: what is taken away is not spent")]
    NeverSpent,
    /// It would have lapsed already.
    #[error("is in the past: nothing has changed")]
    Expired,
}

impl Mistake {
    /// Which field it is about: `amount`, `expires_at` or `priority`.
    pub fn field(&self) -> &'static str {
        match self {
            Self::NoAmount | Self::Inexact(_) | Self::Nothing | Self::Negative => "amount",
            Self::ExpiresNever | Self::Expired => "expires_at",
            Self::NoPriority | Self::NeverSpent => "priority",
        }
    }
}

/// US dollars as people write them: a sign, digits, a point. Never rounded.
pub fn amount(text: &str) -> Result<Decimal, Mistake> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return Err(Mistake::NoAmount);
    }
    // Zeros at the end say nothing; without them more than Decimal can hold is finer than a nano-dollar, or too much.
    let text = if unsigned.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    Decimal::from_str_exact(text).map_err(|_| Mistake::Inexact(shown(text)))
}

/// So much of it that a message stays short.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

impl Asked {
    /// The entry that it is to be, exact, or refused.
    pub fn posting(&self) -> Result<Posting, Mistake> {
        let amount = nanos(self.amount);
        if Decimal::new(amount, 9) != self.amount {
            return Err(Mistake::Inexact(self.amount.to_string()));
        }
        if amount == 0 {
            return Err(Mistake::Nothing);
        }
        if amount < 0 && self.kind != Kind::Correction {
            return Err(Mistake::Negative);
        }
        if amount < 0 && self.expires_at.is_some() {
            return Err(Mistake::ExpiresNever);
        }
        if self.priority.is_some_and(|priority| priority > 100) {
            return Err(Mistake::NoPriority);
        }
        if amount < 0 && self.priority.is_some() {
            return Err(Mistake::NeverSpent);
        }
        Ok(Posting {
            kind: self.kind,
            reference: reference(self.kind, &self.key),
            amount,
            expires_at: self.expires_at.map(Timestamp::as_millisecond),
            priority: self.priority.map_or(PRIORITY, i64::from),
            note: self.note.clone(),
        })
    }
}

/// What an entry is known by within its account: unique, for ever.
pub fn reference(kind: Kind, key: &str) -> String {
    let prefix = match kind {
        Kind::Usage => "usage",
        Kind::Grant => "grant",
        Kind::TopUp => "topup",
        Kind::Expiry => "expiry",
        Kind::Refund => "refund",
        Kind::Correction => "correction",
    };
    format!("{prefix}/{key}")
}

impl Posting {
    /// For the audit log.
    pub fn detail(&self) -> String {
        let note = self.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("{} as {}{note}", dollars(self.amount.into()), self.reference)
    }
}

/// Enters it, with its audit line; none where there is no such account and it is not to begin (`new`). `now` is in Unix
/// milliseconds.
pub async fn enter(
    ledger: &(impl Accounts + Audit),
    account: &str,
    posting: &Posting,
    new: bool,
    now: i64,
    by: &By,
) -> Result<Option<Done>, StoreError> {
    if !new && ledger.accounts(Some(account)).await?.is_empty() {
        return Ok(None);
    }
    ledger.fulfil_as(account, &Wish::Post(posting.clone()), now, by).await.map(Some)
}

/// Those of which something is left, in the order in which they are spent; what usage has taken since they were last
/// looked at is taken from them here too.
pub fn left(mut credits: Vec<Credit>, balance: i64) -> Vec<Credit> {
    due::spend(&mut credits, balance);
    credits.retain(|credit| credit.remaining > 0);
    credits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        let nano = Decimal::new(1, 9);
        for (text, expected) in [
            ("12.50", Decimal::new(1250, 2)),
            ("-3", Decimal::from(-3)),
            ("+0.000000001", nano),
            ("0.00000000100000000000000000000000000000", nano),
            ("100", Decimal::from(100)),
            ("0.0", Decimal::ZERO),
        ] {
            assert_eq!(amount(text), Ok(expected), "{text}");
        }
        for text in ["", "-", ".5", "5.", "1e3", "1_000", "1,5", " 1", "0x1", "--1", "NaN", "١"] {
            assert_eq!(amount(text), Err(Mistake::NoAmount), "{text}");
        }
        for text in ["1.00000000000000000000000000000000001", "0.00000000000000000000000000000000000001"] {
            assert!(matches!(amount(text), Err(Mistake::Inexact(_))), "{text}: {:?}", amount(text));
        }
        assert!(amount(&"9".repeat(40)).is_err());
    }

    #[test]
    fn what_is_taken_away_is_a_correction_that_stays() {
        let asked = |kind, text: &str, expires_at| {
            let (key, amount) = ("1".into(), amount(text).unwrap());
            let asked = Asked { kind, key, amount, expires_at, priority: None, note: None };
            asked.posting().map(|posting| (posting.reference, posting.amount))
        };
        let later = Some(Timestamp::MAX);
        assert_eq!(asked(Kind::TopUp, "2.5", later), Ok(("topup/1".into(), 2_500_000_000)));
        assert_eq!(asked(Kind::Correction, "-2.5", None), Ok(("correction/1".into(), -2_500_000_000)));
        assert_eq!(asked(Kind::Correction, "-2.5", later), Err(Mistake::ExpiresNever));
        assert_eq!(asked(Kind::Refund, "-1", None), Err(Mistake::Negative));
        assert_eq!(asked(Kind::Grant, "0.00", None), Err(Mistake::Nothing));
        for text in ["0.0000000001", "99999999999"] {
            assert!(matches!(asked(Kind::TopUp, text, None), Err(Mistake::Inexact(_))), "{text}");
        }
    }

    #[test]
    fn a_priority_is_0_to_100_and_of_what_can_be_spent() {
        let asked = |text: &str, priority| {
            let (kind, key, amount) = (Kind::Correction, "1".into(), amount(text).unwrap());
            let asked = Asked { kind, key, amount, expires_at: None, priority, note: None };
            asked.posting().map(|posting| posting.priority)
        };
        assert_eq!([None, Some(0), Some(100)].map(|it| asked("1", it)), [Ok(50), Ok(0), Ok(100)]);
        assert_eq!(asked("1", Some(101)), Err(Mistake::NoPriority));
        assert_eq!((asked("-1", None), asked("-1", Some(50))), (Ok(50), Err(Mistake::NeverSpent)));
    }
}

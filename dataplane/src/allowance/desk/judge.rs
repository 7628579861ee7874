//! Whether an answer of the ledger refuses somebody: pure.

use crate::{allowance::shared::Figures, ledger::leases::Answer};

/// For how many milliseconds an answer that refused speaks for others who need as much.
const FRESH_MS: u64 = 50;
/// For how many milliseconds what others hold may come back.
const HOPE_MS: u64 = 1200;

/// What an answer means for somebody whom it does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// There is enough: others were served first, or took it meanwhile.
    AskAgain,
    /// Others hold what may come back.
    Hope,
    /// What there is will do.
    CutDown,
    /// There is not enough, and no more will come soon.
    Refuse(Figures),
}

impl Judgement {
    /// `free` is what the lease has; `most` would be best and `least` will do; `hopes_since` is when it was first told to hope.
    pub(super) fn new(
        answer: &Answer,
        free: i64,
        most: i64,
        least: i64,
        hopes_since: Option<u64>,
        now: u64,
    ) -> Self {
        let there = answer.cap.saturating_sub(answer.taken).max(0).saturating_add(free);
        if there >= most {
            return Self::AskAgain;
        }
        let may_come = there.saturating_add(answer.others.max(0));
        let hopes = hopes_since.is_none_or(|since| now < since.saturating_add(HOPE_MS));
        let enough = if there >= least { most } else { least };
        if answer.others > 0 && may_come >= enough && hopes {
            return Self::Hope;
        }
        if free >= least {
            return Self::CutDown;
        }
        if there >= least {
            return Self::AskAgain;
        }
        let held = answer.taken.saturating_sub(answer.spent).saturating_sub(free.max(0)).max(0);
        Self::Refuse(Figures { cap: answer.cap, spent: answer.spent, held })
    }
}

/// An answer that refused, and whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    /// Who needs less may be luckier.
    pub(super) least: i64,
    pub(super) figures: Figures,
    until: u64,
}

impl Verdict {
    pub(super) fn new(least: i64, figures: Figures, now: u64) -> Self {
        Self { least, figures, until: now + FRESH_MS }
    }

    pub(super) fn is_fresh(&self, now: u64) -> bool {
        now < self.until
    }
}

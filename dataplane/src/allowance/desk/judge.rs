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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a cap of 100, so much is taken, and others could give back so much of it.
    fn judge(
        taken: i64,
        others: i64,
        free: i64,
        (least, most): (i64, i64),
        hopes_since: Option<u64>,
    ) -> Judgement {
        let answer = Answer { granted: 0, cap: 100, spent: 10, taken, others };
        Judgement::new(&answer, free, most, least, hopes_since, 10_000)
    }

    #[test]
    fn where_there_is_enough_it_is_asked_for() {
        assert_eq!(judge(60, 0, 0, (40, 40), None), Judgement::AskAgain);
        assert_eq!(judge(70, 0, 10, (40, 40), None), Judgement::AskAgain);
        assert_eq!(judge(70, 0, 0, (30, 40), None), Judgement::AskAgain, "it will do");
    }

    #[test]
    fn what_others_hold_is_waited_for_as_long_as_it_could_suffice() {
        assert_eq!(judge(90, 30, 0, (40, 40), None), Judgement::Hope);
        assert_eq!(judge(90, 30, 0, (40, 40), Some(8_801)), Judgement::Hope);
        assert!(matches!(judge(90, 30, 0, (40, 40), Some(8_800)), Judgement::Refuse(_)));
        assert!(matches!(judge(90, 29, 0, (40, 40), None), Judgement::Refuse(_)));
    }

    #[test]
    fn a_request_is_cut_down_only_where_waiting_brings_no_more() {
        assert_eq!(judge(100, 10, 30, (20, 40), None), Judgement::Hope);
        assert_eq!(judge(100, 10, 30, (20, 40), Some(1)), Judgement::CutDown);
        assert_eq!(judge(100, 5, 30, (20, 40), None), Judgement::CutDown, "others have too little");
        assert_eq!(judge(100, 25, 0, (20, 40), None), Judgement::Hope, "enough to be cut down");
    }

    #[test]
    fn a_refusal_says_what_is_spent_and_what_is_held() {
        let figures = Figures { cap: 100, spent: 10, held: 75 };
        assert_eq!(judge(90, 0, 5, (40, 40), None), Judgement::Refuse(figures));
    }

    #[test]
    fn a_refusal_is_fresh_for_a_moment() {
        let verdict = Verdict::new(1, Figures { cap: 1, spent: 1, held: 0 }, 1000);
        assert!(verdict.is_fresh(1049));
        assert!(!verdict.is_fresh(1050));
    }
}

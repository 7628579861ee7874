//! What to do after a failed attempt. Pure.

use aigne_hub_crds::config::Retry;

/// What a failed attempt means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The client's fault, or the tenant's policy: nobody else will do better.
    Final,
    /// Not for this provider, or not once more.
    NotHere,
    /// The credential was refused (401, 402, 403); another one may do.
    Credential {
        /// Its place in the provider's list.
        place: usize,
    },
    /// Too much for now.
    Throttled {
        /// What the provider asks to wait.
        retry_after_ms: Option<u64>,
    },
    /// The provider failed, or could not be reached.
    Provider,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The same candidate once more, after a wait.
    Again {
        wait_ms: u64,
    },
    NextCandidate,
    Stop,
}

/// The attempts against one candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    retry: Retry,
    /// Somebody else may be tried.
    has_next: bool,
    credentials: usize,
    done: u32,
    /// The places of credentials that were refused in this very request, as bits.
    refused: u64,
}

impl Plan {
    pub(super) fn new(retry: Retry, has_next: bool, credentials: usize) -> Self {
        Self { retry, has_next, credentials, done: 0, refused: 0 }
    }

    /// Attempts made so far against this candidate.
    pub(super) fn done(&self) -> u32 {
        self.done
    }

    /// Whether the provider has refused it in this request: another one is tried first.
    pub(super) fn was_refused(&self, place: usize) -> bool {
        self.refused & bit(place) != 0
    }

    /// Decides after an attempt has failed.
    pub(super) fn next(&mut self, verdict: Verdict) -> Step {
        self.done += 1;
        let has_next = self.has_next;
        let or_next = |again: Option<u64>| match again {
            Some(wait_ms) => Step::Again { wait_ms },
            None if has_next => Step::NextCandidate,
            None => Step::Stop,
        };
        let may_repeat = self.done < self.retry.attempts.max(1);
        let another_credential = (self.done as usize) < self.credentials;
        match verdict {
            Verdict::Final => Step::Stop,
            Verdict::NotHere => or_next(None),
            // The first refusal is confirmed once, with another credential where there is one.
            Verdict::Credential { place } => {
                self.refused |= bit(place);
                or_next((may_repeat && (another_credential || self.done == 1)).then_some(0))
            }
            Verdict::Throttled { .. } if may_repeat && another_credential => or_next(Some(0)),
            // Somebody else is asked at once rather than waiting here.
            Verdict::Throttled { .. } if self.has_next => Step::NextCandidate,
            Verdict::Throttled { retry_after_ms } => {
                let wait_ms = retry_after_ms.unwrap_or_else(|| self.backoff_ms());
                // A longer wait is the client's to decide about: it gets the 429 with its Retry-After.
                or_next((may_repeat && wait_ms <= self.retry.max_backoff).then_some(wait_ms))
            }
            Verdict::Provider => or_next(may_repeat.then(|| self.backoff_ms())),
        }
    }

    fn backoff_ms(&self) -> u64 {
        let doubled = self.retry.backoff.saturating_mul(1 << self.done.saturating_sub(1).min(16));
        doubled.min(self.retry.max_backoff)
    }
}

/// Nothing for places beyond those that are told apart.
fn bit(place: usize) -> u64 {
    u32::try_from(place).ok().and_then(|place| 1u64.checked_shl(place)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(attempts: u32, has_next: bool, credentials: usize) -> Plan {
        Plan::new(Retry { attempts, backoff: 100, max_backoff: 1_000 }, has_next, credentials)
    }

    #[test]
    fn a_clients_mistake_is_never_repeated() {
        assert_eq!(plan(5, true, 3).next(Verdict::Final), Step::Stop);
    }

    #[test]
    fn a_provider_is_tried_again_with_growing_waits_then_the_next_one() {
        let mut plan = plan(3, true, 1);
        assert_eq!(plan.next(Verdict::Provider), Step::Again { wait_ms: 100 });
        assert_eq!(plan.next(Verdict::Provider), Step::Again { wait_ms: 200 });
        assert_eq!(plan.next(Verdict::Provider), Step::NextCandidate);
    }

    #[test]
    fn a_long_retry_after_is_the_clients_to_wait_for() {
        let long = Verdict::Throttled { retry_after_ms: Some(20_000) };
        assert_eq!(plan(3, false, 1).next(long), Step::Stop);
        assert_eq!(plan(3, true, 1).next(long), Step::NextCandidate);
        assert_eq!(plan(3, false, 2).next(long), Step::Again { wait_ms: 0 });
        let short = Verdict::Throttled { retry_after_ms: Some(300) };
        assert_eq!(plan(3, false, 1).next(short), Step::Again { wait_ms: 300 });
    }

    #[test]
    fn a_refused_credential_is_confirmed_once() {
        let mut plan = plan(5, false, 1);
        assert_eq!(plan.next(Verdict::Credential { place: 0 }), Step::Again { wait_ms: 0 });
        assert!(plan.was_refused(0) && !plan.was_refused(1) && !plan.was_refused(64));
        assert_eq!(plan.next(Verdict::Credential { place: 0 }), Step::Stop);
    }
}

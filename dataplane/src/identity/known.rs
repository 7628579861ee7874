//! Tokens that a core has verified already.

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

use super::{Verifier, Workload};

/// Tokens a core remembers: more pods than a gateway has, and less than a megabyte.
const MOST: usize = 4096;

type Hash = [u8; 32];

/// Verified tokens by their SHA-256. Empty again as soon as the keys are others: what a withdrawn key has signed
/// is not known any more.
#[derive(Debug, Default)]
pub struct Known {
    verifier: Option<Arc<Verifier>>,
    workloads: HashMap<Hash, Rc<Workload>>,
    /// Oldest first.
    order: VecDeque<Hash>,
}

impl Known {
    /// Whom a token names that was verified by this very verifier and has not expired.
    pub fn get(&mut self, token: &Hash, verifier: &Arc<Verifier>, now_ms: i64) -> Option<Rc<Workload>> {
        if !self.verifier.as_ref().is_some_and(|known| Arc::ptr_eq(known, verifier)) {
            *self = Self { verifier: Some(Arc::clone(verifier)), ..Self::default() };
            return None;
        }
        self.workloads.get(token).filter(|workload| workload.expires_at > now_ms).cloned()
    }

    /// Remembers what the verifier of the last [`Self::get`] has found.
    pub fn insert(&mut self, token: Hash, workload: Rc<Workload>, now_ms: i64) {
        if self.workloads.len() >= MOST {
            self.workloads.retain(|_, workload| workload.expires_at > now_ms);
            let workloads = &self.workloads;
            self.order.retain(|token| workloads.contains_key(token));
        }
        while self.workloads.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.workloads.remove(&oldest);
        }
        if self.workloads.insert(token, workload).is_none() {
            self.order.push_back(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing::{Signer, verifier};

    fn workload(expires_at: i64) -> Rc<Workload> {
        Rc::new(Workload { namespace: "team".into(), service_account: "app".into(), expires_at })
    }

    fn token(number: usize) -> Hash {
        let mut token = [0; 32];
        token[..8].copy_from_slice(&number.to_le_bytes());
        token
    }

    #[test]
    fn what_is_known_ends_with_the_token_and_with_the_key() {
        let signer = Signer::p256("one");
        let (first, second) = (Arc::new(verifier(&[&signer])), Arc::new(verifier(&[&signer])));
        let mut known = Known::default();
        assert_eq!(known.get(&token(1), &first, 0), None);
        known.insert(token(1), workload(10), 0);
        assert_eq!(known.get(&token(1), &first, 9), Some(workload(10)));
        assert_eq!(known.get(&token(1), &first, 10), None);
        assert_eq!(known.get(&token(1), &second, 9), None);
        assert_eq!(known.get(&token(1), &first, 9), None);
    }

    #[test]
    fn it_is_bounded_and_the_expired_go_before_the_oldest() {
        let verifier = Arc::new(verifier(&[&Signer::p256("one")]));
        let mut known = Known::default();
        assert_eq!(known.get(&token(0), &verifier, 0), None);
        for number in 0..MOST {
            known.insert(token(number), workload(if number == 7 { 5 } else { 100 }), 0);
        }
        known.insert(token(MOST), workload(100), 10);
        assert!(known.get(&token(0), &verifier, 10).is_some(), "an expired one has made room");
        known.insert(token(MOST + 1), workload(100), 10);
        assert!(known.get(&token(0), &verifier, 10).is_none());
        assert_eq!((known.workloads.len(), known.order.len()), (MOST, MOST));
    }
}

//! Work that may be done side by side, but for one object only one after the other, and the latest wins.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Work by object: at most so many at once, one an object, the latest in place of what still waits.
#[derive(Debug)]
pub struct Lanes<K, W> {
    most: usize,
    under_way: BTreeSet<K>,
    order: VecDeque<K>,
    waiting: BTreeMap<K, W>,
}

impl<K: Ord + Clone, W> Lanes<K, W> {
    /// At most so many at once.
    pub fn new(most: usize) -> Self {
        Self { most, under_way: BTreeSet::new(), order: VecDeque::new(), waiting: BTreeMap::new() }
    }

    /// Adds work. What waited for the same object is handed to `merge` with the new one, which replaces it.
    pub fn push(&mut self, key: K, mut work: W, merge: impl FnOnce(W, &mut W)) {
        match self.waiting.remove(&key) {
            Some(older) => merge(older, &mut work),
            None => self.order.push_back(key.clone()),
        }
        self.waiting.insert(key, work);
    }

    /// The next to begin with, if there is room.
    pub fn begin(&mut self) -> Option<(K, W)> {
        if self.under_way.len() >= self.most {
            return None;
        }
        let free = self.order.iter().position(|key| !self.under_way.contains(key))?;
        let key = self.order.remove(free)?;
        let work = self.waiting.remove(&key)?;
        self.under_way.insert(key.clone());
        Some((key, work))
    }

    /// What was begun has ended.
    pub fn end(&mut self, key: &K) {
        self.under_way.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_for_an_object_and_the_latest_wins() {
        let mut lanes = Lanes::new(2);
        let keep_latest = |_, _: &mut i32| {};
        lanes.push("a", 1, keep_latest);
        assert_eq!(lanes.begin(), Some(("a", 1)));
        lanes.push("a", 2, keep_latest);
        lanes.push("b", 3, keep_latest);
        lanes.push("a", 4, keep_latest);
        assert_eq!(lanes.begin(), Some(("b", 3)), "a is still under way");
        assert_eq!(lanes.begin(), None);
        lanes.end(&"a");
        assert_eq!(lanes.begin(), Some(("a", 4)));
        lanes.end(&"a");
        assert_eq!(lanes.begin(), None);
    }

    #[test]
    fn never_more_than_allowed() {
        let mut lanes = Lanes::new(2);
        (0..5).for_each(|number| lanes.push(number, number, |_, _| {}));
        assert!(lanes.begin().is_some() && lanes.begin().is_some());
        assert_eq!(lanes.begin(), None);
        lanes.end(&0);
        assert_eq!(lanes.begin(), Some((2, 2)));
    }

    #[test]
    fn what_waited_can_be_merged() {
        let mut lanes = Lanes::new(1);
        let merge = |older: Vec<i32>, newer: &mut Vec<i32>| newer.splice(..0, older).for_each(drop);
        lanes.push("a", vec![1], merge);
        lanes.push("a", vec![2], merge);
        assert_eq!(lanes.begin(), Some(("a", vec![1, 2])));
    }
}

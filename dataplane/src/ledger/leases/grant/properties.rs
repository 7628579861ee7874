use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{Answer, Ask, Cap, Class, FOREVER, Place};
use super::{Held, Window, decide};

#[derive(Clone, Debug)]
enum Step {
    /// The answer may be lost on its way.
    Ask {
        who: u8,
        need: i64,
        least: i64,
        want: i64,
        lost: bool,
    },
    /// Of what it holds, so many hundredths.
    Spend {
        who: u8,
        part: i64,
        suspense: bool,
    },
    Return {
        who: u8,
        part: i64,
    },
    /// As a process that was not told that there is nothing left.
    Overspend {
        who: u8,
        amount: i64,
    },
    Beside {
        who: u8,
        amount: i64,
    },
    Close {
        who: u8,
    },
    /// The ledger's side: lower or higher than before.
    Cap(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..4_u8;
    let amounts = (0..400_i64, 0..=100_i64, 0..900_i64);
    prop_oneof![
        6 => (who.clone(), amounts, any::<bool>()).prop_map(|(who, (need, least, more), lost)| {
            Step::Ask { who, need, least: need * least / 100, want: need + more, lost }
        }),
        4 => (who.clone(), 0..=100_i64, any::<bool>()).prop_map(|(who, part, suspense)| Step::Spend { who, part, suspense }),
        2 => (who.clone(), 0..=100_i64).prop_map(|(who, part)| Step::Return { who, part }),
        1 => (who.clone(), 1..200_i64).prop_map(|(who, amount)| Step::Overspend { who, amount }),
        1 => (who.clone(), 1..100_i64).prop_map(|(who, amount)| Step::Beside { who, amount }),
        1 => who.prop_map(|who| Step::Close { who }),
        1 => (0..1_500_i64).prop_map(Step::Cap),
    ]
}

/// What a process knows of its lease, and what it has spent; of money the ledger hears with the rows.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    granted: i64,
    returned: i64,
    spent: i64,
}

struct World {
    class: Class,
    cap: i64,
    /// By closed holders.
    spent: i64,
    leases: BTreeMap<u8, Held>,
    processes: BTreeMap<u8, Process>,
    /// Whether more was spent than was leased, or the cap was lowered: then only nothing more is granted.
    over: bool,
}

impl World {
    fn taken(&self) -> i64 {
        self.spent + self.leases.values().map(|held| held.taken(self.class)).sum::<i64>()
    }

    fn window(&self, who: u8) -> Window {
        let others = self.leases.iter().filter(|(other, _)| **other != who).map(|(_, held)| *held).collect();
        Window { cap: self.cap, spent: self.spent, others }
    }

    fn message(&self, who: u8, need: i64, least: i64, want: i64) -> Ask {
        let Process { granted, returned, spent } = self.processes.get(&who).copied().unwrap_or_default();
        Ask {
            place: Place { allowance: "budget:t/b".into(), window: FOREVER },
            cap: Cap::Fixed(self.cap),
            class: self.class,
            need,
            least,
            want,
            granted,
            returned,
            spent: if self.class == Class::Rate { spent } else { 0 },
        }
    }

    /// Decides as the store does, and keeps what becomes of the lease.
    fn exchange(&mut self, who: u8, ask: &Ask) -> Answer {
        let own = self.leases.get(&who).copied().unwrap_or_default();
        let (becomes, answer) = decide(&self.window(who), own, ask);
        assert!(becomes.granted >= own.granted && becomes.returned >= own.returned, "totals never fall");
        self.leases.insert(who, becomes);
        answer
    }

    fn ask(&mut self, who: u8, need: i64, least: i64, want: i64, lost: bool) {
        let ask = self.message(who, need, least, want);
        let before = self.leases.get(&who).copied().unwrap_or_default();
        // What it says of itself may take more, or give back.
        let said = Held {
            returned: before.returned.max(ask.returned),
            spent: before.spent.max(ask.spent),
            ..before
        };
        let window = self.window(who);
        let others: i64 = window.others.iter().map(|held| held.taken(self.class)).sum();
        // What it spent beyond its lease is part of what it asks for.
        let free = (self.cap - self.spent - others - said.lent() - said.beside()).max(0);
        let answer = self.exchange(who, &ask);
        let (added, told) = (answer.granted - before.granted, answer.granted - ask.granted);
        assert!(added <= free, "never more than is free");
        let untold = before.granted - ask.granted;
        if free >= need - untold {
            assert!(told >= need, "what it needs is there");
        } else if free > 0 && free >= least - untold && least > untold {
            assert_eq!(added, free, "what there is is worth having");
        }
        assert!(told <= want.max(untold), "never more than it wants");
        assert_eq!((answer.taken, answer.cap), (self.taken(), self.cap));
        // Said again, as the answer might have been lost: nothing changes.
        let after = self.leases[&who];
        let again = self.exchange(who, &ask);
        if told >= need {
            assert_eq!((self.leases[&who], again), (after, answer));
        }
        assert!(self.leases[&who].granted - ask.granted <= want.max(told), "never more than it wants");
        let process = self.processes.entry(who).or_default();
        if !lost {
            process.granted = again.granted;
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Ask { who, need, least, want, lost } => self.ask(who, need, least, want, lost),
            Step::Spend { who, part, suspense } => {
                let process = self.processes.entry(who).or_default();
                let idle = (process.granted - process.returned - process.spent).max(0);
                process.spent += idle * part / 100;
                self.settle(who, idle * part / 100, suspense);
                if suspense {
                    // Learned from the journal of a process that is gone, by whoever closes its lease.
                    self.take(&Step::Close { who });
                }
            }
            Step::Overspend { who, amount } => {
                self.processes.entry(who).or_default().spent += amount;
                self.over = true;
                self.settle(who, amount, false);
            }
            Step::Beside { who, amount } => {
                if self.class == Class::Money {
                    self.over = true;
                    self.leases.entry(who).or_default().unreserved += amount;
                }
            }
            Step::Return { who, part } => {
                let process = self.processes.entry(who).or_default();
                process.returned += (process.granted - process.returned - process.spent).max(0) * part / 100;
            }
            Step::Close { who } => {
                self.processes.remove(&who);
                if let Some(held) = self.leases.remove(&who) {
                    self.spent += held.spent + held.unreserved;
                    if held.suspense > 0 {
                        self.leases.insert(who, Held { suspense: held.suspense, ..Held::default() });
                    }
                }
            }
            Step::Cap(cap) => {
                self.over |= cap < self.cap;
                self.cap = cap;
            }
        }
    }

    /// Money is settled with its rows.
    fn settle(&mut self, who: u8, amount: i64, suspense: bool) {
        if self.class == Class::Money {
            let held = self.leases.entry(who).or_default();
            *(if suspense { &mut held.suspense } else { &mut held.spent }) += amount;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_more_is_granted_than_there_is(
        money: bool, cap in 0..1_500_i64, steps in proptest::collection::vec(step(), 0..60),
    ) {
        let class = if money { Class::Money } else { Class::Rate };
        let (leases, processes) = (BTreeMap::new(), BTreeMap::new());
        let mut world = World { class, cap, spent: 0, leases, processes, over: false };
        for step in &steps {
            world.take(step);
            prop_assert!(world.over || world.taken() <= world.cap, "{step:?}: {} of {}", world.taken(), world.cap);
        }
    }
}

#[test]
fn the_largest_numbers_neither_turn_around_nor_grant() {
    let ask = Ask {
        place: Place { allowance: "budget:t/b".into(), window: FOREVER },
        cap: Cap::Fixed(i64::MAX),
        class: Class::Money,
        need: i64::MAX,
        least: i64::MAX,
        want: i64::MAX,
        granted: i64::MIN,
        returned: i64::MIN,
        spent: i64::MIN,
    };
    let most = Held {
        granted: i64::MAX,
        spent: i64::MAX,
        unreserved: i64::MAX,
        suspense: i64::MAX,
        ..Held::default()
    };
    let window = Window { cap: i64::MAX, spent: i64::MAX, others: vec![most, most] };
    let (becomes, answer) = decide(&window, most, &ask);
    assert_eq!((becomes.granted, answer.spent, answer.taken), (i64::MAX, i64::MAX, i64::MAX));
    let (becomes, _) = decide(&Window { cap: i64::MIN, ..Window::default() }, Held::default(), &ask);
    assert_eq!(becomes.granted, 0);
}

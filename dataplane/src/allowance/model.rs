//! Several processes and one ledger, step by step: whatever happens in whatever order, no cap is overrun, nothing is lost, and what
//! nobody uses can be had.
//!
//! It runs the code that gateways run, but for the task around the desk: messages travel as the steps say. What the ledger
//! does is done by the function that decides in the real stores.

use std::collections::BTreeMap;

use aigne_hub_crds::config::{BillingMode, BudgetAction, Limits};
use proptest::prelude::*;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::desk::Desk;
use super::reservation::Attempt;
use super::shared::Message;
use super::testing::{Books, START, budget, need, tenant};
use super::*;
use crate::ledger::leases::{Ask, Class, Draws, Exchanged, Place};

const BALANCE: i64 = 1000;
const BUDGET: i64 = 700;
const RATE: u64 = 12;
const PROCESSES: usize = 3;
/// Milliseconds after which the ledger closes who is silent.
const PATIENCE: i64 = 120_000;

#[derive(Clone, Debug)]
enum Step {
    /// A request comes: the most it can cost, and the least it could be cut down to.
    Begin(usize, i64, i64),
    /// A request ends, having used so many hundredths of what it reserved; or was dropped.
    End(usize, Option<i64>),
    /// A process sends what it has to say.
    Send(usize),
    /// The ledger gets it: once or twice.
    Arrive(usize, bool),
    /// The process hears the answer, or gives up waiting for it.
    Hear(usize, bool),
    /// A process's rows go into the ledger.
    Write(usize),
    /// Milliseconds pass.
    Pass(u16),
    /// Everybody sends, is answered and hears.
    Talk,
    /// The ledger's clock is set.
    Set(i16),
    /// A process is killed, and another one begins; its journal tells what became of its requests.
    Crash(usize),
    /// The network is cut until a process's leases are long over and the ledger has closed it.
    Silence(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = || 0..PROCESSES;
    let step = prop_oneof![
        8 => (process(), 1..250_i64, 1..100_i64).prop_map(|(process, most, part)| {
            Step::Begin(process, most, (most * part / 100).max(1))
        }),
        6 => (any::<usize>(), prop::option::weighted(0.8, 0..=100_i64)).prop_map(|(request, part)| Step::End(request, part)),
        4 => process().prop_map(Step::Send),
        4 => (process(), prop::bool::weighted(0.2)).prop_map(|(process, twice)| Step::Arrive(process, twice)),
        4 => (process(), prop::bool::weighted(0.8)).prop_map(|(process, heard)| Step::Hear(process, heard)),
        3 => process().prop_map(Step::Write),
        4 => (1..2000_u16).prop_map(Step::Pass),
        1 => Just(Step::Pass(40_000)),
        6 => Just(Step::Talk),
        1 => (-30_000..30_000_i16).prop_map(Step::Set),
        1 => process().prop_map(Step::Crash),
        1 => process().prop_map(Step::Silence),
    ];
    prop::collection::vec(step, 1..120)
}

/// A process, and what its journal has.
struct Process {
    holder: Uuid,
    allowances: Allowances,
    caps: Caps,
    desk: Desk,
    said: mpsc::UnboundedReceiver<Message>,
    /// A message under way: when it was sent, what it says, and the answer once there is one.
    sent: Option<(u64, Vec<Ask>, Option<Exchanged>)>,
    /// Rows that are not in the ledger yet.
    rows: Vec<(Draws, i64)>,
}

struct Request {
    process: usize,
    attempt: Attempt,
    needs: Need,
}

/// A request that goes on.
struct Live {
    process: usize,
    reservation: Reservation,
    amounts: Vec<(Place, i64)>,
}

struct World {
    now: u64,
    clock: i64,
    made: u128,
    books: Books,
    processes: Vec<Process>,
    waiting: Vec<Request>,
    live: Vec<Live>,
    /// What was really spent, and what may have been by processes that were killed.
    spent: BTreeMap<Place, i64>,
    lost: BTreeMap<Place, i64>,
    refused: usize,
}

const NONE: fn() -> Caps = Caps::default;

impl World {
    fn new() -> Self {
        let mut world = Self {
            now: 0,
            clock: START,
            made: 0,
            books: Books::default(),
            processes: Vec::new(),
            waiting: Vec::new(),
            live: Vec::new(),
            spent: BTreeMap::new(),
            lost: BTreeMap::new(),
            refused: 0,
        };
        world.books.balances.insert("account:acme-account".into(), BALANCE);
        for _ in 0..PROCESSES {
            let process = world.process();
            world.processes.push(process);
        }
        world
    }

    fn process(&mut self) -> Process {
        self.made += 1;
        let mut tenant = tenant();
        tenant.billing.mode = BillingMode::Credits;
        tenant.budgets.push(budget(BUDGET, BudgetAction::Block));
        tenant.limits = Limits { requests_per_minute: Some(RATE), ..Limits::default() };
        let (allowances, leaser) = Allowances::new(Options::default());
        let (shared, said) = leaser.into_parts();
        let caps = allowances.of_tenant(&tenant);
        let holder = Uuid::from_u128(self.made);
        Process { holder, allowances, caps, desk: Desk::new(shared), said, sent: None, rows: Vec::new() }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Begin(process, most, least) => self.begin(process, most, least),
            Step::End(request, part) => self.end(request, part),
            Step::Send(process) => self.send(process),
            Step::Arrive(process, twice) => self.arrive(process, twice),
            Step::Hear(process, heard) => self.hear(process, heard),
            Step::Write(process) => self.write(process),
            Step::Pass(ms) => self.pass(u64::from(ms)),
            Step::Talk => self.talk(),
            Step::Set(by) => self.clock += i64::from(by),
            Step::Crash(process) => self.crash(process),
            Step::Silence(process) => self.silence(process),
        }
        self.settle_answers();
    }

    fn begin(&mut self, index: usize, most: i64, least: i64) {
        let process = &mut self.processes[index];
        let needs = Need { least_money: least, ..need(1, most) };
        let attempt = process.allowances.attempt([&process.caps, &NONE()], &needs, self.now);
        self.waiting.push(Request { process: index, attempt, needs });
    }

    /// Who was answered goes on or is refused.
    fn settle_answers(&mut self) {
        for process in &mut self.processes {
            while let Ok(message) = process.said.try_recv() {
                process.desk.hear(message, self.now);
            }
        }
        for mut request in std::mem::take(&mut self.waiting) {
            let caps = self.processes[request.process].caps.clone();
            match request.attempt.poll([&caps, &NONE()], &request.needs, self.now) {
                None => self.waiting.push(request),
                Some(Err(_)) => self.refused += 1,
                Some(Ok(())) => {
                    let reservation = request.attempt.complete([&caps, &NONE()]);
                    let amounts = reservation.amounts();
                    self.live.push(Live { process: request.process, reservation, amounts });
                }
            }
        }
    }

    fn end(&mut self, request: usize, part: Option<i64>) {
        if self.live.is_empty() {
            return;
        }
        let mut request = self.live.swap_remove(request % self.live.len());
        let Some(part) = part else { return };
        let money = request.reservation.money().unwrap() * part / 100;
        request.reservation.settle(1, money);
        for (place, _) in &request.amounts {
            let spent = if place.allowance.starts_with("requests") { 1 } else { money };
            *self.spent.entry(place.clone()).or_default() += spent;
        }
        self.processes[request.process].rows.push((request.reservation.draws(), money));
    }

    fn send(&mut self, index: usize) {
        let process = &mut self.processes[index];
        if process.sent.is_none() {
            process.desk.tick(self.now);
            process.sent = process.desk.prepare(self.now).map(|asks| (self.now, asks, None));
        }
    }

    fn arrive(&mut self, index: usize, twice: bool) {
        let process = &mut self.processes[index];
        let Some((_, asks, answer)) = &mut process.sent else { return };
        self.books.now = self.clock;
        for _ in 0..=u8::from(twice) {
            *answer = Some(self.books.exchange(process.holder, Options::default().ttl, asks));
        }
    }

    fn hear(&mut self, index: usize, heard: bool) {
        let process = &mut self.processes[index];
        match process.sent.take() {
            Some((asked, _, Some(exchanged))) if heard => process.desk.answered(asked, self.now, &exchanged),
            Some(_) => process.desk.failed(self.now),
            None => {}
        }
    }

    fn write(&mut self, index: usize) {
        let process = &mut self.processes[index];
        for (draws, money) in process.rows.drain(..) {
            self.books.enter(process.holder, &draws, money);
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        self.clock += i64::try_from(ms).unwrap();
        self.books.now = self.clock;
        for process in &mut self.processes {
            process.desk.tick(self.now);
        }
    }

    fn talk(&mut self) {
        for index in 0..PROCESSES {
            self.send(index);
            self.arrive(index, false);
            self.hear(index, true);
            self.settle_answers();
        }
    }

    fn crash(&mut self, index: usize) {
        // What it had in its journal is moved by whoever finds it; what became of the rest nobody knows.
        self.write(index);
        let fresh = self.process();
        let dead = std::mem::replace(&mut self.processes[index], fresh);
        self.waiting.retain(|request| request.process != index);
        let (lost, live) = std::mem::take(&mut self.live).into_iter().partition(|live| live.process == index);
        self.live = live;
        let lost: Vec<Live> = lost;
        for request in lost {
            let money = request.reservation.money().unwrap();
            self.books.suspend(dead.holder, &request.reservation.draws(), money);
            for (place, amount) in request.amounts {
                *self.lost.entry(place).or_default() += amount;
            }
        }
        self.books.close(dead.holder);
    }

    /// Only a process without anything under way: what else was spent after it was given up is beyond any promise.
    fn silence(&mut self, index: usize) {
        if self.live.iter().any(|live| live.process == index) {
            return;
        }
        self.waiting.retain(|request| request.process != index);
        self.write(index);
        self.hear(index, false);
        for _ in 0..20 {
            self.pass(u64::try_from(PATIENCE).unwrap() / 15);
            for other in (0..PROCESSES).filter(|other| *other != index) {
                self.send(other);
                self.arrive(other, false);
                self.hear(other, true);
            }
            self.settle_answers();
        }
        self.books.tidy(PATIENCE);
    }

    /// No cap is overrun: what was spent, may have been spent, and may still be spent.
    fn check(&self) {
        let mut sums = self.spent.clone();
        for (place, lost) in &self.lost {
            *sums.entry(place.clone()).or_default() += lost;
        }
        for (place, amount) in self.live.iter().flat_map(|live| &live.amounts) {
            *sums.entry(place.clone()).or_default() += amount;
        }
        for (place, sum) in sums {
            assert!(sum <= cap(&place), "{place:?}: {sum} of {}", cap(&place));
        }
    }

    /// Everything ends in peace. What is left can be had, to the last, and the ledger knows what was spent.
    fn finish(mut self) {
        self.waiting.clear();
        while !self.live.is_empty() {
            self.end(0, Some(50));
        }
        for index in 0..PROCESSES {
            self.hear(index, false);
            self.write(index);
        }
        self.quiet();
        let month = self.place("budget");
        let money = (BALANCE - self.sum("account")).min(BUDGET - self.sum("budget"));
        for (index, more) in [(0, 1), (1, 0)] {
            if money + more == 0 {
                continue;
            }
            let before = self.refused;
            self.begin(index, money + more, money + more);
            self.quiet();
            let refused = self.refused > before;
            assert_eq!(refused, more > 0, "{money} and {more} more of {:?}", self.books.pages.get(&month));
            while !self.live.is_empty() {
                self.end(0, Some(100));
            }
        }
        for index in 0..PROCESSES {
            self.write(index);
            let holder = self.processes[index].holder;
            self.books.close(holder);
        }
        for (place, page) in self.books.pages.iter().filter(|(_, page)| page.class == Class::Money) {
            assert_eq!(page.spent, self.spent.get(place).copied().unwrap_or(0), "{place:?}");
        }
    }

    /// Two minutes in which everybody is heard.
    fn quiet(&mut self) {
        self.settle_answers();
        for _ in 0..480 {
            self.talk();
            self.pass(250);
        }
        self.check();
    }

    fn place(&self, kind: &str) -> Place {
        let mut places = self.books.pages.keys();
        places
            .find(|place| place.allowance.starts_with(kind))
            .cloned()
            .unwrap_or(Place { allowance: kind.into(), window: 0 })
    }

    fn sum(&self, kind: &str) -> i64 {
        let place = self.place(kind);
        [&self.spent, &self.lost].iter().filter_map(|sums| sums.get(&place)).sum()
    }
}

fn cap(place: &Place) -> i64 {
    match place.allowance.split(':').next() {
        Some("account") => BALANCE,
        Some("budget") => BUDGET,
        _ => i64::try_from(RATE).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_no_cap_is_overrun_and_nothing_is_lost(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check();
        }
        world.finish();
    }
}

#[test]
fn a_process_that_is_heard_grants_and_refuses() {
    let mut world = World::new();
    for _ in 0..10 {
        world.step(&Step::Begin(0, 100, 100));
        for _ in 0..4 {
            world.step(&Step::Talk);
            world.step(&Step::Pass(300));
        }
        world.check();
    }
    assert_eq!((world.live.len(), world.refused), (7, 3));
    world.finish();
}

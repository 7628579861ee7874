use std::sync::atomic::AtomicU64;
use std::thread;

use super::*;

fn lease(granted: i64) -> Arc<Lease> {
    let place = Place { allowance: "requests:team/acme".into(), window: 0 };
    let lease = Lease::new(place, Class::Money, Window::FOREVER);
    lease.grant(&Answer { granted, cap: 1000, taken: granted, ..Answer::default() });
    Arc::new(lease)
}

fn balance(lease: &Lease, reserved: i64) -> i64 {
    let Totals { granted, returned, spent } = lease.totals();
    granted - returned - spent - reserved - lease.free()
}

#[test]
fn no_more_is_taken_than_there_is() {
    let lease = lease(10);
    assert!(lease.take(7, 1));
    assert!(!lease.take(4, 2));
    assert_eq!(lease.take_between(1, 4, 3), Some(3));
    assert_eq!(lease.take_between(1, 4, 3), None);
    assert_eq!(lease.used_at(), 3);
    assert_eq!(balance(&lease, 10), 0);
}

#[test]
fn what_is_dropped_unsettled_was_not_spent() {
    let lease = lease(10);
    assert!(lease.take(7, 1));
    drop(Taken::new(Arc::clone(&lease), 7));
    assert_eq!((lease.free(), lease.totals().spent), (10, 0));
}

#[test]
fn what_is_spent_beyond_makes_it_fall_below_zero_once() {
    let lease = lease(10);
    assert!(lease.take(7, 1));
    let mut taken = Taken::new(Arc::clone(&lease), 7);
    assert_eq!(taken.settle(12), 5);
    assert_eq!(taken.settle(12), 0);
    drop(taken);
    assert_eq!((lease.free(), lease.totals().spent), (-2, 12));
    assert_eq!(lease.give_back(100), 0, "there is nothing to give back");
    assert_eq!(balance(&lease, 0), 0);
}

#[test]
fn a_grant_counts_once_however_often_it_is_told() {
    let lease = lease(10);
    let answer = Answer { granted: 15, cap: 1000, taken: 15, ..Answer::default() };
    assert_eq!(lease.grant(&answer), 5);
    assert_eq!(lease.grant(&answer), 0);
    assert_eq!(lease.grant(&Answer { granted: 10, ..answer }), 0, "an older answer");
    assert_eq!(lease.free(), 15);
}

#[test]
fn nothing_is_taken_from_a_void_lease_and_nothing_comes_back() {
    let lease = lease(10);
    assert!(lease.take(5, 1));
    let taken = Taken::new(Arc::clone(&lease), 5);
    lease.make_void();
    assert!(!lease.take(1, 2));
    drop(taken);
    assert_eq!(lease.free(), 5);
}

#[test]
fn the_low_water_mark_is_the_least_since_it_was_asked() {
    let lease = lease(10);
    assert_eq!(lease.low_water(), 0, "before the grant");
    assert!(lease.take(7, 1));
    lease.settle(7, 1);
    assert_eq!(lease.low_water(), 3);
    assert_eq!(lease.low_water(), 9);
}

#[test]
fn a_lease_that_runs_low_says_so_once() {
    let lease = lease(10);
    assert!(!lease.wants_refill(), "nobody wants to hear");
    lease.watch(5);
    assert!(lease.take(5, 1));
    assert!(!lease.wants_refill());
    assert!(lease.take(1, 1));
    assert!(lease.wants_refill());
    assert!(!lease.wants_refill());
}

/// Several cores take and settle while the leaser grants and returns.
#[test]
fn cores_and_the_leaser_never_lose_or_make_anything() {
    const CORES: u64 = 4;
    const ROUNDS: u64 = 20_000;
    let lease = lease(50);
    let taken_in_all = AtomicU64::new(0);
    thread::scope(|scope| {
        for core in 0..CORES {
            let (lease, taken_in_all) = (&lease, &taken_in_all);
            scope.spawn(move || {
                let mut seed = core + 1;
                for round in 0..ROUNDS {
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let need = i64::try_from(seed >> 60).unwrap() + 1;
                    if !lease.take(need, round) {
                        continue;
                    }
                    taken_in_all.fetch_add(1, Relaxed);
                    let mut taken = Taken::new(Arc::clone(lease), need);
                    match seed >> 58 & 3 {
                        0 => drop(taken),
                        1 => taken.shrink(need / 2),
                        2 => drop(taken.settle(need)),
                        _ => drop(taken.settle(need / 3)),
                    }
                }
            });
        }
        let mut granted = 50;
        for _ in 0..ROUNDS {
            lease.give_back(3);
            granted += 10;
            lease.grant(&Answer { granted, cap: i64::MAX, taken: 0, ..Answer::default() });
        }
    });
    assert!(taken_in_all.load(Relaxed) > 0);
    assert_eq!(balance(&lease, 0), 0);
    assert!(lease.free() >= 0, "nothing was spent beyond a reservation");
}

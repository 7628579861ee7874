//! Leases of many processes at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::ledger::leases::{Cap, Class, Draw, FOREVER, Place};

const TTL: Duration = Duration::from_mins(10);
const CAP: i64 = 10_000;

/// A process as the ledger sees it: it leases, spends what it was granted, and gives back.
struct Process {
    holder: Uuid,
    store: Postgres,
    random: u64,
    /// By place: granted, returned, spent.
    known: [[i64; 3]; 3],
    rows: Vec<Row>,
}

impl Process {
    fn random(&mut self, below: i64) -> i64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.random >> 33).unwrap() % below
    }

    fn place(number: usize) -> Place {
        let allowance = ["account:a", "budget:t/b", "budget:t/c"][number];
        Place { allowance: allowance.into(), window: FOREVER }
    }

    async fn exchange(&mut self) {
        // In any order, as the ledger must not care; each answer is lost now and then.
        let first = usize::try_from(self.random(3)).unwrap();
        let mut places: Vec<_> = (0..3).map(|offset| (first + offset) % 3).collect();
        places.truncate(usize::try_from(1 + self.random(3)).unwrap());
        let mut asks = Vec::new();
        for number in &places {
            let need = self.random(80);
            let [granted, returned, spent] = &mut self.known[*number];
            let idle = *granted - *returned - *spent;
            if need % 5 == 0 {
                *returned += idle / 2;
            }
            let cap = if *number == 0 { Cap::Balance { overdraft: 0 } } else { Cap::Fixed(CAP) };
            let (granted, returned) = (*granted, *returned);
            let (place, class) = (Self::place(*number), Class::Money);
            asks.push(Ask { place, cap, class, need, least: 0, want: 3 * need, granted, returned, spent: 0 });
        }
        let answers = self.store.exchange(self.holder, TTL, &asks).await.unwrap().answers;
        if self.random(5) > 0 {
            for (number, answer) in places.iter().zip(answers) {
                assert!(answer.granted >= self.known[*number][0]);
                self.known[*number][0] = answer.granted;
            }
        }
    }

    /// From what it holds at all three places.
    async fn spend(&mut self) {
        let idle = self.known.iter().map(|[granted, returned, spent]| granted - returned - spent).min();
        let price = idle.unwrap().min(30);
        if price > 0 {
            let number = self.holder.as_u128() * 1_000_000 + self.rows.len() as u128;
            let mut row = row_at(AT.unsigned_abs(), number);
            row.intent.account = "a".into();
            row.intent.draws = (0..3).map(|n| Draw { place: Self::place(n), reserved: true }).collect();
            row.outcome.charge.price = Nanos(price);
            self.rows.push(row);
            self.known.iter_mut().for_each(|[.., spent]| *spent += price);
        }
        // What was sent before comes again.
        let last = self.rows.len().saturating_sub(3);
        self.store.insert(self.holder, &self.rows[last..]).await.unwrap();
    }
}

/// What is leased and spent at each place, at one moment.
async fn taken(connection: &mut sqlx::PgConnection) -> Vec<i64> {
    let text = "SELECT coalesce(sum(greatest(granted - returned, coalesce(s.spent, 0)) + coalesce(unreserved, 0)), 0)::bigint \
         + a.spent FROM allowances AS a LEFT JOIN (leases AS l FULL JOIN spending AS s USING (allowance, \"window\", holder)) \
         USING (allowance, \"window\") GROUP BY allowance, \"window\", a.spent";
    sqlx::query_scalar(text).fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn processes_that_lease_at_once_never_exceed_a_cap_nor_wait_in_a_circle() {
    let database = Server::shared().database();
    let store = database.store();
    store.fulfil("a", &posting(Kind::TopUp, "topup/1", CAP, None), AT).await.unwrap();
    let done = AtomicBool::new(false);
    let processes = (1..=8_u64).map(|number| {
        let mut process = Process {
            holder: Uuid::from_u128(number.into()),
            store: database.store(),
            random: number,
            known: [[0; 3]; 3],
            rows: Vec::new(),
        };
        async move {
            for round in 0..60 {
                process.exchange().await;
                process.spend().await;
                if round % 20 == 19 {
                    // It ends, and another one comes with its name.
                    process.store.close(process.holder).await.unwrap();
                    process.known = [[0; 3]; 3];
                    process.store.tidy(TTL).await.unwrap();
                }
            }
            process.known[1][2]
        }
    });
    let watch = async {
        let mut connection = connection::connect(&database.options(), TTL).await.unwrap();
        let mut most = 0;
        while !done.load(Ordering::Relaxed) {
            let now = taken(&mut connection).await;
            assert!(now.iter().all(|taken| *taken <= CAP), "{now:?}");
            most = most.max(now.into_iter().max().unwrap_or(0));
        }
        most
    };
    let work = async {
        futures::future::join_all(processes).await;
        done.store(true, Ordering::Relaxed);
    };
    let ((), most) = tokio::join!(work, watch);
    assert!(most > CAP / 2, "it came to little: {most}");
    let [account] = store.accounts(None).await.unwrap().try_into().unwrap();
    let spent: i64 = store
        .rows(&Filter::default())
        .map_ok(|row| row.price_nanos)
        .try_fold(0, async |sum, price| Ok(sum + price))
        .await
        .unwrap();
    assert_eq!((account.balance, account.leased), (CAP - spent, 0));
    assert!(account.balance >= 0 && spent > CAP / 10, "{account:?}");
    assert_eq!(store.differences().await.unwrap(), []);
}

#[tokio::test]
async fn usage_that_another_version_inserts_counts_against_the_balance() {
    let database = Server::shared().database();
    let store = database.store();
    store.insert(HOLDER, &[row(1)]).await.unwrap();
    let columns = "SELECT string_agg(format('%I', attname), ', ') FROM pg_attribute \
         WHERE attrelid = 'usage'::regclass AND attnum > 2";
    let columns = Server::shared().psql(&database.name, columns);
    let copy = format!(
        "INSERT INTO usage (request_id, attempt, {columns}) SELECT request_id, attempt + 1, {columns} FROM usage"
    );
    Server::shared().psql(&database.name, &copy);
    let balance = store.accounts(None).await.unwrap()[0].balance;
    assert_eq!(balance, -2 * 150_600);
    let differences = store.differences().await.unwrap();
    // Such a version adds to the hourly sums itself; days are added to for it.
    let checks: Vec<_> = differences.iter().map(|one| (one.check, one.found)).collect();
    let expected = [
        ("hourly sums are those of the rows", Some(150_600)),
        ("daily sums are those of the hours", Some(301_200)),
    ];
    assert_eq!(checks, expected);
}

#[tokio::test]
async fn who_is_paused_in_an_exchange_holds_up_nobody_for_long() {
    let database = Server::shared().database();
    let ask = || Ask {
        place: Place { allowance: "budget:t/b".into(), window: FOREVER },
        cap: Cap::Fixed(CAP),
        class: Class::Money,
        need: 1,
        least: 0,
        want: 1,
        granted: 0,
        returned: 0,
        spent: 0,
    };
    let store = database.store();
    store.exchange(HOLDER, TTL, &[ask()]).await.unwrap();
    let mut paused = connection::connect(&database.options(), TTL).await.unwrap();
    let mut transaction =
        sqlx::Connection::begin_with(&mut paused, super::super::leases::BEGIN).await.unwrap();
    sqlx::query("SELECT FROM allowances FOR UPDATE").execute(&mut *transaction).await.unwrap();
    let waits = Options { timeout: Duration::from_millis(300), ..database.options() };
    let waits = Postgres::new(waits).exchange(HOLDER, TTL, &[ask()]).await.unwrap_err();
    assert!(matches!(waits, StoreError::Timeout(_)), "{waits}");
    let granted = async {
        loop {
            if let Ok(done) = store.exchange(HOLDER, TTL, &[Ask { granted: 1, ..ask() }]).await {
                break done.answers[0].granted;
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(8), granted).await.unwrap(), 2);
}

//! Clients at work.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::judge::judge;
use super::plan::{Job, Plan};
use super::tally::Tally;
use crate::chaos::Got;
use crate::chaos::client::{Ask, Asking};
use crate::chaos::dice::Dice;
use crate::chaos::tenants::bound;

/// A load that can be started, stopped and asked how it goes. Clones are the same load.
#[derive(Clone, Debug, Default)]
pub struct Load(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    tally: Mutex<Tally>,
    /// Counts starts and stops: odd while it runs.
    turns: AtomicU64,
}

/// One start.
#[derive(Clone)]
struct Run {
    load: Load,
    turn: u64,
    plan: Arc<Plan>,
    keys: Arc<Vec<String>>,
    address: SocketAddr,
}

impl Load {
    /// Begins. A load that runs already is left as it is, with an error.
    pub async fn start(&self, plan: Plan) -> anyhow::Result<()> {
        ensure!(!self.is_running(), "it runs already: POST /stop first");
        ensure!(!plan.key_files.is_empty(), "there is no key file");
        let read = |path: &std::path::PathBuf| -> anyhow::Result<String> {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            Ok(text.trim().to_owned())
        };
        let keys = plan.key_files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let found = tokio::net::lookup_host(&plan.target).await.with_context(|| plan.target.clone())?.next();
        let address = found.with_context(|| format!("{} has no address", plan.target))?;
        let turn = self.0.turns.fetch_add(1, Ordering::SeqCst) + 1;
        let run = Run { load: self.clone(), turn, plan: Arc::new(plan), keys: Arc::new(keys), address };
        match run.plan.rate {
            Some(rate) => drop(tokio::spawn(run.open_loop(rate))),
            None => (0..run.plan.workers).for_each(|number| drop(tokio::spawn(run.clone().worker(number)))),
        }
        Ok(())
    }

    /// Starts nothing new; what is open goes on to its end.
    pub fn stop(&self) {
        if self.is_running() {
            self.0.turns.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Sums, latencies and failures so far.
    pub fn report(&self) -> Value {
        self.tally().report(self.is_running())
    }

    /// What clients got, one for each request that has ended.
    pub fn got(&self) -> Vec<Got> {
        self.tally().got.clone()
    }

    fn is_running(&self) -> bool {
        self.0.turns.load(Ordering::SeqCst) % 2 == 1
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    fn goes_on(&self) -> bool {
        self.load.0.turns.load(Ordering::SeqCst) == self.turn
    }

    /// Asks one after the other.
    async fn worker(self, number: usize) {
        let mut dice = Dice::new(self.plan.seed, "load", number);
        let mut asking = Asking::default();
        for count in 0_u64.. {
            let job = self.plan.job(&mut dice, format!("{}-{}-{number}-{count}", self.plan.name, self.turn));
            sleep(job.pause).await;
            if !self.goes_on() {
                break;
            }
            let mut fresh = Asking::default();
            self.ask(if job.fresh { &mut fresh } else { &mut asking }, &job).await;
        }
    }

    /// Asks so often, whatever becomes of it.
    async fn open_loop(self, rate: f64) {
        let mut dice = Dice::new(self.plan.seed, "load", 0);
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate.clamp(0.001, 10_000.0)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        // Connections that nobody uses at the moment.
        let idle: Arc<Mutex<Vec<Asking>>> = Arc::default();
        for count in 0_u64.. {
            ticks.tick().await;
            if !self.goes_on() {
                break;
            }
            let job = self.plan.job(&mut dice, format!("{}-{}-0-{count}", self.plan.name, self.turn));
            let (run, idle) = (self.clone(), Arc::clone(&idle));
            tokio::spawn(async move {
                let kept = || idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut asking = if job.fresh { None } else { kept() }.unwrap_or_default();
                run.ask(&mut asking, &job).await;
                if !job.fresh {
                    idle.lock().unwrap_or_else(PoisonError::into_inner).push(asking);
                }
            });
        }
    }

    async fn ask(&self, asking: &mut Asking, job: &Job) {
        self.load.tally().began(job.kind);
        let (began, mut first, mut body) = (Instant::now(), None, Vec::new());
        let reused = asking.is_kept(self.address);
        let ask = Ask {
            path: job.path,
            body: Bytes::from(job.body.to_string()),
            key: self.keys.get(job.tenant).map_or("", String::as_str),
            marker: &job.marker,
            leaves: None,
        };
        let exchange = asking.exchange(ask, self.address, |_, piece| {
            first.get_or_insert_with(|| began.elapsed());
            body.extend_from_slice(piece);
        });
        let reached = timeout(job.within, exchange).await.ok();
        let elapsed = began.elapsed();
        let judged = judge(job, reached.as_ref(), &String::from_utf8_lossy(&body));
        let mut tally = self.load.tally();
        let bound = bound(job.body.to_string().len(), &job.body);
        tally.got.push(Got { marker: job.marker.clone(), tenant: job.tenant, bound, end: judged.end });
        let Some(fault) = judged.fault else {
            return tally.whole(job.kind, first.unwrap_or(elapsed), elapsed);
        };
        let line = json!({"at": crate::now().to_string(), "fault": fault, "kind": job.kind.name(),
            "marker": job.marker, "address": self.address.to_string(), "path": job.path, "reused": reused,
            "first_ms": first.map(|first| first.as_millis()), "after_ms": elapsed.as_millis(),
            "words": judged.words, "of": job.words, "status": judged.status, "message": judged.message});
        tally.failed(job.kind, fault, &line);
        drop(tally);
        // Whoever reads it may be gone.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

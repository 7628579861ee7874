//! CPU time and memory, read from `/proc`: of the target, of this process, and of everybody else.

use std::{collections::HashMap, fs, time::Duration};

/// `/proc` counts CPU time in these; the kernel's ABI fixes them at 100 a second.
const TICK: Duration = Duration::from_millis(10);

/// All counters at one moment.
pub(crate) struct Reading {
    target: Usage,
    own: Usage,
    busy: Duration,
}

/// CPU time between two moments.
#[derive(Default)]
pub(crate) struct Spent {
    /// Of the target.
    pub(crate) target: Duration,
    /// Of client and upstream.
    pub(crate) own: Duration,
    /// Of everybody else on these cores: what disturbs the figures.
    pub(crate) others: Duration,
}

impl Reading {
    /// Reads the counters of this process and of `cores` beside what the `target` has used.
    pub(crate) fn now(target: Usage, cores: [usize; 2]) -> Self {
        Self {
            target,
            own: Usage::own(),
            busy: cores.map(|core| format!("cpu{core} ")).iter().map(|core| busy(core)).sum(),
        }
    }

    /// What was used since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Spent {
        let (target, own) = (self.target.since(&earlier.target), self.own.since(&earlier.own));
        let others = self.busy.saturating_sub(earlier.busy).saturating_sub(target + own);
        Spent { target, own, others }
    }
}

/// What a process tree has used so far.
#[derive(Default)]
pub(crate) struct Usage {
    /// Nanoseconds on a CPU, by thread.
    threads: HashMap<u32, u64>,
    /// User and system time of whole processes, ended threads included; in steps of [`TICK`].
    coarse: Duration,
    /// Resident memory of the largest process now, in KiB. (nginx's master shares most of its worker's.)
    pub(crate) resident_kib: u64,
    /// The most that it ever was.
    pub(crate) peak_kib: u64,
}

impl Usage {
    /// Of a process and all that it started.
    pub(crate) fn of_tree(root: u32) -> Self {
        let mut usage = Self::default();
        let mut waiting = vec![root];
        while let Some(pid) = waiting.pop() {
            usage.add(pid);
            for thread in threads(pid) {
                let children =
                    fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
                waiting.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            }
        }
        usage
    }

    /// This process's own.
    fn own() -> Self {
        let mut usage = Self::default();
        usage.add(std::process::id());
        usage
    }

    fn add(&mut self, pid: u32) {
        self.coarse += stat_time(pid);
        for thread in threads(pid) {
            let on_cpu = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok();
            let on_cpu = on_cpu.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
            self.threads.insert(thread, on_cpu.unwrap_or_default());
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        self.resident_kib = self.resident_kib.max(kib(&status, "VmRSS:"));
        self.peak_kib = self.peak_kib.max(kib(&status, "VmHWM:"));
    }

    /// CPU time spent since `earlier`: of every thread by the scheduler's fine clock, or the coarse one of the whole
    /// processes should it show more (threads that ended meanwhile).
    fn since(&self, earlier: &Self) -> Duration {
        let before = |thread| earlier.threads.get(thread).copied().unwrap_or_default();
        let fine = self.threads.iter().map(|(thread, now)| now.saturating_sub(before(thread))).sum();
        let coarse = self.coarse.saturating_sub(earlier.coarse);
        Duration::from_nanos(fine).max(coarse.saturating_sub(TICK * 2))
    }
}

fn threads(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn stat_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces and parentheses; fields are counted from behind it. utime and stime are 14 and 15.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
    TICK * fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum()
}

fn kib(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Time that a core was not idle.
fn busy(core: &str) -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().find_map(|line| line.strip_prefix(core)).unwrap_or_default();
    // user nice system idle iowait irq softirq steal
    let fields = line.split_whitespace().map(|field| field.parse::<u32>().unwrap_or_default());
    TICK * fields.zip([1, 1, 1, 0, 0, 1, 1, 1]).map(|(ticks, counts)| ticks * counts).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_work_shows_in_the_counters() {
        let before = Usage::own();
        let until = std::time::Instant::now() + Duration::from_millis(120);
        while std::time::Instant::now() < until {
            std::hint::spin_loop();
        }
        let spent = Usage::own().since(&before);
        assert!(spent > Duration::from_millis(20), "{spent:?}");
        assert!(before.resident_kib > 500 && before.peak_kib >= before.resident_kib);
    }

    #[test]
    fn an_ended_thread_is_covered_by_the_coarse_clock() {
        let earlier = Usage { coarse: TICK * 10, ..Usage::default() };
        let later = Usage { threads: HashMap::from([(1, 1_000)]), coarse: TICK * 40, ..Usage::default() };
        assert_eq!(later.since(&earlier), TICK * 28);
    }

    #[test]
    fn what_neither_side_used_was_others() {
        let reading = |ticks: u32, own: u32| Reading {
            target: Usage { coarse: TICK * ticks, ..Usage::default() },
            own: Usage { coarse: TICK * own, ..Usage::default() },
            busy: TICK * (ticks + own) * 2,
        };
        let spent = reading(102, 52).since(&reading(0, 0));
        assert_eq!([spent.target, spent.own, spent.others], [100, 50, 158].map(|ticks| TICK * ticks));
    }

    #[test]
    fn a_core_is_found_by_its_whole_name() {
        assert!(busy("cpu0 ") > Duration::ZERO);
        assert_eq!(busy("cpu99999 "), Duration::ZERO);
    }
}

//! Measurements of this process.

use std::{fs, time::Instant};

/// Clock ticks a second in `/proc`: 100 on every Linux architecture that we build for.
const TICKS: f64 = 100.0;

/// What one run of one program took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Wall time, in seconds.
    pub seconds: f64,
    /// User and system time, in seconds; another program that runs at the same time changes it little.
    pub cpu: f64,
    /// The most memory that the process had at once, in MiB.
    pub peak_mib: f64,
}

/// What has begun to be measured. One per process, because the memory is that of the process.
pub struct Measure {
    started: Instant,
    cpu: f64,
}

impl Measure {
    /// Begins.
    pub fn begin() -> Self {
        Self {
            started: Instant::now(),
            cpu: cpu_seconds("self"),
        }
    }

    /// Ends.
    pub fn end(self) -> Cost {
        Cost {
            seconds: self.started.elapsed().as_secs_f64(),
            cpu: cpu_seconds("self") - self.cpu,
            peak_mib: peak_mib(),
        }
    }
}

/// The most memory that this process has had at once, in MiB.
fn peak_mib() -> f64 {
    status_mib("self", "VmHWM:")
}

/// The same of another process.
pub fn peak_mib_of(process: u32) -> f64 {
    status_mib(&process.to_string(), "VmHWM:")
}

/// The memory that this process has now, in MiB.
pub fn resident_mib() -> f64 {
    status_mib("self", "VmRSS:")
}

/// A line of `/proc/PID/status` that is told in kB.
fn status_mib(process: &str, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("/proc is mounted");
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.expect("the kernel tells sizes")
        .parse::<f64>()
        .expect("sizes are numbers")
        / 1024.0
}

/// User and system time of another process since its start, in seconds.
pub fn cpu_seconds_of(process: u32) -> f64 {
    cpu_seconds(&process.to_string())
}

/// `utime` and `stime` of `/proc/PID/stat` (the 14th and the 15th field; the second one may contain blanks).
fn cpu_seconds(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("/proc is mounted");
    let (_, after_name) = stat.rsplit_once(')').expect("the second field is in brackets");
    let times = after_name.split_whitespace().skip(11).take(2);
    times
        .map(|ticks| ticks.parse::<f64>().expect("ticks are a number") / TICKS)
        .sum()
}

/// The middle one.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The medians of several runs, each figure for itself.
pub fn medians(costs: &[Cost]) -> Cost {
    Cost {
        seconds: median(costs.iter().map(|cost| cost.seconds)),
        cpu: median(costs.iter().map(|cost| cost.cpu)),
        peak_mib: median(costs.iter().map(|cost| cost.peak_mib)),
    }
}

//! What the operator is told at its start.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::{
    http::Network,
    sync::ledger::{Ledgers, MemoryLedgers},
};

/// What the operator is told at its start; the command line maps its flags to this.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// Where `/metrics`, `/healthz` and `/readyz` are served. Port 0 takes a free one, which the log names.
    pub http_listen: SocketAddr,
    /// The one namespace to watch; `None` watches all.
    pub namespace: Option<String>,
    /// How many syncs run at once, at least 1. Each holds its directory in memory, and one of tokio's blocking threads, of which
    /// some have to be left for looking up names.
    pub max_syncs: usize,
    /// Works out and reports every plan, and writes nothing to any platform, whatever connections say.
    pub observe_only: bool,
    /// Ceiling over `spec.removals.maxPercent` of every connection, 0 to 100. With it, populations count as 20 at least,
    /// whatever `spec.removals.minPopulation` says beyond that.
    pub removals_max_percent: Option<u8>,
    /// Ceiling over `spec.removals.maxCount` of every connection.
    pub removals_max_count: Option<u32>,
    /// The most memory that one sync may take for what it reads of its directory, in bytes.
    pub read_memory: u64,
    /// What connections may reach.
    pub network: Network,
    /// How long things wait.
    pub timing: Timing,
    /// Where runs write down what they give and take. Default: in memory, for as long as the process lasts.
    pub ledgers: Arc<dyn Ledgers>,
}

impl Default for ControllerConfig {
    fn default() -> Self {
        Self {
            http_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            namespace: None,
            max_syncs: 4,
            observe_only: false,
            removals_max_percent: None,
            removals_max_count: None,
            read_memory: 512 << 20,
            network: Network::default(),
            timing: Timing::default(),
            ledgers: Arc::new(MemoryLedgers::default()),
        }
    }
}

/// How long things wait. The defaults are what the documentation promises; tests are in a hurry.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// After a change of a mapping, until nothing more has changed for so long. Default: 10 s.
    pub settle: Duration,
    /// After the first failed run; twice as long after each further one. Default: 10 s.
    pub first_retry: Duration,
    /// The longest wait after a failed run; a connection that has come to it is in quarantine. Default: 24 h.
    pub max_retry: Duration,
    /// Between two looks at the Secrets and `ConfigMap`s of a stalled connection. Default: 1 min.
    pub stalled_look: Duration,
    /// Between two runs of a stalled connection that nobody touches. Default: 24 h.
    pub stalled_retry: Duration,
    /// For syncs to stop, and to be reported, when the operator is told to end. Default: 40 s.
    pub grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(10),
            first_retry: Duration::from_secs(10),
            max_retry: Duration::from_hours(24),
            stalled_look: Duration::from_mins(1),
            stalled_retry: Duration::from_hours(24),
            grace: Duration::from_secs(40),
        }
    }
}

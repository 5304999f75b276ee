//! What every call to a directory or a platform has around it, whoever the provider is.
//!
//! ```text
//! retry( limit( metrics( timeout( call ))))
//! ```
//!
//! - **timeout**, innermost: each attempt has its own time. Outside of *retry* it would cut the waits as well.
//! - **metrics** around it: each attempt is counted with its own status, so that a 429 that was waited out still shows;
//!   the duration is the other side's, without our own waiting.
//! - **limit** outside of metrics and inside of retry: a second attempt waits for its turn like every other request. Where
//!   the other side wants no requests for longer than anybody sits out, the call fails without being made.
//! - **retry**, outermost: failures of the classes that [`crate::fault::Class::is_transient`] names, with growing waits,
//!   or with the wait that the other side asks for.
//!
//! A provider contains none of this. [`LayeredDirectory`] and [`LayeredPlatform`] put it around one.

mod directory;
mod error;
mod limit;
mod metrics;
mod platform;
mod retry;
mod timeout;

use std::{sync::Arc, time::Duration};

pub use directory::LayeredDirectory;
pub use limit::{Limiter, LimiterRegistry, Paused};
pub use metrics::CallMetrics;
pub use platform::LayeredPlatform;

use crate::fault::Fault;
use error::OfLayer;

/// The longest wait asked for by the other side that is sat out within a sync.
const LONGEST_SAT_OUT: Duration = Duration::from_mins(5);

/// What holds for all calls of one side of one sync.
#[derive(Clone, Debug)]
pub struct CallPolicy {
    /// How often a call is tried in all, at least once.
    pub attempts: u32,
    /// How long is waited after the first failure; twice as long after each further one.
    pub first_delay: Duration,
    /// The longest wait that we choose ourselves. A longer one that the other side asks for is sat out, up to five
    /// minutes; a call that would have to wait longer still fails, and the next sync is planned by that.
    pub max_delay: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Shared by all who use the same credential at the same host.
    pub limiter: Arc<Limiter>,
    /// Shared by the whole process.
    pub metrics: Arc<CallMetrics>,
    /// `directory` or `platform`: a label of the metrics.
    pub side: &'static str,
    /// The provider's or platform's name: a label of the metrics.
    pub provider: &'static str,
}

impl CallPolicy {
    /// One attempt: `limit(metrics(timeout(call)))`.
    async fn attempt<T, E: OfLayer>(
        &self,
        call: &'static str,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.limiter.acquire().await.map_err(|paused| E::paused(call, paused))?;
        let running = self.metrics.start(self.side, self.provider, call);
        let result = timeout::within(self.timeout, call, future).await;
        running.finish(result.as_ref().err().map(Fault::class));
        if let Err(error) = &result
            && error.class().is_transient()
            && let Some(wait) = error.retry_after()
        {
            self.limiter.pause(wait);
        }
        result
    }
}

#[cfg(test)]
mod tests;

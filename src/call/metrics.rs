//! How many requests, how they ended, how long they took.

use std::time::Instant;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::fault::Class;

const SECONDS: [f64; 11] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0];

/// Two families. Their labels are bounded: two sides, the providers, the calls of the two traits, and as statuses `ok`
/// and the labels of [`Class`].
///
/// | name | kind | labels |
/// | --- | --- | --- |
/// | `directory_sync_requests_total` | counter | side, provider, call, status |
/// | `directory_sync_request_duration_seconds` | histogram | side, provider, call |
#[derive(Debug)]
pub struct CallMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl CallMetrics {
    /// Makes the families and registers them; a second set in one registry is an error.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = Opts::new(
            "directory_sync_requests_total",
            "Requests to directories and platforms, each attempt counted.",
        );
        let seconds = HistogramOpts::new(
            "directory_sync_request_duration_seconds",
            "How long one attempt took, without our own waiting.",
        )
        .buckets(SECONDS.to_vec());
        let metrics = Self {
            requests: IntCounterVec::new(requests, &["side", "provider", "call", "status"])?,
            seconds: HistogramVec::new(seconds, &["side", "provider", "call"])?,
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        Ok(metrics)
    }

    pub(super) fn start(&self, side: &'static str, provider: &'static str, call: &'static str) -> Running<'_> {
        Running {
            metrics: self,
            labels: [side, provider, call],
            start: Instant::now(),
        }
    }
}

/// An attempt under way.
pub(super) struct Running<'m> {
    metrics: &'m CallMetrics,
    labels: [&'static str; 3],
    start: Instant,
}

impl Running<'_> {
    pub(super) fn finish(self, failure: Option<Class>) {
        let [side, provider, call] = self.labels;
        let status = failure.map_or("ok", Class::label);
        self.metrics
            .requests
            .with_label_values(&[side, provider, call, status])
            .inc();
        self.metrics
            .seconds
            .with_label_values(&[side, provider, call])
            .observe(self.start.elapsed().as_secs_f64());
    }
}

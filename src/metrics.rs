//! What is counted, for Prometheus. All names stand in one table, [`METRICS`]; labels are bounded, and those that name a
//! connection are taken away with it.

use std::sync::Arc;

use directory_sync_model::{desired::FailureReason, plan::Counts};
use prometheus::{
    Encoder as _, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    core::Collector,
};

use crate::{
    api::condition::Reason,
    call::CallMetrics,
    sync::{Outcome, Report},
};

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name of the family.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub help: &'static str,
}

const RUNS: Row = Row {
    name: "directory_sync_runs_total",
    kind: "counter",
    labels: &["provider", "outcome"],
    help: "Syncs that ended, by the kind of directory and by how they ended.",
};
const FAILURES: Row = Row {
    name: "directory_sync_failures_total",
    kind: "counter",
    labels: &["scope", "reason"],
    help: "Failures, by reason: of whole syncs and of incomplete reads (scope run), and of single people, teams, roles and \
           memberships (scope object).",
};
const STEPS: Row = Row {
    name: "directory_sync_step_duration_seconds",
    kind: "histogram",
    labels: &["step"],
    help: "How long each step of a sync took: fetch, map, observe, diff, apply.",
};
const OBJECTS: Row = Row {
    name: "directory_sync_objects_total",
    kind: "counter",
    labels: &["kind", "operation"],
    help: "Objects changed on platforms, by kind and operation.",
};
const RUNNING: Row = Row {
    name: "directory_sync_syncs_running",
    kind: "gauge",
    labels: &[],
    help: "Syncs under way.",
};
const WAITING: Row = Row {
    name: "directory_sync_syncs_waiting",
    kind: "gauge",
    labels: &[],
    help: "Syncs that wait for others to end, because as many as allowed are under way.",
};
const HELD: Row = Row {
    name: "directory_sync_held_plans",
    kind: "gauge",
    labels: &[],
    help: "Connections with a plan that is held.",
};
const QUARANTINED: Row = Row {
    name: "directory_sync_quarantined_connections",
    kind: "gauge",
    labels: &[],
    help: "Connections whose syncs have failed so often that one is tried once a day.",
};
const SINCE: Row = Row {
    name: "directory_sync_seconds_since_last_success",
    kind: "gauge",
    labels: &["namespace", "connection"],
    help: "Seconds since the last sync of a connection that read the whole directory and came to its end; since its \
           creation where there was none.",
};
const WITHOUT_SEAT: Row = Row {
    name: "directory_sync_people_without_seat",
    kind: "gauge",
    labels: &["namespace", "connection"],
    help: "People whom the last sync of a connection could not create or activate because the platform has no seat left.",
};
/// Registered by [`CallMetrics`].
const REQUESTS: Row = Row {
    name: "directory_sync_requests_total",
    kind: "counter",
    labels: &["side", "provider", "call", "status"],
    help: "Requests to directories and platforms, each attempt counted.",
};
/// Registered by [`CallMetrics`].
const REQUEST_SECONDS: Row = Row {
    name: "directory_sync_request_duration_seconds",
    kind: "histogram",
    labels: &["side", "provider", "call"],
    help: "How long one attempt took, without our own waiting.",
};

/// Every family.
pub const METRICS: &[Row] = &[
    RUNS,
    FAILURES,
    STEPS,
    OBJECTS,
    RUNNING,
    WAITING,
    HELD,
    QUARANTINED,
    SINCE,
    WITHOUT_SEAT,
    REQUESTS,
    REQUEST_SECONDS,
];

/// Bounds of the durations of steps, in seconds.
const STEP_SECONDS: [f64; 9] = [0.01, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];

/// The counts of this process.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    calls: Arc<CallMetrics>,
    runs: IntCounterVec,
    failures: IntCounterVec,
    steps: HistogramVec,
    objects: IntCounterVec,
    since: GaugeVec,
    without_seat: GaugeVec,
    /// Syncs under way.
    pub running: IntGauge,
    /// Syncs that wait for their turn.
    pub waiting: IntGauge,
    /// Connections with a held plan.
    pub held: IntGauge,
    /// Connections that are tried once a day.
    pub quarantined: IntGauge,
}

impl Metrics {
    /// All families, at zero, in a registry of their own.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |row: Row| {
            registered(
                &registry,
                IntCounterVec::new(Opts::new(row.name, row.help), row.labels)?,
            )
        };
        let gauge = |row: Row| registered(&registry, IntGauge::new(row.name, row.help)?);
        let gauges = |row: Row| registered(&registry, GaugeVec::new(Opts::new(row.name, row.help), row.labels)?);
        let steps = HistogramOpts::new(STEPS.name, STEPS.help).buckets(STEP_SECONDS.to_vec());
        Ok(Self {
            calls: Arc::new(CallMetrics::new(&registry)?),
            runs: counter(RUNS)?,
            failures: counter(FAILURES)?,
            steps: registered(&registry, HistogramVec::new(steps, STEPS.labels)?)?,
            objects: counter(OBJECTS)?,
            since: gauges(SINCE)?,
            without_seat: gauges(WITHOUT_SEAT)?,
            running: gauge(RUNNING)?,
            waiting: gauge(WAITING)?,
            held: gauge(HELD)?,
            quarantined: gauge(QUARANTINED)?,
            registry,
        })
    }

    /// The counts of requests, which the layers around directories and platforms keep.
    pub fn calls(&self) -> Arc<CallMetrics> {
        Arc::clone(&self.calls)
    }

    /// Counts a sync that has ended with a report.
    pub fn count_run(&self, provider: &str, report: &Report) {
        self.count_outcome(provider, report.outcome);
        for failure in &report.failures {
            let reason = Reason::from(failure.reason).as_str();
            self.failures.with_label_values(&["object", reason]).inc();
        }
        for (step, took) in &report.durations {
            self.steps
                .with_label_values(&[step.label()])
                .observe(took.as_secs_f64());
        }
        self.count_objects(&report.done);
    }

    /// Counts how a sync ended.
    pub fn count_outcome(&self, provider: &str, outcome: Outcome) {
        self.runs.with_label_values(&[provider, outcome_label(outcome)]).inc();
    }

    /// Counts the failure of a whole sync.
    pub fn count_failure(&self, reason: Reason) {
        self.failures.with_label_values(&["run", reason.as_str()]).inc();
    }

    /// Says how long ago a connection last came to the end of a sync.
    pub fn set_since_success(&self, namespace: &str, connection: &str, seconds: f64) {
        self.since.with_label_values(&[namespace, connection]).set(seconds);
    }

    /// Says how many people of a connection the platform has no seat for. A sync that wrote nothing says nothing of seats.
    pub fn set_without_seat(&self, namespace: &str, connection: &str, report: &Report) {
        if matches!(
            report.outcome,
            Outcome::Held | Outcome::Observed | Outcome::Stopped | Outcome::Failed
        ) {
            return;
        }
        let without = report.failures.iter();
        let without = without
            .filter(|failure| failure.reason == FailureReason::NoSeats)
            .count();
        let gauge = self.without_seat.with_label_values(&[namespace, connection]);
        gauge.set(f64::from(u32::try_from(without).unwrap_or(u32::MAX)));
    }

    /// Takes away what names a connection that is gone.
    pub fn forget(&self, namespace: &str, connection: &str) {
        // It fails where there is nothing to take away.
        let _ = self.since.remove_label_values(&[namespace, connection]);
        let _ = self.without_seat.remove_label_values(&[namespace, connection]);
    }

    /// All of it in Prometheus' text format.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn count_objects(&self, done: &Counts) {
        // Destructured without `..`, so that a new count can't be forgotten here.
        let Counts {
            users_created,
            users_updated,
            users_adopted,
            users_activated,
            users_deactivated,
            users_deleted,
            teams_created,
            teams_updated,
            teams_renamed,
            team_memberships_added,
            team_memberships_removed,
            inbox_memberships_added,
            inbox_memberships_removed,
            team_memberships_adopted,
            inbox_memberships_adopted,
            roles_changed,
        } = *done;
        for (kind, operation, count) in [
            ("user", "create", users_created),
            ("user", "update", users_updated),
            ("user", "adopt", users_adopted),
            ("user", "activate", users_activated),
            ("user", "deactivate", users_deactivated),
            ("user", "delete", users_deleted),
            ("team", "create", teams_created),
            ("team", "update", teams_updated),
            ("team", "rename", teams_renamed),
            ("team_membership", "adopt", team_memberships_adopted),
            ("inbox_membership", "adopt", inbox_memberships_adopted),
            ("team_membership", "add", team_memberships_added),
            ("team_membership", "remove", team_memberships_removed),
            ("inbox_membership", "add", inbox_memberships_added),
            ("inbox_membership", "remove", inbox_memberships_removed),
            ("role", "change", roles_changed),
        ] {
            if count > 0 {
                self.objects.with_label_values(&[kind, operation]).inc_by(count);
            }
        }
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, family: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

const fn outcome_label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unchanged => "unchanged",
        Outcome::Synced => "synced",
        Outcome::PartlyFailed => "partly_failed",
        Outcome::Held => "held",
        Outcome::Observed => "observed",
        Outcome::Stopped => "stopped",
        Outcome::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use directory_sync_model::desired::{Failure, FailureKind};

    use super::*;
    use crate::sync::Step;

    fn report() -> Report {
        let mut report = Report::begin("run".into());
        report.outcome = Outcome::PartlyFailed;
        report.done.users_created = 3;
        report.durations.push((Step::Fetch, Duration::from_millis(300)));
        report.failures.push(Failure {
            kind: FailureKind::User,
            id: "1".into(),
            reason: FailureReason::InvalidEmail,
            message: "ann@acme.test".into(),
        });
        report
    }

    #[test]
    fn a_run_is_counted_in_every_family_that_it_concerns() {
        let metrics = Metrics::new().unwrap();
        metrics.count_run("file", &report());
        metrics.count_failure(Reason::Unauthorized);
        let text = metrics.render().unwrap();
        for line in [
            "directory_sync_runs_total{outcome=\"partly_failed\",provider=\"file\"} 1",
            "directory_sync_failures_total{reason=\"InvalidEmail\",scope=\"object\"} 1",
            "directory_sync_failures_total{reason=\"Unauthorized\",scope=\"run\"} 1",
            "directory_sync_step_duration_seconds_bucket{step=\"fetch\",le=\"0.25\"} 0",
            "directory_sync_step_duration_seconds_bucket{step=\"fetch\",le=\"0.5\"} 1",
            "directory_sync_objects_total{kind=\"user\",operation=\"create\"} 3",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("acme.test"));
    }

    #[test]
    fn people_without_a_seat_are_counted_for_each_connection() {
        let metrics = Metrics::new().unwrap();
        let line = |count: usize| {
            format!("directory_sync_people_without_seat{{connection=\"directory\",namespace=\"acme\"}} {count}")
        };
        let mut full = report();
        full.failures[0].reason = FailureReason::NoSeats;
        full.failures.extend(report().failures);
        metrics.set_without_seat("acme", "directory", &full);
        assert!(metrics.render().unwrap().contains(&line(1)));
        full.outcome = Outcome::Held;
        full.failures.clear();
        metrics.set_without_seat("acme", "directory", &full);
        assert!(metrics.render().unwrap().contains(&line(1)), "nothing was tried");
        full.outcome = Outcome::Synced;
        metrics.set_without_seat("acme", "directory", &full);
        assert!(metrics.render().unwrap().contains(&line(0)));
    }

    #[test]
    fn what_names_a_connection_goes_with_it() {
        let metrics = Metrics::new().unwrap();
        metrics.set_without_seat("acme", "directory", &report());
        metrics.set_since_success("acme", "directory", 12.0);
        assert!(metrics.render().unwrap().contains("connection=\"directory\""));
        metrics.forget("acme", "directory");
        metrics.forget("acme", "never-there");
        assert!(!metrics.render().unwrap().contains("connection="));
    }

    #[test]
    fn every_family_is_in_the_table_with_its_kind_and_help() {
        let metrics = Metrics::new().unwrap();
        metrics.count_run("file", &report());
        metrics.count_failure(Reason::Unauthorized);
        metrics.set_since_success("acme", "directory", 12.0);
        metrics.set_without_seat("acme", "directory", &report());
        let text = metrics.render().unwrap();
        let words = |prefix: &str| -> BTreeSet<String> {
            text.lines()
                .filter_map(|line| line.strip_prefix(prefix))
                .map(str::to_owned)
                .collect()
        };
        // The two families of requests come with their first request.
        let rows = METRICS.iter().filter(|row| !row.name.contains("_request"));
        assert_eq!(
            words("# TYPE "),
            rows.clone().map(|row| format!("{} {}", row.name, row.kind)).collect()
        );
        assert_eq!(
            words("# HELP "),
            rows.map(|row| format!("{} {}", row.name, row.help)).collect()
        );
    }
}

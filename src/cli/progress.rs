//! A progress bar on a terminal, and the plan when it is ready.

use std::{
    io::{self, IsTerminal as _},
    sync::Mutex,
    time::Duration,
};

use directory_sync_model::plan::Plan;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::view::plan::PlanView;
use crate::sync::{Step, Watch, report::Hold};

/// Shows how a run goes on, on standard error, and keeps the plan.
pub struct Progress {
    bar: ProgressBar,
    plan: Mutex<Option<PlanView>>,
}

impl Progress {
    /// A bar on a terminal; silent elsewhere.
    pub fn new() -> Self {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            plan: Mutex::new(None),
        }
    }

    /// Takes the bar away; gives the plan, if the run had one.
    pub fn finish(self) -> Option<PlanView> {
        self.bar.finish_and_clear();
        self.plan
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn style(&self, bounded: bool) {
        let template = if bounded {
            "{spinner} {msg} {wide_bar} {human_pos}/{human_len}"
        } else {
            "{spinner} {msg} {human_pos}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }
}

impl Watch for Progress {
    fn step(&self, step: Step) {
        self.bar.reset();
        self.bar.unset_length();
        self.style(false);
        self.bar.set_message(match step {
            Step::Fetch => "reading the directory",
            Step::Map => "working out what should be",
            Step::Observe => "reading the platform",
            Step::Diff => "comparing",
            Step::Apply => "writing",
        });
    }

    fn progress(&self, done: u64, of: Option<u64>) {
        if let Some(of) = of.filter(|of| self.bar.length() != Some(*of)) {
            self.bar.set_length(of);
            self.style(true);
        }
        self.bar.set_position(done);
    }

    fn planned(&self, plan: &Plan<'_>, hold: Option<&Hold>) {
        let view = PlanView::of(plan, hold);
        *self.plan.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(view);
    }
}

//! The layers around a directory.

use std::{any::Any, panic::AssertUnwindSafe};

use async_trait::async_trait;
use directory_sync_model::{attribute::AttributeSet, snapshot::Batch};
use futures::FutureExt as _;

use super::{CallPolicy, retry::retried};
use crate::directory::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part};

/// A directory with all layers around it.
pub struct LayeredDirectory {
    inner: Box<dyn Directory>,
    policy: CallPolicy,
}

impl LayeredDirectory {
    /// Puts the layers around a directory.
    pub fn new(inner: Box<dyn Directory>, policy: CallPolicy) -> Self {
        Self { inner, policy }
    }
}

#[async_trait]
impl Directory for LayeredDirectory {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }

    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    async fn read(
        &self,
        part: Part,
        wanted: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<PageEnd, Error> {
        let call = match part {
            Part::Users => "read_users",
            Part::Groups => "read_groups",
        };
        // Where the position lives in the connection, a lost page is lost for good.
        let repeatable = cursor.is_none() || self.capability().repeatable_pages;
        retried!(self.policy, call, repeatable, {
            batch.clear();
            caught(call, self.inner.read(part, wanted, cursor, batch))
        })
    }

    async fn check(&self) -> Vec<Finding> {
        let tried = "check";
        let findings = caught(tried, async { Ok(self.inner.check().await) });
        self.policy.attempt(tried, findings).await.unwrap_or_else(|error| {
            vec![Finding {
                tried: tried.to_owned(),
                outcome: Err(error.to_string()),
            }]
        })
    }
}

/// Makes an error of a panic: the parsers of other people are fed with what strangers send.
async fn caught<T>(call: &'static str, future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    AssertUnwindSafe(future).catch_unwind().await.unwrap_or_else(|panic| {
        // What it says may be what it was fed with, and is for the log alone.
        tracing::error!(call, panic = message(panic.as_ref()), "A reader panicked.");
        Err(Error::Panic {
            operation: call.replace('_', " "),
        })
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    text.chars().take(200).collect()
}

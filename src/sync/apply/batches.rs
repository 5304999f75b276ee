//! Requests side by side.

use std::{future::Future, pin::pin, time::Duration};

use futures::{StreamExt as _, stream};

use super::{End, Work};
use crate::{
    fault::{Class, Fault as _},
    platform::{self, WriteKey},
};

/// How long answers are waited for once the run is to stop. Requests that are given up may still be done; the next run
/// observes the platform anew.
const GRACE: Duration = Duration::from_secs(30);

/// How many objects in a row may be refused, each in a request of its own, before the platform itself is at fault.
const REFUSED: usize = 100;

/// How many in a row may make the platform fail.
const FAILED: usize = 3;

/// The answer to one batch: the items, and a result for each.
type Answer<I, T> = (Vec<I>, Result<Vec<Result<T, platform::Error>>, platform::Error>);

impl Work<'_, '_> {
    /// Sends `items` in batches of `size`, `concurrency` at once, and hands each item's result to `done`.
    ///
    /// A batch that fails as a whole is halved, and its halves again, where one item may be why; what fails so alone is
    /// that item's failure, unless too many in a row do. Any other failure ends the step when the batches in flight are
    /// answered: what they did is counted.
    pub(super) async fn send<I, T, F>(
        &mut self,
        step: &str,
        mut items: impl Iterator<Item = I>,
        (size, concurrency): (usize, usize),
        request: impl Fn(Vec<I>, WriteKey) -> F,
        mut done: impl FnMut(&mut Self, I, Result<T, platform::Error>),
    ) -> Result<(), End>
    where
        F: Future<Output = Answer<I, T>>,
    {
        let mut flight = stream::FuturesUnordered::new();
        // Parts of batches that failed; they go one after the other, so that a platform that is down shows soon.
        let mut suspects: Vec<Vec<I>> = Vec::new();
        let mut in_a_row = 0;
        let mut end = None;
        let stop = self.stop;
        let mut overdue = pin!(async move {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        });
        loop {
            while end.is_none() && flight.len() < if suspects.is_empty() { concurrency.max(1) } else { 1 } {
                let batch = suspects
                    .pop()
                    .unwrap_or_else(|| items.by_ref().take(size.max(1)).collect());
                if batch.is_empty() {
                    break;
                }
                match self.next_request(step) {
                    Ok(key) => flight.push(request(batch, key)),
                    Err(reason) => end = Some(reason),
                }
            }
            let answer = tokio::select! {
                biased;
                answer = flight.next() => answer,
                () = &mut overdue => return Err(End::Stopped),
            };
            let Some((mut batch, answer)) = answer else { break };
            let error = match answer {
                Ok(results) if results.len() == batch.len() => {
                    in_a_row = 0;
                    self.progress(batch.len());
                    let answered = batch.into_iter().zip(results);
                    answered.for_each(|(item, result)| done(self, item, result));
                    continue;
                }
                Ok(results) => miscounted(step, batch.len(), results.len()),
                Err(error) => error,
            };
            if !error.may_be_of_one_object() {
                end = end.or(Some(End::Failed(error)));
            } else if batch.len() > 1 {
                let rest = batch.split_off(batch.len() / 2);
                suspects.extend([rest, batch]);
            } else {
                in_a_row += 1;
                if in_a_row >= patience(&error) {
                    end = end.or(Some(End::Failed(error)));
                } else if let Some(item) = batch.pop() {
                    self.progress(1);
                    done(self, item, Err(error));
                }
            }
        }
        end.map_or(Ok(()), Err)
    }
}

/// How many single requests in a row may end so before all others are taken to end so as well.
fn patience(error: &platform::Error) -> usize {
    match error.class() {
        // It knows the object well enough to say that another one is in the way, or that there is no room.
        Class::Conflict | Class::NoSeats => usize::MAX,
        Class::Rejected => REFUSED,
        _ => FAILED,
    }
}

fn miscounted(step: &str, sent: usize, answered: usize) -> platform::Error {
    let message = format!("the platform answered {answered} items of a batch of {sent}");
    platform::Error::Protocol {
        operation: format!("writing ({step})"),
        message,
    }
}

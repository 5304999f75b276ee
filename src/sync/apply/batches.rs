//! Requests side by side.

use std::future::Future;

use futures::{StreamExt as _, stream};

use super::{End, Work};
use crate::platform::{self, WriteKey};

/// The answer to one batch: the items, and a result for each.
type Answer<I, T> = (Vec<I>, Result<Vec<Result<T, platform::Error>>, platform::Error>);

impl Work<'_, '_> {
    /// Sends `items` in batches of `size`, `concurrency` at once, and hands each item's result to `done`.
    ///
    /// A batch that fails as a whole ends the step when the batches in flight are answered: what they did is counted.
    pub(super) async fn send<I, T, F>(
        &mut self,
        step: &str,
        items: impl Iterator<Item = I>,
        (size, concurrency): (usize, usize),
        request: impl Fn(Vec<I>, WriteKey) -> F,
        mut done: impl FnMut(&mut Self, I, Result<T, platform::Error>),
    ) -> Result<(), End>
    where
        F: Future<Output = Answer<I, T>>,
    {
        let mut items = items.peekable();
        let mut flight = stream::FuturesUnordered::new();
        let mut end = None;
        loop {
            while end.is_none() && flight.len() < concurrency.max(1) && items.peek().is_some() {
                match self.next_request(step) {
                    Ok(key) => flight.push(request(items.by_ref().take(size.max(1)).collect(), key)),
                    Err(reason) => end = Some(reason),
                }
            }
            let Some((batch, answer)) = flight.next().await else {
                break;
            };
            self.progress(batch.len());
            match answer {
                Ok(results) if results.len() == batch.len() => {
                    batch
                        .into_iter()
                        .zip(results)
                        .for_each(|(item, result)| done(self, item, result));
                }
                Ok(results) => end = Some(End::Failed(miscounted(step, batch.len(), results.len()))),
                Err(error) => end = end.or(Some(End::Failed(error))),
            }
        }
        end.map_or(Ok(()), Err)
    }
}

fn miscounted(step: &str, sent: usize, answered: usize) -> platform::Error {
    let message = format!("the platform answered {answered} items of a batch of {sent}");
    platform::Error::Protocol {
        operation: format!("writing ({step})"),
        message,
    }
}

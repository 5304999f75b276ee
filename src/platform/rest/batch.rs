//! Sends batches: as few requests as the platform's limits allow, each safe to repeat.

use std::{io, ops::Range};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    RestPlatform, problem,
    wire::{BatchResults, IDEMPOTENCY_KEY},
};
use crate::{
    fault::Class,
    platform::{Error, WriteKey},
};

/// What surrounds the items of a batch, `{"items":[` and `]}`.
const ENVELOPE: u64 = 12;

#[derive(Serialize)]
struct Items<'a, T> {
    items: &'a [T],
}

impl RestPlatform {
    /// Sends `items` and returns one result for each, in order.
    ///
    /// They go in one request unless that has more items or more bytes than the platform takes. The same items under
    /// the same key are split in the same way again, so that a repeat is answered from what the platform kept.
    pub(super) async fn send_batch<T, R>(
        &self,
        path: &str,
        operation: &str,
        items: &[T],
        most: usize,
        key: &WriteKey,
    ) -> Result<Vec<R>, Error>
    where
        T: Serialize + Sync,
        R: DeserializeOwned,
    {
        let mut results = Vec::with_capacity(items.len());
        if items.is_empty() {
            return Ok(results);
        }
        let bytes = self.limits().await?.request_bytes;
        for (number, run) in split(items, most, bytes).into_iter().enumerate() {
            let items = &items[run];
            let key = match number {
                0 => key.0.clone(),
                number => format!("{}.{number}", key.0),
            };
            let request = self.client.post(path, &Items { items }).header(IDEMPOTENCY_KEY, &key);
            let answer = request.send(self.config.answer_bytes).await;
            let answer: BatchResults<R> = answer
                .and_then(|answer| answer.json("results of a batch"))
                .map_err(|error| problem::of_request(operation.to_owned(), error))?;
            if answer.results.len() != items.len() {
                return Err(Error::Protocol {
                    operation: operation.to_owned(),
                    message: format!(
                        "the platform answered {} items with {} results",
                        items.len(),
                        answer.results.len()
                    ),
                });
            }
            results.extend(answer.results);
        }
        Ok(results)
    }
}

/// An item that a request of at most `bytes` bytes can carry, or its failure. `operation` names the item.
pub(super) fn within<T: Serialize>(item: T, bytes: u64, operation: impl FnOnce() -> String) -> Result<T, Error> {
    let body = ENVELOPE + length(&item) + 1;
    if body <= bytes {
        return Ok(item);
    }
    Err(Error::Item {
        operation: operation(),
        message: format!(
            "this alone is a request of {body} bytes, and the platform takes {bytes}; shorten the attributes"
        ),
        class: Class::Rejected,
    })
}

/// Runs of at most `most` items and at most `bytes` bytes of body; no item alone is larger, see [`within`].
fn split<T: Serialize>(items: &[T], most: usize, bytes: u64) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    let mut size = ENVELOPE;
    for (at, item) in items.iter().enumerate() {
        let with_comma = length(item) + 1;
        if at > start && (at - start >= most || size + with_comma > bytes) {
            runs.push(start..at);
            start = at;
            size = ENVELOPE;
        }
        size += with_comma;
    }
    runs.push(start..items.len());
    runs
}

/// How many bytes an item has in JSON.
fn length(item: &impl Serialize) -> u64 {
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, item) {
        Ok(()) => counter.0,
        // What can't be written fails where it is sent.
        Err(_) => 0,
    }
}

struct Counter(u64);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault as _;

    fn body(items: &[&str]) -> u64 {
        serde_json::to_vec(&Items { items }).unwrap().len() as u64
    }

    #[test]
    fn a_batch_is_split_by_items() {
        assert_eq!(split(&["a", "b", "c", "d", "e"], 2, 1000), [0..2, 2..4, 4..5]);
        assert_eq!(split(&["a", "b"], 2, 1000).len(), 1);
    }

    #[test]
    fn a_batch_is_split_by_bytes_and_no_body_is_too_large() {
        let items = ["aaaaaaaa", "b", "cccccccccccc", "d", "e", "ffffffffffffffffffffffffff"];
        for bytes in 42..100 {
            let runs = split(&items, 100, bytes);
            assert!(
                runs.iter().all(|run| body(&items[run.clone()]) <= bytes),
                "{bytes}: {runs:?}"
            );
            assert_eq!(runs.into_iter().flatten().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn an_item_that_no_request_can_carry_is_its_own_failure() {
        let item = "a".repeat(20);
        let size = ENVELOPE + 23;
        assert!(within(&item, size, String::new).is_ok());
        assert_eq!(split(&[&item, &item], 100, size), [0..1, 1..2]);
        let error = within(&item, size - 1, || "creating the user e-1".to_owned()).unwrap_err();
        assert_eq!(error.class(), Class::Rejected);
        let text = format!("creating the user e-1: this alone is a request of {size} bytes");
        assert!(error.to_string().starts_with(&text), "{error}");
    }
}

//! The idempotency keys of requests that are running.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// An account and a key of its own.
type Key = (String, String);

/// The keys of requests that are running.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight {
    keys: Arc<Mutex<HashSet<Key>>>,
}

/// A key that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    in_flight: InFlight,
    key: Key,
}

impl InFlight {
    /// Takes a key; `None` while another request has it.
    pub(super) fn claim(&self, account: &str, key: &str) -> Option<Claim> {
        let key = (account.to_owned(), key.to_owned());
        // A set of keys is whole even if a thread died while it held the lock.
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.clone()).then(|| Claim {
            in_flight: self.clone(),
            key,
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.in_flight
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_once_at_a_time_by_each_account() {
        let in_flight = InFlight::default();
        let claim = in_flight.claim("a", "k").unwrap();
        assert!(in_flight.claim("a", "k").is_none());
        assert!(in_flight.claim("b", "k").is_some());
        drop(claim);
        assert!(in_flight.claim("a", "k").is_some());
    }
}

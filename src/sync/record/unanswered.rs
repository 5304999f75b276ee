//! Items of which a failed request left open what became of them, until another request says it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What is left open.
#[derive(Default)]
pub(super) struct Unanswered(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// The intents that name an item.
    intents: HashMap<String, Vec<String>>,
    /// How many items of an intent are still open.
    left: HashMap<String, usize>,
}

impl Unanswered {
    /// Nobody knows what became of the items of this intent.
    pub(super) fn add<'i>(&self, intent: &str, items: impl Iterator<Item = &'i str>) {
        let mut open = self.open();
        for item in items {
            let intents = open.intents.entry(item.to_owned()).or_default();
            intents.push(intent.to_owned());
            *open.left.entry(intent.to_owned()).or_default() += 1;
        }
    }

    /// An item is answered. The intents of which nothing is open any more.
    pub(super) fn answer(&self, item: &str) -> Vec<String> {
        let mut open = self.open();
        if open.intents.is_empty() {
            return Vec::new();
        }
        let intents = open.intents.remove(item).unwrap_or_default();
        let mut closed = Vec::new();
        for intent in intents {
            if let Some(left) = open.left.get_mut(&intent) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    open.left.remove(&intent);
                    closed.push(intent);
                }
            }
        }
        closed
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_is_settled_when_all_its_items_are_answered() {
        let unanswered = Unanswered::default();
        assert!(unanswered.answer("a").is_empty());
        unanswered.add("one", ["a", "b"].into_iter());
        unanswered.add("two", ["a"].into_iter());
        assert_eq!(unanswered.answer("a"), ["two"]);
        assert_eq!(unanswered.answer("b"), ["one"]);
        assert!(unanswered.answer("b").is_empty());
    }
}

//! The budget of one evaluation, kept per thread because the functions of the evaluator have no other place for it.
//!
//! One unit is a part of the tree evaluated in a loop, a value of a list that is read or made, or 16 bytes of text.

use std::cell::Cell;

use super::limits;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Fills the budget for one evaluation on this thread.
pub fn fill() {
    LEFT.set(limits::FUEL);
}

/// Takes `units`; `false`, from then on, when the budget doesn't have them.
pub fn take(units: usize) -> bool {
    let left = LEFT.get().saturating_sub(u64::try_from(units).unwrap_or(u64::MAX));
    LEFT.set(left);
    left > 0
}

/// What is left of the budget.
#[cfg(test)]
pub fn left() -> u64 {
    LEFT.get()
}

/// Whether the budget is used up.
pub fn is_empty() -> bool {
    LEFT.get() == 0
}

/// The price of reading or making a text.
pub const fn text(bytes: usize) -> usize {
    1 + bytes / 16
}

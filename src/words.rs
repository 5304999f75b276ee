//! Counts in words, right for one.

use std::fmt::Display;

/// A count with its noun: `1 user`, `0 users`, `12 users`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let noun = if count == N::from(1) { one } else { many };
    format!("{count} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        assert_eq!(counted(0_u64, "user", "users"), "0 users");
        assert_eq!(counted(1_i64, "user", "users"), "1 user");
        assert_eq!(counted(2_usize, "person", "people"), "2 people");
    }
}

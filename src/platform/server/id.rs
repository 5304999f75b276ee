//! Ids: a prefix for the kind and the row number in base 32, so that they are short and sort as the rows do.

/// Crockford's alphabet, in lower case: in ASCII order and without i, l, o and u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Eight digits are 2^40 objects of a kind.
const DIGITS: usize = 8;

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdKind {
    User,
    Team,
    Role,
    Inbox,
}

impl IdKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::User => "usr_",
            Self::Team => "team_",
            Self::Role => "role_",
            Self::Inbox => "inbox_",
        }
    }

    /// The id of a row.
    pub(super) fn encode(self, row: i64) -> String {
        let prefix = self.prefix();
        let mut id = String::with_capacity(prefix.len() + DIGITS);
        id.push_str(prefix);
        for digit in (0..DIGITS).rev() {
            let index = (row >> (digit * 5)) & 31;
            id.push(char::from(ALPHABET[usize::try_from(index).unwrap_or(0)]));
        }
        id
    }

    /// The row of an id; `None` when it can't be an id of this kind.
    pub(super) fn decode(self, id: &str) -> Option<i64> {
        decode_digits(id.strip_prefix(self.prefix())?)
    }
}

/// The row of the digits of an id.
pub(super) fn decode_digits(digits: &str) -> Option<i64> {
    if digits.len() != DIGITS {
        return None;
    }
    digits.bytes().try_fold(0, |row: i64, digit| {
        let value = ALPHABET.iter().position(|letter| *letter == digit)?;
        Some((row << 5) | i64::try_from(value).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_gives_its_row_back_and_ids_sort_as_rows_do() {
        let rows = [0, 1, 31, 32, 1_000_000, (1 << 40) - 1];
        let ids: Vec<String> = rows.iter().map(|&row| IdKind::User.encode(row)).collect();
        assert_eq!(ids[3], "usr_00000010");
        assert!(ids.is_sorted());
        for (id, row) in ids.iter().zip(rows) {
            assert_eq!(IdKind::User.decode(id), Some(row));
        }
    }

    #[test]
    fn what_is_no_id_of_the_kind_is_none() {
        for id in [
            "",
            "usr_",
            "usr_0000001",
            "usr_000000001",
            "team_00000001",
            "usr_0000000u",
            "usr_0000000A",
        ] {
            assert_eq!(IdKind::User.decode(id), None, "{id}");
        }
    }
}

//! An entry as a row of the columns that were asked for: attribute names without regard to case, options understood.

use super::protocol::{
    ber::Malformed,
    message::{Entry, Values},
};

/// The names of the attributes that are looked for, each once.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    names: Vec<String>,
}

impl Columns {
    /// The column of an attribute, which is added where there is none yet.
    pub fn add(&mut self, name: &str) -> usize {
        let known = self.names.iter().position(|known| known.eq_ignore_ascii_case(name));
        known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    /// The name of a column.
    pub fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    /// All names, as a search asks for them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn find(&self, description: &[u8]) -> Option<usize> {
        self.names
            .iter()
            .position(|name| name.as_bytes().eq_ignore_ascii_case(description))
    }
}

/// The part of an attribute description before its options (RFC 4512 §2.5).
pub fn base_name(description: &[u8]) -> &[u8] {
    description.split(|byte| *byte == b';').next().unwrap_or_default()
}

/// Whether the description says that these are only some of the values (`member;range=0-1499`, as Active Directory cuts
/// long lists). The last piece ends in a star and is a piece all the same.
fn is_range(description: &[u8]) -> bool {
    let mut options = description.split(|byte| *byte == b';').skip(1);
    options.any(|option| option.len() >= 6 && option[..6].eq_ignore_ascii_case(b"range="))
}

/// How well an attribute of the answer suits a column: the name as such, a piece of its values, a variant with options
/// (`cn;lang-en`), the name without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Range,
    Variant,
    Empty,
}

/// A value that should be text and is not UTF-8 (RFC 4517 §3.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotText;

/// One entry, its attributes put under the columns.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its DN.
    pub dn: &'a [u8],
    cells: Vec<Option<(Fit, Values<'a>)>>,
    /// The description of an attribute of which only some values came.
    pub partial: Option<&'a [u8]>,
}

impl<'a> Row<'a> {
    /// Sorts an entry's attributes into columns; what suits none is left out.
    pub fn read(mut entry: Entry<'a>, columns: &Columns) -> Result<Self, Malformed> {
        let mut row = Self {
            dn: entry.dn,
            cells: vec![None; columns.names.len()],
            partial: None,
        };
        while let Some(attribute) = entry.next_attribute()? {
            let description = attribute.description;
            let (column, fit) = match columns.find(description) {
                Some(column) => (Some(column), Fit::Exact),
                None if description.contains(&b';') => {
                    let range = is_range(description);
                    let column = columns.find(base_name(description));
                    if range && column.is_some() {
                        row.partial = Some(description);
                    }
                    (column, if range { Fit::Range } else { Fit::Variant })
                }
                None => (None, Fit::Variant),
            };
            let Some(cell) = column.and_then(|column| row.cells.get_mut(column)) else {
                continue;
            };
            let fit = if attribute.values.is_empty() { Fit::Empty } else { fit };
            // An entry has each attribute once (RFC 4511 §4.5.2); a second piece of the values would be lost.
            if fit == Fit::Exact && cell.is_some_and(|(known, _)| known == Fit::Exact) {
                row.partial = Some(description);
            }
            if cell.is_none_or(|(known, _)| fit < known) {
                *cell = Some((fit, attribute.values));
            }
        }
        Ok(row)
    }

    /// Whether the attribute is there, with or without a value.
    pub fn has(&self, column: usize) -> bool {
        self.cells.get(column).is_some_and(Option::is_some)
    }

    /// The values under a column.
    pub fn values(&self, column: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.cells
            .get(column)
            .copied()
            .flatten()
            .into_iter()
            .flat_map(|(_, values)| values)
    }

    /// The first value under a column that is not blank.
    pub fn text(&self, column: usize) -> Result<Option<&'a str>, NotText> {
        for value in self.values(column) {
            let value = std::str::from_utf8(value).map_err(|_| NotText)?;
            if !value.trim().is_empty() {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Whether every value under a column is text.
    pub fn is_text(&self, column: usize) -> bool {
        self.values(column).all(|value| std::str::from_utf8(value).is_ok())
    }

    /// The values under a column that are text.
    pub fn texts(&self, column: usize) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values(column).filter_map(|value| std::str::from_utf8(value).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::protocol::message::{Answer, Message, tests as server},
        *,
    };

    fn with_row(attributes: &[(&str, &[&[u8]])], names: &[&str], check: impl FnOnce(&Row<'_>)) {
        let bytes = server::entry(1, "uid=ann,dc=acme", attributes);
        let Answer::Entry(entry) = Message::decode(&bytes).unwrap().answer else {
            panic!("no entry")
        };
        let mut columns = Columns::default();
        for name in names {
            columns.add(name);
        }
        check(&Row::read(entry, &columns).unwrap());
    }

    #[test]
    fn names_are_compared_without_regard_to_case_and_each_is_asked_for_once() {
        let mut columns = Columns::default();
        assert_eq!((columns.add("uid"), columns.add("mail"), columns.add("UID")), (0, 1, 0));
        assert_eq!(columns.names(), ["uid", "mail"]);
        with_row(&[("UID", &[b"ann"])], &["uid"], |row| {
            assert_eq!(row.text(0), Ok(Some("ann")));
        });
    }

    #[test]
    fn a_value_without_options_wins_over_a_variant_whatever_their_order() {
        for attributes in [
            [("cn;lang-de", &[&b"Anna"[..]][..]), ("cn", &[b"Ann"])],
            [("cn", &[b"Ann"]), ("cn;lang-de", &[b"Anna"])],
        ] {
            with_row(&attributes, &["cn"], |row| assert_eq!(row.text(0), Ok(Some("Ann"))));
        }
        with_row(&[("cn;lang-de", &[b"Anna"])], &["cn"], |row| {
            assert_eq!(row.text(0), Ok(Some("Anna")));
        });
        with_row(
            &[("cn;lang-de", &[b"Anna"]), ("cn", &[b"Ann"])],
            &["cn;lang-DE"],
            |row| {
                assert_eq!(row.text(0), Ok(Some("Anna")));
            },
        );
    }

    #[test]
    fn a_range_of_values_is_taken_and_noted() {
        let attributes: [(&str, &[&[u8]]); 2] = [("member", &[]), ("member;range=0-1", &[b"cn=a", b"cn=b"])];
        with_row(&attributes, &["member"], |row| {
            assert_eq!(row.texts(0).collect::<Vec<_>>(), ["cn=a", "cn=b"]);
            assert_eq!(row.partial, Some(&b"member;range=0-1"[..]));
        });
        with_row(&[("description;range=0-1", &[b"x"])], &["member"], |row| {
            assert_eq!(row.partial, None);
        });
    }

    #[test]
    fn an_attribute_that_comes_in_two_pieces_is_noted_as_partial() {
        let attributes: [(&str, &[&[u8]]); 2] = [("member", &[b"cn=a"]), ("MEMBER", &[b"cn=b"])];
        with_row(&attributes, &["member"], |row| {
            assert_eq!(row.partial, Some(&b"MEMBER"[..]));
        });
        // Two languages are no pieces.
        let attributes: [(&str, &[&[u8]]); 2] = [("cn;lang-de", &[b"Anna"]), ("cn;lang-fr", &[b"Anne"])];
        with_row(&attributes, &["cn"], |row| assert_eq!(row.partial, None));
    }

    #[test]
    fn an_attribute_without_values_is_there_and_says_nothing() {
        with_row(&[("member", &[])], &["member", "cn"], |row| {
            assert!(row.has(0) && !row.has(1));
            assert_eq!(row.text(0), Ok(None));
        });
    }

    #[test]
    fn a_blank_value_does_not_hide_the_next_one() {
        with_row(&[("mail", &[b" ", b"ann@acme.test"])], &["mail"], |row| {
            assert_eq!(row.text(0), Ok(Some("ann@acme.test")));
        });
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_no_text() {
        with_row(&[("sn", &[b"\xff"]), ("photo", &[b"\xff\xd8"])], &["sn"], |row| {
            assert_eq!(row.text(0), Err(NotText));
            assert!(!row.is_text(0));
        });
    }
}

//! Where the next page starts, and whether there is one. Pure.

use super::{config::Paging, wire::List};
use crate::directory::Cursor;

/// The ids of the first resources of two pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Began {
    first: String,
    previous: String,
}

/// A position in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// By index (RFC 7644 §3.4.2.4).
    Index {
        /// From 1; one more than the resources that came before.
        start: u64,
        /// Whether everything has come if the total is right, and this page is only to show that it is.
        check: bool,
        /// The ids with which the first page and the page before this one began; empty on the first page.
        began: Began,
    },
    /// By cursor (RFC 9865); empty for the first page.
    Cursor(String),
}

impl Position {
    /// Where a list starts.
    pub(super) fn start(paging: Paging) -> Self {
        match paging {
            Paging::Cursor => Self::Cursor(String::new()),
            Paging::Auto | Paging::Index => Self::Index {
                start: 1,
                check: false,
                began: Began::default(),
            },
        }
    }

    /// Whether nothing came before.
    pub(super) fn is_start(&self) -> bool {
        match self {
            Self::Index { start, .. } => *start == 1,
            Self::Cursor(cursor) => cursor.is_empty(),
        }
    }

    /// How many resources came before, as far as the position knows.
    pub(super) fn before(&self) -> u64 {
        match self {
            Self::Index { start, .. } => start - 1,
            Self::Cursor(_) => 0,
        }
    }

    /// The cursor in which it travels.
    pub(super) fn to_cursor(&self) -> Cursor {
        Cursor(match self {
            Self::Index { start, check, began } => {
                let Began { first, previous } = began;
                format!("index {start} {check} {} {first}{previous}", first.len())
            }
            Self::Cursor(cursor) => format!("cursor {cursor}"),
        })
    }

    /// Reads a cursor that [`Self::to_cursor`] made; `None` for any other.
    pub(super) fn of(cursor: &Cursor) -> Option<Self> {
        let (kind, rest) = cursor.0.split_once(' ')?;
        match kind {
            "cursor" => Some(Self::Cursor(rest.to_owned())),
            "index" => {
                let mut parts = rest.splitn(4, ' ');
                let (start, check) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
                let length = parts.next()?.parse().ok()?;
                let (first, previous) = parts.next()?.split_at_checked(length)?;
                let began = Began {
                    first: first.to_owned(),
                    previous: previous.to_owned(),
                };
                Some(Self::Index { start, check, began })
            }
            _ => None,
        }
    }
}

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another page.
    Page(Position),
    /// Nothing: that was the last page.
    End,
    /// The page was the first one again, or the one before: the provider takes no notice of `startIndex`, or of how far it
    /// has come. It is not to be counted twice.
    SamePage,
}

/// What follows the page at `position`, of which `asked` resources were asked for. `first` is the id of its first
/// resource.
pub(super) fn next(position: &Position, asked: u32, list: &List, first: Option<&str>) -> Next {
    if let Some(cursor) = &list.next_cursor {
        return Next::Page(Position::Cursor(cursor.clone()));
    }
    let Position::Index { start, check, began } = position else {
        // The last page is the one without a next cursor (RFC 9865 §2).
        return Next::End;
    };
    if list.rows == 0 {
        return Next::End;
    }
    let first = first.unwrap_or_default();
    if *start > 1 && !first.is_empty() && (first == began.first || first == began.previous) {
        return Next::SamePage;
    }
    let received = start - 1 + list.rows;
    // More than the total is no end either: the total was wrong, or people went while we read.
    let complete = list.total == Some(received);
    // A total that equals a full first page may be the size of that page, wrongly stated; one more page tells.
    let suspicious = *start == 1 && list.rows >= u64::from(asked) && list.total == Some(list.rows);
    if complete && (*check || !suspicious) {
        return Next::End;
    }
    Next::Page(Position::Index {
        start: received + 1,
        check: complete,
        began: Began {
            first: if *start == 1 { first } else { &began.first }.to_owned(),
            previous: first.to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: u64, total: Option<u64>) -> List {
        List {
            total,
            next_cursor: None,
            rows,
        }
    }

    /// Pages of twenty of the people `u-1`, `u-2` and so on.
    fn at(start: u64, check: bool) -> Position {
        let id = |number: u64| format!("u-{number}");
        let began = match start {
            1 => Began::default(),
            _ => Began {
                first: id(1),
                previous: id(start - 20),
            },
        };
        Position::Index { start, check, began }
    }

    #[test]
    fn the_index_advances_by_what_came_not_by_what_was_asked_for() {
        assert_eq!(
            next(&at(1, false), 100, &list(20, Some(50)), Some("u-1")),
            Next::Page(at(21, false))
        );
        assert_eq!(
            next(&at(21, false), 100, &list(20, Some(50)), Some("u-21")),
            Next::Page(at(41, false))
        );
        assert_eq!(next(&at(41, false), 100, &list(10, Some(50)), Some("u-41")), Next::End);
    }

    #[test]
    fn an_empty_page_is_the_last() {
        assert_eq!(next(&at(21, false), 100, &list(0, Some(50)), None), Next::End);
        assert_eq!(next(&at(1, false), 100, &list(0, None), None), Next::End);
    }

    #[test]
    fn without_a_total_only_an_empty_page_is_the_last() {
        assert_eq!(
            next(&at(1, false), 100, &list(20, None), Some("u-1")),
            Next::Page(at(21, false))
        );
    }

    #[test]
    fn a_page_that_comes_again_is_known_by_its_first_id() {
        for (start, first) in [(21, "u-1"), (41, "u-1"), (41, "u-21")] {
            assert_eq!(
                next(&at(start, false), 100, &list(20, Some(90)), Some(first)),
                Next::SamePage,
                "{start} {first}"
            );
        }
    }

    #[test]
    fn a_total_that_equals_a_full_first_page_is_not_believed_at_once() {
        assert_eq!(
            next(&at(1, false), 20, &list(20, Some(20)), Some("u-1")),
            Next::Page(at(21, true))
        );
        assert_eq!(next(&at(21, true), 20, &list(0, Some(20)), None), Next::End);
        // It was the size of the page; each page states its own.
        assert_eq!(
            next(&at(21, true), 20, &list(20, Some(20)), Some("u-21")),
            Next::Page(at(41, false))
        );
        assert_eq!(next(&at(1, false), 100, &list(20, Some(20)), Some("u-1")), Next::End);
    }

    #[test]
    fn a_cursor_is_followed_until_there_is_none_even_when_it_comes_unasked() {
        let with_cursor = List {
            next_cursor: Some("c2".into()),
            ..list(10, Some(10))
        };
        let c2 = Position::Cursor("c2".into());
        assert_eq!(
            next(&at(1, false), 10, &with_cursor, Some("u-1")),
            Next::Page(c2.clone())
        );
        assert_eq!(next(&c2, 10, &list(10, Some(500)), Some("u-11")), Next::End);
    }

    #[test]
    fn a_position_survives_the_journey_as_a_cursor() {
        for position in [
            at(1, false),
            Position::Index {
                start: 2001,
                check: true,
                began: Began {
                    first: "an id with spaces ".into(),
                    previous: " é 2".into(),
                },
            },
            Position::Cursor(String::new()),
            Position::Cursor("index 1 2=".into()),
        ] {
            assert_eq!(Position::of(&position.to_cursor()), Some(position));
        }
        for other in ["", "3", "index", "index x true 1 y", "index 2 true 5 y", "page 7"] {
            assert_eq!(Position::of(&Cursor(other.into())), None, "{other}");
        }
    }
}

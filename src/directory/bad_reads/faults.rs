//! What can be wrong with one page.

/// A fault of a page. Each provider's testbed says which of them its protocol knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The page has no rows; everything else of it is right, and so is what follows.
    NoRows,
    /// The page has no rows and is the last one.
    NoRowsAndEnd,
    /// There is no answer at all, or a document of no bytes.
    NoBody,
    /// What is announced is longer than what comes.
    Truncated,
    /// The first part of the page, as if it were all.
    CutShort,
    /// Rows are missing at the end, and it can't be seen in what is there.
    CutAtRow,
    /// An HTTP status.
    Status(u16),
    /// An HTTP status that asks to come again in a second.
    NotNow(u16),
    /// HTTP 429, with how long to wait, if so.
    TooManyRequests(Option<u64>),
    /// An LDAP result code, in the middle of the page.
    Code(i64),
    /// No answer within the time that there is.
    Silence,
    /// The connection is reset in the middle of the answer.
    Reset,
    /// The connection is closed in the middle of the answer.
    Lost,
    /// The page leads back to one that was there before, or is one.
    Again,
    /// One row comes twice, in place of another.
    DuplicateRow,
    /// One row doesn't say whose it is.
    NamelessRow,
    /// One row can't be read beyond its id.
    UnreadableRow,
    /// Only some values of one row come.
    PartialRow,
    /// Bytes that are nothing.
    Garbage,
    /// What reads the page panics.
    Panic,
}

/// What is wrong with this page, where `fault` is a fault of one page.
pub(super) fn on_page(fault: Option<(usize, Fault)>, page: usize) -> Option<Fault> {
    fault.filter(|(at, _)| *at == page).map(|(_, fault)| fault)
}

/// The rows that a page with this fault has, by their numbers, and what is wrong with each: a fault of a single row is one of
/// the second.
pub(super) fn rows(numbers: &[usize], fault: Option<Fault>) -> impl Iterator<Item = (usize, Option<Fault>)> {
    let mut rows = numbers.to_vec();
    match fault {
        Some(Fault::NoRows | Fault::NoRowsAndEnd) => rows.clear(),
        Some(Fault::CutAtRow) => rows.truncate(rows.len() * 3 / 5),
        Some(Fault::Code(_)) => rows.truncate(rows.len() / 2),
        Some(Fault::DuplicateRow) => rows[1] = rows[0],
        _ => {}
    }
    let rows = rows.into_iter().enumerate();
    rows.map(move |(at, number)| (number, fault.filter(|_| at == 1)))
}

//! Dates of the directory: a date means its midnight in UTC.

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};

/// The midnight in UTC of the day that a text begins with: `2026-01-31`, `2026-01-31T08:00:00+01:00`, or the same day in
/// the basic format and as LDAP writes it (`20260131`, `20260131080000Z`).
///
/// The day is taken as written: a time of day and its offset don't move it.
pub fn midnight(text: &str) -> Option<DateTime<FixedOffset>> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (day, rest) = match digits {
        4 => (text.get(..10)?.replace('-', ""), &text[10..]),
        8.. => (text[..8].to_owned(), &text[8..]),
        _ => return None,
    };
    if !matches!(rest.as_bytes().first(), None | Some(b'T' | b't' | b' ' | b'0'..=b'9')) {
        return None;
    }
    if digits == 4 && (text.as_bytes()[7] != b'-' || rest.starts_with(|c: char| c.is_ascii_digit())) {
        return None;
    }
    if day.len() != 8 || day.starts_with("0000") || !day.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(day[..4].parse().ok()?, day[4..6].parse().ok()?, day[6..].parse().ok()?)?;
    Some(
        date.and_time(chrono::NaiveTime::MIN)
            .and_local_timezone(Utc)
            .single()?
            .fixed_offset(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_means_its_midnight_in_utc() {
        for text in [
            "2026-01-31",
            "2026-01-31T23:30:00-05:00",
            "2026-01-31 08:00",
            "20260131",
            "20260131235959.0Z",
        ] {
            assert_eq!(
                midnight(text).unwrap().to_rfc3339(),
                "2026-01-31T00:00:00+00:00",
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "soon",
            "2026",
            "2026-01",
            "2026-1-31",
            "2026-02-30",
            "2026-01-311",
            "31.01.2026",
            "2026/01/31",
            "20261301",
            "0000-01-01",
            "2026-01-31x",
            "2026--0131",
            "202601\u{663}1",
            "\u{663}026-01-31",
            "2026-01-\u{663}",
        ] {
            assert_eq!(midnight(text), None, "{text}");
        }
    }
}

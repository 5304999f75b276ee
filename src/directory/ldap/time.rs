//! Dates as directories write them.

use std::borrow::Cow;

/// Turns a generalized time (RFC 4517 §3.3.13: `20260131120000Z`, `2026013112+0100`) into RFC 3339, and eight digits into
/// a date. Anything else is given back as it is: it may be a date in a form that expressions know.
///
/// Fractions are dropped, and where minutes or seconds are absent they are zero.
pub fn date(value: &str) -> Cow<'_, str> {
    generalized(value.trim()).map_or(Cow::Borrowed(value), Cow::Owned)
}

fn generalized(value: &str) -> Option<String> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (time, rest) = value.split_at(digits);
    let part = |at: usize| time.get(at..at + 2).unwrap_or("00");
    let (year, month, day) = (time.get(..4)?, time.get(4..6)?, time.get(6..8)?);
    if digits == 8 && rest.is_empty() {
        return Some(format!("{year}-{month}-{day}"));
    }
    if !matches!(digits, 10 | 12 | 14) {
        return None;
    }
    let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
    let zone = match zone.as_bytes() {
        b"Z" => "Z".to_owned(),
        [b'+' | b'-', offset @ ..] if matches!(offset.len(), 2 | 4) && offset.iter().all(u8::is_ascii_digit) => {
            format!("{}:{}", &zone[..3], zone.get(3..5).unwrap_or("00"))
        }
        _ => return None,
    };
    Some(format!(
        "{year}-{month}-{day}T{}:{}:{}{zone}",
        part(8),
        part(10),
        part(12)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generalized_time_becomes_rfc_3339() {
        for (value, expected) in [
            ("20260131120501Z", "2026-01-31T12:05:01Z"),
            ("202601311205Z", "2026-01-31T12:05:00Z"),
            ("2026013112+0130", "2026-01-31T12:00:00+01:30"),
            ("20260131120501.25-05", "2026-01-31T12:05:01-05:00"),
            ("20260131", "2026-01-31"),
            (" 20260131 ", "2026-01-31"),
        ] {
            assert_eq!(date(value), expected);
        }
    }

    #[test]
    fn any_other_date_is_left_alone() {
        for value in [
            "2026-01-31",
            "2026-01-31T00:00:00Z",
            "soon",
            "",
            "20260131120501",
            "2026013Z",
            "20260131120501X",
            "\u{661}0260131",
        ] {
            assert_eq!(date(value), value);
        }
    }
}

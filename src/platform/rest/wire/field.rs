//! A field of an update: kept, cleared or set.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What an update does to a field that can be null.
///
/// In JSON: absent, `null`, or the value. Needs `#[serde(default, skip_serializing_if = "Field::is_kept")]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Absent: it stays as it is.
    #[default]
    Keep,
    /// `null`: it is taken away.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Field<T> {
    /// Whether the field stays as it is.
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value that is set, if one is.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Applies the field to what there was.
    pub fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::Set(value) => *to = Some(value),
        }
    }
}

impl<T> From<Option<T>> for Field<T> {
    /// The field that makes it exactly `wanted`.
    fn from(wanted: Option<T>) -> Self {
        wanted.map_or(Self::Clear, Self::Set)
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

/// Reads an optional field that may be absent but not `null`.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads an optional time in the one form that the contract has for it, see [`is_time`].
pub(super) fn given_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    let time = Some(&text)
        .filter(|text| is_time(text))
        .and_then(|text| text.parse().ok());
    time.map(Some)
        .ok_or_else(|| D::Error::custom("must be a time in UTC such as 2026-03-01T08:00:00Z"))
}

/// Whether the text is `2026-03-01T08:00:00Z`, with at most three digits after the second, before the year 9000. There are
/// more forms in RFC 3339; one is enough.
fn is_time(text: &str) -> bool {
    let (second, fraction) = text.split_at_checked(19).unwrap_or_default();
    let digit = |at: usize, byte: u8| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        0 => (b'0'..=b'8').contains(&byte),
        _ => byte.is_ascii_digit(),
    };
    let fraction = fraction
        .strip_suffix('Z')
        .map(|digits| digits.strip_prefix('.').unwrap_or(digits).as_bytes());
    !second.is_empty()
        && second.bytes().enumerate().all(|(at, byte)| digit(at, byte))
        && fraction.is_some_and(|digits| digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_form() {
        for text in [
            "2026-03-01T08:00:00Z",
            "2026-03-01T08:00:00.5Z",
            "0000-01-01T00:00:00.125Z",
        ] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "",
            "2026-03-01",
            "2026-03-01T08:00:00",
            "2026-03-01T08:00:00+00:00",
            "2026-03-01t08:00:00z",
            "2026-03-01 08:00:00Z",
            "2026-03-01T08:00:00.1234Z",
            "2026-03-01T08:00Z",
            "9999-12-31T23:59:59Z",
            "+002026-03-01T08:00:00Z",
            "2026-03-01T08:00:0é",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }
}

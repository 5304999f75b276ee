//! Durations as Kubernetes users write them: the grammar of GEP-2257 (Gateway API), `1h`, `90m`, `1h30m`, `500ms`.
//!
//! `kube::core::Duration` is not used because it also takes fractions and signs, and writes `1h` back as `3600s`.

use std::{borrow::Cow, fmt, str::FromStr, time};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The pattern of the schema, from GEP-2257.
const PATTERN: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// The longest text that [`PATTERN`] lets through.
const MAX_LENGTH: usize = 28;

/// A length of time, at least a millisecond fine, written like `1h30m`. There is no unit for days: a day isn't always 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct Duration(time::Duration);

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a duration: write whole hours, minutes, seconds or milliseconds, such as 1h30m (no days, no fractions)"
)]
pub struct ParseDurationError(String);

impl Duration {
    /// A duration of `hours`.
    pub const fn from_hours(hours: u64) -> Self {
        Self(time::Duration::from_secs(hours * 3600))
    }

    /// A duration of `seconds`.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(time::Duration::from_secs(seconds))
    }

    /// The duration as the standard library has it.
    pub const fn get(self) -> time::Duration {
        self.0
    }
}

impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl FromStr for Duration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseDurationError(text.chars().take(40).collect());
        let mut rest = text;
        let mut millis: u64 = 0;
        let mut parts = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            parts += 1;
            if digits == 0 || digits > 5 || parts > 4 {
                return Err(refused());
            }
            let (number, after) = rest.split_at(digits);
            let units = after.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, after) = after.split_at(units);
            let factor: u64 = match unit {
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1_000,
                "ms" => 1,
                _ => return Err(refused()),
            };
            // Five digits of hours are far below the limits of u64.
            millis += number.parse::<u64>().map_err(|_| refused())? * factor;
            rest = after;
        }
        if parts == 0 {
            return Err(refused());
        }
        Ok(Self(time::Duration::from_millis(millis)))
    }
}

impl TryFrom<Cow<'_, str>> for Duration {
    type Error = ParseDurationError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for Duration {
    /// Writes the shortest text of the grammar: `1h`, `1h30m`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let parts = [
            (seconds / 3600, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (u64::from(self.0.subsec_millis()), "ms"),
        ];
        if self.0.as_millis() == 0 {
            return f.write_str("0s");
        }
        parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX_LENGTH, "pattern": PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_grammar_is_that_of_gep_2257() {
        for (text, millis) in [
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
            ("99999h", 359_996_400_000),
            ("1s1s", 2000),
            ("5m500ms", 300_500),
        ] {
            assert_eq!(text.parse::<Duration>().unwrap().get().as_millis(), millis, "{text}");
        }
        for text in [
            "",
            "1",
            "1d",
            "1.5h",
            "-1h",
            "+1h",
            "1h ",
            " 1h",
            "100000h",
            "1h1m1s1ms1h",
            "1H",
            "h",
            "1µs",
            "1ns",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let message = "2d".parse::<Duration>().unwrap_err().to_string();
        assert!(message.contains("\"2d\"") && message.contains("1h30m"), "{message}");
    }

    #[test]
    fn the_longest_text_of_the_grammar_fits_the_length_limit() {
        assert_eq!("99999ms".len() * 4, MAX_LENGTH);
    }

    proptest! {
        #[test]
        fn writing_and_reading_gives_the_same_duration(millis in 0u64..359_996_400_000) {
            let duration = Duration(time::Duration::from_millis(millis));
            prop_assert_eq!(duration.to_string().parse::<Duration>().unwrap(), duration);
        }

        #[test]
        fn the_pattern_and_the_parser_agree(text in "[0-9hms.d]{0,12}") {
            let pattern = regex::Regex::new(PATTERN).unwrap();
            prop_assert_eq!(pattern.is_match(&text), text.parse::<Duration>().is_ok());
        }
    }
}

//! A field of an update: kept, cleared or set.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

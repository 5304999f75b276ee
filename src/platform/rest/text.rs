//! Text of a page, borrowed from its bytes wherever it holds no escape.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

/// A text that may be `null`, which reads as empty. The contract requires the field, so a missing one is an error.
///
/// `Option<Cow<str>>` would do, but serde borrows only a bare `Cow`: inside an `Option` it always copies.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or null")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }
}

/// For fields that may be `null` but not missing: serde lets an `Option` be missing unless told otherwise.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder<'a> {
        #[serde(borrow)]
        text: Text<'a>,
        #[serde(deserialize_with = "nullable")]
        number: Option<u8>,
    }

    #[test]
    fn text_without_an_escape_is_borrowed_and_null_is_empty() {
        let plain: Holder<'_> = serde_json::from_str(r#"{"text":"Zoë","number":null}"#).unwrap();
        assert!(matches!(plain.text.0, Cow::Borrowed("Zoë")));
        assert_eq!(plain.number, None);
        let escaped: Holder<'_> = serde_json::from_str(r#"{"text":"a\"b","number":7}"#).unwrap();
        assert!(matches!(&escaped.text.0, Cow::Owned(text) if text == "a\"b"));
        assert_eq!(escaped.number, Some(7));
        let null: Holder<'_> = serde_json::from_str(r#"{"text":null,"number":7}"#).unwrap();
        assert_eq!(null.text.0, "");
    }

    #[test]
    fn a_missing_field_is_not_taken_for_null() {
        assert!(serde_json::from_str::<Holder<'_>>(r#"{"number":1}"#).is_err());
        assert!(serde_json::from_str::<Holder<'_>>(r#"{"text":"a"}"#).is_err());
    }
}

//! The attributes of a user, read from a page.
//!
//! The model has tags as one more attribute, [`TAGS`]; the contract has them as a field of its own. An attribute that
//! the platform holds under that very name in `attributes` can't be told apart from it and is left out.

use std::{borrow::Cow, fmt};

use directory_sync_model::value::AttributeValue;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

use super::text::Text;

/// The attribute that stands for the contract's field `tags`.
pub(super) const TAGS: &str = "tags";

/// The attributes of one user of a page, without those that have no value.
#[derive(Debug, Default)]
pub(super) struct Attributes<'a>(pub(super) Vec<(Cow<'a, str>, AttributeValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes<'de>, A::Error> {
        let mut attributes = Vec::new();
        while let Some((name, value)) = map.next_entry::<Text<'de>, Value>()? {
            if let (false, Some(value)) = (name.0 == TAGS, value.0) {
                attributes.push((name.0, value));
            }
        }
        Ok(Attributes(attributes))
    }
}

/// One value; `None` for what is no value: null, an empty text, an empty list.
struct Value(Option<AttributeValue>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list of texts, a boolean or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value((!text.is_empty()).then_some(AttributeValue::Text(text))))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value(Some(AttributeValue::Bool(flag))))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value(Some(AttributeValue::Number(number))))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of JSON are doubles (RFC 8259 §6)")]
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        self.visit_f64(number as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of JSON are doubles (RFC 8259 §6)")]
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        self.visit_f64(number as f64)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<String>()? {
            list.push(item);
        }
        Ok(Value((!list.is_empty()).then_some(AttributeValue::List(list))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::Text(text.to_owned())
    }

    fn list(items: &[&str]) -> AttributeValue {
        AttributeValue::List(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn each_kind_of_value_is_read_and_no_value_is_left_out() {
        let json = r#"{"a":"x","b":["y","z"],"c":true,"d":3,"e":-2,"f":0.5,"g":null,"h":"","i":[],"tags":"no"}"#;
        let Attributes(read) = serde_json::from_str(json).unwrap();
        let expected = [
            ("a", text("x")),
            ("b", list(&["y", "z"])),
            ("c", AttributeValue::Bool(true)),
            ("d", AttributeValue::Number(3.0)),
            ("e", AttributeValue::Number(-2.0)),
            ("f", AttributeValue::Number(0.5)),
        ];
        assert_eq!(read, expected.map(|(name, value)| (Cow::Borrowed(name), value)));
    }

    #[test]
    fn a_value_outside_the_contract_is_an_error() {
        for json in [r#"{"a":{}}"#, r#"{"a":[1]}"#, r#"{"a":[["x"]]}"#, "[]"] {
            assert!(serde_json::from_str::<Attributes<'_>>(json).is_err(), "{json}");
        }
    }
}

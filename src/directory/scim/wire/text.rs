//! The building blocks: texts, objects of texts, lists that may be one.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        Error, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer},
    },
};

/// A text, borrowed where the page has it in one piece. Providers also send numbers and flags where a text belongs
/// (`"employeeNumber": 701984`); they read as what they look like. `null` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Text<'a>(Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl Text<'_> {
    pub(in super::super) fn owned(text: &str) -> Self {
        Self(Cow::Owned(text.to_owned()))
    }

    pub(in super::super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing but space is in it.
    pub(in super::super) fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// Whether it is this word, in any case.
    pub(in super::super) fn is(&self, word: &str) -> bool {
        self.0.eq_ignore_ascii_case(word)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Shape<'a> {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(if flag { "true" } else { "false" })))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_unit<E>(self) -> Result<Text<'a>, E> {
                Ok(Text::default())
            }
        }
        from.deserialize_any(Shape(PhantomData))
    }
}

/// Whether an account is enabled. Some providers send the flag as a text (`"False"`).
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Flag(pub(in super::super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Text::deserialize(from)? {
            text if text.is("true") || text.is_blank() => Ok(Self(true)),
            text if text.is("false") => Ok(Self(false)),
            _ => Err(D::Error::custom("expected true or false")),
        }
    }
}

/// A list, which some providers shorten to its only element.
#[derive(Debug)]
pub(in super::super) struct Many<T>(pub(in super::super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Many<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Many(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Many<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|item| Many(vec![item]))
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Many<T>, E> {
                T::deserialize(BorrowedStrDeserializer::new(text)).map(|item| Many(vec![item]))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Many<T>, E> {
                T::deserialize(StrDeserializer::new(text)).map(|item| Many(vec![item]))
            }

            fn visit_unit<E>(self) -> Result<Many<T>, E> {
                Ok(Many::default())
            }
        }
        from.deserialize_any(Shape(PhantomData))
    }
}

/// A struct of [`Text`]s that is read from an object; keys that it doesn't name are skipped. The field after `bare` is
/// the one that a plain text in the place of the object means.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident, bare $bare:ident { $($field:ident = $key:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(in super::super) struct $name<'a> {
            $(pub(in super::super) $field: $crate::directory::scim::wire::Text<'a>,)*
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Shape<'a>(std::marker::PhantomData<&'a ()>);
                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Shape<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut object = $name::default();
                        while let Some(key) = map.next_key::<$crate::directory::scim::wire::Text<'_>>()? {
                            $(if key.is($key) {
                                object.$field = map.next_value()?;
                                continue;
                            })*
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                        Ok(object)
                    }

                    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                        let $bare = serde::Deserialize::deserialize(
                            serde::de::value::BorrowedStrDeserializer::new(text),
                        )?;
                        Ok($name { $bare, ..$name::default() })
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                        let $bare = serde::Deserialize::deserialize(serde::de::value::StrDeserializer::new(text))?;
                        Ok($name { $bare, ..$name::default() })
                    }

                    fn visit_unit<E>(self) -> Result<Self::Value, E> {
                        Ok($name::default())
                    }
                }
                from.deserialize_any(Shape(std::marker::PhantomData))
            }
        }
    };
}
pub(super) use object;

#[cfg(test)]
mod tests {
    use super::*;

    object! {
        Pair, bare value { value = "value", kind = "type", }
    }

    #[test]
    fn a_text_is_borrowed_and_numbers_flags_and_null_read_as_texts() {
        let read = |json| serde_json::from_str::<Text<'_>>(json).unwrap();
        assert!(matches!(read(r#""Ann""#).0, Cow::Borrowed("Ann")));
        assert_eq!(read(r#""A\u006en""#).as_str(), "Ann");
        assert_eq!(read("701984").as_str(), "701984");
        assert_eq!(read("-7").as_str(), "-7");
        assert_eq!(read("true").as_str(), "true");
        assert_eq!(read("null").as_str(), "");
        assert!(serde_json::from_str::<Text<'_>>("[]").is_err());
    }

    #[test]
    fn a_list_may_be_shortened_to_its_element_and_that_to_its_value() {
        for json in [
            r#"[{"VALUE":"x","type":"work","more":{"deep":[1]}}]"#,
            r#"{"value":"x","Type":"work"}"#,
        ] {
            let many: Many<Pair<'_>> = serde_json::from_str(json).unwrap();
            assert!(many.0[0].value.is("x") && many.0[0].kind.is("work"), "{json}");
        }
        for json in [r#"["x"]"#, r#""x""#, r#""\u0078""#] {
            let many: Many<Pair<'_>> = serde_json::from_str(json).unwrap();
            assert!(many.0[0].value.is("x") && many.0[0].kind.is_blank(), "{json}");
        }
        assert!(serde_json::from_str::<Many<Pair<'_>>>("null").unwrap().0.is_empty());
        assert!(serde_json::from_str::<Many<Pair<'_>>>("7").is_err());
    }

    #[test]
    fn a_flag_may_be_a_text() {
        for (json, flag) in [
            ("true", true),
            ("false", false),
            (r#""False""#, false),
            (r#""TRUE""#, true),
            ("null", true),
        ] {
            assert_eq!(serde_json::from_str::<Flag>(json).unwrap().0, flag, "{json}");
        }
        assert!(serde_json::from_str::<Flag>(r#""disabled""#).is_err());
        assert!(serde_json::from_str::<Flag>("{}").is_err());
    }
}

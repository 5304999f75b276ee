//! Whether a provider sends what it was asked for.
//!
//! A provider that doesn't understand a name in the parameter `attributes` may well leave the attribute out, and with it
//! everybody's department. So the first users of a list are asked for once more without any choice, and the names that
//! come are compared.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::wire::Text;

/// How many resources are compared.
pub(super) const SAMPLE: u32 = 20;

/// The names in `selection` that come when nothing is chosen, and don't when it is. `whole` and `chosen` are lists of the
/// same resources; a body that is no list has no names.
pub(super) fn lost(selection: &str, whole: &[u8], chosen: &[u8]) -> Vec<String> {
    let (whole, chosen) = (names(whole), names(chosen));
    let asked = selection.split(',').map(base);
    asked
        .filter(|name| whole.contains(name) && !chosen.contains(name))
        .collect()
}

/// A name without its sub-attribute, in lower case. The dots in the name of a schema are its own.
fn base(name: &str) -> String {
    let (schema, attribute) = match name.rfind(':') {
        Some(at) => name.split_at(at + 1),
        None => ("", name),
    };
    let attribute = attribute.split('.').next().unwrap_or(attribute);
    format!("{schema}{attribute}").to_ascii_lowercase()
}

/// The names of all attributes with a value in the first resources of a list, in lower case; those of extensions as
/// `URN:NAME`.
fn names(body: &[u8]) -> BTreeSet<String> {
    let Ok(list) = serde_json::from_slice::<List>(body) else {
        return BTreeSet::new();
    };
    list.0
        .into_iter()
        .take(SAMPLE as usize)
        .flat_map(|resource| resource.0)
        .collect()
}

/// A list, of which only the names of attributes are kept.
struct List(Vec<Names>);

/// The names of the members of one object. What is no object has none.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SCIM list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List, A::Error> {
                let mut list = List(Vec::new());
                while let Some(key) = map.next_key::<Text<'_>>()? {
                    if key.is("Resources") {
                        list.0 = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(list)
            }
        }
        from.deserialize_map(Shape)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Shape)
            .map(|value| Names(value.unwrap_or_default()))
    }
}

/// A value: absent, something without names, or the names of its members.
struct Present(Option<Vec<String>>);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Shape).map(Present)
    }
}

struct Shape;

impl<'de> Visitor<'de> for Shape {
    type Value = Option<Vec<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Some(Vec::new()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Some(Vec::new()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Some(Vec::new()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Some(Vec::new()))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Some(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some((key, value)) = map.next_entry::<Text<'_>, Present>()? {
            let key = key.as_str().to_ascii_lowercase();
            match value.0 {
                None => {}
                Some(members) if key.contains(':') => {
                    names.extend(members.iter().map(|member| format!("{key}:{member}")));
                }
                Some(_) => names.push(key),
            }
        }
        Ok(Some(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = br#"{"totalResults":2,"Resources":[
        {"id":"1","name":{"givenName":"Ann"},"title":null,
         "urn:acme:2.0:User":{"department":"Sales","badge":7,"none":null}},
        {"id":"2","emails":[]}]}"#;

    #[test]
    fn what_comes_by_itself_and_not_when_it_is_asked_for_is_lost() {
        let selection = "name.givenName,title,emails,urn:acme:2.0:User:Department,urn:acme:2.0:User:none";
        let chosen = br#"{"Resources":[{"id":"1","Name":{},"urn:acme:2.0:User":{"badge":7}},{"id":"2"}]}"#;
        assert_eq!(
            lost(selection, WHOLE, chosen),
            ["emails", "urn:acme:2.0:user:department"]
        );
        assert!(lost(selection, WHOLE, WHOLE).is_empty());
    }

    #[test]
    fn a_body_that_is_no_list_has_no_names() {
        assert!(lost("emails", b"<html>", WHOLE).is_empty());
        assert!(lost("emails", br#"{"Resources":[7,null,"x"]}"#, b"").is_empty());
    }
}

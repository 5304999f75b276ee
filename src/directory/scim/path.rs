//! Paths of attributes (RFC 7644 §3.10): `title`, `name.middleName`, `urn:acme:params:scim:User:hireDate`.

use serde_json::Value as Json;

/// The core schema of users, which a path may name although it is the one that is meant anyway.
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A path of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    text: String,
    /// The URN of an extension; absent: the core schema.
    schema: Option<String>,
    attribute: String,
    sub: Option<String>,
}

impl Path {
    /// Reads a path; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // The name of a schema has dots of its own (`…:enterprise:2.0:User`), so it goes first.
        let (schema, names) = match text.rsplit_once(':') {
            Some((schema, names)) => (Some(schema), names),
            None => (None, text),
        };
        let (attribute, sub) = match names.split_once('.') {
            Some((attribute, sub)) => (attribute, Some(sub)),
            None => (names, None),
        };
        let is_name = |name: &str| {
            let mut letters = name.chars();
            letters
                .next()
                .is_some_and(|first| first.is_ascii_alphabetic() || first == '$')
                && letters.all(|letter| letter.is_ascii_alphanumeric() || "-_$".contains(letter))
        };
        if !is_name(attribute) || !sub.is_none_or(is_name) || schema.is_some_and(|schema| !schema.contains(':')) {
            return Err(format!(
                "{text:?} is no path of an attribute: NAME, NAME.SUB or URN:NAME, without [filter]"
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            schema: schema
                .filter(|schema| !schema.eq_ignore_ascii_case(CORE))
                .map(str::to_owned),
            attribute: attribute.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }

    /// The path as it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The texts that stand at this path in a resource: of a list all elements, the primary one first; of an object its
    /// sub-attribute, or `value` where the path names none.
    pub(super) fn texts(&self, resource: &Json) -> Vec<String> {
        let place = match &self.schema {
            Some(schema) => member(resource, schema),
            None => Some(resource),
        };
        let Some(value) = place.and_then(|place| member(place, &self.attribute)) else {
            return Vec::new();
        };
        let Json::Array(elements) = value else {
            return self.text_of(value).into_iter().collect();
        };
        let is_primary = |element: &Json| matches!(member(element, "primary"), Some(Json::Bool(true)));
        let primary = elements.iter().filter(|element| is_primary(element));
        let others = elements.iter().filter(|element| !is_primary(element));
        primary
            .chain(others)
            .filter_map(|element| self.text_of(element))
            .collect()
    }

    fn text_of(&self, value: &Json) -> Option<String> {
        match value {
            Json::Object(_) => plain(member(value, self.sub.as_deref().unwrap_or("value"))?),
            // A path that goes on below something that has nothing below it.
            _ if self.sub.is_some() => None,
            value => plain(value),
        }
    }
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A member of an object; case doesn't count (RFC 7643 §2.1).
fn member<'v>(value: &'v Json, name: &str) -> Option<&'v Json> {
    let object = value.as_object()?;
    object.get(name).or_else(|| {
        let same = |(key, _): &(&String, _)| key.eq_ignore_ascii_case(name);
        object.iter().find(same).map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(path: &str, resource: &Json) -> Vec<String> {
        Path::parse(path).unwrap().texts(resource)
    }

    #[test]
    fn a_path_leads_to_the_texts_that_stand_there() {
        let user = json!({
            "userName": "ann",
            "name": { "middleName": "Jane" },
            "roles": ["agent", { "value": "lead", "primary": true }],
            "ims": [{ "type": "aim", "value": "a" }],
            "badge": 7,
            "urn:acme:params:scim:User": { "hireDate": "2024-03-01", "site": { "value": "Rome", "floor": 3 } },
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "manager": { "value": "m-1" } }
        });
        assert_eq!(texts("userName", &user), ["ann"]);
        assert_eq!(
            texts("urn:ietf:params:scim:schemas:core:2.0:User:userName", &user),
            ["ann"]
        );
        assert_eq!(texts("NAME.middlename", &user), ["Jane"]);
        assert_eq!(texts("roles", &user), ["lead", "agent"]);
        assert_eq!(texts("ims.type", &user), ["aim"]);
        assert_eq!(texts("badge", &user), ["7"]);
        assert_eq!(texts("urn:acme:params:scim:User:hireDate", &user), ["2024-03-01"]);
        assert_eq!(texts("urn:acme:params:scim:User:site", &user), ["Rome"]);
        assert_eq!(texts("URN:acme:params:scim:user:site.floor", &user), ["3"]);
        let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value";
        assert_eq!(texts(manager, &user), ["m-1"]);
        for absent in ["title", "userName.value", "name.value", "urn:other:User:hireDate"] {
            assert!(texts(absent, &user).is_empty(), "{absent}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            "a b",
            "emails[type eq \"work\"].value",
            "urn:acme:",
            "a..b",
            "x:y",
            ".a",
            "a.b.c",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}

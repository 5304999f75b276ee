//! A group (RFC 7643 §4.2).

use std::fmt;

use directory_sync_model::snapshot::{Batch, EntryKind};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};

use super::{
    super::map,
    list::{Identity, Rejection, Rows},
    text::{Many, Text},
};

/// One group.
#[derive(Debug, Default)]
pub(in super::super) struct Group<'a> {
    pub(in super::super) id: Text<'a>,
    pub(in super::super) display_name: Text<'a>,
    /// Not in the RFC; some providers have it.
    pub(in super::super) description: Text<'a>,
    /// Absent where the provider says nothing of members; an explicit `null` is an empty list (RFC 7643 §2.5).
    pub(in super::super) members: Option<Many<Member<'a>>>,
}

/// One member. The core of ten million memberships: only what tells who it is.
#[derive(Debug, Default)]
pub(in super::super) struct Member<'a> {
    pub(in super::super) value: Text<'a>,
    /// Whether it is a user or a group, where that is told: ids of the two may be the same with some providers.
    pub(in super::super) kind: Option<EntryKind>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Shape<'a> {
            type Value = Member<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Member<'a>, A::Error> {
                let mut value = Text::default();
                let (mut kind, mut reference) = (Text::default(), Text::default());
                while let Some(key) = map.next_key::<Text<'_>>()? {
                    if key.is("value") {
                        value = map.next_value()?;
                    } else if key.is("type") {
                        kind = map.next_value()?;
                    } else if key.is("$ref") {
                        reference = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                // The type is optional (RFC 7643 §4.2), and so is the reference.
                let leads_to = |list| reference.as_str().contains(list);
                let kind = match () {
                    () if kind.is("Group") => Some(EntryKind::Group),
                    () if kind.is("User") => Some(EntryKind::User),
                    () if kind.is_blank() && leads_to("Groups/") => Some(EntryKind::Group),
                    () if kind.is_blank() && leads_to("Users/") => Some(EntryKind::User),
                    () => None,
                };
                Ok(Member { value, kind })
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Member<'a>, E> {
                Ok(Member {
                    value: Text::from(text),
                    kind: None,
                })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Member<'a>, E> {
                Ok(Member {
                    value: Text::owned(text),
                    kind: None,
                })
            }
        }
        from.deserialize_any(Shape(std::marker::PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Group<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Shape<'a> {
            type Value = Group<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a group")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Group<'a>, A::Error> {
                let mut group = Group::default();
                while let Some(key) = map.next_key::<Text<'_>>()? {
                    if key.is("id") {
                        group.id = map.next_value()?;
                    } else if key.is("displayName") {
                        group.display_name = map.next_value()?;
                    } else if key.is("members") {
                        group.members = Some(map.next_value()?);
                    } else if key.is("description") {
                        group.description = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(group)
            }
        }
        from.deserialize_map(Shape(std::marker::PhantomData))
    }
}

/// Decodes one group that was asked for by its id.
pub(in super::super) fn decode_group(body: &[u8]) -> Result<Group<'_>, String> {
    serde_json::from_slice(body).map_err(|error| crate::http::decode_error(&error))
}

/// A group whose members the list did not tell.
#[derive(Debug)]
pub(in super::super) struct Untold {
    pub(in super::super) id: String,
    pub(in super::super) display_name: String,
    pub(in super::super) description: String,
}

impl Untold {
    /// The group, with what was found out of its members.
    pub(in super::super) fn with<'a>(&'a self, members: Option<Many<Member<'a>>>) -> Group<'a> {
        Group {
            id: Text::from(self.id.as_str()),
            display_name: Text::from(self.display_name.as_str()),
            description: Text::from(self.description.as_str()),
            members,
        }
    }
}

/// Groups of a page on their way into the batch.
pub(in super::super) struct GroupRows<'r> {
    pub(in super::super) batch: &'r mut Batch,
    /// Ids of all groups of the page, in their order.
    pub(in super::super) ids: Vec<String>,
    /// Groups without members at all: not in the batch yet.
    pub(in super::super) untold: Vec<Untold>,
    /// Whether some group told its members.
    pub(in super::super) told: bool,
}

impl<'r> GroupRows<'r> {
    pub(in super::super) const fn new(batch: &'r mut Batch) -> Self {
        Self {
            batch,
            ids: Vec::new(),
            untold: Vec::new(),
            told: false,
        }
    }
}

impl Rows for GroupRows<'_> {
    fn row<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<Result<(), Rejection>, D::Error> {
        let group = Group::deserialize(from)?;
        if group.id.is_blank() {
            return Ok(Err(Rejection::NoId));
        }
        self.ids.push(group.id.as_str().to_owned());
        if group.members.is_some() {
            map::write_group(self.batch, &group);
            self.told = true;
        } else {
            self.untold.push(Untold {
                id: group.id.as_str().to_owned(),
                display_name: group.display_name.as_str().to_owned(),
                description: group.description.as_str().to_owned(),
            });
        }
        Ok(Ok(()))
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.ids.clear();
        self.untold.clear();
        self.told = false;
    }

    fn reject(&mut self, place: String, why: String) {
        self.batch.reject_group(place, why);
    }

    fn unreadable(&mut self, known: &Identity<'_>, place: String, why: String) {
        if known.display_name.is_blank() {
            return self.reject(place, why);
        }
        self.ids.push(known.id.as_str().to_owned());
        let name = known.display_name.as_str();
        self.batch
            .unreadable_group(known.id.as_str(), name, format!("{place}: {why}"));
    }

    fn noun(&self) -> &'static str {
        "group"
    }
}

//! A list of resources (RFC 7644 §3.4.2), with the cursors of RFC 9865.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::text::{Text, object};
use crate::http::decode_error;

/// What a list says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// How many resources there are in all pages (`totalResults`).
    pub total: Option<u64>,
    /// Where the next page starts (`nextCursor`, RFC 9865 §2); a blank one is none.
    pub next_cursor: Option<String>,
    /// How many resources came, those included that can't be read.
    pub rows: u64,
}

/// A page that can't be read as a whole: not UTF-8, not JSON, or no list.
#[derive(Debug, thiserror::Error)]
#[error("the page is no SCIM list: {why}")]
pub struct NotAList {
    /// Where and why, without the values of the page.
    pub why: String,
}

/// Why a resource that could be decoded is still of no use.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Rejection {
    /// Without an id nobody can be found again.
    NoId,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoId => f.write_str("it has no id"),
        }
    }
}

/// Takes the resources of a list one by one.
pub(in super::super) trait Rows {
    /// Whether the text of each resource is needed besides.
    fn needs_raw(&self) -> bool {
        false
    }

    /// Takes a resource out of the stream. An outer error leaves nothing of it behind.
    fn row<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<Result<(), Rejection>, D::Error>;

    /// Takes the text of a resource.
    fn raw(&mut self, raw: &str) -> Result<Result<(), Rejection>, serde_json::Error> {
        self.row(&mut serde_json::Deserializer::from_str(raw))
    }

    /// Forgets all that was taken.
    fn clear(&mut self);

    /// Notes a resource that is of no use at all.
    fn reject(&mut self, place: String, why: String);

    /// Notes a resource that is of no use beyond this much.
    fn unreadable(&mut self, known: &Identity<'_>, place: String, why: String);

    /// What one resource is called.
    fn noun(&self) -> &'static str;
}

/// Decodes a list and hands its resources to `rows`. `before` is how many came in earlier pages, so that a bad resource
/// can be named by its place.
pub(in super::super) fn decode_list(body: &[u8], before: u64, rows: &mut impl Rows) -> Result<List, NotAList> {
    let text = std::str::from_utf8(body).map_err(|error| NotAList {
        why: format!("it is not UTF-8 from byte {} on", error.valid_up_to()),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !rows.needs_raw() {
        let stream = Stream {
            rows: &mut *rows,
            before,
        };
        let mut from = serde_json::Deserializer::from_str(text);
        if let Ok(list) = Envelope(stream)
            .deserialize(&mut from)
            .and_then(|list| from.end().map(|()| list))
        {
            return Ok(list);
        }
        rows.clear();
    }
    // Once more, resource by resource: either the page is broken, or one of them is.
    let mut from = serde_json::Deserializer::from_str(text);
    let pieces = Pieces { rows, before };
    let list = Envelope(pieces)
        .deserialize(&mut from)
        .and_then(|list| from.end().map(|()| list));
    list.map_err(|error| NotAList {
        why: decode_error(&error),
    })
}

object! {
    /// What a resource is that can't be read otherwise.
    Identity, bare id { id = "id", external_id = "externalId", display_name = "displayName", }
}

impl<'a> Identity<'a> {
    /// What can be read of a resource: everything, or at least the id.
    fn of(resource: &'a str) -> Self {
        /// The least. The names of attributes have no case (RFC 7643 §2.1).
        #[derive(Deserialize)]
        struct Id<'a> {
            #[serde(borrow, alias = "ID", alias = "Id")]
            id: Text<'a>,
        }
        let least = || serde_json::from_str(resource).map(|Id { id }| Self { id, ..Self::default() });
        serde_json::from_str(resource).or_else(|_| least()).unwrap_or_default()
    }
}

/// What is done with the value of `Resources`; returns how many there are.
trait Resources<'de>: DeserializeSeed<'de, Value = u64> {}

struct Envelope<R>(R);

impl<'de, R: Resources<'de>> DeserializeSeed<'de> for Envelope<R> {
    type Value = List;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<List, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, R: Resources<'de>> Visitor<'de> for Envelope<R> {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SCIM list (check that the URL is the base of a SCIM 2.0 service)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List, A::Error> {
        let mut resources = Some(self.0);
        let mut list = List::default();
        let mut told = false;
        while let Some(key) = map.next_key::<Text<'_>>()? {
            if key.is("Resources") {
                let Some(seed) = resources.take() else {
                    return Err(A::Error::duplicate_field("Resources"));
                };
                list.rows = map.next_value_seed(seed)?;
                told = true;
            } else if key.is("totalResults") {
                let total: Text<'_> = map.next_value()?;
                list.total = total.as_str().parse().ok();
                told = true;
            } else if key.is("nextCursor") {
                let cursor: Text<'_> = map.next_value()?;
                list.next_cursor = (!cursor.is_blank()).then(|| cursor.as_str().to_owned());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if told {
            Ok(list)
        } else {
            Err(A::Error::custom(
                "it has neither totalResults nor Resources; check that the URL is the base of a SCIM 2.0 service",
            ))
        }
    }
}

/// Takes resources out of the stream.
struct Stream<'r, R> {
    rows: &'r mut R,
    before: u64,
}

impl<R: Rows> Resources<'_> for Stream<'_, R> {}

impl<'de, R: Rows> DeserializeSeed<'de> for Stream<'_, R> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<u64, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, R: Rows> Visitor<'de> for Stream<'_, R> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of resources")
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<u64, A::Error> {
        let mut count = 0;
        while let Some(taken) = seq.next_element_seed(One(&mut *self.rows))? {
            count += 1;
            if let Err(rejection) = taken {
                let place = format!("{} {}", self.rows.noun(), self.before + count);
                self.rows.reject(place, rejection.to_string());
            }
        }
        Ok(count)
    }
}

struct One<'r, R>(&'r mut R);

impl<'de, R: Rows> DeserializeSeed<'de> for One<'_, R> {
    type Value = Result<(), Rejection>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        self.0.row(from)
    }
}

/// Takes the list apart first, then each resource.
struct Pieces<'r, R> {
    rows: &'r mut R,
    before: u64,
}

impl<R: Rows> Resources<'_> for Pieces<'_, R> {}

impl<'de, R: Rows> DeserializeSeed<'de> for Pieces<'_, R> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<u64, D::Error> {
        let pieces = Option::<Vec<&'de RawValue>>::deserialize(from)?.unwrap_or_default();
        let mut count = 0;
        for piece in pieces {
            count += 1;
            let why = match self.rows.raw(piece.get()) {
                Ok(Ok(())) => continue,
                Ok(Err(rejection)) => rejection.to_string(),
                Err(error) => decode_error(&error),
            };
            let known = Identity::of(piece.get());
            let place = format!("{} {}", self.rows.noun(), self.before + count);
            match (known.id.as_str().trim(), known.external_id.as_str()) {
                ("", "") => self.rows.reject(place, why),
                ("", external_id) => self.rows.reject(format!("{place} (external id {external_id})"), why),
                (id, _) => self.rows.unreadable(&known, format!("{place} (id {id})"), why),
            }
        }
        Ok(count)
    }
}

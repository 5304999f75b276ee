//! One directory user as a short run of bytes, so that a million of them fit one arena.
//!
//! A record is a sequence of entries `tag: u8, length: LEB128 varint, bytes`. The tag is the discriminant of the
//! [`Attribute`]; only what is present is stored, and a list repeats its tag. The tag 255 holds a custom attribute:
//! `name length: varint, name, value as JSON`. An e-mail address of length 0 is the user name, which most directories
//! tell twice; given and family name of length 0 are what stands before and behind the first blank of the display name,
//! which most directories make of the two. `groups` is never stored: it comes from the memberships.

use std::ops::Range;

use crate::attribute::{Attribute, Kind};

const CUSTOM_TAG: u8 = u8::MAX;

/// Appends one user's record to a buffer.
///
/// Texts are trimmed, and what is empty then is absent. Where one attribute of a single value is written twice, the
/// first counts.
#[derive(Debug)]
pub struct RecordWriter<'o> {
    out: &'o mut Vec<u8>,
    /// The user name, as a place in `out`; empty until it is written.
    user_name: Range<usize>,
    /// The first given name with its entry's begin, and the same of the family name; nothing once there is a display name.
    names: [Option<(usize, Range<usize>)>; 2],
    has_display_name: bool,
}

impl<'o> RecordWriter<'o> {
    /// Starts a record at the end of `out`; the record is what has been appended when the writer is dropped.
    pub const fn new(out: &'o mut Vec<u8>) -> Self {
        Self {
            out,
            user_name: 0..0,
            names: [None, None],
            has_display_name: false,
        }
    }

    /// Writes a text, or a date as `YYYY-MM-DD` or an RFC 3339 timestamp.
    ///
    /// The value of an attribute of another kind is written as if by [`Self::item`] or [`Self::active`].
    pub fn text(&mut self, attribute: Attribute, value: &str) {
        let value = value.trim();
        match attribute.kind() {
            // What the memberships say about groups must not be contradicted by a stored copy.
            _ if attribute == Attribute::Groups || value.is_empty() => {}
            Kind::Flag => self.active(!value.eq_ignore_ascii_case("false")),
            _ if attribute == Attribute::Email && value.as_bytes() == &self.out[self.user_name.clone()] => {
                self.entry(attribute as u8, &[]);
            }
            Kind::Text | Kind::TextList | Kind::Date => {
                let is_made_of_names = attribute == Attribute::DisplayName && self.take_names_back(value);
                let start = self.out.len();
                self.entry(attribute as u8, value.as_bytes());
                let text = self.out.len() - value.len()..self.out.len();
                match attribute {
                    Attribute::UserName if self.user_name.is_empty() => self.user_name = text,
                    Attribute::GivenName => _ = self.names[0].get_or_insert((start, text)),
                    Attribute::FamilyName => _ = self.names[1].get_or_insert((start, text)),
                    Attribute::DisplayName => self.has_display_name = true,
                    _ => {}
                }
                if is_made_of_names {
                    self.entry(Attribute::GivenName as u8, &[]);
                    self.entry(Attribute::FamilyName as u8, &[]);
                }
            }
        }
    }

    /// Takes back what was written last, if that are the two names of which the first display name is made.
    fn take_names_back(&mut self, display_name: &str) -> bool {
        let ([Some((start, given)), Some((middle, family))], false) = (&self.names, self.has_display_name) else {
            return false;
        };
        let parts = display_name
            .split_once(' ')
            .map(|(given, family)| (given.as_bytes(), family.as_bytes()));
        let are_last = given.end == *middle && family.end == self.out.len();
        if !are_last || parts != Some((&self.out[given.clone()], &self.out[family.clone()])) {
            return false;
        }
        self.out.truncate(*start);
        true
    }

    /// Writes one more value of a list attribute.
    pub fn item(&mut self, attribute: Attribute, value: &str) {
        self.text(attribute, value);
    }

    /// Writes whether the account is enabled. `true` is what an absent value means, so only `false` takes room.
    pub fn active(&mut self, active: bool) {
        if !active {
            self.entry(Attribute::Active as u8, b"false");
        }
    }

    /// Writes a custom attribute; `null` and a blank text mean absent.
    pub fn custom(&mut self, name: &str, value: &serde_json::Value) {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::String(text) => self.custom_text(name, text),
            value => self.custom_json(name, value),
        }
    }

    /// Writes a custom attribute that is a text, trimmed; a blank one is absent.
    pub fn custom_text(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() {
            self.custom_json(name, value);
        }
    }

    fn custom_json<T: serde::Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let start = self.out.len();
        let mut payload = Vec::with_capacity(name.len() + 16);
        write_length(&mut payload, name.len());
        payload.extend_from_slice(name.as_bytes());
        match serde_json::to_writer(&mut payload, value) {
            Ok(()) => self.entry(CUSTOM_TAG, &payload),
            // Neither a `Value` nor a `str` fails to serialise into memory; if one did, it is absent, not torn.
            Err(_) => self.out.truncate(start),
        }
    }

    fn entry(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        write_length(self.out, bytes.len());
        self.out.extend_from_slice(bytes);
    }
}

/// Reads one user's record in place.
///
/// No bytes make it panic: a corrupt entry, and what follows it where its length is wrong, reads as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the bytes that one [`RecordWriter`] appended.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The stored bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The text of an attribute, the first value of a list; `""` where it is absent.
    pub fn text(self, attribute: Attribute) -> &'a str {
        self.items(attribute).next().unwrap_or_default()
    }

    /// The values of a list attribute in the order they were written.
    pub fn items(self, attribute: Attribute) -> impl Iterator<Item = &'a str> {
        Entries { rest: self.bytes }
            .filter(move |(tag, _)| *tag == attribute as u8)
            .map(move |(_, bytes)| match bytes {
                [] if attribute == Attribute::Email => self.first(Attribute::UserName),
                bytes => bytes,
            })
            .filter_map(|bytes| std::str::from_utf8(bytes).ok())
            .filter_map(move |text| match attribute {
                Attribute::GivenName if text.is_empty() => self.names().map(|(given, _)| given),
                Attribute::FamilyName if text.is_empty() => self.names().map(|(_, family)| family),
                _ => Some(text),
            })
    }

    /// The names of which the display name is made.
    fn names(self) -> Option<(&'a str, &'a str)> {
        let display_name = std::str::from_utf8(self.first(Attribute::DisplayName)).ok();
        display_name.and_then(|name| name.split_once(' '))
    }

    fn first(self, attribute: Attribute) -> &'a [u8] {
        let mut entries = Entries { rest: self.bytes };
        let entry = entries.find(|(tag, _)| *tag == attribute as u8);
        entry.map_or(&[], |(_, bytes)| bytes)
    }

    /// The attributes that are present, in the order in which they were written, those of a list as often as they have values;
    /// `active` where it is false. Custom ones are not among them.
    pub fn attributes(self) -> impl Iterator<Item = Attribute> {
        Entries { rest: self.bytes }.filter_map(|(tag, _)| Attribute::from_tag(tag))
    }

    /// Whether the account is enabled; `true` where the directory says nothing.
    pub fn active(self) -> bool {
        self.text(Attribute::Active) != "false"
    }

    /// The value of a custom attribute; `None` where it is absent.
    pub fn custom(self, name: &str) -> Option<serde_json::Value> {
        self.custom_json(name).and_then(|json| serde_json::from_str(json).ok())
    }

    /// The value of a custom attribute as it is stored, in JSON.
    pub fn custom_json(self, name: &str) -> Option<&'a str> {
        self.customs()
            .find_map(|(stored, json)| (stored == name).then_some(json))
    }

    /// The name and the value, in JSON, of each custom attribute.
    pub fn customs(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        Entries { rest: self.bytes }
            .filter(|(tag, _)| *tag == CUSTOM_TAG)
            .filter_map(|(_, bytes)| {
                let (length, rest) = read_length(bytes)?;
                let (name, json) = rest.split_at_checked(length)?;
                Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(json).ok()?))
            })
    }
}

struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, rest) = self.rest.split_first()?;
        let entry = read_length(rest).and_then(|(length, rest)| rest.split_at_checked(length));
        // A length that leads out of the record: nothing after it can be trusted.
        let (bytes, rest) = entry.unwrap_or_default();
        let torn = entry.is_none();
        self.rest = rest;
        (!torn).then_some((*tag, bytes))
    }
}

fn write_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    out.push(length.to_le_bytes()[0]);
}

fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((length, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::attribute::ATTRIBUTES;

    fn written(write: impl FnOnce(&mut RecordWriter<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut RecordWriter::new(&mut bytes));
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = written(|w| {
            w.text(Attribute::Id, "u-1");
            w.text(Attribute::Department, "  Sales ");
            w.item(Attribute::Emails, "a@acme.test");
            w.item(Attribute::Emails, "b@acme.test");
            w.active(false);
            w.custom("level", &json!(7));
            w.custom_text("badge", "\"x\"\n");
            w.custom("sites", &json!(["Rome", {"deep": true}]));
        });
        let record = Record::new(&bytes);
        assert_eq!(record.text(Attribute::Id), "u-1");
        assert_eq!(record.text(Attribute::Department), "Sales");
        assert_eq!(
            record.items(Attribute::Emails).collect::<Vec<_>>(),
            ["a@acme.test", "b@acme.test"]
        );
        assert!(!record.active());
        assert_eq!(record.custom("level"), Some(json!(7)));
        assert_eq!(record.custom("badge"), Some(json!("\"x\"")));
        assert_eq!(record.custom("sites"), Some(json!(["Rome", {"deep": true}])));
        let names: Vec<_> = record.customs().map(|(name, _)| name).collect();
        assert_eq!(names, ["level", "badge", "sites"]);
    }

    #[test]
    fn what_is_empty_takes_no_room_and_reads_as_absent() {
        let bytes = written(|w| {
            w.text(Attribute::Title, " \t");
            w.item(Attribute::Emails, "");
            w.active(true);
            w.custom("nothing", &json!(null));
            w.custom("blank", &json!(" "));
            w.custom_text("blank", "");
        });
        assert!(bytes.is_empty());
        let record = Record::new(&bytes);
        assert_eq!(record.text(Attribute::Title), "");
        assert_eq!(record.items(Attribute::Emails).count(), 0);
        assert!(record.active());
        assert_eq!(record.custom("nothing"), None);
    }

    #[test]
    fn an_address_that_is_the_user_name_is_stored_once() {
        let bytes = written(|w| {
            w.text(Attribute::UserName, "ann@acme.test");
            w.text(Attribute::Email, " ann@acme.test");
            w.item(Attribute::Emails, "ann@acme.test");
        });
        let record = Record::new(&bytes);
        assert_eq!(bytes.len(), 2 + 13 + 2 + 2 + 13);
        assert_eq!(record.text(Attribute::Email), "ann@acme.test");
        assert_eq!(record.text(Attribute::Emails), "ann@acme.test");
        let bytes = written(|w| {
            w.text(Attribute::UserName, "ann@acme.test");
            w.text(Attribute::Email, "Ann@acme.test");
        });
        assert_eq!(Record::new(&bytes).text(Attribute::Email), "Ann@acme.test");
    }

    #[test]
    fn what_is_stored_once_stands_for_itself_alone() {
        let bytes = written(|w| {
            w.text(Attribute::UserName, "ann@acme.test");
            w.text(Attribute::UserName, "ann.lee@acme.test");
            w.text(Attribute::Email, "ann@acme.test");
            w.text(Attribute::GivenName, "Ann");
            w.text(Attribute::FamilyName, "Lee");
            w.text(Attribute::DisplayName, "Ann Lee");
        });
        let record = Record::new(&bytes);
        assert_eq!(record.text(Attribute::UserName), "ann@acme.test");
        assert_eq!(record.text(Attribute::Email), "ann@acme.test");
        assert_eq!(
            [record.text(Attribute::GivenName), record.text(Attribute::FamilyName)],
            ["Ann", "Lee"]
        );
        assert_eq!(record.as_bytes(), bytes);
        let bytes = written(|w| {
            w.text(Attribute::UserName, "ann@acme.test");
            w.text(Attribute::UserName, "ann.lee@acme.test");
            w.text(Attribute::Email, "ann.lee@acme.test");
        });
        assert_eq!(Record::new(&bytes).text(Attribute::Email), "ann.lee@acme.test");
    }

    #[test]
    fn a_display_name_that_is_made_of_both_names_is_stored_once() {
        let read = |write: &dyn Fn(&mut RecordWriter<'_>)| {
            let bytes = written(|w| write(w));
            let record = Record::new(&bytes);
            let names = [Attribute::GivenName, Attribute::FamilyName, Attribute::DisplayName];
            let names = names.map(|attribute| record.text(attribute).to_owned());
            (bytes.len(), names.join("|"))
        };
        let three = |given: &'static str, family: &'static str, display: &'static str| {
            read(&move |w: &mut RecordWriter<'_>| {
                w.text(Attribute::GivenName, given);
                w.text(Attribute::FamilyName, family);
                w.text(Attribute::DisplayName, display);
            })
        };
        assert_eq!(
            three("Zoë", " van der Berg", "Zoë van der Berg"),
            (2 + 17 + 2 + 2, "Zoë|van der Berg|Zoë van der Berg".into())
        );
        for (given, family, display) in [
            ("Mary Ann", "Lee", "Mary Ann Lee"),
            ("Ann", "Lee", "Lee, Ann"),
            ("Ann", "", "Ann Lee"),
            ("", "Lee", "Ann Lee"),
            ("Ann", "Lee", "AnnLee"),
        ] {
            let texts = [given, family, display];
            let whole: usize = texts
                .iter()
                .filter(|text| !text.is_empty())
                .map(|text| text.len() + 2)
                .sum();
            assert_eq!(three(given, family, display), (whole, texts.join("|")));
        }
    }

    #[test]
    fn names_that_are_told_twice_or_apart_stay_what_they_are() {
        use Attribute::{DisplayName, FamilyName, GivenName, Title};
        let told: [&[(Attribute, &str)]; 5] = [
            &[
                (DisplayName, "Boss"),
                (GivenName, "Ann"),
                (FamilyName, "Lee"),
                (DisplayName, "Ann Lee"),
            ],
            &[
                (GivenName, "Ann"),
                (FamilyName, "Lee"),
                (DisplayName, "Ann Lee"),
                (DisplayName, "Boss"),
            ],
            &[
                (GivenName, "Ann"),
                (FamilyName, "Lee"),
                (DisplayName, "Ann Lee"),
                (GivenName, "Eve"),
            ],
            &[
                (GivenName, "Eve"),
                (GivenName, "Ann"),
                (FamilyName, "Lee"),
                (DisplayName, "Ann Lee"),
            ],
            &[
                (GivenName, "Ann"),
                (FamilyName, "Lee"),
                (Title, "CEO"),
                (DisplayName, "Ann Lee"),
            ],
        ];
        for told in told {
            let bytes = written(|w| told.iter().for_each(|(attribute, text)| w.text(*attribute, text)));
            for attribute in [GivenName, FamilyName, DisplayName, Title] {
                let wrote = told.iter().filter(|(of, _)| *of == attribute).map(|(_, text)| *text);
                let read: Vec<_> = Record::new(&bytes).items(attribute).collect();
                assert_eq!(read, wrote.collect::<Vec<_>>(), "{told:?}");
            }
        }
    }

    #[test]
    fn groups_are_not_stored() {
        assert!(written(|w| w.item(Attribute::Groups, "admins")).is_empty());
    }

    #[test]
    fn an_empty_list_and_a_false_flag_are_custom_values_of_their_own() {
        let bytes = written(|w| {
            w.custom("list", &json!([]));
            w.custom("flag", &json!(false));
        });
        assert_eq!(Record::new(&bytes).custom("list"), Some(json!([])));
        assert_eq!(Record::new(&bytes).custom("flag"), Some(json!(false)));
    }

    #[test]
    fn a_torn_record_reads_as_absent_from_the_tear_on() {
        let bytes = written(|w| {
            w.text(Attribute::Id, "u-1");
            w.text(Attribute::Title, "Engineer");
        });
        let record = Record::new(&bytes[..bytes.len() - 1]);
        assert_eq!(record.text(Attribute::Id), "u-1");
        assert_eq!(record.text(Attribute::Title), "");
    }

    #[test]
    fn a_text_that_is_not_utf_8_reads_as_absent() {
        let record = Record::new(&[Attribute::Title as u8, 1, 0xff, Attribute::Office as u8, 1, b'x']);
        assert_eq!(record.text(Attribute::Title), "");
        assert_eq!(record.text(Attribute::Office), "x");
    }

    fn json_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            "\\S.{0,20}\\S".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map(".{0,8}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_record_survives_the_round_trip(
            texts in prop::collection::vec((0..ATTRIBUTES.len(), ".{0,200}"), 0..40),
            customs in prop::collection::btree_map(".{0,20}", json_value(), 0..6),
        ) {
            let texts: Vec<_> = texts.into_iter().map(|(index, text)| (ATTRIBUTES[index], text)).collect();
            let bytes = written(|w| {
                for (info, text) in &texts {
                    w.text(info.attribute, text);
                }
                for (name, value) in &customs {
                    w.custom(name, value);
                }
            });
            let record = Record::new(&bytes);
            for info in ATTRIBUTES {
                let wrote: Vec<_> = texts.iter().filter(|(i, _)| i == info).map(|(_, text)| text.trim())
                    .filter(|text| !text.is_empty()).collect();
                match (info.attribute, info.kind) {
                    (Attribute::Groups, _) => prop_assert_eq!(record.items(info.attribute).count(), 0),
                    (_, Kind::Flag) => prop_assert!(record.active()),
                    _ => {
                        prop_assert_eq!(record.text(info.attribute), wrote.first().copied().unwrap_or_default());
                        prop_assert_eq!(record.items(info.attribute).collect::<Vec<_>>(), wrote);
                    }
                }
            }
            for (name, value) in &customs {
                prop_assert_eq!(record.custom(name), Some(value.clone()));
            }
            prop_assert_eq!(record.customs().count(), customs.len());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let record = Record::new(&bytes);
            for info in ATTRIBUTES {
                record.items(info.attribute).for_each(drop);
            }
            for (name, _) in record.customs() {
                record.custom(name);
            }
        }
    }
}

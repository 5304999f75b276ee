//! A user (RFC 7643 §4.1) with the enterprise extension (§4.3) and whatever else the provider tells.

use std::fmt;

use directory_sync_model::{attribute::Attribute, snapshot::Batch};
use serde::{
    Deserialize as _, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value as Json;

use super::{
    super::{map, plan::Plan},
    list::{Identity, Rejection, Rows},
    text::{Flag, Many, Text, object},
};

/// The schema of the enterprise extension (RFC 7643 §4.3).
pub(in super::super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Attributes that never become custom ones: bookkeeping, memberships (they come from the groups), secrets.
const NEVER_CUSTOM: [&str; 5] = ["schemas", "meta", "groups", "password", "x509Certificates"];

object! {
    /// The parts of a name (§4.1.1).
    Name, bare formatted { formatted = "formatted", family = "familyName", given = "givenName", }
}

object! {
    /// An e-mail address or a phone number (§4.1.2).
    Contact, bare value { value = "value", kind = "type", primary = "primary", }
}

object! {
    /// A postal address (§4.1.2).
    Address, bare locality { locality = "locality", kind = "type", primary = "primary", }
}

object! {
    /// The manager (§4.3). `displayName` is told where there is no id.
    Manager, bare value { value = "value", display_name = "displayName", }
}

/// What the enterprise extension tells.
#[derive(Debug, Default)]
pub(in super::super) struct Enterprise<'a> {
    pub(in super::super) employee_number: Text<'a>,
    pub(in super::super) cost_center: Text<'a>,
    pub(in super::super) organization: Text<'a>,
    pub(in super::super) division: Text<'a>,
    pub(in super::super) department: Text<'a>,
    pub(in super::super) manager: Many<Manager<'a>>,
}

/// A value that has no attribute of its own.
#[derive(Debug)]
pub(in super::super) struct Custom<'a> {
    /// The extension that it belongs to; absent: the core schema.
    pub(in super::super) schema: Option<Text<'a>>,
    pub(in super::super) name: String,
    pub(in super::super) value: Json,
}

/// One user. What the plan doesn't ask for is left at its default.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the names of RFC 7643")]
pub(in super::super) struct User<'a> {
    pub(in super::super) id: Text<'a>,
    pub(in super::super) external_id: Text<'a>,
    pub(in super::super) user_name: Text<'a>,
    pub(in super::super) name: Name<'a>,
    pub(in super::super) display_name: Text<'a>,
    pub(in super::super) title: Text<'a>,
    pub(in super::super) user_type: Text<'a>,
    pub(in super::super) locale: Text<'a>,
    pub(in super::super) preferred_language: Text<'a>,
    pub(in super::super) timezone: Text<'a>,
    pub(in super::super) active: Option<bool>,
    pub(in super::super) emails: Many<Contact<'a>>,
    pub(in super::super) phones: Many<Contact<'a>>,
    /// The place of work, as the addresses tell it.
    pub(in super::super) office: String,
    pub(in super::super) enterprise: Enterprise<'a>,
    pub(in super::super) customs: Vec<Custom<'a>>,
}

/// The attributes of the core schema that are read.
#[derive(Clone, Copy)]
enum Core {
    Id,
    ExternalId,
    UserName,
    Name,
    DisplayName,
    Active,
    Emails,
    Phones,
    Title,
    UserType,
    Locale,
    PreferredLanguage,
    Timezone,
    Addresses,
}

const CORE: [(&str, Core); 14] = [
    ("id", Core::Id),
    ("externalId", Core::ExternalId),
    ("userName", Core::UserName),
    ("name", Core::Name),
    ("displayName", Core::DisplayName),
    ("active", Core::Active),
    ("emails", Core::Emails),
    ("phoneNumbers", Core::Phones),
    ("title", Core::Title),
    ("userType", Core::UserType),
    ("locale", Core::Locale),
    ("preferredLanguage", Core::PreferredLanguage),
    ("timezone", Core::Timezone),
    ("addresses", Core::Addresses),
];

impl Core {
    fn of(key: &Text<'_>) -> Option<Self> {
        CORE.iter().find(|(name, _)| key.is(name)).map(|(_, core)| *core)
    }

    fn is_read(self, plan: &Plan<'_>) -> bool {
        use Attribute as A;
        match self {
            Self::Id => true,
            Self::ExternalId => plan.reads(&[A::ExternalId]),
            // Where there is no e-mail address, the login name may be one.
            Self::UserName => plan.reads(&[A::UserName, A::Email]),
            Self::Name => plan.reads(&[A::GivenName, A::FamilyName, A::DisplayName]),
            Self::DisplayName => plan.reads(&[A::DisplayName]),
            Self::Active => plan.reads(&[A::Active]),
            Self::Emails => plan.reads(&[A::Email, A::Emails]),
            Self::Phones => plan.reads(&[A::Phone, A::Mobile]),
            Self::Title => plan.reads(&[A::Title]),
            Self::UserType => plan.reads(&[A::EmployeeType]),
            Self::Locale | Self::PreferredLanguage => plan.reads(&[A::Locale]),
            Self::Timezone => plan.reads(&[A::Timezone]),
            Self::Addresses => plan.reads(&[A::Office]) || plan.reads_custom(),
        }
    }
}

struct UserSeed<'p>(&'p Plan<'p>);

impl<'de> DeserializeSeed<'de> for UserSeed<'_> {
    type Value = User<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<User<'de>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for UserSeed<'_> {
    type Value = User<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a user")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<User<'de>, A::Error> {
        let mut user = User::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match Core::of(&key) {
                Some(core) if core.is_read(self.0) => user.read(core, &mut map, self.0)?,
                None if key.is(ENTERPRISE) => map.next_value_seed(EnterpriseSeed(self.0, &mut user))?,
                None if self.0.reads_custom() && !NEVER_CUSTOM.iter().any(|name| key.is(name)) => {
                    user.extension(&key, map.next_value()?);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(user)
    }
}

impl<'de> User<'de> {
    fn read<A: MapAccess<'de>>(&mut self, core: Core, map: &mut A, plan: &Plan<'_>) -> Result<(), A::Error> {
        match core {
            Core::Id => self.id = map.next_value()?,
            Core::ExternalId => self.external_id = map.next_value()?,
            Core::UserName => self.user_name = map.next_value()?,
            Core::Name => self.name = map.next_value()?,
            Core::DisplayName => self.display_name = map.next_value()?,
            Core::Active => self.active = Some(map.next_value::<Flag>()?.0),
            Core::Emails => self.emails = map.next_value()?,
            Core::Phones => self.phones = map.next_value()?,
            Core::Title => self.title = map.next_value()?,
            Core::UserType => self.user_type = map.next_value()?,
            Core::Locale => self.locale = map.next_value()?,
            Core::PreferredLanguage => self.preferred_language = map.next_value()?,
            Core::Timezone => self.timezone = map.next_value()?,
            Core::Addresses if plan.reads_custom() => {
                let value: Json = map.next_value()?;
                // An address in a form of its own is still there to be read as a custom value.
                let addresses = Many::<Address<'_>>::deserialize(&value).unwrap_or_default();
                map::office(&addresses.0).clone_into(&mut self.office);
                self.custom(None, "addresses", value);
            }
            Core::Addresses => {
                let addresses: Many<Address<'_>> = map.next_value()?;
                map::office(&addresses.0).clone_into(&mut self.office);
            }
        }
        Ok(())
    }

    /// Something that is neither of the core schema's known attributes nor the enterprise extension.
    fn extension(&mut self, key: &Text<'de>, value: Json) {
        match value {
            Json::Object(attributes) if key.as_str().contains(':') => {
                for (name, value) in attributes {
                    self.custom(Some(key), &name, value);
                }
            }
            value => self.custom(None, key.as_str(), value),
        }
    }

    fn custom(&mut self, schema: Option<&Text<'de>>, name: &str, value: Json) {
        if !value.is_null() {
            self.customs.push(Custom {
                schema: schema.cloned(),
                name: name.to_owned(),
                value,
            });
        }
    }
}

struct EnterpriseSeed<'u, 'de>(&'u Plan<'u>, &'u mut User<'de>);

impl<'de> DeserializeSeed<'de> for EnterpriseSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EnterpriseSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(plan, user) = self;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let enterprise = &mut user.enterprise;
            let (attribute, text) = match () {
                () if key.is("employeeNumber") => (Attribute::EmployeeNumber, &mut enterprise.employee_number),
                () if key.is("costCenter") => (Attribute::CostCenter, &mut enterprise.cost_center),
                () if key.is("organization") => (Attribute::Organization, &mut enterprise.organization),
                () if key.is("division") => (Attribute::Division, &mut enterprise.division),
                () if key.is("department") => (Attribute::Department, &mut enterprise.department),
                () if key.is("manager") => {
                    if plan.reads(&[Attribute::Manager]) {
                        enterprise.manager = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    continue;
                }
                () => {
                    if plan.reads_custom() {
                        let value = map.next_value()?;
                        user.custom(Some(&enterprise_schema()), key.as_str(), value);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                    continue;
                }
            };
            if plan.reads(&[attribute]) {
                *text = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

fn enterprise_schema() -> Text<'static> {
    Text::from(ENTERPRISE)
}

/// Users of a page on their way into the batch.
pub(in super::super) struct UserRows<'r> {
    pub(in super::super) plan: &'r Plan<'r>,
    pub(in super::super) batch: &'r mut Batch,
    /// The id of the first user of the page, by which a page that comes again is known.
    pub(in super::super) first_id: Option<String>,
}

impl UserRows<'_> {
    fn write(&mut self, user: &User<'_>, chosen: &[(Attribute, Vec<String>)]) -> Result<(), Rejection> {
        if user.id.is_blank() {
            return Err(Rejection::NoId);
        }
        self.note(&user.id);
        map::write_user(self.batch, user, self.plan, chosen);
        Ok(())
    }

    fn note(&mut self, id: &Text<'_>) {
        self.first_id.get_or_insert_with(|| id.as_str().to_owned());
    }
}

impl Rows for UserRows<'_> {
    fn needs_raw(&self) -> bool {
        self.plan.has_paths()
    }

    fn row<'de, D: Deserializer<'de>>(&mut self, from: D) -> Result<Result<(), Rejection>, D::Error> {
        let user = UserSeed(self.plan).deserialize(from)?;
        Ok(self.write(&user, &[]))
    }

    fn raw(&mut self, raw: &str) -> Result<Result<(), Rejection>, serde_json::Error> {
        let mut from = serde_json::Deserializer::from_str(raw);
        let user = UserSeed(self.plan).deserialize(&mut from)?;
        let chosen = if self.plan.has_paths() {
            self.plan.at_paths(&serde_json::from_str(raw)?)
        } else {
            Vec::new()
        };
        Ok(self.write(&user, &chosen))
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.first_id = None;
    }

    fn reject(&mut self, place: String, why: String) {
        self.batch.reject_user(place, why);
    }

    fn unreadable(&mut self, known: &Identity<'_>, place: String, why: String) {
        self.note(&known.id);
        self.batch.unreadable_user(known.id.as_str(), format!("{place}: {why}"));
    }

    fn noun(&self) -> &'static str {
        "user"
    }
}

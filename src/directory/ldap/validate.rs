//! What of a configuration can't be used, found before anything is sent.

use std::collections::HashSet;

use directory_sync_model::attribute::Attribute;
use secrecy::ExposeSecret as _;

use super::{
    config::{Bind, Config},
    dn, map,
    result::configuration as refused,
};
use crate::directory::Error;

/// The largest page that is asked for.
const PAGE_LIMIT: u32 = 10_000;

/// Refuses by its field what can't be used; filters and certificates aside, which are refused where they are made use of.
pub fn check(config: &Config) -> Result<(), Error> {
    if !(1..=PAGE_LIMIT).contains(&config.page_size) {
        return Err(refused("pageSize", format!("it must be between 1 and {PAGE_LIMIT}")));
    }
    for (name, base) in [
        ("users.baseDN", &config.users.base),
        ("groups.baseDN", &config.groups.base),
    ] {
        if let Err(error) = dn::canonical(base) {
            return Err(refused(name, format!("{base:?} is no distinguished name: {error}")));
        }
    }
    if let Bind::Simple { dn, password } = &config.bind {
        if password.expose_secret().is_empty() {
            let message = "the password is empty, which servers take for an anonymous bind; fill the key of the Secret";
            return Err(refused("auth.simple.passwordSecretRef", message));
        }
        if dn.trim().is_empty() {
            return Err(refused(
                "auth.simple.bindDN",
                "it is empty; for an anonymous bind set auth.anonymous",
            ));
        }
    }
    check_attributes(config)
}

/// Attribute names that can be asked for, each attribute with a place, and none that must not be read.
fn check_attributes(config: &Config) -> Result<(), Error> {
    let Config { users, groups, .. } = config;
    let ids = users
        .attributes
        .iter()
        .filter(|(attribute, _)| *attribute == Attribute::Id);
    if ids.count() != 1 {
        return Err(refused("users.attributes.id", "exactly one attribute is the id"));
    }
    for (attribute, _) in &users.attributes {
        if matches!(attribute, Attribute::Emails | Attribute::Active | Attribute::Groups) {
            let message = "this one isn't read from an attribute of its own";
            return Err(refused(&format!("users.attributes.{attribute}"), message));
        }
    }
    let people = users
        .attributes
        .iter()
        .map(|(attribute, name)| (format!("users.attributes.{attribute}"), name))
        .chain(
            users
                .disabled
                .iter()
                .map(|disabled| ("users.disabled.attribute".to_owned(), &disabled.attribute)),
        )
        .chain(users.custom.iter().map(|name| ("users.custom".to_owned(), name)));
    let teams = [
        ("groups.attributes.id", &groups.id),
        ("groups.attributes.name", &groups.name),
    ]
    .into_iter()
    .chain(
        groups
            .description
            .iter()
            .map(|name| ("groups.attributes.description", name)),
    )
    .chain(
        groups
            .members_by_dn
            .iter()
            .map(|name| ("groups.members.dnAttributes", name)),
    )
    .chain(
        groups
            .members_by_user_name
            .iter()
            .map(|name| ("groups.members.userNameAttributes", name)),
    )
    .map(|(field, name)| (field.to_owned(), name));
    for (field, name) in people.chain(teams) {
        if !is_description(name) {
            return Err(refused(&field, format!("{name:?} is no attribute's name")));
        }
        if map::is_secret(name) {
            return Err(refused(
                &field,
                format!("{name} holds a password or a key, which is never read"),
            ));
        }
    }
    let mut customs = HashSet::new();
    match users
        .custom
        .iter()
        .find(|name| !customs.insert(name.to_ascii_lowercase()))
    {
        Some(twice) => Err(refused("users.custom", format!("{twice} is named twice"))),
        None => Ok(()),
    }
}

/// Whether a text can describe an attribute (RFC 4512 §2.5): a name or an OID, and perhaps options.
fn is_description(text: &str) -> bool {
    let mut parts = text.split(';');
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    parts.all(plain)
}

//! From SCIM's users and groups to attributes. The tables are in `docs.md`.

use std::collections::HashSet;

use directory_sync_model::{
    attribute::Attribute,
    email,
    record::RecordWriter,
    snapshot::{Batch, EntryKind},
};

use super::{
    plan::Plan,
    wire::{Address, Contact, Custom, Group, Text, User},
};

/// Writes one user. `chosen` is what stands at the paths of the connection's own.
pub(super) fn write_user(batch: &mut Batch, user: &User<'_>, plan: &Plan<'_>, chosen: &[(Attribute, Vec<String>)]) {
    batch.user(user.id.as_str().trim(), |out| {
        for (attribute, texts) in chosen {
            for text in texts {
                out.text(*attribute, text);
            }
        }
        write_standard(out, user, plan);
        if plan.reads(&[Attribute::Emails]) {
            let chosen = chosen.iter().find(|(attribute, _)| *attribute == Attribute::Email);
            write_emails(out, &user.emails.0, chosen.and_then(|(_, texts)| texts.first()));
        }
        write_customs(out, &user.customs);
    });
}

fn write_standard(out: &mut RecordWriter<'_>, user: &User<'_>, plan: &Plan<'_>) {
    let (name, enterprise) = (&user.name, &user.enterprise);
    let manager = enterprise.manager.0.first();
    let texts = [
        (Attribute::ExternalId, user.external_id.as_str()),
        (Attribute::UserName, user.user_name.as_str()),
        (Attribute::Email, address(user)),
        (Attribute::GivenName, name.given.as_str()),
        (Attribute::FamilyName, name.family.as_str()),
        (Attribute::DisplayName, first(&user.display_name, &name.formatted)),
        (Attribute::Title, user.title.as_str()),
        (Attribute::EmployeeType, user.user_type.as_str()),
        (Attribute::Locale, first(&user.locale, &user.preferred_language)),
        (Attribute::Timezone, user.timezone.as_str()),
        (Attribute::Office, user.office.as_str()),
        (Attribute::Phone, phone(&user.phones.0)),
        (Attribute::Mobile, mobile(&user.phones.0)),
        (Attribute::EmployeeNumber, enterprise.employee_number.as_str()),
        (Attribute::CostCenter, enterprise.cost_center.as_str()),
        (Attribute::Organization, enterprise.organization.as_str()),
        (Attribute::Division, enterprise.division.as_str()),
        (Attribute::Department, enterprise.department.as_str()),
        (
            Attribute::Manager,
            manager.map_or("", |manager| first(&manager.value, &manager.display_name)),
        ),
    ];
    for (attribute, text) in texts {
        if plan.reads(&[attribute]) {
            out.text(attribute, text);
        }
    }
    if plan.reads(&[Attribute::Active]) {
        out.active(user.active.unwrap_or(true));
    }
}

fn first<'t>(text: &'t Text<'_>, otherwise: &'t Text<'_>) -> &'t str {
    if text.is_blank() {
        otherwise.as_str()
    } else {
        text.as_str()
    }
}

/// The primary one, else the first of type `work`, else the first.
fn main<'v, 'a>(values: &'v [Contact<'a>]) -> Option<&'v Contact<'a>> {
    let told = || values.iter().filter(|value| !value.value.is_blank());
    let by = |wanted: fn(&&Contact<'_>) -> bool| told().find(wanted);
    by(|value| value.primary.is("true"))
        .or_else(|| by(|value| value.kind.is("work")))
        .or_else(|| told().next())
}

/// The address; where there is none at all, the login name, if it is one.
fn address<'u>(user: &'u User<'_>) -> &'u str {
    match main(&user.emails.0) {
        Some(email) => email.value.as_str(),
        None if email::normalize(user.user_name.as_str()).is_ok() => user.user_name.as_str(),
        None => "",
    }
}

fn write_emails(out: &mut RecordWriter<'_>, emails: &[Contact<'_>], chosen: Option<&String>) {
    let main = chosen
        .map(String::as_str)
        .or_else(|| main(emails).map(|email| email.value.as_str()));
    let others = emails.iter().map(|email| email.value.as_str());
    let others = others.filter(|email| main.is_none_or(|main| !main.eq_ignore_ascii_case(email)));
    main.into_iter()
        .chain(others)
        .for_each(|email| out.item(Attribute::Emails, email));
}

/// The number of type `work`, else the primary one, else the first.
fn phone<'v>(numbers: &'v [Contact<'_>]) -> &'v str {
    let told = || numbers.iter().filter(|number| !number.value.is_blank());
    let work = told().find(|number| number.kind.is("work"));
    let number = work
        .or_else(|| told().find(|number| number.primary.is("true")))
        .or_else(|| told().next());
    number.map_or("", plain_number)
}

fn mobile<'v>(numbers: &'v [Contact<'_>]) -> &'v str {
    numbers
        .iter()
        .find(|number| number.kind.is("mobile"))
        .map_or("", plain_number)
}

/// RFC 7643 §4.1.2 recommends the form `tel:+1-201-555-0123` of RFC 3966.
fn plain_number<'v>(number: &'v Contact<'_>) -> &'v str {
    let text = number.value.as_str().trim();
    match text.split_at_checked(4) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tel:") => rest,
        _ => text,
    }
}

/// The locality of the address of type `work`, else of the primary one. A home is no office.
pub(super) fn office<'v>(addresses: &'v [Address<'_>]) -> &'v str {
    let work = addresses.iter().find(|address| address.kind.is("work"));
    let main = work.or_else(|| {
        addresses
            .iter()
            .find(|address| address.primary.is("true") && !address.kind.is("home"))
    });
    main.map_or("", |address| address.locality.as_str())
}

/// Writes custom attributes under their own names. Where two schemas have one name, the core schema's is the one under
/// that name, then the enterprise extension's, then the others' by their URN; the rest goes under its full name
/// (`URN:NAME`, RFC 7644 §3.10).
fn write_customs(out: &mut RecordWriter<'_>, customs: &[Custom<'_>]) {
    let mut order: Vec<&Custom<'_>> = customs.iter().collect();
    order.sort_by_key(|custom| {
        let schema = custom.schema.as_ref();
        (
            schema.is_some_and(|schema| !schema.is(super::wire::ENTERPRISE)),
            schema.map(Text::as_str),
        )
    });
    let mut names = HashSet::new();
    for custom in order {
        match &custom.schema {
            Some(schema) if !names.insert(custom.name.as_str()) => {
                out.custom(&format!("{}:{}", schema.as_str(), custom.name), &custom.value);
            }
            _ => {
                names.insert(custom.name.as_str());
                out.custom(&custom.name, &custom.value);
            }
        }
    }
}

/// Writes one group with whatever members it tells.
pub(super) fn write_group(batch: &mut Batch, group: &Group<'_>) {
    let id = group.id.as_str().trim();
    let mut entry = batch.group(id, group.display_name.as_str().trim());
    if !group.description.is_blank() {
        entry.description(group.description.as_str().trim());
    }
    let Some(members) = &group.members else {
        entry.members_not_told();
        return;
    };
    for member in &members.0 {
        let id = member.value.as_str();
        match member.kind {
            Some(EntryKind::User) => entry.user_member(id),
            Some(EntryKind::Group) => entry.group_member(id),
            None => entry.member(id),
        };
    }
}

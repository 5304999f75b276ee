//! Decodes the pages of the contract and shows their rows.
//!
//! This is the hot path of a sync: a million users and ten million memberships pass here. A page is decoded into typed
//! rows that borrow from its bytes, with no tree in between, and is shown only when all of it was understood.

use std::{borrow::Cow, time::SystemTime};

use directory_sync_model::{
    observed::{ContainerKind, ContainerRow, MarkRow, MembershipRow, Observer, RoleRow, UserRow},
    value::AttributeValue,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    attributes::{Attributes, TAGS},
    roles::Roles,
    text::{Text, nullable},
};
use crate::{http::decode_error, platform::PageEnd};

/// Why a page can't be shown. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The body isn't what the contract says.
    #[error("the answer is not a page of {what}: {why}")]
    Malformed {
        /// What was expected, in the plural.
        what: &'static str,
        /// What is wrong and where, without the values of the page.
        why: String,
    },
    /// A user has a role that isn't among those that were read: it was made meanwhile.
    #[error("the user {user} has the role {role}, which is not among the platform's roles")]
    UnknownRole {
        /// The user's id.
        user: String,
        /// The role's id.
        role: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a, T> {
    items: Vec<T>,
    total: u64,
    #[serde(borrow, default)]
    next_cursor: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Role<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    administrator: bool,
    is_default: bool,
}

#[derive(Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    owner: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Team<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    external_id: Text<'a>,
    #[serde(borrow, deserialize_with = "nullable")]
    mark: Option<Mark<'a>>,
    #[serde(borrow)]
    etag: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inbox<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    phone_number: Text<'a>,
    #[serde(borrow, deserialize_with = "nullable")]
    mark: Option<Mark<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserMark<'a> {
    #[serde(borrow)]
    owner: Cow<'a, str>,
    #[serde(borrow, default)]
    role: Text<'a>,
    #[serde(default)]
    deactivated_time: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    external_id: Text<'a>,
    #[serde(borrow)]
    email: Cow<'a, str>,
    #[serde(borrow)]
    given_name: Text<'a>,
    #[serde(borrow)]
    family_name: Text<'a>,
    #[serde(borrow)]
    display_name: Text<'a>,
    #[serde(borrow)]
    phone: Text<'a>,
    active: bool,
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    attributes: Attributes<'a>,
    tags: Vec<String>,
    #[serde(borrow, deserialize_with = "nullable")]
    mark: Option<UserMark<'a>>,
    #[serde(borrow)]
    etag: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Membership<'a> {
    #[serde(borrow)]
    container: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "nullable")]
    mark: Option<Mark<'a>>,
}

/// Decodes a page of `GET /v1/roles`, shows its roles, and adds them to `roles`.
pub fn decode_roles(
    body: &[u8],
    roles: &mut Roles,
    observer: &mut (impl Observer + ?Sized),
) -> Result<PageEnd, PageError> {
    let page: Page<'_, Role<'_>> = decode(body, "roles")?;
    let end = end(&page);
    for role in page.items {
        roles.insert(&role.id, &role.name);
        observer.role(&RoleRow {
            name: role.name,
            administrator: role.administrator,
            default: role.is_default,
        });
    }
    Ok(end)
}

/// Decodes a page of `GET /v1/teams` and shows its teams.
pub fn decode_teams(body: &[u8], observer: &mut (impl Observer + ?Sized)) -> Result<PageEnd, PageError> {
    let page: Page<'_, Team<'_>> = decode(body, "teams")?;
    let end = end(&page);
    for team in page.items {
        observer.container(&ContainerRow {
            kind: ContainerKind::Team,
            id: team.id,
            name: team.name,
            phone: Cow::Borrowed(""),
            external_id: team.external_id.0,
            version: team.etag,
            owner: team.mark.map(|mark| mark.owner),
        });
    }
    Ok(end)
}

/// Decodes a page of `GET /v1/inboxes` and shows its inboxes.
pub fn decode_inboxes(body: &[u8], observer: &mut (impl Observer + ?Sized)) -> Result<PageEnd, PageError> {
    let page: Page<'_, Inbox<'_>> = decode(body, "inboxes")?;
    let end = end(&page);
    for inbox in page.items {
        observer.container(&ContainerRow {
            kind: ContainerKind::Inbox,
            id: inbox.id,
            name: inbox.name,
            phone: inbox.phone_number.0,
            external_id: Cow::Borrowed(""),
            version: Cow::Borrowed(""),
            owner: inbox.mark.map(|mark| mark.owner),
        });
    }
    Ok(end)
}

/// Decodes a page of `GET /v1/users` and shows its users, with the names of their roles from `roles`.
///
/// A role in a mark that doesn't exist any more is shown by its id: it equals no role that a user can have.
pub fn decode_users(body: &[u8], roles: &Roles, observer: &mut (impl Observer + ?Sized)) -> Result<PageEnd, PageError> {
    let page: Page<'_, User<'_>> = decode(body, "users")?;
    if let Some(user) = page.items.iter().find(|user| roles.name(&user.role).is_none()) {
        return Err(PageError::UnknownRole {
            user: user.id.to_string(),
            role: user.role.to_string(),
        });
    }
    let end = end(&page);
    for user in page.items {
        observer.user(&row(user, roles));
    }
    Ok(end)
}

/// Decodes a page of `GET /v1/memberships?kind=…` and shows its memberships.
pub fn decode_memberships(
    body: &[u8],
    kind: ContainerKind,
    observer: &mut (impl Observer + ?Sized),
) -> Result<PageEnd, PageError> {
    let page: Page<'_, Membership<'_>> = decode(body, "memberships")?;
    let end = end(&page);
    for membership in page.items {
        observer.membership(&MembershipRow {
            kind,
            container: membership.container,
            user: membership.user,
            owner: membership.mark.map(|mark| mark.owner),
        });
    }
    Ok(end)
}

/// Decodes a page of `GET /v1/teams` into ids and names: to find one by its name.
pub(super) fn team_names(body: &[u8]) -> Result<(Vec<(String, String)>, PageEnd), PageError> {
    let page: Page<'_, Team<'_>> = decode(body, "teams")?;
    let end = end(&page);
    let names = page.items.into_iter().map(|team| (team.id.into(), team.name.into()));
    Ok((names.collect(), end))
}

fn row<'r>(user: User<'r>, roles: &'r Roles) -> UserRow<'r> {
    let name = |id: Cow<'r, str>| roles.name(&id).map_or(id, Cow::Borrowed);
    let mut attributes = user.attributes.0;
    if !user.tags.is_empty() {
        attributes.push((Cow::Borrowed(TAGS), AttributeValue::List(user.tags)));
    }
    UserRow {
        id: user.id,
        version: user.etag,
        external_id: user.external_id.0,
        email: user.email,
        given_name: user.given_name.0,
        family_name: user.family_name.0,
        display_name: user.display_name.0,
        phone: user.phone.0,
        active: user.active,
        role: name(user.role),
        attributes,
        mark: user.mark.map(|mark| MarkRow {
            owner: mark.owner,
            role: (!mark.role.0.is_empty()).then(|| name(mark.role.0)),
            deactivated: mark.deactivated_time.map(SystemTime::from),
        }),
    }
}

fn decode<'a, T: Deserialize<'a>>(body: &'a [u8], what: &'static str) -> Result<Page<'a, T>, PageError> {
    let malformed = |why: String| PageError::Malformed { what, why };
    // UTF-8 is checked once for the whole page, which is quicker than once for each text.
    let text = std::str::from_utf8(body)
        .map_err(|error| malformed(format!("it is not UTF-8 from byte {} on", error.valid_up_to())))?;
    serde_json::from_str(text).map_err(|error| malformed(decode_error(&error)))
}

fn end<T>(page: &Page<'_, T>) -> PageEnd {
    PageEnd {
        next: (!page.next_cursor.0.is_empty()).then(|| page.next_cursor.0.to_string()),
        total: Some(page.total),
        rows: page.items.len() as u64,
    }
}

#[cfg(test)]
mod tests;

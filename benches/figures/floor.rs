//! The floor: the least that any program must do to find out what differs between the two sides.
//!
//! It decodes the same bytes with the same decoders, hashes what has to be compared, sorts the memberships and merges
//! them; it keeps no text, applies no rule and makes no plan.

use std::{cmp::Ordering, collections::hash_map::RandomState, hash::BuildHasher as _};

use directory_sync::{
    directory::scim,
    platform::rest::{Roles, decode_memberships, decode_roles, decode_teams, decode_users},
};
use directory_sync_model::{
    attribute::{Attribute, AttributeSet},
    fingerprint::{Fingerprint, FingerprintKey, Index},
    observed::{ContainerKind, ContainerRow, MembershipRow, Observer, RoleRow, UserRow},
    record::Record,
    snapshot::Batch,
    value::AttributeValue,
};

use crate::data::{Data, Expected, List};

/// No such person or group in the directory.
const UNKNOWN: u32 = u32::MAX;

/// The people and groups of the directory, numbered, and what the platform has of them.
struct Sides {
    key: FingerprintKey,
    people: Index,
    content: Vec<Fingerprint>,
    groups: Index,
    /// Group and person in one word.
    memberships: Vec<u64>,
    users: Index,
    /// The person of each user.
    person_of: Vec<u32>,
    teams: Index,
    group_of: Vec<u32>,
    /// The container of the last membership and its group: memberships come container by container.
    container: (String, u32),
    observed: Vec<u64>,
    found: Expected,
}

/// Finds the differences; on a platform that has nothing, when `platform` isn't to be read.
pub fn run(data: &Data, platform: bool) -> Expected {
    let random = RandomState::new();
    let mut sides = Sides::new(FingerprintKey::new(random.hash_one(1), random.hash_one(2)));
    sides.read_directory(data);
    if platform {
        sides.read_platform(data);
    }
    sides.merge();
    sides.found
}

/// The attributes that are compared, beside the e-mail address.
const COMPARED: [Attribute; 8] = [
    Attribute::GivenName,
    Attribute::FamilyName,
    Attribute::DisplayName,
    Attribute::Phone,
    Attribute::Title,
    Attribute::Department,
    Attribute::CostCenter,
    Attribute::Division,
];

impl Sides {
    fn new(key: FingerprintKey) -> Self {
        Self {
            key,
            people: Index::default(),
            content: Vec::new(),
            groups: Index::default(),
            memberships: Vec::new(),
            users: Index::default(),
            person_of: Vec::new(),
            teams: Index::default(),
            group_of: Vec::new(),
            container: (String::new(), UNKNOWN),
            observed: Vec::new(),
            found: Expected::default(),
        }
    }

    fn read_directory(&mut self, data: &Data) {
        let wanted = AttributeSet::of(&COMPARED);
        let mut batch = Batch::new();
        let mut pages = data.pages(List::ScimUsers).unwrap();
        while let Some(body) = pages.next_page().unwrap() {
            batch.clear();
            scim::decode_users(body, wanted, &mut batch).unwrap();
            for user in batch.users() {
                let number = count(self.content.len());
                self.people.insert(self.key.text(user.text(Attribute::Id)), number);
                self.content.push(self.content_of(user));
            }
        }
        let mut pages = data.pages(List::ScimGroups).unwrap();
        while let Some(body) = pages.next_page().unwrap() {
            batch.clear();
            scim::decode_groups(body, &mut batch).unwrap();
            let before = self.groups.len();
            for name in batch.group_names() {
                self.groups.insert(self.key.text(name), count(self.groups.len()));
            }
            for (group, member) in batch.members() {
                let person = self.people.get(self.key.bytes(member)).unwrap_or(UNKNOWN);
                self.memberships.push(pair(count(before + group), person));
            }
        }
    }

    fn content_of(&self, user: Record<'_>) -> Fingerprint {
        let mut email = user.text(Attribute::Email).to_owned();
        email.make_ascii_lowercase();
        let [given, family, display, phone, title, department, cost_center, division] =
            COMPARED.map(|attribute| user.text(attribute));
        self.hash([
            &email,
            given,
            family,
            display,
            phone,
            title,
            department,
            cost_center,
            division,
        ])
    }

    fn read_platform(&mut self, data: &Data) {
        let mut roles = Roles::default();
        let mut pages = data.pages(List::RestRoles).unwrap();
        while let Some(body) = pages.next_page().unwrap() {
            decode_roles(body, &mut roles, self).unwrap();
        }
        let mut pages = data.pages(List::RestTeams).unwrap();
        while let Some(body) = pages.next_page().unwrap() {
            decode_teams(body, self).unwrap();
        }
        let mut pages = data.pages(List::RestUsers).unwrap();
        while let Some(body) = pages.next_page().unwrap() {
            decode_users(body, &roles, self).unwrap();
        }
        let mut pages = data.pages(List::RestMemberships).unwrap();
        while let Some(body) = pages.next_page().unwrap() {
            decode_memberships(body, ContainerKind::Team, self).unwrap();
        }
    }

    fn merge(&mut self) {
        let known = self.person_of.iter().filter(|person| **person != UNKNOWN).count();
        self.found.created = (self.content.len() - known) as u64;
        self.memberships.sort_unstable();
        self.observed.sort_unstable();
        let (mut wanted, mut there) = (self.memberships.iter().peekable(), self.observed.iter().peekable());
        loop {
            let order = match (wanted.peek(), there.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => one.cmp(other),
            };
            match order {
                Ordering::Less => self.found.added += u64::from(wanted.next().is_some()),
                Ordering::Greater => self.found.removed += u64::from(there.next().is_some()),
                Ordering::Equal => {
                    wanted.next();
                    there.next();
                }
            }
        }
    }

    fn hash(&self, content: [&str; 9]) -> Fingerprint {
        let mut hasher = self.key.fields();
        for text in content {
            hasher.text(text);
        }
        hasher.finish()
    }
}

impl Observer for Sides {
    fn role(&mut self, _: &RoleRow<'_>) {}

    fn container(&mut self, team: &ContainerRow<'_>) {
        self.teams.insert(self.key.text(&team.id), count(self.group_of.len()));
        self.group_of
            .push(self.groups.get(self.key.text(&team.name)).unwrap_or(UNKNOWN));
    }

    fn user(&mut self, user: &UserRow<'_>) {
        self.users.insert(self.key.text(&user.id), count(self.person_of.len()));
        let person = self.people.get(self.key.text(&user.external_id));
        self.person_of.push(person.unwrap_or(UNKNOWN));
        let Some(person) = person else {
            self.found.left += 1;
            return;
        };
        let attribute = |name: &str| {
            let value = user.attributes.iter().find(|(of, _)| of == name);
            match value {
                Some((_, AttributeValue::Text(text))) => text.as_str(),
                Some((_, AttributeValue::List(items))) => items.first().map_or("", String::as_str),
                _ => "",
            }
        };
        let content = [
            &*user.email,
            &user.given_name,
            &user.family_name,
            &user.display_name,
            &user.phone,
            attribute("title"),
            attribute("department"),
            attribute("costCenter"),
            attribute("tags"),
        ];
        self.found.updated += u64::from(self.hash(content) != self.content[person as usize]);
    }

    fn membership(&mut self, membership: &MembershipRow<'_>) {
        if self.container.0 != membership.container {
            let team = self.teams.get(self.key.text(&membership.container));
            self.container.1 = team.map_or(UNKNOWN, |team| self.group_of[team as usize]);
            self.container.0.clear();
            self.container.0.push_str(&membership.container);
        }
        let user = self.users.get(self.key.text(&membership.user));
        let person = user.map_or(UNKNOWN, |user| self.person_of[user as usize]);
        // Whoever left takes his memberships with him.
        if person != UNKNOWN {
            self.observed.push(pair(self.container.1, person));
        }
    }
}

fn pair(group: u32, person: u32) -> u64 {
    u64::from(group) << 32 | u64::from(person)
}

fn count(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(UNKNOWN)
}

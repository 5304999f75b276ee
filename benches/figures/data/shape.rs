//! Who is there, who is in which group, and where the platform differs: all computed from numbers, nothing random.
//!
//! People are `0..users`, groups `0..groups`. Slot `t` of `0..memberships` is of group `t / 200` and holds the person
//! `t * STEP mod users`: everybody is in ten groups, and neighbours in a group are far apart in the list of people.
//! The platform has people and teams in orders of its own.

/// How many groups each person is in.
pub const GROUPS_EACH: u64 = 10;

/// How many people each group has.
pub const MEMBERS_EACH: u64 = 200;

/// Primes; none divides the number of people or groups of any scale.
const STEP: u64 = 982_451_653;
const USER_STEP: u64 = 961_748_941;
const TEAM_STEP: u64 = 179_424_673;

/// The sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub users: u64,
    pub groups: u64,
    pub memberships: u64,
}

/// Where one person differs on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// Nowhere.
    None,
    /// The title is an old one.
    Title,
    /// The family name is an old one.
    Name,
    /// The person isn't there.
    MissingUser,
    /// The person is there, and beside him one that the directory doesn't have, managed, in one team.
    ExtraUser,
    /// The person isn't in his first team.
    MissingMembership,
    /// The person is in one team more, with our mark.
    ExtraMembership,
}

/// What a plan is to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// People to create.
    pub created: u64,
    /// People to update.
    pub updated: u64,
    /// Managed people that the directory doesn't have; each is in one team.
    pub left: u64,
    /// Memberships to add, those of the people to create included.
    pub added: u64,
    /// Memberships to remove, those of the people who left not included.
    pub removed: u64,
}

impl Shape {
    /// A million people at scale 1; at least 1,000.
    #[expect(clippy::cast_sign_loss, reason = "a scale is positive")]
    pub fn of_scale(scale: f64) -> Self {
        // A multiple of 1,000 keeps the groups whole and a person's ten groups apart.
        let thousands = ((scale * 1000.0).round() as u64).max(1);
        let users = thousands * 1000;
        Self {
            users,
            groups: users * GROUPS_EACH / MEMBERS_EACH,
            memberships: users * GROUPS_EACH,
        }
    }

    /// The people of one group, in the directory's order.
    pub fn members(self, group: u64) -> impl Iterator<Item = u64> {
        (group * MEMBERS_EACH..(group + 1) * MEMBERS_EACH).map(move |slot| self.person(slot))
    }

    fn person(self, slot: u64) -> u64 {
        (slot % self.users) * (STEP % self.users) % self.users
    }

    /// Whether a group is the first of the ten of each of its people.
    pub fn is_first(self, group: u64) -> bool {
        group < self.users / MEMBERS_EACH
    }

    /// The person at a place of the platform's list.
    pub fn person_at(self, place: u64) -> u64 {
        place * (USER_STEP % self.users) % self.users
    }

    /// The group of the team at a place of the platform's list.
    pub fn group_at(self, place: u64) -> u64 {
        place * (TEAM_STEP % self.groups) % self.groups
    }

    /// Who is in the team of a group on the platform.
    pub fn team_members(self, group: u64) -> Vec<Member> {
        let first = self.is_first(group);
        let mut members = Vec::with_capacity(MEMBERS_EACH as usize + 4);
        for person in self.members(group) {
            match deviation(person) {
                Deviation::MissingUser => {}
                Deviation::MissingMembership if first => {}
                Deviation::ExtraUser if first => members.extend([Member::Person(person), Member::Beside(person)]),
                _ => members.push(Member::Person(person)),
            }
        }
        // The one team more is the one after the first.
        if let Some(before) = group.checked_sub(1).filter(|before| self.is_first(*before)) {
            let more = self
                .members(before)
                .filter(|person| deviation(*person) == Deviation::ExtraMembership);
            members.extend(more.map(Member::Person));
        }
        members
    }

    /// What a plan is to find.
    pub fn expected(self) -> Expected {
        let mut expected = Expected::default();
        for person in 0..self.users {
            match deviation(person) {
                Deviation::None => {}
                Deviation::Title | Deviation::Name => expected.updated += 1,
                Deviation::MissingUser => {
                    expected.created += 1;
                    expected.added += GROUPS_EACH;
                }
                Deviation::ExtraUser => expected.left += 1,
                Deviation::MissingMembership => expected.added += 1,
                Deviation::ExtraMembership => expected.removed += 1,
            }
        }
        expected
    }
}

/// A member of a team on the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// A person of the directory.
    Person(u64),
    /// The one beside this person, see [`Deviation::ExtraUser`].
    Beside(u64),
}

/// Where a person differs on the platform: one in a hundred does.
pub fn deviation(person: u64) -> Deviation {
    let hash = mix(person ^ 0x5eed);
    if !hash.is_multiple_of(100) {
        return Deviation::None;
    }
    match hash / 100 % 6 {
        0 => Deviation::Title,
        1 => Deviation::Name,
        2 => Deviation::MissingUser,
        3 => Deviation::ExtraUser,
        4 => Deviation::MissingMembership,
        _ => Deviation::ExtraMembership,
    }
}

/// All bits of the result depend on all bits of the number (the finaliser of `SplitMix64`).
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The directory's id of a person or group: a UUID.
pub fn uuid(kind: u64, number: u64) -> [u8; 36] {
    let words = [mix(number ^ (kind << 56)), mix(number ^ (kind << 56) ^ 0xd1ff)];
    let mut text = [b'-'; 36];
    let mut at = 0;
    for nibble in 0..32 {
        if matches!(nibble, 8 | 12 | 16 | 20) {
            at += 1;
        }
        let value = (words[nibble / 16] >> (60 - 4 * (nibble % 16))) & 15;
        text[at] = b"0123456789abcdef"[value as usize];
        at += 1;
    }
    text
}

/// The kinds of [`uuid`].
pub const USER: u64 = 1;
pub const GROUP: u64 = 2;
pub const BESIDE: u64 = 3;

/// The platform's id of the object at a place: eight digits of Crockford's base 32.
pub fn platform_id(prefix: &str, place: u64) -> String {
    let digit = |at: u32| char::from(b"0123456789abcdefghjkmnpqrstvwxyz"[(((place + 1) >> (5 * at)) & 31) as usize]);
    format!("{prefix}_{}", (0..8).rev().map(digit).collect::<String>())
}

/// What is known of a person.
pub struct Person {
    pub given: &'static str,
    pub family: &'static str,
    /// In normal form.
    pub email: String,
    pub phone: String,
    pub title: &'static str,
    pub department: &'static str,
    pub division: &'static str,
    pub cost_center: String,
}

/// The person with this number.
pub fn person(number: u64) -> Person {
    let hash = mix(number ^ 0x0a17);
    let pick = |shift: u32, from: &'static [&'static str]| from[(hash >> shift) as usize % from.len()];
    let place = |shift: u32, from: &[(&'static str, &'static str)]| from[(hash >> shift) as usize % from.len()];
    let (given, given_ascii) = place(0, &GIVEN);
    let (family, family_ascii) = place(8, &FAMILY);
    Person {
        given,
        family,
        email: format!("{given_ascii}.{family_ascii}.{number}@acme.test"),
        phone: format!("+4420{:08}", hash % 100_000_000),
        title: pick(16, &TITLES),
        department: pick(24, &DEPARTMENTS),
        division: pick(32, &DIVISIONS),
        cost_center: format!("CC-{:04}", hash >> 40 & 0xfff),
    }
}

const GIVEN: [(&str, &str); 16] = [
    ("Ann", "ann"),
    ("Bob", "bob"),
    ("Carlos", "carlos"),
    ("Dagmar", "dagmar"),
    ("Émile", "emile"),
    ("Fatima", "fatima"),
    ("Grace", "grace"),
    ("Håkon", "hakon"),
    ("Ines", "ines"),
    ("João", "joao"),
    ("Kofi", "kofi"),
    ("Linh", "linh"),
    ("Marie-Claire", "marie-claire"),
    ("Noor", "noor"),
    ("Olivia", "olivia"),
    ("Zoë", "zoe"),
];
const FAMILY: [(&str, &str); 16] = [
    ("Archer", "archer"),
    ("Bianchi", "bianchi"),
    ("Çelik", "celik"),
    ("Dubois", "dubois"),
    ("Eriksen", "eriksen"),
    ("Fernández", "fernandez"),
    ("Grant", "grant"),
    ("Haddad", "haddad"),
    ("Ivanova", "ivanova"),
    ("Jansen", "jansen"),
    ("Kowalska", "kowalska"),
    ("Lindqvist", "lindqvist"),
    ("Müller", "mueller"),
    ("O'Brien", "obrien"),
    ("Nakamura", "nakamura"),
    ("van der Berg", "vanderberg"),
];
const TITLES: [&str; 8] = [
    "Support Agent",
    "Senior Support Agent",
    "Team Lead",
    "Account Manager",
    "Engineer",
    "Director of Operations",
    "Analyst",
    "Supervisor",
];
const DEPARTMENTS: [&str; 8] = [
    "Support",
    "Sales",
    "Research & Development",
    "Finance",
    "Human Resources",
    "Operations",
    "Legal",
    "Marketing",
];
const DIVISIONS: [&str; 4] = ["EMEA", "AMER", "APAC", "Global"];

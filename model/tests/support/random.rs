//! Small worlds in which everything collides: shared addresses, rings, cycles of groups, twins, marks of others.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::subsequence};

use directory_sync_model::{
    limits::Limits,
    observed::{ContainerKind, Mark},
    rules::{Adoption, Deprovision, Mapping, Rules, UserScope},
    snapshot::Doubt,
};

use super::{
    Directory, MappingWords, OTHER, OWNER, Platform, RulesWords, World, directory, group, mapping, person, platform,
    platform::{Container, User, user},
    rules,
    world::{DAY, noon},
};

const HOUR: Duration = Duration::from_hours(1);

/// The ids of all people.
pub const PEOPLE: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
const GROUPS: [&str; 4] = ["A", "B", "C", "D"];
const TEAMS: [&str; 4] = ["T0", "T1", "T2", "A"];
const ROLES: [&str; 4] = ["member", "agent", "lead", "admin"];

/// A person's department, which filters and mappings read.
pub const SALES: &str = "Sales";

/// What a filter or a made group may ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Question {
    IsInSales,
    HasPhone,
    FailsForSales,
}

impl Question {
    pub fn expression(self) -> &'static str {
        match self {
            Self::IsInSales => "user.department == 'Sales'",
            Self::HasPhone => "user.phone != ''",
            Self::FailsForSales => "user.department == 'Sales' ? user.custom.nothing == '' : true",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Select {
    Id(usize),
    Name(usize),
    Regex(&'static str),
    Members(Question),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Team {
    Id(usize),
    Name(usize),
    /// The name of the group; that of B can't be told.
    Expression,
}

/// A mapping in plain data.
#[derive(Clone, Debug)]
pub struct MappingSpec {
    pub group: Select,
    pub team: Option<Team>,
    pub create: bool,
    pub role: Option<usize>,
    pub inbox: bool,
    pub priority: i32,
    pub suspended: bool,
}

/// Rules in plain data: they can be made as often as a test needs them.
#[derive(Clone, Debug)]
pub struct RulesSpec {
    pub everybody: bool,
    pub filter: Option<Question>,
    pub default_role: Option<&'static str>,
    pub adoption: Adoption,
    pub deprovision: Deprovision,
    pub min_administrators: u32,
    pub protected_user: Option<usize>,
    pub protected_role: Option<usize>,
    pub protected_team: Option<usize>,
    /// Whether the other connection hands its users over.
    pub takes_over: bool,
    pub limits: Limits,
    pub mappings: Vec<MappingSpec>,
}

impl RulesSpec {
    pub fn rules(&self) -> Rules {
        let mut rules = rules().attribute("department", "user.department");
        if self.everybody {
            rules.scope = UserScope::All;
        }
        if let Some(filter) = self.filter {
            rules = rules.who(filter.expression());
        }
        rules.default_role = self.default_role.map(str::to_owned);
        rules.adoption = self.adoption;
        rules.deprovision = self.deprovision;
        rules.protect.min_administrators = self.min_administrators;
        if let Some(at) = self.protected_user {
            rules = rules.protecting_user(&address(at));
        }
        if let Some(at) = self.protected_role {
            rules = rules.protecting_role(ROLES[at]);
        }
        if let Some(at) = self.protected_team {
            rules = rules.protecting_team(TEAMS[at]);
        }
        if self.takes_over {
            rules = rules.taking_over_from(OTHER);
        }
        rules.limits = self.limits;
        let mappings = self.mappings.iter().enumerate();
        rules
            .mappings
            .extend(mappings.map(|(at, spec)| spec.mapping(&format!("m{at}"))));
        rules
    }
}

impl RulesSpec {
    pub fn protects_team(&self, team: &Container) -> bool {
        let protects = |at: usize| team.name.eq_ignore_ascii_case(TEAMS[at]);
        team.kind == ContainerKind::Team && self.protected_team.is_some_and(protects)
    }
}

impl MappingSpec {
    fn mapping(&self, name: &str) -> Mapping {
        let mut made = match &self.group {
            Select::Id(at) => mapping("x").of_group_id(&format!("g-{}", GROUPS[*at])),
            Select::Name(at) => mapping(GROUPS[*at]),
            Select::Regex(pattern) => mapping("x").of_groups_like(pattern),
            Select::Members(question) => mapping("x").of_people_who(question.expression()),
        }
        .called(name)
        .first(self.priority);
        made = match &self.team {
            None => made,
            Some(Team::Id(at)) => made.to_team_id(&format!("t-{}", TEAMS[*at])),
            Some(Team::Name(at)) => made.to_team(TEAMS[*at]),
            Some(Team::Expression) => made.to_team_named_by("group.name == 'B' ? '' : group.name"),
        };
        made.create_team = self.create;
        made.role = self.role.map(|at| ROLES[at].to_owned());
        made.suspended = self.suspended;
        if self.inbox { made.to_inbox("I") } else { made }
    }
}

fn address(at: usize) -> String {
    format!("m{at}@acme.test")
}

fn some_of(ids: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let owned = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
    subsequence(ids, 0..=ids.len()).prop_map(owned)
}

/// A directory; incomplete ones are one in ten.
pub fn directories() -> impl Strategy<Value = Directory> {
    let a_person = (0_usize..9, any::<bool>(), any::<bool>(), 0_u8..8, 0_u8..60);
    let people = vec(option::weighted(0.8, a_person), PEOPLE.len());
    let a_group = (
        some_of(&PEOPLE),
        some_of(&["g-A", "g-B", "g-C", "g-D"]),
        0_u8..12,
        0_u8..10,
        0_u8..8,
    );
    let groups = vec(option::weighted(0.85, a_group), GROUPS.len());
    (
        people,
        groups,
        option::weighted(0.1, any::<bool>()),
        0_u8..20,
        0_usize..4,
    )
        .prop_map(|(people, groups, doubt, repeated, page)| {
            let mut made = directory();
            for (id, found) in PEOPLE.iter().zip(people) {
                let Some((mail, phone, sales, active, unreadable)) = found else {
                    continue;
                };
                let mut one = person(id).email(&address(mail)).phone(if phone { "1" } else { "" });
                if mail == 8 {
                    one = one.email("no address");
                }
                if sales {
                    one = one.department(SALES);
                }
                if active == 0 {
                    one = one.disabled();
                }
                if unreadable == 0 {
                    one = one.unreadable();
                }
                made.add(one);
            }
            if let (0, Some(first)) = (repeated, made.people.first().cloned()) {
                made.add(first.phone("2"));
            }
            for (at, (name, found)) in GROUPS.iter().zip(groups).enumerate() {
                let Some((people, nested, told, twin, renamed)) = found else {
                    continue;
                };
                let mut one = group(name);
                if renamed == 0 {
                    GROUPS[(at + 1) % GROUPS.len()].clone_into(&mut one.name);
                }
                one.members.extend(people);
                if told > 8 {
                    one.members.extend(nested);
                }
                one.told = told != 0;
                if twin == 0 {
                    made.add(one.clone().id(&format!("twin-{name}")));
                }
                made.add(one);
            }
            match doubt {
                Some(true) => made.doubts_about_users.push(Doubt::SizeLimit),
                Some(false) => made.doubts_about_groups.push(Doubt::RepeatedCursor),
                None => {}
            }
            made.page = page;
            made
        })
}

fn mappings() -> impl Strategy<Value = MappingSpec> {
    let question = prop_oneof![
        4 => Just(Question::IsInSales),
        4 => Just(Question::HasPhone),
        1 => Just(Question::FailsForSales)
    ];
    let select = prop_oneof![
        2 => (0..GROUPS.len()).prop_map(Select::Id),
        4 => (0..GROUPS.len()).prop_map(Select::Name),
        2 => prop_oneof![Just("[AB]"), Just("[ACD]"), Just("x")].prop_map(Select::Regex),
        2 => question.prop_map(Select::Members),
    ];
    let team = prop_oneof![
        1 => (0..TEAMS.len()).prop_map(Team::Id),
        3 => (0..TEAMS.len()).prop_map(Team::Name),
        2 => Just(Team::Expression),
    ];
    (
        select,
        option::weighted(0.8, team),
        any::<bool>(),
        option::of(0..ROLES.len()),
        option::weighted(0.3, Just(())),
        prop_oneof![Just(100), Just(200)],
        0_u8..8,
    )
        .prop_map(|(group, team, create, role, inbox, priority, suspended)| MappingSpec {
            group,
            team,
            create,
            role,
            inbox: inbox.is_some(),
            priority,
            suspended: suspended == 0,
        })
}

/// Rules with limits that hold nothing, or with tight ones.
pub fn specifications(tight: bool) -> impl Strategy<Value = RulesSpec> {
    let limits = (0_u8..60, 0_u32..8, option::of(0_u32..4));
    let filter = prop_oneof![Just(Question::IsInSales), Just(Question::HasPhone)];
    let default_role = prop_oneof![Just("member"), Just("agent"), Just("lead"), Just("nowhere")];
    let adoption = prop_oneof![
        3 => Just(Adoption::Email),
        1 => Just(Adoption::ExternalId),
        1 => Just(Adoption::Never)
    ];
    let deprovision = prop_oneof![
        2 => Just(Deprovision::Deactivate),
        1 => Just(Deprovision::DeleteAfter(Duration::ZERO)),
        2 => Just(Deprovision::DeleteAfter(7 * DAY)),
        1 => Just(Deprovision::Keep)
    ];
    (
        any::<bool>(),
        option::weighted(0.3, filter),
        option::weighted(0.5, default_role),
        (adoption, deprovision, 1_u32..4),
        option::weighted(0.2, 0_usize..8),
        option::weighted(0.2, 0..ROLES.len()),
        (option::weighted(0.15, 0..TEAMS.len()), 0_u8..4),
        limits,
        vec(mappings(), 0..5),
    )
        .prop_map(
            move |(everybody, filter, default_role, leaving, user, role, (team, former), limits, mappings)| RulesSpec {
                everybody,
                filter,
                default_role,
                adoption: leaving.0,
                deprovision: leaving.1,
                min_administrators: leaving.2,
                protected_user: user,
                protected_role: role,
                protected_team: team,
                takes_over: former == 0,
                limits: if tight {
                    let (max_percent, min_population, max_count) = limits;
                    Limits {
                        max_percent,
                        min_population,
                        max_count,
                    }
                } else {
                    rules().limits
                },
                mappings,
            },
        )
}

/// A user: whose external id, which address, which role, which role given, active, whose mark, deactivated by us
/// how many hours before one in the afternoon.
type UserSpec = (Option<usize>, usize, usize, Option<usize>, u8, u8, Option<u32>);

fn a_user(id: &str, (external_id, mail, role, given, active, mark, deactivated): UserSpec) -> User {
    let mut made = user(id)
        .email(&address(mail))
        .role(if role == ROLES.len() { "" } else { ROLES[role] });
    if let Some(at) = external_id {
        made = made.external_id(PEOPLE[at]);
    }
    made.active = active > 0;
    let owner = match mark {
        0..=4 => OWNER,
        5 => OTHER,
        _ => return made,
    };
    made.mark = Some(Mark {
        owner: owner.to_owned(),
        role: given.map(|at| ROLES[at].to_owned()),
        // An hour after noon is what a clock leaves that was wrong.
        deactivated: deactivated.map(|hours| noon() + HOUR - hours * HOUR),
    });
    made
}

/// A platform on which addresses and external ids are unique, as on a real one.
pub fn platforms() -> impl Strategy<Value = Platform> {
    let spec = (
        option::weighted(0.8, 0..PEOPLE.len()),
        0_usize..9,
        0..=ROLES.len(),
        option::of(0..ROLES.len()),
        0_u8..5,
        0_u8..9,
        option::of(prop_oneof![Just(241_u32), Just(169), Just(25), Just(1), Just(0)]),
    );
    let users = vec(option::weighted(0.8, spec), PEOPLE.len() + 2);
    let memberships = vec((0_usize..6, 0_usize..9, 0_u8..4), 0..25);
    (
        users,
        subsequence(&TEAMS[..], 0..=TEAMS.len()),
        (0_u8..8, vec((0_u8..6, 0_usize..6), TEAMS.len())),
        memberships,
        option::weighted(0.2, 0_usize..9),
    )
        .prop_map(|(users, teams, (twin, makers), memberships, own)| {
            let mut made = teams.into_iter().fold(platform().inbox("I", ""), Platform::team);
            let held = made
                .containers
                .iter_mut()
                .filter(|held| held.kind == ContainerKind::Team);
            for (team, (maker, group)) in held.zip(makers) {
                team.owner = match maker {
                    0..=2 => Some(OWNER.to_owned()),
                    3 => Some(OTHER.to_owned()),
                    _ => None,
                };
                let group = GROUPS.get(group).filter(|_| team.owner.is_some());
                team.external_id = group.map(|group| format!("g-{group}")).unwrap_or_default();
            }
            if twin == 0 {
                made = made.container(ContainerKind::Team, "t-twin", "t0", "");
            }
            for (at, spec) in users.into_iter().enumerate() {
                let Some(spec) = spec else { continue };
                let mut one = a_user(PEOPLE.get(at).copied().unwrap_or(if at == 7 { "x" } else { "y" }), spec);
                if made.users.iter().any(|other| other.email == one.email) {
                    one.email = format!("{}@elsewhere.test", one.id);
                }
                if made.users.iter().any(|other| other.external_id == one.external_id) {
                    one.external_id.clear();
                }
                made.users.push(one);
            }
            for (container, user, owner) in memberships {
                let (Some(container), Some(user)) = (made.containers.get(container), made.users.get(user)) else {
                    continue;
                };
                let owner = match owner {
                    0 => None,
                    1 => Some(OTHER.to_owned()),
                    _ => Some(OWNER.to_owned()),
                };
                made.memberships.insert((container.id.clone(), user.id.clone()), owner);
            }
            made.own_account = own.and_then(|at| made.users.get(at)).map(|user| user.id.clone());
            made
        })
}

/// A world, and the directory as it is at the next sync.
pub fn worlds(tight: bool) -> impl Strategy<Value = (Directory, Directory, RulesSpec, Platform)> {
    (directories(), directories(), specifications(tight), platforms())
}

/// The world of a specification. Without any mapping it has none: then nothing is removed.
pub fn world(directory: &Directory, spec: &RulesSpec, platform: &Platform) -> World {
    World {
        directory: directory.clone(),
        rules: spec.rules(),
        platform: platform.clone(),
        approved: None,
        now: noon(),
    }
}

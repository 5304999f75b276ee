//! The platform's side: pages of the `rest` contract, in the order of the platform's ids.

use std::io::{self, Write as _};

use super::{
    Shape,
    scim_pages::name,
    shape::{BESIDE, Deviation, Member, USER, deviation, person, platform_id, uuid},
    store::PageWriter,
};

/// Who manages everything.
pub const OWNER: &str = "bench/acme";

/// The id of the role `member`.
pub const MEMBER_ROLE: &str = "role_00000004";

const PER_PAGE: u64 = 1000;

pub fn write_roles(mut out: PageWriter) -> io::Result<()> {
    let role = |id: &str, name: &str, administrator: bool, default: bool| {
        format!(
            concat!(
                r#"{{"id":"{}","name":"{}","description":null,"kind":"default","administrator":{},"isDefault":{}}}"#,
            ),
            id, name, administrator, default
        )
    };
    let roles = [
        role("role_00000001", "owner", true, false),
        role("role_00000002", "administrator", true, false),
        role("role_00000003", "agent", false, false),
        role(MEMBER_ROLE, "member", false, true),
    ];
    out.page(format!(r#"{{"items":[{}],"total":4}}"#, roles.join(",")).as_bytes())?;
    out.finish()
}

pub fn write_inboxes(mut out: PageWriter) -> io::Result<()> {
    out.page(br#"{"items":[],"total":0}"#)?;
    out.finish()
}

pub fn write_teams(shape: Shape, out: PageWriter) -> io::Result<()> {
    let mut list = Lister::new(out, shape.groups);
    for place in 0..shape.groups {
        let id = platform_id("team", place);
        let name = name(shape.group_at(place));
        let item = list.item(&id)?;
        write!(
            item,
            concat!(
                r#"{{"id":"{}","name":"{}","description":null,"mark":{{"owner":"{}"}},"#,
                r#""createdTime":"2026-03-01T08:00:00.000Z","updatedTime":"2026-03-01T08:00:00.000Z","etag":"1"}}"#,
            ),
            id, name, OWNER,
        )?;
    }
    list.finish()
}

pub fn write_users(shape: Shape, out: PageWriter) -> io::Result<()> {
    let beside: Vec<u64> = (0..shape.users)
        .filter(|number| deviation(*number) == Deviation::ExtraUser)
        .collect();
    let expected = shape.expected();
    let mut list = Lister::new(out, shape.users - expected.created + expected.left);
    for place in 0..shape.users {
        let number = shape.person_at(place);
        if deviation(number) != Deviation::MissingUser {
            let id = platform_id("usr", place);
            write_user(list.item(&id)?, &id, number, deviation(number))?;
        }
    }
    for (at, number) in beside.into_iter().enumerate() {
        let id = platform_id("usr", shape.users + at as u64);
        write_beside(list.item(&id)?, &id, number)?;
    }
    list.finish()
}

fn write_user(item: &mut Vec<u8>, id: &str, number: u64, deviation: Deviation) -> io::Result<()> {
    let person = person(number);
    let title = if deviation == Deviation::Title {
        "Trainee"
    } else {
        person.title
    };
    let family = if deviation == Deviation::Name {
        "Formerly"
    } else {
        person.family
    };
    write!(
        item,
        concat!(
            r#"{{"id":"{id}","externalId":"{external}","email":"{email}","givenName":"{given}","familyName":"{family}","#,
            r#""displayName":"{given} {real}","phone":"{phone}","active":true,"role":"{role}","#,
            r#""attributes":{{"costCenter":"{cost}","department":"{department}","title":"{title}"}},"#,
            r#""tags":["{division}"],"mark":{{"owner":"{owner}","role":"{role}"}},"#,
            r#""createdTime":"2026-03-01T08:00:00.000Z","updatedTime":"2026-03-02T08:00:00.125Z","etag":"3"}}"#,
        ),
        id = id,
        external = String::from_utf8_lossy(&uuid(USER, number)),
        email = person.email,
        given = person.given,
        family = family,
        real = person.family,
        phone = person.phone,
        role = MEMBER_ROLE,
        cost = person.cost_center,
        department = person.department,
        title = title,
        division = person.division,
        owner = OWNER,
    )
}

fn write_beside(item: &mut Vec<u8>, id: &str, number: u64) -> io::Result<()> {
    write!(
        item,
        concat!(
            r#"{{"id":"{id}","externalId":"{external}","email":"former.{number}@acme.test","givenName":"Former","#,
            r#""familyName":"Employee","displayName":null,"phone":null,"active":true,"role":"{role}","attributes":{{}},"#,
            r#""tags":[],"mark":{{"owner":"{owner}","role":"{role}"}},"#,
            r#""createdTime":"2026-03-01T08:00:00.000Z","updatedTime":"2026-03-02T08:00:00.125Z","etag":"3"}}"#,
        ),
        id = id,
        external = String::from_utf8_lossy(&uuid(BESIDE, number)),
        number = number,
        role = MEMBER_ROLE,
        owner = OWNER,
    )
}

pub fn write_memberships(shape: Shape, out: PageWriter) -> io::Result<()> {
    let mut places = vec![0_u32; shape.users as usize];
    let mut beside = std::collections::HashMap::new();
    for place in 0..shape.users {
        places[shape.person_at(place) as usize] = place as u32;
    }
    for number in (0..shape.users).filter(|number| deviation(*number) == Deviation::ExtraUser) {
        beside.insert(number, shape.users + beside.len() as u64);
    }
    let expected = shape.expected();
    let total = shape.memberships - expected.added + expected.removed + expected.left;
    let ids: Vec<String> = (0..shape.users + expected.left)
        .map(|place| platform_id("usr", place))
        .collect();
    let mut list = Lister::new(out, total);
    for place in 0..shape.groups {
        let team = platform_id("team", place);
        let members = shape.team_members(shape.group_at(place));
        let mut members: Vec<u64> = members
            .into_iter()
            .map(|member| match member {
                Member::Person(number) => u64::from(places[number as usize]),
                Member::Beside(number) => beside[&number],
            })
            .collect();
        members.sort_unstable();
        for member in members {
            let user = &ids[member as usize];
            let item = list.item_of(&team, user)?;
            for part in [
                r#"{"container":""#,
                &team,
                r#"","user":""#,
                user,
                r#"","mark":{"owner":""#,
                OWNER,
                r#""}}"#,
            ] {
                item.extend_from_slice(part.as_bytes());
            }
        }
    }
    list.finish()
}

/// Cuts items into pages that name the next one by the last item's id.
struct Lister {
    out: PageWriter,
    body: Vec<u8>,
    items: u64,
    cursor: String,
    total: u64,
    written: u64,
}

impl Lister {
    fn new(out: PageWriter, total: u64) -> Self {
        Self {
            out,
            body: Vec::new(),
            items: 0,
            cursor: String::new(),
            total,
            written: 0,
        }
    }

    /// Where to write the item with this id.
    fn item(&mut self, id: &str) -> io::Result<&mut Vec<u8>> {
        self.item_of(id, "")
    }

    /// Where to write the membership of these two.
    fn item_of(&mut self, container: &str, user: &str) -> io::Result<&mut Vec<u8>> {
        if self.items == PER_PAGE {
            self.page(false)?;
        }
        self.body
            .extend_from_slice(if self.items == 0 { br#"{"items":["# } else { b"," });
        self.items += 1;
        self.cursor.clear();
        self.cursor.push_str(container);
        if !user.is_empty() {
            self.cursor.push('.');
            self.cursor.push_str(user);
        }
        Ok(&mut self.body)
    }

    fn page(&mut self, last: bool) -> io::Result<()> {
        self.written += self.items;
        write!(self.body, r#"],"total":{}"#, self.total)?;
        if !last {
            write!(self.body, r#","nextCursor":"{}""#, self.cursor)?;
        }
        self.body.push(b'}');
        self.out.page(&self.body)?;
        self.body.clear();
        self.items = 0;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.page(true)?;
        assert_eq!(self.written, self.total, "the total is what was written");
        self.out.finish()
    }
}

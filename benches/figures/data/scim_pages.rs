//! The directory's side: list pages of a SCIM 2.0 service provider (RFC 7643, RFC 7644 §3.4.2).

use std::io::{self, Write as _};

use super::{
    Shape,
    shape::{GROUP, USER, person, uuid},
    store::PageWriter,
};

const USERS_PER_PAGE: u64 = 1000;
const GROUPS_PER_PAGE: u64 = 100;

pub fn write_users(shape: Shape, mut out: PageWriter) -> io::Result<()> {
    let mut body = Vec::new();
    for start in (0..shape.users).step_by(USERS_PER_PAGE as usize) {
        let end = (start + USERS_PER_PAGE).min(shape.users);
        begin(&mut body, shape.users, start, end)?;
        for number in start..end {
            separate(&mut body, number == start);
            write_user(&mut body, number)?;
        }
        body.extend_from_slice(b"]}");
        out.page(&body)?;
    }
    out.finish()
}

fn write_user(body: &mut Vec<u8>, number: u64) -> io::Result<()> {
    let id = uuid(USER, number);
    let id = String::from_utf8_lossy(&id);
    let person = person(number);
    // Directories keep addresses as somebody typed them.
    let mut email = person.email;
    if number.is_multiple_of(16) {
        email[..1].make_ascii_uppercase();
    }
    write!(
        body,
        concat!(
            r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","#,
            r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"id":"{id}","externalId":"e{number:07}","#,
            r#""userName":"{email}","name":{{"formatted":"{given} {family}","familyName":"{family}","givenName":"{given}"}},"#,
            r#""displayName":"{given} {family}","title":"{title}","userType":"Employee","active":true,"#,
            r#""emails":[{{"value":"{email}","type":"work","primary":true}}],"#,
            r#""phoneNumbers":[{{"value":"{phone}","type":"work"}}],"#,
            r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{{"employeeNumber":"{number}","#,
            r#""costCenter":"{cost}","division":"{division}","department":"{department}"}},"#,
            r#""meta":{{"resourceType":"User","created":"2024-03-01T08:00:00Z","lastModified":"2026-02-03T10:11:12Z","#,
            r#""version":"W/\"1\"","location":"https://idp.acme.test/scim/v2/Users/{id}"}}}}"#,
        ),
        id = id,
        number = number,
        email = email,
        given = person.given,
        family = person.family,
        title = person.title,
        phone = person.phone,
        cost = person.cost_center,
        division = person.division,
        department = person.department,
    )
}

pub fn write_groups(shape: Shape, mut out: PageWriter) -> io::Result<()> {
    let users: Vec<[u8; 36]> = (0..shape.users).map(|number| uuid(USER, number)).collect();
    let mut body = Vec::new();
    for start in (0..shape.groups).step_by(GROUPS_PER_PAGE as usize) {
        let end = (start + GROUPS_PER_PAGE).min(shape.groups);
        begin(&mut body, shape.groups, start, end)?;
        for group in start..end {
            separate(&mut body, group == start);
            let id = uuid(GROUP, group);
            let id = String::from_utf8_lossy(&id);
            write!(
                body,
                r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"{id}","displayName":"{}","members":["#,
                name(group)
            )?;
            for (at, user) in shape.members(group).enumerate() {
                separate(&mut body, at == 0);
                body.extend_from_slice(br#"{"value":""#);
                body.extend_from_slice(&users[user as usize]);
                body.extend_from_slice(br#"","type":"User"}"#);
            }
            write!(
                body,
                r#"],"meta":{{"resourceType":"Group","location":"https://idp.acme.test/scim/v2/Groups/{id}"}}}}"#
            )?;
        }
        body.extend_from_slice(b"]}");
        out.page(&body)?;
    }
    out.finish()
}

/// The name of a group and of its team.
pub fn name(group: u64) -> String {
    format!("team-{group:05}")
}

fn begin(body: &mut Vec<u8>, total: u64, start: u64, end: u64) -> io::Result<()> {
    body.clear();
    write!(
        body,
        concat!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{},"#,
            r#""startIndex":{},"itemsPerPage":{},"Resources":["#,
        ),
        total,
        start + 1,
        end - start,
    )
}

fn separate(body: &mut Vec<u8>, first: bool) {
    if !first {
        body.push(b',');
    }
}

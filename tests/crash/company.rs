//! The people of a directory, as a file and as a SCIM server tells them.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

/// The host under which the operator reaches the SCIM server.
pub const HOST: &str = "scim.test";

/// One person.
#[derive(Clone, Debug)]
pub struct Person {
    /// The directory's id.
    pub id: String,
    /// His address.
    pub email: String,
    /// His department.
    pub department: String,
    /// The names of his groups.
    pub groups: Vec<&'static str>,
    /// Whether he is active.
    pub active: bool,
}

/// A person with this number, in these groups.
pub fn person(number: u32, groups: &[&'static str]) -> Person {
    Person {
        id: format!("e-{number:03}"),
        email: format!("p{number}@acme.test"),
        department: format!("D{}", number % 3),
        groups: groups.to_vec(),
        active: true,
    }
}

/// The company as a file.
pub fn file(people: &[Person]) -> Value {
    let mut rows = String::from("id,email,givenName,familyName,department,active,groups\n");
    for Person {
        id,
        email,
        department,
        groups,
        active,
    } in people
    {
        let groups = groups.join(";");
        writeln!(rows, "{id},{email},Given {id},Family,{department},{active},{groups}").unwrap();
    }
    json!({ "people.csv": rows })
}

/// A SCIM 2.0 server with index paging (RFC 7644 §3.4.2.4).
#[derive(Debug, Default)]
pub struct Scim(Mutex<Vec<Person>>);

impl Scim {
    /// Has these people from now on.
    pub fn set(&self, people: Vec<Person>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = people;
    }

    /// The people that it has.
    pub fn people(&self) -> Vec<Person> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let people = self.people();
        let resources: Vec<Value> = match request.uri().path() {
            "/v2/Users" => people.iter().map(user).collect(),
            "/v2/Groups" => groups(&people),
            _ => {
                let mut answer = Response::new(Bytes::from_static(b"{}"));
                *answer.status_mut() = http::StatusCode::NOT_FOUND;
                return answer;
            }
        };
        let number = |name: &str| -> Option<usize> {
            let query = request.uri().query().unwrap_or_default();
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name)?.1.parse().ok()
        };
        let (start, count) = (number("startIndex").unwrap_or(1).max(1), number("count").unwrap_or(100));
        let page: Vec<&Value> = resources.iter().skip(start - 1).take(count).collect();
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": resources.len(),
            "startIndex": start, "itemsPerPage": page.len(), "Resources": page,
        });
        Response::new(list.to_string().into())
    }
}

fn user(person: &Person) -> Value {
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "id": person.id, "userName": person.email, "active": person.active,
        "name": { "givenName": format!("Given {}", person.id), "familyName": "Family" },
        "emails": [{ "value": person.email, "primary": true }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": person.department },
    })
}

fn groups(people: &[Person]) -> Vec<Value> {
    let mut names: Vec<_> = people.iter().flat_map(|person| &person.groups).collect();
    names.sort_unstable();
    names.dedup();
    let group = |name: &&'static str| {
        let members = people.iter().filter(|person| person.groups.contains(name));
        let members: Vec<_> = members.map(|person| json!({ "value": person.id })).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "id": format!("g-{name}"), "displayName": name, "members": members,
        })
    };
    names.into_iter().map(group).collect()
}

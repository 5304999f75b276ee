//! Tries everything that a read needs, with the smallest requests that show it.

use directory_sync_model::attribute::{Attribute, AttributeSet};

use super::{
    LdapDirectory, Map,
    client::{Running, Session},
    config::{Config, Scope},
    entry::{Columns, Row},
    protocol::{filter, message::PAGED_RESULTS},
};
use crate::{
    directory::{Error, Finding, Part},
    fault,
};

/// How many entries of each kind are looked at.
const SAMPLE: u32 = 20;

/// What was seen of one kind of entry.
#[derive(Default)]
struct Seen {
    entries: u32,
    with_id: u32,
    with_name: u32,
    /// People: an e-mail address; groups: a membership attribute.
    with_purpose: u32,
}

/// Connects, binds, looks for bases, and reads a few people and groups. Stops where nothing further can succeed.
pub(super) async fn check(directory: &LdapDirectory) -> Vec<Finding> {
    let config = &directory.config;
    let mut findings = Vec::new();
    let session = directory.open().await;
    let tried = format!("connect and bind to {}", config.address);
    let mut session = match session {
        Ok(session) => {
            findings.push(found(tried, "done"));
            session
        }
        Err(error) => {
            findings.push(missing(tried, fault::chain(&error)));
            return findings;
        }
    };
    let pages = paging(&mut session).await;
    findings.push(finding("paged results", pages));
    for part in [Part::Users, Part::Groups] {
        let (base, field) = match part {
            Part::Users => (&config.users.base, "people"),
            Part::Groups => (&config.groups.base, "groups"),
        };
        let outcome = find_base(&mut session, field, base).await;
        let there = outcome.is_ok();
        findings.push(finding(format!("find the base of {field}, {base:?}"), outcome));
        if there {
            let seen = sample(directory, &mut session, part).await;
            let outcome = seen.and_then(|seen| judge(&seen, part, config));
            findings.push(finding(format!("read some {field}"), outcome));
        }
    }
    session.unbind().await;
    findings
}

/// Whether the server offers pages (RFC 4512 §5.1); without them its size limit must be lifted for the account.
async fn paging(session: &mut Session) -> Result<String, String> {
    let everything = filter::encode("(objectClass=*)").map_err(|error| error.to_string())?;
    let mut columns = Columns::default();
    let controls = columns.add("supportedControl");
    let mut running = Running::new(
        "the server's own entry",
        "",
        Scope::Base,
        everything,
        columns.names().to_vec(),
    );
    let mut offered = None;
    let asked = session.sample(&mut running, 1, |entry| {
        let row = Row::read(entry, &columns)?;
        offered = row
            .has(controls)
            .then(|| row.texts(controls).any(|oid| oid == PAGED_RESULTS));
        Ok(())
    });
    asked.await.map_err(|error| fault::chain(&error))?;
    match offered {
        Some(true) => Ok("the server offers them".to_owned()),
        Some(false) => {
            Ok("the server doesn't offer them: make sure that no size limit applies to the account".to_owned())
        }
        None => Ok("the server doesn't say whether it offers them".to_owned()),
    }
}

async fn find_base(session: &mut Session, what: &'static str, base: &str) -> Result<String, String> {
    let everything = filter::encode("(objectClass=*)").map_err(|error| error.to_string())?;
    let mut running = Running::new(what, base, Scope::Base, everything, vec!["1.1".to_owned()]);
    match session.sample(&mut running, 1, |_| Ok(())).await {
        Ok(0) => Err("the base is there, but the account may not read it; grant it read access".to_owned()),
        Ok(_) => Ok("it is there".to_owned()),
        Err(error) => Err(fault::chain(&error)),
    }
}

async fn sample(directory: &LdapDirectory, session: &mut Session, part: Part) -> Result<Seen, String> {
    let (mut running, _map): (Running, Map) = directory.search(part, AttributeSet::EMPTY);
    let mut columns = Columns::default();
    let Config { users, groups, .. } = &directory.config;
    let names_of = |attribute: Attribute| users.attributes.iter().filter(move |(known, _)| *known == attribute);
    let (ids, names, purposes): (Vec<&str>, Vec<&str>, Vec<&str>) = match part {
        Part::Users => (
            names_of(Attribute::Id).map(|(_, name)| name.as_str()).collect(),
            names_of(Attribute::UserName).map(|(_, name)| name.as_str()).collect(),
            names_of(Attribute::Email).map(|(_, name)| name.as_str()).collect(),
        ),
        Part::Groups => (
            vec![&groups.id],
            vec![&groups.name],
            groups
                .members_by_dn
                .iter()
                .chain(&groups.members_by_user_name)
                .map(String::as_str)
                .collect(),
        ),
    };
    let mut add = |names: Vec<&str>| names.into_iter().map(|name| columns.add(name)).collect::<Vec<_>>();
    let (ids, names, purposes) = (add(ids), add(names), add(purposes));
    let mut seen = Seen::default();
    let asked = session.sample(&mut running, SAMPLE, |entry| {
        let row = Row::read(entry, &columns)?;
        let has = |columns: &[usize]| u32::from(columns.iter().any(|column| row.values(*column).next().is_some()));
        seen.entries += 1;
        seen.with_id += u32::from(ids.iter().any(|column| matches!(row.text(*column), Ok(Some(_)))));
        seen.with_name += has(&names);
        seen.with_purpose += has(&purposes);
        Ok(())
    });
    asked.await.map_err(|error: Error| fault::chain(&error))?;
    Ok(seen)
}

/// What was seen, in words, with what to do where something is missing.
fn judge(seen: &Seen, part: Part, config: &Config) -> Result<String, String> {
    let Config { users, groups, .. } = config;
    let all = seen.entries;
    match part {
        Part::Users if all == 0 => Err(format!(
            "nobody matches {} below {:?}; check users.baseDN, users.filter and whether the account may read people",
            users.filter, users.base
        )),
        Part::Groups if all == 0 => Err(format!(
            "no group matches {} below {:?}; check groups.baseDN, groups.filter and whether the account may read groups",
            groups.filter, groups.base
        )),
        Part::Users if seen.with_id < all => {
            let id = users
                .attributes
                .iter()
                .find(|(attribute, _)| *attribute == Attribute::Id);
            Err(without_id(
                all - seen.with_id,
                all,
                id.map_or("", |(_, name)| name),
                "users",
            ))
        }
        Part::Groups if seen.with_id < all => Err(without_id(all - seen.with_id, all, &groups.id, "groups")),
        Part::Users if seen.with_purpose == 0 => Err(format!(
            "none of the {all} people looked at has an e-mail address; check users.attributes.email and whether the account \
             may read it"
        )),
        Part::Groups if seen.with_purpose == 0 => Err(format!(
            "none of the {all} groups looked at shows members; check groups.members and whether the account may read {}",
            groups
                .members_by_dn
                .iter()
                .chain(&groups.members_by_user_name)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        )),
        Part::Users => Ok(format!(
            "of {all} people looked at, {} have an e-mail address and {} a user name",
            seen.with_purpose, seen.with_name
        )),
        Part::Groups => Ok(format!(
            "of {all} groups looked at, {} show members and {} have a name",
            seen.with_purpose, seen.with_name
        )),
    }
}

fn without_id(without: u32, of: u32, name: &str, field: &str) -> String {
    format!(
        "{without} of the {of} entries looked at have no {name} that is text; let the account read it, or set \
         {field}.attributes.id to an attribute that each entry has (389 Directory Server: nsUniqueId)"
    )
}

fn finding(tried: impl Into<String>, outcome: Result<String, String>) -> Finding {
    Finding {
        tried: tried.into(),
        outcome,
    }
}

fn found(tried: String, what: &str) -> Finding {
    finding(tried, Ok(what.to_owned()))
}

fn missing(tried: String, what: String) -> Finding {
    finding(tried, Err(what))
}

#[cfg(test)]
mod tests {
    use super::{
        super::config::{Address, Bind, Security},
        *,
    };

    fn config() -> Config {
        let address = Address {
            host: "ldap.acme.test".into(),
            port: 636,
            security: Security::Tls,
        };
        Config::new(address, Bind::Anonymous, "dc=acme,dc=test")
    }

    fn seen(entries: u32, with_id: u32, with_name: u32, with_purpose: u32) -> Seen {
        Seen {
            entries,
            with_id,
            with_name,
            with_purpose,
        }
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        for (seen, part, what, to_do) in [
            (
                seen(0, 0, 0, 0),
                Part::Users,
                "nobody matches (objectClass=inetOrgPerson)",
                "users.filter",
            ),
            (seen(0, 0, 0, 0), Part::Groups, "no group matches", "groups.filter"),
            (
                seen(20, 3, 20, 20),
                Part::Users,
                "17 of the 20 entries looked at have no entryUUID",
                "nsUniqueId",
            ),
            (
                seen(5, 0, 5, 5),
                Part::Groups,
                "5 of the 5 entries",
                "groups.attributes.id",
            ),
            (
                seen(20, 20, 20, 0),
                Part::Users,
                "none of the 20 people",
                "users.attributes.email",
            ),
            (
                seen(2, 2, 2, 0),
                Part::Groups,
                "none of the 2 groups looked at shows members",
                "memberUid",
            ),
        ] {
            let text = judge(&seen, part, &config()).unwrap_err();
            assert!(text.starts_with(what) && text.contains(to_do), "{text}");
        }
    }

    #[test]
    fn what_is_there_is_counted() {
        let people = judge(&seen(20, 20, 19, 18), Part::Users, &config()).unwrap();
        assert_eq!(
            people,
            "of 20 people looked at, 18 have an e-mail address and 19 a user name"
        );
        assert!(judge(&seen(2, 2, 2, 1), Part::Groups, &config()).is_ok());
    }
}

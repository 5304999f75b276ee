//! What to read from which server, as plain data with its secrets resolved.

use std::{collections::BTreeSet, fmt, time::Duration};

use directory_sync_model::attribute::Attribute;
use secrecy::SecretString;

pub use super::protocol::message::Scope;
use crate::directory::Error;

/// Everything that a [`super::LdapDirectory`] needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which server, and how the connection is secured.
    pub address: Address,
    /// The CA certificates (PEM, one or more) that are trusted instead of the system's; `None`: the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// As whom to read.
    pub bind: Bind,
    /// Which entries are people.
    pub users: Users,
    /// Which entries are groups.
    pub groups: Groups,
    /// Entries per page (RFC 2696): 1 to 10,000; 1,000 suits every server.
    pub page_size: u32,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl Config {
    /// The configuration that suits a tree of `inetOrgPerson` people below one base, with all defaults.
    pub fn new(address: Address, bind: Bind, base: &str) -> Self {
        Self {
            address,
            ca_pem: None,
            bind,
            users: Users::new(base),
            groups: Groups::new(base),
            page_size: 1000,
            timeouts: Timeouts::default(),
        }
    }
}

/// How a connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`ldaps`).
    Tls,
    /// TLS begun on a plain connection before anything else is sent (RFC 4511 §4.14).
    StartTls,
    /// No TLS.
    Plain,
}

/// Which server, and how the connection is secured. Shown as a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or a literal address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
}

impl Address {
    /// Reads `ldaps://host[:port]` (port 636) or `ldap://host[:port]` (port 389). The scheme must suit `security`: `ldaps`
    /// with [`Security::Tls`], `ldap` with the others.
    pub fn parse(text: &str, security: Security) -> Result<Self, Error> {
        let unusable = |message: &str| Error::Configuration {
            field: field("url"),
            message: format!("{message}: ldaps://host[:port] or ldap://host[:port] is expected"),
        };
        let url = url::Url::parse(text).map_err(|error| unusable(&format!("it is no URL ({error})")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable("user and password belong into auth, not into the URL"));
        }
        let port = match (url.scheme(), security) {
            ("ldaps", Security::Tls) => 636,
            ("ldap", Security::StartTls | Security::Plain) => 389,
            ("ldaps", _) => return Err(unusable("ldaps:// goes with tls.mode Required alone")),
            ("ldap", _) => return Err(unusable("ldap:// goes with tls.mode StartTLS or Disabled alone")),
            _ => return Err(unusable("its scheme is neither ldaps nor ldap")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(unusable("it has a path or a query, which have no meaning here"));
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || host.contains('%') {
            return Err(unusable("it has no usable host"));
        }
        Ok(Self {
            host,
            port: url.port().unwrap_or(port),
            security,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.security == Security::Tls {
            "ldaps"
        } else {
            "ldap"
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// As whom to read.
#[derive(Clone, Debug)]
pub enum Bind {
    /// Nobody (RFC 4513 §5.1.1).
    Anonymous,
    /// An account with a password (RFC 4513 §5.1.3).
    Simple {
        /// The account's DN.
        dn: String,
        /// Its password; never empty, as that would be taken for an anonymous bind (RFC 4513 §5.1.2).
        password: SecretString,
    },
}

/// How long to wait for the server.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the connection to be made: name resolution, TCP and TLS. Default: 10 s.
    pub connect: Duration,
    /// For the answer to a request, or the next part of a long one. Default: 60 s.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_mins(1),
        }
    }
}

/// Which entries are people, and what their attributes are called.
#[derive(Clone, Debug)]
pub struct Users {
    /// The DN below which people are.
    pub base: String,
    /// How far below it. Default: the whole tree.
    pub scope: Scope,
    /// The filter that they match (RFC 4515). Default: `(objectClass=inetOrgPerson)`.
    pub filter: String,
    /// The LDAP attribute behind each attribute; where one appears several times, the first that has a value counts.
    /// [`Attribute::Id`] appears exactly once; [`Attribute::Emails`], [`Attribute::Active`] and [`Attribute::Groups`]
    /// never do: they come from the e-mail attribute, from `disabled` and from the groups.
    pub attributes: Vec<(Attribute, String)>,
    /// How a disabled account is recognised; `None`: everybody who is found is active.
    pub disabled: Option<Disabled>,
    /// The LDAP attributes that become `custom`, under these very names. What expressions read comes on top, see [`Users::also_read`].
    pub custom: Vec<String>,
}

/// The mark of a disabled account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// The attribute that has it.
    pub attribute: String,
    /// The values that mean disabled, whatever their case; empty: any value does.
    pub values: Vec<String>,
}

/// The LDAP attributes of an `inetOrgPerson` (RFC 2798), by the attribute that they become.
pub const DEFAULT_ATTRIBUTES: &[(Attribute, &str)] = &[
    (Attribute::Id, "entryUUID"),
    (Attribute::UserName, "uid"),
    (Attribute::Email, "mail"),
    (Attribute::GivenName, "givenName"),
    (Attribute::FamilyName, "sn"),
    (Attribute::DisplayName, "displayName"),
    (Attribute::DisplayName, "cn"),
    (Attribute::Department, "departmentNumber"),
    (Attribute::Organization, "o"),
    (Attribute::Title, "title"),
    (Attribute::EmployeeNumber, "employeeNumber"),
    (Attribute::EmployeeType, "employeeType"),
    (Attribute::Manager, "manager"),
    (Attribute::Phone, "telephoneNumber"),
    (Attribute::Mobile, "mobile"),
    (Attribute::Office, "physicalDeliveryOfficeName"),
    (Attribute::Locale, "preferredLanguage"),
];

impl Users {
    /// Reads these attributes as `custom`, too, as far as they can be names of LDAP attributes (RFC 4512 §2.5) and aren't
    /// read already.
    pub fn also_read(&mut self, names: &BTreeSet<&str>) {
        for name in names {
            let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if is_name && !self.custom.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                self.custom.push((*name).to_owned());
            }
        }
    }

    /// The defaults, below a base.
    pub fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            scope: Scope::default(),
            filter: "(objectClass=inetOrgPerson)".to_owned(),
            attributes: DEFAULT_ATTRIBUTES
                .iter()
                .map(|(attribute, name)| (*attribute, (*name).to_owned()))
                .collect(),
            disabled: Some(Disabled {
                attribute: "nsAccountLock".to_owned(),
                values: vec!["true".to_owned()],
            }),
            custom: Vec::new(),
        }
    }
}

/// Which entries are groups, and what their attributes are called.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The DN below which groups are.
    pub base: String,
    /// How far below it. Default: the whole tree.
    pub scope: Scope,
    /// The filter that they match. Default: `groupOfNames`, `groupOfUniqueNames` or `posixGroup`.
    pub filter: String,
    /// The attribute with the stable id. Default: `entryUUID` (RFC 4530).
    pub id: String,
    /// The attribute with the name. Default: `cn`.
    pub name: String,
    /// The attribute with the description; `None`: there is none. Default: `description`.
    pub description: Option<String>,
    /// The attributes that name members by their DN. Default: `member` and `uniqueMember`.
    pub members_by_dn: Vec<String>,
    /// The attributes that name members by their user name. Default: `memberUid`.
    pub members_by_user_name: Vec<String>,
    /// Whether the members of a group within a group are members of both. Default: yes.
    pub nested: bool,
}

impl Groups {
    /// The defaults, below a base.
    pub fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            scope: Scope::default(),
            filter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))".to_owned(),
            id: "entryUUID".to_owned(),
            name: "cn".to_owned(),
            description: Some("description".to_owned()),
            members_by_dn: vec!["member".to_owned(), "uniqueMember".to_owned()],
            members_by_user_name: vec!["memberUid".to_owned()],
            nested: true,
        }
    }
}

/// A field of the specification, as messages name it.
pub(super) fn field(name: &str) -> String {
    format!("spec.provider.ldap.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, security: Security) -> Result<String, String> {
        Address::parse(text, security)
            .map(|address| address.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_port_that_is_not_given_follows_from_the_scheme() {
        assert_eq!(
            parse("ldaps://ldap.acme.test", Security::Tls).unwrap(),
            "ldaps://ldap.acme.test:636"
        );
        assert_eq!(
            parse("ldap://ldap.acme.test/", Security::StartTls).unwrap(),
            "ldap://ldap.acme.test:389"
        );
        assert_eq!(
            parse("ldap://127.0.0.1:1389", Security::Plain).unwrap(),
            "ldap://127.0.0.1:1389"
        );
        assert_eq!(
            parse("ldaps://[::1]:1636", Security::Tls).unwrap(),
            "ldaps://[::1]:1636"
        );
        assert_eq!(Address::parse("ldaps://[::1]", Security::Tls).unwrap().host, "::1");
    }

    #[test]
    fn a_url_that_has_no_meaning_here_is_refused_with_the_reason() {
        for (text, security, why) in [
            ("ldap.acme.test", Security::Tls, "it is no URL"),
            ("https://ldap.acme.test", Security::Tls, "neither ldaps nor ldap"),
            ("ldap://ldap.acme.test", Security::Tls, "tls.mode StartTLS or Disabled"),
            ("ldaps://ldap.acme.test", Security::StartTls, "tls.mode Required"),
            ("ldaps://ldap.acme.test/dc=acme", Security::Tls, "a path or a query"),
            ("ldaps://ldap.acme.test?cn", Security::Tls, "a path or a query"),
            ("ldaps://", Security::Tls, "no usable host"),
            ("ldaps://a%20b", Security::Tls, "no usable host"),
        ] {
            let message = parse(text, security).unwrap_err();
            assert!(message.starts_with("spec.provider.ldap.url: "), "{text}: {message}");
            assert!(message.contains(why), "{text}: {message}");
        }
        let message = parse("ldaps://ann:hunter2@ldap.acme.test", Security::Tls).unwrap_err();
        assert!(
            message.contains("belong into auth") && !message.contains("hunter2"),
            "{message}"
        );
    }

    #[test]
    fn what_expressions_read_is_asked_for_once_and_only_where_it_can_be_the_name_of_an_attribute() {
        let mut users = Users::new("dc=acme");
        users.custom = vec!["roomNumber".to_owned()];
        users.also_read(&["ROOMNUMBER", "badge", "a b", "1x", "x;lang-de", ""].into());
        assert_eq!(users.custom, ["roomNumber", "badge"]);
    }
}

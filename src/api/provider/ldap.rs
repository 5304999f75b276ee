//! `spec.provider.ldap`: an LDAP v3 server (RFC 4511).

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::reference::{CaRef, KeyRef, SecretKeyRef, Timeouts};

/// An LDAP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.tls.mode != 'Required' || self.url.startsWith('ldaps://')", "tls.mode Required needs an ldaps:// url; for ldap:// set tls.mode to StartTLS"),
    validation = ("self.tls.mode != 'StartTLS' || self.url.startsWith('ldap://')", "tls.mode StartTLS needs an ldap:// url: ldaps:// is encrypted from the start"),
    validation = ("self.tls.mode != 'Disabled' || self.url.startsWith('ldap://')", "tls.mode Disabled needs an ldap:// url")
)]
pub struct LdapProvider {
    /// Address of the server: ldaps://HOST:PORT or ldap://HOST:PORT. The port may be left out: 636 for ldaps, 389 for ldap.
    #[schemars(length(max = 512))]
    #[x_kube(validation = (
        r"self.matches('^ldaps?://[^/?#@\\s]+/?$')",
        "url must be ldaps://host[:port] or ldap://host[:port], without path, query or credentials",
    ))]
    pub url: String,
    /// Where to search users and groups, unless users.baseDN or groups.baseDN say otherwise, for example dc=acme,dc=test.
    #[serde(rename = "baseDN")]
    #[schemars(length(min = 1, max = 1024))]
    pub base_dn: String,
    /// How the connection is secured.
    #[serde(default)]
    pub tls: LdapTls,
    /// How to authenticate: exactly one way. An account that may read, and that no size limit applies to, is all it takes.
    pub auth: LdapAuth,
    /// Which entries are people, and what their attributes are called.
    #[serde(default)]
    pub users: LdapUsers,
    /// Which entries are groups, and what their attributes are called.
    #[serde(default)]
    pub groups: LdapGroups,
    /// Entries per page of a search (RFC 2696): 1 to 10000. Default: 1000.
    #[serde(default = "page_size")]
    #[schemars(range(min = 1, max = 10_000))]
    pub page_size: i32,
    /// How long to wait for the server.
    #[serde(default)]
    pub timeouts: Timeouts,
}

fn page_size() -> i32 {
    1000
}

/// How an LDAP connection is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LdapTlsMode {
    /// TLS from the first byte.
    #[default]
    Required,
    /// TLS begun on a plain connection, before anything else is sent (RFC 4511 §4.14).
    StartTLS,
    /// No TLS.
    Disabled,
}

/// TLS of an LDAP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!(has(self.caRef) && self.mode == 'Disabled')",
    "caRef has no effect with mode Disabled: remove one of them",
))]
pub struct LdapTls {
    /// Required: TLS from the start, for ldaps:// addresses. StartTLS: TLS begun on an ldap:// address before anything is
    /// sent. Disabled: no TLS; passwords then cross the network as they are, so the operator must allow it
    /// (--allow-insecure). The certificate is always verified. Default: Required.
    #[serde(default)]
    pub mode: LdapTlsMode,
    /// Certificate authority to trust instead of the operator's own list, for servers with a company's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CaRef>,
}

/// How to authenticate with an LDAP server: exactly one of `simple` and `anonymous`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = (
    "[has(self.simple), has(self.anonymous)].exists_one(x, x)",
    "exactly one way to authenticate must be set: simple or anonymous",
))]
pub struct LdapAuth {
    /// Bind with a name and a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simple: Option<SimpleBind>,
    /// Bind without a name, for servers that let anybody read. Write it as {}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<AnonymousBind>,
}

/// A simple bind (RFC 4513 §5.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SimpleBind {
    /// Distinguished name of the account, for example cn=sync,dc=acme,dc=test.
    #[serde(rename = "bindDN")]
    #[schemars(length(min = 1, max = 1024))]
    pub bind_dn: String,
    /// Key of a Secret that holds the account's password. One line break at its end is removed.
    pub password_secret_ref: SecretKeyRef,
}

/// An anonymous bind (RFC 4513 §5.1.1); it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnonymousBind {}

/// Which entries are people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LdapUsers {
    /// Where to search people, the whole tree below it. Unset: the provider's baseDN.
    #[serde(rename = "baseDN", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub base_dn: Option<String>,
    /// Filter that people match (RFC 4515). Default: (objectClass=inetOrgPerson).
    #[serde(default = "user_filter")]
    #[schemars(length(min = 3, max = 2048))]
    pub filter: String,
    /// Names of the directory's attributes, by the attribute that they become.
    #[serde(default)]
    pub attributes: LdapUserAttributes,
    /// How a disabled account is recognised.
    #[serde(default)]
    pub disabled: LdapDisabled,
    /// More attributes to read as user.custom.NAME, a text when there is one value, a list when there are several. What
    /// expressions read by such a name is read anyway; this is for names that they work out, and for another spelling. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub custom: Vec<String>,
}

fn user_filter() -> String {
    "(objectClass=inetOrgPerson)".to_owned()
}

impl Default for LdapUsers {
    fn default() -> Self {
        Self {
            base_dn: None,
            filter: user_filter(),
            attributes: LdapUserAttributes::default(),
            disabled: LdapDisabled::default(),
            custom: Vec::new(),
        }
    }
}

/// The LDAP attribute behind each attribute of a user. An empty text means that there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LdapUserAttributes {
    /// Stable, unique id that survives renames and moves: never a DN or an e-mail address. Default: entryUUID (RFC 4530).
    #[schemars(length(min = 1, max = 128))]
    pub id: String,
    /// Default: uid.
    #[schemars(length(max = 128))]
    pub user_name: String,
    /// E-mail addresses; the first value is the user's address. Default: mail.
    #[schemars(length(max = 128))]
    pub email: String,
    /// Default: givenName.
    #[schemars(length(max = 128))]
    pub given_name: String,
    /// Default: sn.
    #[schemars(length(max = 128))]
    pub family_name: String,
    /// Default: displayName, and where that is empty cn; another attribute stands alone.
    #[schemars(length(max = 128))]
    pub display_name: String,
    /// Default: departmentNumber.
    #[schemars(length(max = 128))]
    pub department: String,
    /// Default: none.
    #[schemars(length(max = 128))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub division: String,
    /// Default: o.
    #[schemars(length(max = 128))]
    pub organization: String,
    /// Default: none.
    #[schemars(length(max = 128))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cost_center: String,
    /// Default: title.
    #[schemars(length(max = 128))]
    pub title: String,
    /// Default: employeeNumber.
    #[schemars(length(max = 128))]
    pub employee_number: String,
    /// Default: employeeType.
    #[schemars(length(max = 128))]
    pub employee_type: String,
    /// Holds the manager's distinguished name. Default: manager.
    #[schemars(length(max = 128))]
    pub manager: String,
    /// Default: telephoneNumber.
    #[schemars(length(max = 128))]
    pub phone: String,
    /// Default: mobile.
    #[schemars(length(max = 128))]
    pub mobile: String,
    /// Default: physicalDeliveryOfficeName.
    #[schemars(length(max = 128))]
    pub office: String,
    /// Default: preferredLanguage.
    #[schemars(length(max = 128))]
    pub locale: String,
    /// Default: none.
    #[schemars(length(max = 128))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub timezone: String,
    /// First day of work: a date (2026-01-31) or a generalized time (RFC 4517 §3.3.13). Default: none.
    #[schemars(length(max = 128))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub start_date: String,
    /// Last day of work, written like startDate. Default: none.
    #[schemars(length(max = 128))]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub end_date: String,
}

impl Default for LdapUserAttributes {
    fn default() -> Self {
        let none = String::new;
        Self {
            id: "entryUUID".into(),
            user_name: "uid".into(),
            email: "mail".into(),
            given_name: "givenName".into(),
            family_name: "sn".into(),
            display_name: "displayName".into(),
            department: "departmentNumber".into(),
            division: none(),
            organization: "o".into(),
            cost_center: none(),
            title: "title".into(),
            employee_number: "employeeNumber".into(),
            employee_type: "employeeType".into(),
            manager: "manager".into(),
            phone: "telephoneNumber".into(),
            mobile: "mobile".into(),
            office: "physicalDeliveryOfficeName".into(),
            locale: "preferredLanguage".into(),
            timezone: none(),
            start_date: none(),
            end_date: none(),
        }
    }
}

/// How a disabled account is recognised. LDAP has no standard for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LdapDisabled {
    /// Attribute that tells it. Default: nsAccountLock (389 Directory Server; other servers don't have it). An empty text:
    /// everybody who is found is active.
    #[serde(default = "disabled_attribute")]
    #[schemars(length(max = 128))]
    pub attribute: String,
    /// Values that mean disabled, whatever their case. An empty list: any value does, as for pwdAccountLockedTime.
    /// Default: true.
    #[serde(default = "disabled_values")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub values: Vec<String>,
}

fn disabled_attribute() -> String {
    "nsAccountLock".to_owned()
}

fn disabled_values() -> Vec<String> {
    vec!["true".to_owned()]
}

impl Default for LdapDisabled {
    fn default() -> Self {
        Self {
            attribute: disabled_attribute(),
            values: disabled_values(),
        }
    }
}

/// Which entries are groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LdapGroups {
    /// Where to search groups, the whole tree below it. Unset: the provider's baseDN.
    #[serde(rename = "baseDN", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub base_dn: Option<String>,
    /// Filter that groups match (RFC 4515).
    /// Default: (|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)).
    #[serde(default = "group_filter")]
    #[schemars(length(min = 3, max = 2048))]
    pub filter: String,
    /// Names of the directory's attributes, by the attribute that they become.
    #[serde(default)]
    pub attributes: LdapGroupAttributes,
    /// Attributes that name the members.
    #[serde(default)]
    pub members: LdapMembers,
    /// Whether the members of a group within a group are members of both. Default: true.
    #[serde(default = "nested")]
    pub nested: bool,
}

fn group_filter() -> String {
    "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))".to_owned()
}

fn nested() -> bool {
    true
}

impl Default for LdapGroups {
    fn default() -> Self {
        Self {
            base_dn: None,
            filter: group_filter(),
            attributes: LdapGroupAttributes::default(),
            members: LdapMembers::default(),
            nested: nested(),
        }
    }
}

/// The LDAP attribute behind each attribute of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LdapGroupAttributes {
    /// Stable, unique id that survives renames and moves. Default: entryUUID (RFC 4530).
    #[schemars(length(min = 1, max = 128))]
    pub id: String,
    /// Default: cn.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// Default: description. An empty text: none.
    #[schemars(length(max = 128))]
    pub description: String,
}

impl Default for LdapGroupAttributes {
    fn default() -> Self {
        Self {
            id: "entryUUID".into(),
            name: "cn".into(),
            description: "description".into(),
        }
    }
}

/// The attributes that name a group's members. A group with none of them hasn't told its members, which isn't the same as
/// being empty: nobody is removed because of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LdapMembers {
    /// Attributes whose values are distinguished names. Default: member, uniqueMember.
    #[schemars(length(max = 8), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub dn_attributes: Vec<String>,
    /// Attributes whose values are user names, as in users.attributes.userName. Default: memberUid.
    #[schemars(length(max = 8), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub user_name_attributes: Vec<String>,
}

impl Default for LdapMembers {
    fn default() -> Self {
        Self {
            dn_attributes: vec!["member".into(), "uniqueMember".into()],
            user_name_attributes: vec!["memberUid".into()],
        }
    }
}

impl LdapProvider {
    /// Every Secret and `ConfigMap` key that is read for this provider.
    pub fn references(&self) -> Vec<KeyRef<'_>> {
        let ca = self.tls.ca_ref.as_ref().map(|ca| ca.at("spec.provider.ldap.tls.caRef"));
        let password = self.auth.simple.as_ref().map(|simple| {
            simple
                .password_secret_ref
                .at("spec.provider.ldap.auth.simple.passwordSecretRef")
        });
        ca.into_iter().chain(password).collect()
    }
}

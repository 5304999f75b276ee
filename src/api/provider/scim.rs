//! `spec.provider.scim`: a SCIM 2.0 service provider (RFC 7643, RFC 7644; cursor paging: RFC 9865).

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{
    reference::{BasicAuth, BearerAuth, HttpTls, KeyRef, RequestLimits, Timeouts},
    status::is_default,
};

/// A SCIM 2.0 service provider that people are read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.tls.mode != 'Required' || self.url.startsWith('https://')", "tls.mode Required needs an https:// url"),
    validation = ("self.tls.mode != 'Disabled' || self.url.startsWith('http://')", "tls.mode Disabled needs an http:// url")
)]
pub struct ScimProvider {
    /// Base address, to which /Users and /Groups are added, for example https://idp.acme.test/scim/v2.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = (
        r"self.matches('^https?://[^/?#@\\s]+(/[^?#\\s]*)?$')",
        "url must be https://host[:port][/path], without credentials, query or fragment",
    ))]
    pub url: String,
    /// How the connection is secured.
    #[serde(default)]
    pub tls: HttpTls,
    /// How to authenticate: exactly one way.
    pub auth: ScimAuth,
    /// Which resources are people, and where their attributes are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub users: ScimUsers,
    /// Which resources are groups.
    #[serde(default, skip_serializing_if = "is_default")]
    pub groups: ScimGroups,
    /// How lists are paged. Auto: what the server's ServiceProviderConfig names, else by index. Index: startIndex and count
    /// (RFC 7644 §3.4.2.4). Cursor: cursor and count (RFC 9865). Default: Auto.
    #[serde(default)]
    pub paging: ScimPaging,
    /// Resources to ask for per page: 1 to 1000. The server may send fewer. Default: 200.
    #[serde(default = "page_size")]
    #[schemars(range(min = 1, max = 1000))]
    pub page_size: i32,
    /// How hard the server may be asked.
    #[serde(default)]
    pub limits: RequestLimits,
    /// How long to wait for the server.
    #[serde(default)]
    pub timeouts: Timeouts,
}

fn page_size() -> i32 {
    200
}

/// How lists are paged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScimPaging {
    /// What the server says it can do.
    #[default]
    Auto,
    /// By index.
    Index,
    /// By cursor.
    Cursor,
}

/// How to authenticate with a SCIM server: exactly one of `bearer` and `basic`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = (
    "[has(self.bearer), has(self.basic)].exists_one(x, x)",
    "exactly one way to authenticate must be set: bearer or basic",
))]
pub struct ScimAuth {
    /// With a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<BearerAuth>,
    /// With a user name and a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicAuth>,
}

/// Which resources are people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimUsers {
    /// Filter that the server applies to people (RFC 7644 §3.4.2.2), for example userType eq "Employee". Unset: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub filter: Option<String>,
    /// Where a user's attributes are, for servers that keep them in places of their own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attributes: ScimUserAttributes,
}

/// Which resources are groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimGroups {
    /// Filter that the server applies to groups (RFC 7644 §3.4.2.2), for example displayName sw "team-". Unset: all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub filter: Option<String>,
}

macro_rules! scim_user_attributes {
    ($($(#[$doc:meta])* $field:ident = $attribute:literal,)*) => {
        /// Paths of SCIM attributes (RFC 7644 §3.10), by the attribute that they become, for example
        /// urn:acme:params:scim:User:hireDate for startDate. Whatever isn't set is read from where RFC 7643 puts it; whatever
        /// becomes no attribute stays in user.custom.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub struct ScimUserAttributes {
            $(
                $(#[$doc])*
                #[serde(rename = $attribute, default, skip_serializing_if = "Option::is_none")]
                #[schemars(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z][A-Za-z0-9$_.:-]*$"))]
                pub $field: Option<String>,
            )*
        }

        impl ScimUserAttributes {
            /// The attributes that are set: the name of the user's attribute, as in expressions, and the path to read it from.
            pub fn paths(&self) -> impl Iterator<Item = (&'static str, &str)> {
                [$(($attribute, self.$field.as_deref())),*]
                    .into_iter()
                    .filter_map(|(attribute, path)| Some((attribute, path?)))
            }
        }
    };
}

scim_user_attributes! {
    /// Unset: externalId.
    external_id = "externalId",
    /// Unset: userName.
    user_name = "userName",
    /// Unset: the primary address of emails, else the first of type work, else the first; without any, userName if that is an
    /// address.
    email = "email",
    /// Unset: name.givenName.
    given_name = "givenName",
    /// Unset: name.familyName.
    family_name = "familyName",
    /// Unset: displayName, else name.formatted.
    display_name = "displayName",
    /// Unset: department of the enterprise extension.
    department = "department",
    /// Unset: division of the enterprise extension.
    division = "division",
    /// Unset: organization of the enterprise extension.
    organization = "organization",
    /// Unset: costCenter of the enterprise extension.
    cost_center = "costCenter",
    /// Unset: title.
    title = "title",
    /// Unset: employeeNumber of the enterprise extension.
    employee_number = "employeeNumber",
    /// Unset: userType.
    employee_type = "employeeType",
    /// Unset: manager.value of the enterprise extension, else manager.displayName.
    manager = "manager",
    /// Unset: the phone number of type work, else the primary one, else the first.
    phone = "phone",
    /// Unset: the phone number of type mobile.
    mobile = "mobile",
    /// Unset: the locality of the address of type work, else of the primary one that is no home.
    office = "office",
    /// Unset: locale, else preferredLanguage.
    locale = "locale",
    /// Unset: timezone.
    timezone = "timezone",
    /// Unset: none.
    start_date = "startDate",
    /// Unset: none.
    end_date = "endDate",
}

impl ScimProvider {
    /// Every Secret and `ConfigMap` key that is read for this provider.
    pub fn references(&self) -> Vec<KeyRef<'_>> {
        let ScimAuth { bearer, basic } = &self.auth;
        let ca = self.tls.ca_ref.as_ref().map(|ca| ca.at("spec.provider.scim.tls.caRef"));
        let token = bearer
            .as_ref()
            .map(|b| b.token_secret_ref.at("spec.provider.scim.auth.bearer.tokenSecretRef"));
        let password = basic.as_ref().map(|b| {
            b.password_secret_ref
                .at("spec.provider.scim.auth.basic.passwordSecretRef")
        });
        ca.into_iter().chain(token).chain(password).collect()
    }
}

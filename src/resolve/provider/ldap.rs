//! `spec.provider.ldap`, connected.

use std::collections::BTreeSet;

use directory_sync_model::attribute::Attribute;

use crate::{
    api::{
        provider::ldap::{LdapProvider, LdapTlsMode, LdapUserAttributes},
        reference::RequestLimits,
    },
    call::LayeredDirectory,
    directory::{
        Directory,
        ldap::{
            LdapDirectory,
            config::{Address, Bind, Config, Disabled, Groups, Security, Timeouts, Users},
        },
    },
    http::CredentialId,
    resolve::{
        Error,
        ends::{Connector, Keys, Layers, MANY_REQUESTS, connect_timeout},
    },
};

pub(super) fn connect(
    spec: &LdapProvider,
    custom: &BTreeSet<&str>,
    keys: &Keys,
    connector: &Connector,
) -> Result<Box<dyn Directory>, Error> {
    let mut config = config(spec, keys)?;
    config.users.also_read(custom);
    let host = format!("{}:{}", config.address.host, config.address.port);
    let account = match &config.bind {
        Bind::Simple { dn, .. } => dn.as_str(),
        Bind::Anonymous => "",
    };
    let credential = CredentialId::of(&[account]);
    let directory = LdapDirectory::new(config, connector.network.clone())?;
    let layers = Layers {
        side: "directory",
        provider: "ldap",
        timeout: MANY_REQUESTS,
    };
    let policy = layers.policy(connector, &host, credential, &RequestLimits::default());
    Ok(Box::new(LayeredDirectory::new(Box::new(directory), policy)))
}

/// Every field of the specification, with the values of its keys.
pub(in crate::resolve) fn config(spec: &LdapProvider, keys: &Keys) -> Result<Config, Error> {
    let security = match spec.tls.mode {
        LdapTlsMode::Required => Security::Tls,
        LdapTlsMode::StartTLS => Security::StartTls,
        LdapTlsMode::Disabled => Security::Plain,
    };
    let address = Address::parse(&spec.url, security)?;
    let ca = spec.tls.ca_ref.as_ref().map(|ca| ca.at("spec.provider.ldap.tls.caRef"));
    let bind = match &spec.auth.simple {
        Some(simple) => {
            let reference = simple
                .password_secret_ref
                .at("spec.provider.ldap.auth.simple.passwordSecretRef");
            let password = keys.password(&reference)?;
            Bind::Simple {
                dn: simple.bind_dn.clone(),
                password,
            }
        }
        None => Bind::Anonymous,
    };
    Ok(Config {
        address,
        ca_pem: ca.map(|ca| keys.bytes(&ca).map(<[u8]>::to_vec)).transpose()?,
        bind,
        users: users(spec),
        groups: groups(spec),
        page_size: u32::try_from(spec.page_size).unwrap_or(0),
        timeouts: Timeouts {
            connect: connect_timeout(&spec.timeouts),
            request: spec.timeouts.request.into(),
        },
    })
}

fn users(spec: &LdapProvider) -> Users {
    let users = &spec.users;
    let mut attributes: Vec<(Attribute, String)> = names(&users.attributes)
        .into_iter()
        .filter(|(_, name)| !name.is_empty())
        .map(|(attribute, name)| (attribute, name.to_owned()))
        .collect();
    // Entries without a display name are shown by their common name, which every person has (RFC 4519 §3.12).
    if users.attributes.display_name == LdapUserAttributes::default().display_name {
        attributes.push((Attribute::DisplayName, "cn".to_owned()));
    }
    let disabled = &users.disabled;
    Users {
        filter: users.filter.clone(),
        attributes,
        disabled: (!disabled.attribute.is_empty()).then(|| Disabled {
            attribute: disabled.attribute.clone(),
            values: disabled.values.clone(),
        }),
        custom: users.custom.clone(),
        ..Users::new(users.base_dn.as_ref().unwrap_or(&spec.base_dn))
    }
}

/// Destructured without `..`, so that an attribute of the specification can't be forgotten here.
fn names(attributes: &LdapUserAttributes) -> Vec<(Attribute, &str)> {
    let LdapUserAttributes {
        id,
        user_name,
        email,
        given_name,
        family_name,
        display_name,
        department,
        division,
        organization,
        cost_center,
        title,
        employee_number,
        employee_type,
        manager,
        phone,
        mobile,
        office,
        locale,
        timezone,
        start_date,
        end_date,
    } = attributes;
    vec![
        (Attribute::Id, id),
        (Attribute::UserName, user_name),
        (Attribute::Email, email),
        (Attribute::GivenName, given_name),
        (Attribute::FamilyName, family_name),
        (Attribute::DisplayName, display_name),
        (Attribute::Department, department),
        (Attribute::Division, division),
        (Attribute::Organization, organization),
        (Attribute::CostCenter, cost_center),
        (Attribute::Title, title),
        (Attribute::EmployeeNumber, employee_number),
        (Attribute::EmployeeType, employee_type),
        (Attribute::Manager, manager),
        (Attribute::Phone, phone),
        (Attribute::Mobile, mobile),
        (Attribute::Office, office),
        (Attribute::Locale, locale),
        (Attribute::Timezone, timezone),
        (Attribute::StartDate, start_date),
        (Attribute::EndDate, end_date),
    ]
}

fn groups(spec: &LdapProvider) -> Groups {
    let groups = &spec.groups;
    Groups {
        filter: groups.filter.clone(),
        id: groups.attributes.id.clone(),
        name: groups.attributes.name.clone(),
        description: Some(groups.attributes.description.clone()).filter(|name| !name.is_empty()),
        members_by_dn: groups.members.dn_attributes.clone(),
        members_by_user_name: groups.members.user_name_attributes.clone(),
        nested: groups.nested,
        ..Groups::new(groups.base_dn.as_ref().unwrap_or(&spec.base_dn))
    }
}

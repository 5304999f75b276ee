//! `spec.provider.scim`, connected.

use directory_sync_model::attribute::Attribute;

use crate::{
    api::{
        provider::scim::{ScimPaging, ScimProvider},
        reference::HttpTlsMode,
    },
    call::LayeredDirectory,
    directory::{
        Directory,
        scim::{Config, Paging, ScimDirectory},
    },
    http::{Advice, Auth, Timeouts, Tls, parse_base},
    resolve::{
        Error,
        ends::{Connector, Keys, Layers, MANY_REQUESTS, connect_timeout, renew},
    },
};

pub(super) fn connect(spec: &ScimProvider, keys: &Keys, connector: &Connector) -> Result<Box<dyn Directory>, Error> {
    let config = config(spec, keys)?;
    let (host, credential) = (config.url.authority().to_owned(), config.auth.id());
    let layers = Layers {
        side: "directory",
        provider: "scim",
        timeout: MANY_REQUESTS,
    };
    let policy = layers.policy(connector, &host, credential, &spec.limits);
    // It asks for more than pages at times, which counts as well.
    let directory = ScimDirectory::new(config, &connector.network)?.limited_by(policy.limiter.clone());
    Ok(Box::new(LayeredDirectory::new(Box::new(directory), policy)))
}

/// Every field of the specification, with the values of its keys.
pub(in crate::resolve) fn config(spec: &ScimProvider, keys: &Keys) -> Result<Config, Error> {
    let field = |name: &str, message: String| Error::Field {
        field: format!("spec.provider.scim.{name}"),
        message,
    };
    let url = parse_base(&spec.url).map_err(|error| field("url", crate::fault::chain(&error)))?;
    let (auth, reference) = match (&spec.auth.bearer, &spec.auth.basic) {
        (Some(bearer), None) => {
            let reference = bearer
                .token_secret_ref
                .at("spec.provider.scim.auth.bearer.tokenSecretRef");
            (Auth::Bearer(keys.token(&reference)?), reference)
        }
        (None, Some(basic)) => {
            let reference = basic
                .password_secret_ref
                .at("spec.provider.scim.auth.basic.passwordSecretRef");
            let auth = Auth::Basic {
                user: basic.username.clone(),
                password: keys.password(&reference)?,
            };
            (auth, reference)
        }
        _ => return Err(field("auth", "exactly one way must be set: bearer or basic".to_owned())),
    };
    let ca = spec.tls.ca_ref.as_ref().map(|ca| ca.at("spec.provider.scim.tls.caRef"));
    let attributes = spec.users.attributes.paths().map(|(name, path)| {
        let attribute = Attribute::from_name(name);
        attribute
            .map(|attribute| (attribute, path.to_owned()))
            .ok_or_else(|| field("users.attributes", format!("{name:?} is no attribute of a user")))
    });
    let attributes = attributes.collect::<Result<Vec<_>, _>>()?;
    Ok(Config {
        tls: Tls {
            ca_pem: ca.map(|ca| keys.bytes(&ca).map(<[u8]>::to_vec)).transpose()?,
            insecure_http: spec.tls.mode == HttpTlsMode::Disabled,
        },
        paging: match spec.paging {
            ScimPaging::Auto => Paging::Auto,
            ScimPaging::Index => Paging::Index,
            ScimPaging::Cursor => Paging::Cursor,
        },
        page_size: u32::try_from(spec.page_size).unwrap_or(1),
        user_filter: spec.users.filter.clone(),
        group_filter: spec.groups.filter.clone(),
        attributes,
        concurrency: usize::try_from(spec.limits.concurrent_requests).unwrap_or(1),
        timeouts: Timeouts {
            connect: connect_timeout(&spec.timeouts),
            answer: Some(spec.timeouts.request.into()),
        },
        advice: Advice {
            unauthorized: renew(&reference),
            too_large: format!(
                "lower spec.provider.scim.pageSize, which is {}, unless something else than a SCIM server answers there",
                spec.page_size
            ),
        },
        ..Config::new(url, auth)
    })
}

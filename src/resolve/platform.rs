//! Platforms of a specification, connected.

use std::time::Duration;

use url::Url;

use super::{
    Error,
    ends::{Connector, Keys, Layers, connect_timeout, renew},
};
use crate::{
    api::{
        DirectoryConnection,
        platform::{PlatformSpec, RestPlatform},
        reference::HttpTlsMode,
    },
    call::LayeredPlatform,
    http::{Advice, Auth, Timeouts, parse_base},
    platform::{Platform, rest},
};

/// The address of a connection's platform, the same for every spelling of it: a host in whatever case, its scheme's own port
/// or none, with or without a slash at its end. `None` where no platform is set.
pub fn platform_address(connection: &DirectoryConnection) -> Option<String> {
    let rest = connection.spec.platform.rest.as_ref()?;
    let Ok(mut url) = Url::parse(&rest.url) else {
        return Some(rest.url.clone());
    };
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url.to_string())
}

/// Connects the platform that is set.
pub(super) fn connect(spec: PlatformSpec<'_>, keys: &Keys, connector: &Connector) -> Result<Box<dyn Platform>, Error> {
    match spec {
        PlatformSpec::Rest(spec) => connect_rest(spec, keys, connector),
    }
}

fn connect_rest(spec: &RestPlatform, keys: &Keys, connector: &Connector) -> Result<Box<dyn Platform>, Error> {
    let config = rest_config(spec, keys)?;
    let credential = Auth::Bearer(config.token.clone()).id();
    let host = config.url.authority().to_owned();
    let request: Duration = spec.timeouts.request.into();
    let platform = rest::RestPlatform::new(config, &connector.network)?;
    let layers = Layers {
        side: "platform",
        provider: "rest",
        // Each call is one request, but for the first ones, which ask for roles and limits besides.
        timeout: request * 4,
    };
    Ok(Box::new(LayeredPlatform::new(
        Box::new(platform),
        layers.policy(connector, &host, credential, &spec.limits),
    )))
}

/// Every field of the specification, with the values of its keys.
pub(super) fn rest_config(spec: &RestPlatform, keys: &Keys) -> Result<rest::Config, Error> {
    let field = |message: String| Error::Field {
        field: "spec.platform.rest".to_owned(),
        message,
    };
    let url = parse_base(&spec.url).map_err(|error| field(format!("url: {}", crate::fault::chain(&error))))?;
    let bearer = spec
        .auth
        .bearer
        .as_ref()
        .ok_or_else(|| field("auth: exactly one way must be set: bearer".to_owned()))?;
    let reference = bearer
        .token_secret_ref
        .at("spec.platform.rest.auth.bearer.tokenSecretRef");
    let token = keys.token(&reference)?;
    let ca = spec.tls.ca_ref.as_ref().map(|ca| ca.at("spec.platform.rest.tls.caRef"));
    let mut config = rest::Config::new(url, token);
    config.advice = Advice {
        unauthorized: renew(&reference),
        too_large: "let the platform lower limits.pageSize, unless something else than the platform answers at \
                    spec.platform.rest.url"
            .to_owned(),
    };
    config.ca_pem = ca.map(|ca| keys.bytes(&ca).map(<[u8]>::to_vec)).transpose()?;
    config.insecure_http = spec.tls.mode == HttpTlsMode::Disabled;
    config.concurrency = usize::try_from(spec.limits.concurrent_requests).unwrap_or(1).max(1);
    config.timeouts = Timeouts {
        connect: connect_timeout(&spec.timeouts),
        answer: Some(spec.timeouts.request.into()),
    };
    Ok(config)
}

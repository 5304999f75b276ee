//! Platforms of a specification, connected.

use super::{
    Error,
    ends::{Connector, Keys, Layers},
};
use crate::{
    api::{
        platform::{PlatformSpec, RestPlatform},
        reference::HttpTlsMode,
    },
    call::LayeredPlatform,
    http::{Auth, parse_base},
    platform::{Platform, rest},
};

/// Connects the platform that is set.
pub(super) fn connect(spec: PlatformSpec<'_>, keys: &Keys, connector: &Connector) -> Result<Box<dyn Platform>, Error> {
    match spec {
        PlatformSpec::Rest(spec) => connect_rest(spec, keys, connector),
    }
}

fn connect_rest(spec: &RestPlatform, keys: &Keys, connector: &Connector) -> Result<Box<dyn Platform>, Error> {
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
    let token = keys.token(
        &bearer
            .token_secret_ref
            .at("spec.platform.rest.auth.bearer.tokenSecretRef"),
    )?;
    let ca = spec.tls.ca_ref.as_ref().map(|ca| ca.at("spec.platform.rest.tls.caRef"));
    let credential = Auth::Bearer(token.clone()).id();
    let mut config = rest::Config::new(url, token);
    config.ca_pem = ca.map(|ca| keys.bytes(&ca).map(<[u8]>::to_vec)).transpose()?;
    config.insecure_http = spec.tls.mode == HttpTlsMode::Disabled;
    config.concurrency = usize::try_from(spec.limits.concurrent_requests).unwrap_or(1).max(1);
    config.connect_timeout = spec.timeouts.connect.into();
    let host = config.url.authority().to_owned();
    let platform = rest::RestPlatform::new(config, &connector.network)?;
    let layers = Layers {
        side: "platform",
        provider: "rest",
        timeouts: spec.timeouts.clone(),
    };
    Ok(Box::new(LayeredPlatform::new(
        Box::new(platform),
        layers.policy(connector, &host, credential, &spec.limits),
    )))
}

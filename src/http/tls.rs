//! Whom a connection trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use super::{Error, Network};

/// How a connection is protected, as its specification asks for it.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The CA certificates (PEM, one or more) that are trusted instead of the system's; absent: the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Whether the specification asks for plain `http` (`tls.mode: Disabled`). The operator must allow it as well.
    pub insecure_http: bool,
}

impl Network {
    /// A rustls configuration (ring, TLS 1.2 and 1.3) that trusts the given CA alone, or the system's roots. It sets
    /// no ALPN protocols. An unusable CA, or a system without roots, is [`Error::InvalidCertificate`].
    pub fn tls_config(&self, ca_pem: Option<&[u8]>) -> Result<ClientConfig, Error> {
        let roots = match ca_pem {
            Some(pem) => Arc::new(roots_of(pem)?),
            None => self.system_roots(),
        };
        if roots.is_empty() {
            return Err(unusable("this system has no root certificates; set tls.caRef"));
        }
        trusting(roots)
    }
}

/// A configuration that trusts nobody, for a client that speaks plain text alone.
pub(super) fn trusting_nobody() -> Result<ClientConfig, Error> {
    trusting(Arc::new(RootCertStore::empty()))
}

fn trusting(roots: Arc<RootCertStore>) -> Result<ClientConfig, Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn roots_of(pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|_| unusable("it is not well-formed PEM (-----BEGIN CERTIFICATE----- and base64)"))?;
        store.add(certificate).map_err(|_| {
            unusable(&format!(
                "certificate {} of it is no X.509 certificate",
                store.len() + 1
            ))
        })?;
    }
    if store.is_empty() {
        return Err(unusable("it contains no PEM block -----BEGIN CERTIFICATE-----"));
    }
    Ok(store)
}

fn unusable(why: &str) -> Error {
    Error::InvalidCertificate { why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(pem: &[u8]) -> String {
        Network::default().tls_config(Some(pem)).unwrap_err().to_string()
    }

    #[test]
    fn each_way_in_which_a_ca_is_unusable_has_its_message() {
        assert!(why(b"").contains("no PEM block"));
        assert!(why(b"-----BEGIN CERTIFICATE-----\nAAAA\n").contains("not well-formed PEM"));
        let junk = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(why(junk).contains("certificate 1 of it is no X.509 certificate"));
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(why(key).contains("no PEM block"));
    }
}

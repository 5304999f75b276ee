//! A certificate authority for one test.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// A certificate authority that nobody else knows.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, both PEM.
pub struct Identity {
    /// The certificate alone, without its authority.
    pub certificate: String,
    /// The private key (PKCS #8, ECDSA P-256).
    pub key: String,
}

impl Authority {
    /// Makes an authority of a common name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key pair can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate can be signed");
        Self { issuer }
    }

    /// The authority's certificate, PEM: what a client trusts.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// An identity for a server that is reached as 127.0.0.1 or localhost.
    pub fn server(&self) -> Identity {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("these names are valid");
        self.issue(params, "server", ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// An identity for a user of a name, in one group or none (as Kubernetes reads common name and organization).
    pub fn user(&self, name: &str, group: Option<&str>) -> Identity {
        let mut params = CertificateParams::default();
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        self.issue(params, name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, mut params: CertificateParams, name: &str, usage: ExtendedKeyUsagePurpose) -> Identity {
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key pair can be made");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be signed");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A new key pair to sign tokens with: the private key (PKCS #8, ECDSA P-256) and the public key, both PEM.
pub fn signing_keys() -> (String, String) {
    let keys = KeyPair::generate().expect("a key pair can be made");
    (keys.serialize_pem(), keys.public_key_pem())
}

//! What a failure of the transport means.

use crate::http::Error;

/// The error of a request to this host that got no answer, or only a part of one.
pub(super) fn failed(host: &str, error: reqwest::Error) -> Error {
    // The URL has the query, and the query may have names and addresses of people.
    let error = error.without_url();
    let host = host.to_owned();
    if let Some(refused) = own(&error) {
        return refused;
    }
    if let Some(advice) = certificate_advice(&error) {
        let source = Box::new(error);
        return Error::Untrusted { host, advice, source };
    }
    if error.is_timeout() {
        Error::Timeout { host }
    } else if error.is_connect() {
        let source = Box::new(error);
        Error::Connect { host, source }
    } else {
        let source = Box::new(error);
        Error::Body { host, source }
    }
}

fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        // An `io::Error` steps over the error that it wraps.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| error.source())
    })
}

/// What our own resolver said, if it was the cause.
fn own(error: &reqwest::Error) -> Option<Error> {
    causes(error).find_map(|cause| match cause.downcast_ref::<Error>()? {
        Error::HostNotAllowed { host, why } => Some(Error::HostNotAllowed {
            host: host.clone(),
            why: why.clone(),
        }),
        Error::Resolve { host, source } => Some(Error::Resolve {
            host: host.clone(),
            source: std::io::Error::new(source.kind(), source.to_string()),
        }),
        _ => None,
    })
}

fn certificate_advice(error: &reqwest::Error) -> Option<&'static str> {
    use rustls::{CertificateError, Error as Rustls};
    causes(error).find_map(|cause| match cause.downcast_ref::<Rustls>()? {
        Rustls::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => Some("renew it on the server"),
        Rustls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Some("it is for another name; use the name in the URL for which it was made"),
        Rustls::InvalidCertificate(_) => Some("set tls.caRef to the CA that signed it"),
        _ => None,
    })
}

//! From an address to a stream: resolve, check, connect, secure.

use std::sync::Arc;

use rustls::{CertificateError, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{
    client::answer,
    config::{Address, Security, Timeouts},
    protocol::{
        ber::Malformed,
        connection::{Connection, Stream},
        message::{self, Answer, Message},
    },
    result,
};
use crate::{directory::Error, fault::Class, http::Network};

/// Connects to an address that the network allows. What was resolved and checked is what is connected to; the name
/// itself is used for the certificate alone.
pub async fn connect(
    address: &Address,
    tls: Option<&Arc<ClientConfig>>,
    timeouts: Timeouts,
    network: &Network,
) -> Result<Box<dyn Stream>, Error> {
    let operation = || format!("connecting to {address}");
    let resolved = network.resolve(&address.host, address.port).await;
    let sockets = resolved.map_err(|source| Error::Http {
        operation: operation(),
        source,
    })?;
    let mut last = None;
    let mut tcp = None;
    for socket in sockets {
        match TcpStream::connect(socket).await {
            Ok(stream) => {
                tcp = Some(stream);
                break;
            }
            Err(error) => last = Some(error),
        }
    }
    let Some(mut tcp) = tcp else {
        return Err(Error::Ldap {
            operation: operation(),
            message: "no connection; check host, port and network policy".to_owned(),
            class: Class::Unreachable,
            source: last.map(Into::into),
        });
    };
    // Requests are small and each waits for its answer.
    let _ = tcp.set_nodelay(true);
    let Some(tls) = tls else {
        return Ok(Box::new(tcp));
    };
    if address.security == Security::StartTls {
        tcp = start_tls(tcp, address, timeouts).await?;
    }
    let name = ServerName::try_from(address.host.clone()).map_err(|_| {
        result::configuration(
            "url",
            format!("{:?} is neither a host name nor an address", address.host),
        )
    })?;
    match TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(tls_error(operation(), address, error)),
    }
}

async fn start_tls(tcp: TcpStream, address: &Address, timeouts: Timeouts) -> Result<TcpStream, Error> {
    let operation = || format!("beginning TLS on {address}");
    let failed = |error| result::connection_error(operation(), error);
    let mut connection = Connection::new(tcp, timeouts.connect);
    let id = connection.send(message::start_tls).await.map_err(failed)?;
    let length = answer(&mut connection, id).await.map_err(failed)?;
    let answered = Message::decode(connection.message(length)).map_err(|error| failed(error.into()))?;
    match answered.answer {
        Answer::Extended(outcome) if outcome.code == 0 => {}
        Answer::Extended(outcome) => return Err(result::start_tls_error(operation(), &outcome)),
        _ => return Err(failed(Malformed("another answer than that to StartTLS").into())),
    }
    connection.consume(length);
    connection.into_stream().map_err(failed)
}

fn tls_error(operation: String, address: &Address, error: std::io::Error) -> Error {
    let host = &address.host;
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let (class, message) = match cause {
        Some(rustls::Error::InvalidCertificate(why)) => (
            Class::Untrusted,
            match why {
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
                    "the server's certificate is not for {host}; use a name in the url that it is for, or give the server \
                     another certificate (tls.caRef doesn't change this)"
                ),
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => {
                    format!(
                        "the certificate of {host} is not valid at this time; renew it (tls.caRef doesn't change this)"
                    )
                }
                _ => format!("the certificate of {host} is not trusted; set tls.caRef to the CA that signed it"),
            },
        ),
        Some(_) => (
            Class::Protocol,
            format!("{host} doesn't speak TLS as expected; check port and tls.mode (ldaps:// is usually on port 636)"),
        ),
        None => (
            Class::Unavailable,
            format!("{host} closed the connection while TLS began; check port and tls.mode"),
        ),
    };
    Error::Ldap {
        operation,
        message,
        class,
        source: Some(Box::new(error)),
    }
}

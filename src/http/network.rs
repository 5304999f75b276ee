//! What the operator allows its connections to reach.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::{Arc, OnceLock},
};

use rustls::RootCertStore;
use url::{Host, Url};

use super::{
    Error, InProcess,
    address::{Reach, reach},
    error::{shown, unusable},
};

/// The host policy, from the operator's flags. The default allows `https` to every host that isn't this one.
#[derive(Clone, Debug, Default)]
pub struct NetworkPolicy {
    /// Whether addresses of this host may be reached (`--allow-loopback`): for development and for sidecars.
    pub allow_loopback: bool,
    /// Whether a connection may ask for a plain `http` or `ldap` connection (`--allow-insecure`).
    pub allow_insecure: bool,
    /// Which hosts may be reached (`--allow-host`); empty allows any.
    pub allowed_hosts: Vec<HostPattern>,
}

/// A host, or everything below a domain: `api.acme.test`, `*.acme.test`, `192.0.2.7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    host: String,
    below: bool,
}

impl HostPattern {
    fn matches(&self, host: &str) -> bool {
        if self.below {
            // The domain itself is not below itself.
            host.strip_suffix(&self.host)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            host == self.host
        }
    }
}

impl FromStr for HostPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (below, host) = text.strip_prefix("*.").map_or((false, text), |domain| (true, domain));
        let refused = || Error::InvalidUrl {
            url: text.to_owned(),
            why: "a host pattern is a host name, an address, or `*.` and a domain".to_owned(),
        };
        let parsed = Host::parse(host).map_err(|_| refused())?;
        if host.contains('*') || (below && !matches!(parsed, Host::Domain(_))) {
            return Err(refused());
        }
        Ok(Self {
            host: host_text(&parsed),
            below,
        })
    }
}

/// What connections may reach, and whom they trust by default. Cheap to clone; one per process.
#[derive(Clone, Debug, Default)]
pub struct Network {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    policy: NetworkPolicy,
    roots: OnceLock<Arc<RootCertStore>>,
    in_process: Option<Arc<dyn InProcess>>,
}

impl Network {
    /// The network as a policy allows it.
    pub fn new(policy: NetworkPolicy) -> Self {
        Self {
            inner: Arc::new(Inner {
                policy,
                ..Inner::default()
            }),
        }
    }

    /// A network on which `other_side` answers every HTTP request, and nothing leaves this process. The policy holds as it
    /// does for any other.
    pub fn in_process(policy: NetworkPolicy, other_side: Arc<dyn InProcess>) -> Self {
        Self {
            inner: Arc::new(Inner {
                policy,
                roots: OnceLock::new(),
                in_process: Some(other_side),
            }),
        }
    }

    /// Who answers every HTTP request, where that is somebody in this process.
    pub(super) fn other_side(&self) -> Option<Arc<dyn InProcess>> {
        self.inner.in_process.clone()
    }

    /// Whether a connection may ask for plain text.
    pub fn allows_insecure(&self) -> bool {
        self.inner.policy.allow_insecure
    }

    /// The system's root certificates, read once.
    pub(super) fn system_roots(&self) -> Arc<RootCertStore> {
        let roots = self.inner.roots.get_or_init(|| {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(store)
        });
        Arc::clone(roots)
    }

    /// Checks what can be known of a URL without resolving its host: scheme, user information, host.
    pub fn check_url(&self, url: &Url) -> Result<(), Error> {
        match url.scheme() {
            "https" => {}
            "http" if self.inner.policy.allow_insecure => {}
            "http" => {
                return Err(Error::InsecureUrl {
                    url: shown(url),
                    why: "use https, or let the operator run with --allow-insecure",
                });
            }
            _ => return Err(unusable(url, "it starts with neither https:// nor http://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable(
                url,
                "user and password belong into a Secret, not into the URL",
            ));
        }
        match url.host() {
            Some(host) => self.check_host(&host_text(&host)),
            None => Err(unusable(url, "it has no host")),
        }
    }

    /// Checks a host name or a literal address against the list of allowed hosts, and a literal address itself.
    fn check_host(&self, host: &str) -> Result<(), Error> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let allowed = &self.inner.policy.allowed_hosts;
        if !allowed.is_empty() && !allowed.iter().any(|pattern| pattern.matches(bare)) {
            return Err(Error::HostNotAllowed {
                host,
                why: "it is not among the hosts that the operator allows (--allow-host)".to_owned(),
            });
        }
        match bare.parse::<IpAddr>() {
            Ok(address) => self.check_addresses(bare, &[address]),
            Err(_) => Ok(()),
        }
    }

    /// Checks the addresses that a host resolved to; a single one that isn't allowed refuses them all.
    fn check_addresses(&self, host: &str, addresses: &[IpAddr]) -> Result<(), Error> {
        for address in addresses {
            let why = match reach(*address) {
                Reach::Allowed => continue,
                Reach::Loopback if self.inner.policy.allow_loopback => continue,
                Reach::Loopback => {
                    format!("{address} is the operator's own host, which only its flag --allow-loopback permits")
                }
                Reach::Never(what) => format!("{address} is {what}, which is never allowed"),
            };
            return Err(Error::HostNotAllowed {
                host: host.to_owned(),
                why,
            });
        }
        Ok(())
    }

    /// Resolves a host and checks both the host and every address. Connect to what this returns, not to the name:
    /// a name can resolve differently the next time.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        self.check_host(host)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let failed = |source| Error::Resolve {
            host: host.to_owned(),
            source,
        };
        let sockets: Vec<SocketAddr> = tokio::net::lookup_host((bare, port)).await.map_err(failed)?.collect();
        if sockets.is_empty() {
            return Err(failed(std::io::Error::other("the name has no address")));
        }
        let addresses: Vec<IpAddr> = sockets.iter().map(SocketAddr::ip).collect();
        self.check_addresses(host, &addresses)?;
        Ok(sockets)
    }
}

impl From<NetworkPolicy> for Network {
    fn from(policy: NetworkPolicy) -> Self {
        Self::new(policy)
    }
}

/// Connects names for [`reqwest`], so that what was checked is what is connected to.
pub(super) struct CheckedResolver(pub(super) Network);

impl reqwest::dns::Resolve for CheckedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let network = self.0.clone();
        Box::pin(async move {
            // Port 0: the port of the URL takes its place.
            let sockets = network.resolve(name.as_str(), 0).await?;
            Ok(Box::new(sockets.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// A host without the brackets of IPv6 and without a final dot.
fn host_text<S: AsRef<str>>(host: &Host<S>) -> String {
    match host {
        Host::Domain(domain) => domain.as_ref().trim_end_matches('.').to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Class, Fault as _};

    fn network(loopback: bool, insecure: bool, hosts: &[&str]) -> Network {
        Network::new(NetworkPolicy {
            allow_loopback: loopback,
            allow_insecure: insecure,
            allowed_hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        })
    }

    fn check(network: &Network, url: &str) -> Result<(), Error> {
        network.check_url(&url.parse().unwrap())
    }

    #[test]
    fn https_to_any_host_is_allowed_by_default() {
        let network = Network::default();
        check(&network, "https://api.acme.test/scim").unwrap();
        check(&network, "https://10.0.0.7:8443/").unwrap();
    }

    #[test]
    fn plain_http_needs_the_operators_flag() {
        let refused = check(&network(false, false, &[]), "http://api.acme.test").unwrap_err();
        assert!(refused.to_string().contains("--allow-insecure"), "{refused}");
        check(&network(false, true, &[]), "http://api.acme.test").unwrap();
    }

    #[test]
    fn a_literal_metadata_address_is_refused_in_every_spelling() {
        let network = network(true, true, &[]);
        for url in [
            "http://169.254.169.254/latest",
            "http://[::ffff:169.254.169.254]/",
            "http://2852039166/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://[fd00:ec2::254]/",
        ] {
            let refused = check(&network, url).unwrap_err();
            assert_eq!(refused.class(), Class::HostNotAllowed, "{url}");
        }
    }

    #[test]
    fn only_listed_hosts_are_allowed_where_there_is_a_list() {
        let network = network(false, false, &["api.acme.test", "*.idp.test"]);
        check(&network, "https://api.acme.test/").unwrap();
        check(&network, "https://API.acme.test./").unwrap();
        check(&network, "https://a.b.idp.test/").unwrap();
        for url in [
            "https://idp.test/",
            "https://xapi.acme.test/",
            "https://evilidp.test/",
            "https://.idp.test/",
        ] {
            assert!(check(&network, url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_pattern_with_a_star_elsewhere_is_no_pattern() {
        for pattern in ["api.*.test", "*", "*acme.test", "", "*.192.0.2.1"] {
            assert!(pattern.parse::<HostPattern>().is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        let refused = check(&Network::default(), "https://ann:hunter2@api.acme.test/?token=geheim").unwrap_err();
        let text = refused.to_string();
        assert!(!text.contains("hunter2") && !text.contains("geheim"), "{text}");
        assert!(text.contains("https://api.acme.test/"), "{text}");
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_loopback_needs_the_operators_flag() {
        let refused = Network::default().resolve("localhost", 80).await.unwrap_err();
        assert!(refused.to_string().contains("--allow-loopback"), "{refused}");
        assert!(
            !network(true, false, &[])
                .resolve("localhost", 80)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

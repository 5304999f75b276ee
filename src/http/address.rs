//! Which addresses a connection may go to: the guard against requests that a tenant aims at the operator's own host or
//! at a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata and platform services outside of the link-local ranges: AWS and Google Cloud by IPv6, Alibaba Cloud, Azure's
/// host agent, Oracle Cloud's former address.
const METADATA: [IpAddr; 5] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// What an address is, as far as the policy cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// An ordinary address, public or private.
    Allowed,
    /// This very host; allowed by a flag of the operator.
    Loopback,
    /// Never allowed; the text says what it is.
    Never(&'static str),
}

/// Judges one address. An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4) is judged as itself.
pub fn reach(address: IpAddr) -> Reach {
    let address = match address {
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    if METADATA.contains(&address) {
        return Reach::Never("a metadata service");
    }
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    if address.is_loopback() {
        Reach::Loopback
    } else if address.octets()[0] == 0 {
        // All of 0.0.0.0/8: Linux takes 0.0.0.0 for this host.
        Reach::Never("an unspecified address")
    } else if address.is_link_local() {
        Reach::Never("a link-local address")
    } else if address.is_multicast() || address.is_broadcast() {
        Reach::Never("a multicast address")
    } else {
        Reach::Allowed
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if address.is_loopback() {
        Reach::Loopback
    } else if address.is_unspecified() {
        Reach::Never("an unspecified address")
    } else if address.is_unicast_link_local() {
        Reach::Never("a link-local address")
    } else if address.is_multicast() {
        Reach::Never("a multicast address")
    } else {
        Reach::Allowed
    }
}

/// The IPv4 address that a gateway or the kernel would go to instead: `::ffff:0:0/96` (RFC 4291 §2.5.5.2), `::/96`
/// (§2.5.5.1), `64:ff9b::/96` (RFC 6052), `2002::/16` (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let at = |index: usize| {
        let [high, low] = [segments[index].to_be_bytes(), segments[index + 1].to_be_bytes()];
        Ipv4Addr::new(high[0], high[1], low[0], low[1])
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(at(6)),
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) > (0, 1) => Some(at(6)),
        [0x2002, ..] => Some(at(1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach_of(address: &str) -> Reach {
        reach(address.parse().unwrap())
    }

    #[test]
    fn public_and_private_addresses_are_allowed() {
        for address in [
            "192.0.2.1",
            "10.0.0.1",
            "172.16.3.4",
            "192.168.1.1",
            "2001:db8::1",
            "fd12::1",
        ] {
            assert_eq!(reach_of(address), Reach::Allowed, "{address}");
        }
    }

    #[test]
    fn loopback_in_any_spelling_is_loopback() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert_eq!(reach_of(address), Reach::Loopback, "{address}");
        }
    }

    #[test]
    fn link_local_and_metadata_addresses_are_never_allowed() {
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "fe80::1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
        ] {
            assert!(matches!(reach_of(address), Reach::Never(_)), "{address}");
        }
    }

    #[test]
    fn addresses_of_nobody_or_everybody_are_never_allowed() {
        for address in ["0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "255.255.255.255", "ff02::1"] {
            assert!(matches!(reach_of(address), Reach::Never(_)), "{address}");
        }
    }
}

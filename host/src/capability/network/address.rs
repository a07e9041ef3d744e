//! Which addresses are public, and which lead back into somebody's own network.
//!
//! A stage that could reach `169.254.169.254` or `10.0.0.5` would borrow the place of the host in its network. So every
//! address that the IANA registries do not call globally reachable is reserved here, and with them the prefixes that carry
//! an IPv4 address inside an IPv6 one: behind a NAT64 or a 6to4 relay they lead to the address that they carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Address, length of the prefix in bits, what it is.
type Reserved<A> = (A, u8, &'static str);

const V4: &[Reserved<Ipv4Addr>] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a provider (CGNAT)"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    // Azure answers its machines here, on an address that is otherwise public.
    (Ipv4Addr::new(168, 63, 129, 16), 32, "a cloud's metadata service"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local, where clouds have their metadata service"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a 6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

const V6: &[Reserved<Ipv6Addr>] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "an IPv4 address in another notation"),
    (Ipv6Addr::UNSPECIFIED, 96, "an IPv4 address in another notation"),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, "NAT64"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "NAT64"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, "Teredo"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved for protocols"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "6to4"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
];

/// The part of IPv6 that is handed out as public addresses. The rest is reserved, known to us or not.
const V6_GLOBAL: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What the address is, if it is not a public one.
pub(super) fn reserved(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => find(V4, |network, length| within_v4(address, network, length)),
        IpAddr::V6(address) => find(V6, |network, length| within_v6(address, network, length))
            .or_else(|| (!within_v6(address, V6_GLOBAL.0, V6_GLOBAL.1)).then_some("reserved")),
    }
}

fn find<A: Copy>(table: &[Reserved<A>], within: impl Fn(A, u8) -> bool) -> Option<&'static str> {
    table.iter().find(|(network, length, _)| within(*network, *length)).map(|(_, _, what)| *what)
}

fn within_v4(address: Ipv4Addr, network: Ipv4Addr, length: u8) -> bool {
    let shift = 32 - u32::from(length);
    address.to_bits().checked_shr(shift) == network.to_bits().checked_shr(shift)
}

fn within_v6(address: Ipv6Addr, network: Ipv6Addr, length: u8) -> bool {
    let shift = 128 - u32::from(length);
    address.to_bits().checked_shr(shift) == network.to_bits().checked_shr(shift)
}

/// Addresses that the operator has granted: "10.0.0.5", "fd00::/8".
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges(Vec<(IpAddr, u8)>);

impl Ranges {
    /// Reads addresses and networks.
    ///
    /// # Errors
    /// The text that is neither.
    pub(super) fn parse(texts: &[String]) -> Result<Self, &str> {
        texts.iter().map(|text| parse_range(text).ok_or(text.as_str())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the address is one of them. An IPv4 address in IPv6 clothes is another address.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, length)| match (address, network) {
            (IpAddr::V4(address), IpAddr::V4(network)) => within_v4(address, *network, *length),
            (IpAddr::V6(address), IpAddr::V6(network)) => within_v6(address, *network, *length),
            _ => false,
        })
    }
}

fn parse_range(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(bits), |length| length.parse().ok())?;
    (length <= bits).then_some((address, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(texts: &[&str]) -> Ranges {
        let texts: Vec<String> = texts.iter().map(|&t| t.to_owned()).collect();
        Ranges::parse(&texts).unwrap()
    }

    #[test]
    fn every_way_back_inside_is_reserved() {
        let inside = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in inside {
            assert!(reserved(text.parse().unwrap()).is_some(), "{text} passes for public");
        }
    }

    #[test]
    fn neighbours_of_reserved_ranges_are_public() {
        let outside = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2606:4700::1111",
        ];
        for text in outside {
            assert_eq!(reserved(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_network_is_no_grant() {
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/-1", "10.0.0"] {
            assert_eq!(Ranges::parse(&[text.to_owned()]).unwrap_err(), text);
        }
    }

    #[test]
    fn a_range_holds_its_own_kind_only() {
        let granted = ranges(&["10.1.0.0/16", "127.0.0.1", "fd00::/8"]);
        for text in ["10.2.0.1", "127.0.0.2", "::ffff:10.1.0.1", "fe80::1"] {
            assert!(!granted.contains(text.parse().unwrap()), "{text}");
        }
        for text in ["10.1.255.1", "127.0.0.1", "fd12::1"] {
            assert!(granted.contains(text.parse().unwrap()), "{text}");
        }
        assert!(ranges(&["0.0.0.0/0"]).contains("1.2.3.4".parse().unwrap()));
    }
}

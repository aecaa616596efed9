//! Requests that an operator does not want, whoever makes them.

use std::net::IpAddr;
use std::str::FromStr;

use tribune_types::call::CallError;

use crate::error::Error;

/// What an operator refuses (`http_config`).
#[derive(Clone, Debug, Default)]
pub struct Restrictions {
    /// Starts of the paths that are refused.
    pub block_endpoints: Vec<String>,
    /// Where changes may come from; from anywhere where this is empty.
    pub allow_write_from: Vec<Network>,
}

impl Restrictions {
    /// Goes on only where nothing stands against a request.
    pub(crate) fn check(&self, method: &str, path: &str, client: IpAddr) -> Result<(), Error> {
        let refused = |text: &str| Err(CallError::Denied(text.to_owned()).into());
        if self
            .block_endpoints
            .iter()
            .any(|start| path.starts_with(start))
        {
            return refused("Endpoint is blocked by agent configuration");
        }
        let reads = matches!(method, "GET" | "HEAD" | "OPTIONS");
        let from = &self.allow_write_from;
        if !reads && !from.is_empty() && !from.iter().any(|network| network.contains(client)) {
            return refused("Access is restricted: this agent takes no writes from your address");
        }
        Ok(())
    }
}

/// A network in CIDR notation, like `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network like 10.0.0.0/8")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let parse = || {
            let (address, bits) = text.split_once('/')?;
            let address: IpAddr = address.parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            (bits <= most).then_some(Self { address, bits })
        };
        parse().ok_or_else(|| NetworkError(text.to_owned()))
    }
}

impl Network {
    /// Whether an address is in it. An IPv4 address counts as itself where it comes mapped into IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_the_addresses_that_share_its_first_bits() {
        let contains = |network: &str, address: &str| {
            let network: Network = network.parse().unwrap();
            network.contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.1.2"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("127.0.0.1/32", "::ffff:127.0.0.1"));
        assert!(contains("0.0.0.0/0", "192.0.2.1"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::9"));
        for wrong in [
            "10.0.0.0",
            "10.0.0.0/33",
            "::/129",
            "a/8",
            "10.0.0.0/-1",
            "",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_blocked_path_and_a_write_from_elsewhere_are_refused() {
        let restrictions = Restrictions {
            block_endpoints: vec!["/v1/agent/self".to_owned()],
            allow_write_from: vec!["127.0.0.0/8".parse().unwrap()],
        };
        let status = |method, path, client: [u8; 4]| {
            let checked = restrictions.check(method, path, client.into());
            checked.map_err(|error| error.status().as_u16())
        };
        let (here, there) = ([127, 0, 0, 1], [192, 0, 2, 1]);
        assert_eq!(status("GET", "/v1/agent/self", here), Err(403));
        assert_eq!(status("GET", "/v1/agent/services", there), Ok(()));
        assert_eq!(status("PUT", "/v1/config", here), Ok(()));
        assert_eq!(status("PUT", "/v1/config", there), Err(403));
        assert_eq!(status("DELETE", "/v1/config/a/b", there), Err(403));
    }
}

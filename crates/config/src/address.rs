//! Addresses to listen on and to be reached at.

use std::net::IpAddr;

use crate::error::Problem;

/// One IP address.
pub(crate) fn ip(key: &str, text: &str) -> Result<IpAddr, Problem> {
    let text = text.trim();
    if text.contains("{{") {
        return Err(Problem::rule(
            key,
            "address templates are not supported yet; write the IP address",
        ));
    }
    if text.starts_with("unix:") || text.starts_with('/') {
        return Err(Problem::rule(
            key,
            "Unix sockets are not supported yet; write an IP address",
        ));
    }
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    inner
        .parse()
        .map_err(|_| Problem::rule(key, format!("{text:?} is not an IP address")))
}

/// IP addresses separated by white space.
pub(crate) fn ips(key: &str, text: &str) -> Result<Vec<IpAddr>, Problem> {
    if text.contains("{{") {
        return ip(key, text).map(|ip| vec![ip]);
    }
    text.split_whitespace().map(|word| ip(key, word)).collect()
}

/// An address that others reach this agent at.
pub(crate) fn advertised(key: &str, text: &str) -> Result<IpAddr, Problem> {
    let ip = ip(key, text)?;
    if ip.is_unspecified() {
        return Err(Problem::rule(
            key,
            format!("nobody can reach {ip}; write the address of this machine"),
        ));
    }
    Ok(ip)
}

/// A port, `None` where it is switched off (0 or negative).
pub(crate) fn port(key: &str, number: i64) -> Result<Option<u16>, Problem> {
    if number <= 0 {
        return Ok(None);
    }
    let port = u16::try_from(number);
    port.map(Some)
        .map_err(|_| Problem::rule(key, format!("{number} is not a port: they end at 65535")))
}

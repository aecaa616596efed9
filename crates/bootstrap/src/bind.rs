//! An address to listen on.

/// Host and port as Envoy's `socket_address` takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// An IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Bind {
    /// Reads `HOST:PORT`, with brackets around an IPv6 address.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?,
            None if host.contains(':') => return None,
            None => host,
        };
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Bind;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let bind = |host: &str, port| {
            Some(Bind {
                host: host.to_owned(),
                port,
            })
        };
        assert_eq!(Bind::parse("0.0.0.0:9102"), bind("0.0.0.0", 9102));
        assert_eq!(Bind::parse("[::1]:80"), bind("::1", 80));
        assert_eq!(Bind::parse(":80"), bind("", 80));
        for text in [
            "",
            "nowhere",
            "9102",
            "1.2.3.4:",
            "1.2.3.4:65536",
            "1.2.3.4:-1",
            "::1:80",
            "[::1:80",
        ] {
            assert_eq!(Bind::parse(text), None, "{text}");
        }
    }
}

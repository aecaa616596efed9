//! Host names as gateways match them.

use super::invalid::{Problems, Reason};

/// Longest label of a host name.
const LABEL: usize = 63;
/// Longest host name.
const NAME: usize = 254;

/// Checks a host that an ingress gateway answers to. With TLS it goes into a certificate, which no `*` alone can.
pub(super) fn check(problems: &mut Problems, at: &str, host: &str, tls: bool) {
    if host == crate::names::WILDCARD {
        let reason =
            Reason::Forbidden("with TLS: every host becomes a DNS name of the certificate");
        problems.add_if(tls, at, reason);
        return;
    }
    check_wildcarded(problems, at, host);
}

/// Checks a host name that may begin with `*.`.
pub(super) fn check_wildcarded(problems: &mut Problems, at: &str, host: &str) {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let wildcard = Reason::Malformed {
        value: host.to_owned(),
        expected: "a host name: the wildcard can only be its first label, as in \"*.example.com\"",
    };
    if name.contains('*') {
        problems.add(at, wildcard);
    } else if !is_domain(name) {
        problems.add(at, not_a_name(host));
    }
}

/// Checks a host name without wildcards.
pub(super) fn check_plain(problems: &mut Problems, at: &str, host: &str) {
    if host.contains('*') {
        problems.add(at, Reason::Wildcard);
    } else if !is_domain(host) {
        problems.add(at, not_a_name(host));
    }
}

fn not_a_name(host: &str) -> Reason {
    Reason::Malformed {
        value: host.to_owned(),
        expected: "a DNS host name",
    }
}

/// Labels joined by dots. As in Consul, which characters they are of is not looked at, but that they print.
pub(super) fn is_domain(name: &str) -> bool {
    let label = |label: &str| (1..=LABEL).contains(&label.len());
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= NAME && name.split('.').all(label) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_labels_joined_by_dots() {
        for name in [
            "a",
            "a.example",
            "a-b.c_d.example",
            "10.0.0.1",
            "no host",
            "a.b.",
        ] {
            assert!(is_domain(name), "{name}");
        }
        for name in ["", ".", "a..b", "a\n", &"x".repeat(64)] {
            assert!(!is_domain(name), "{name}");
        }
    }
}

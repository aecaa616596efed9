//! The name of an upstream, as it goes into the names of Envoy's resources.

use std::fmt;
use std::sync::Arc;

use tribune_types::proxy::Upstream;

/// Names an upstream of a proxy: `[TYPE:]NAME[?peer=PEER|?dc=DATACENTER]`.
///
/// Partition and namespace are left out, as Consul does where both are `default`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpstreamId(Arc<str>);

impl UpstreamId {
    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Upstream> for UpstreamId {
    fn from(upstream: &Upstream) -> Self {
        let mut text = String::new();
        if !matches!(upstream.destination_type.as_str(), "" | "service") {
            text.push_str(&upstream.destination_type);
            text.push(':');
        }
        text.push_str(&upstream.destination_name);
        if !upstream.destination_peer.is_empty() {
            text.push_str("?peer=");
            text.push_str(&upstream.destination_peer);
        } else if !upstream.datacenter.is_empty() {
            text.push_str("?dc=");
            text.push_str(&upstream.datacenter);
        }
        Self(text.into())
    }
}

impl fmt::Display for UpstreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for UpstreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_named_as_consul_names_it() {
        let upstream = |kind: &str, peer: &str, datacenter: &str| Upstream {
            destination_type: kind.to_owned(),
            destination_name: "db".into(),
            destination_peer: peer.into(),
            datacenter: datacenter.to_owned(),
            ..Upstream::default()
        };
        let rows = [
            (upstream("", "", ""), "db"),
            (upstream("service", "", ""), "db"),
            (upstream("prepared_query", "", ""), "prepared_query:db"),
            (
                upstream("prepared_query", "", "dc2"),
                "prepared_query:db?dc=dc2",
            ),
            (upstream("", "", "dc2"), "db?dc=dc2"),
            (upstream("", "cloud", "dc2"), "db?peer=cloud"),
        ];
        for (upstream, id) in rows {
            assert_eq!(UpstreamId::from(&upstream).as_str(), id);
        }
    }
}

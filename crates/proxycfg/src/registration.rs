//! A proxy's registration, read once and shared by every snapshot made from it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use tribune_chain::Overrides;
use tribune_derived::{ChainKey, Proxy};
use tribune_types::proxy::Upstream;
use tribune_types::{GoDuration, ServiceName, Tenancy};

use crate::settings::{ProxySettings, UpstreamSettings};
use crate::{Problem, Reason, UpstreamId};

/// A connect-proxy's registration with its opaque settings read.
#[derive(Debug, PartialEq)]
pub struct Registration {
    /// The registration, with central configuration merged in.
    pub proxy: Arc<Proxy>,
    /// Its settings.
    pub settings: ProxySettings,
    /// The upstreams that can be served, by ID.
    pub upstreams: Vec<Arc<Definition>>,
    /// What is not served as it was written.
    pub problems: Vec<Problem>,
}

/// An upstream as the registration asks for it.
#[derive(Debug, PartialEq)]
pub struct Definition {
    /// Its name.
    pub id: UpstreamId,
    /// Where the application dials it.
    pub bind: Bind,
    /// The chain that says what it is.
    pub chain: ChainKey,
    /// Its settings.
    pub settings: UpstreamSettings,
}

/// Where a proxy listens for its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// An IP address and a port.
    Address {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Socket {
        /// Its path.
        path: String,
        /// Its mode bits; Envoy's own where zero.
        mode: u32,
    },
}

// === impl Registration ===

impl Registration {
    /// Reads a connect-proxy's registration.
    pub(crate) fn read(proxy: &Arc<Proxy>) -> Self {
        let (settings, errors) = ProxySettings::read(&proxy.config.config);
        let mut problems: Vec<_> = errors
            .into_iter()
            .map(|error| Problem {
                upstream: None,
                reason: error.into(),
            })
            .collect();
        let unsupported = [
            (proxy.config.mode == "transparent", Reason::TransparentMode),
            (proxy.config.expose.checks, Reason::ExposeChecks),
        ];
        let unsupported = unsupported.into_iter().filter(|(asked_for, _)| *asked_for);
        problems.extend(unsupported.map(|(_, reason)| Problem {
            upstream: None,
            reason,
        }));
        let mut upstreams = BTreeMap::new();
        for upstream in &proxy.config.upstreams {
            // Neither stands for something to dial: `*` holds defaults, the other comes from central
            // configuration and says how to dial what transparent mode discovers.
            if upstream.centrally_configured || upstream.destination_name.is_wildcard() {
                continue;
            }
            let id = UpstreamId::from(upstream);
            let mut report = |reason| {
                problems.push(Problem {
                    upstream: Some(id.clone()),
                    reason,
                })
            };
            match Definition::read(proxy, upstream, id.clone(), &mut report) {
                Ok(definition) => {
                    if upstreams.insert(id.clone(), Arc::new(definition)).is_some() {
                        report(Reason::Duplicate);
                    }
                }
                Err(reason) => report(reason),
            }
        }
        Self {
            proxy: Arc::clone(proxy),
            settings,
            upstreams: upstreams.into_values().collect(),
            problems,
        }
    }
}

impl Definition {
    fn read(
        proxy: &Proxy,
        upstream: &Upstream,
        id: UpstreamId,
        report: &mut impl FnMut(Reason),
    ) -> Result<Self, Reason> {
        match upstream.destination_type.as_str() {
            "" | "service" => {}
            "prepared_query" => return Err(Reason::PreparedQuery),
            other => return Err(Reason::UpstreamType(other.to_owned())),
        }
        if !upstream.destination_peer.is_empty() {
            return Err(Reason::Peer(upstream.destination_peer.clone()));
        }
        if !matches!(upstream.datacenter.as_str(), "" | "*")
            && upstream.datacenter != proxy.datacenter
        {
            return Err(Reason::Datacenter(upstream.datacenter.clone()));
        }
        let bind = Bind::read(upstream)?;
        let (settings, errors) = UpstreamSettings::read(&upstream.config);
        errors.into_iter().for_each(|error| report(error.into()));
        let chain = ChainKey {
            service: destination(proxy, upstream),
            datacenter: proxy.datacenter.clone(),
            overrides: Overrides {
                protocol: settings.protocol.clone(),
                connect_timeout: GoDuration::from_millis(settings.connect_timeout_ms.max(0)),
                mesh_gateway: upstream.mesh_gateway.clone(),
            },
        };
        Ok(Self {
            id,
            bind,
            chain,
            settings,
        })
    }
}

/// The upstream's service; what it leaves open of the tenancy is the proxy's own.
fn destination(proxy: &Proxy, upstream: &Upstream) -> ServiceName {
    let own = &proxy.service.tenancy;
    let or = |text: &str, own: &str| {
        if text.is_empty() {
            own.to_owned()
        } else {
            text.to_owned()
        }
    };
    ServiceName {
        name: upstream.destination_name.clone(),
        tenancy: Tenancy::new(
            &or(&upstream.destination_partition, own.partition()),
            &or(&upstream.destination_namespace, own.namespace()),
        ),
    }
}

impl Bind {
    fn read(upstream: &Upstream) -> Result<Self, Reason> {
        if upstream.local_bind_port == 0 {
            if upstream.local_bind_socket_path.is_empty() {
                return Err(Reason::NoBind);
            }
            // A mode that is no octal number counts as not said, as it does in Consul.
            let mode =
                u32::from_str_radix(&upstream.local_bind_socket_mode, 8).unwrap_or(0) & 0o777;
            return Ok(Self::Socket {
                path: upstream.local_bind_socket_path.clone(),
                mode,
            });
        }
        let port = u16::try_from(upstream.local_bind_port)
            .map_err(|_| Reason::Port(upstream.local_bind_port.into()))?;
        let address = match upstream.local_bind_address.as_str() {
            "" => IpAddr::from([127, 0, 0, 1]),
            text => text
                .parse()
                .map_err(|_| Reason::BindAddress(text.to_owned()))?,
        };
        Ok(Self::Address { address, port })
    }
}

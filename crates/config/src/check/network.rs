//! Addresses and ports, and that no two listeners share one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Checks;
use crate::address::{advertised, ip, ips, port};
use crate::load::Machine;
use crate::{Ports, raw};

/// Addresses of the agent itself.
pub(super) struct Addresses {
    pub(super) bind: IpAddr,
    pub(super) advertise: IpAddr,
    pub(super) advertise_wan: IpAddr,
}

// === impl Checks ===

impl Checks<'_> {
    pub(super) fn addresses(&mut self, raw: &raw::Raw, machine: &Machine) -> Addresses {
        let bind = raw.bind_addr.as_deref().unwrap_or("0.0.0.0");
        let bind = if bind.split_whitespace().count() > 1 {
            self.refuse(
                "bind_addr",
                "it is one address; `addresses` has a list for each interface",
            );
            None
        } else {
            self.note(ip("bind_addr", bind))
        };
        let bind = bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let advertise = match raw.advertise_addr.as_deref() {
            Some(text) => self.note(advertised("advertise_addr", text)),
            None if !bind.is_unspecified() => Some(bind),
            None => {
                if machine.private_address.is_none() {
                    let reason =
                        "this machine has no private address, or several; set this or `bind_addr`";
                    self.refuse("advertise_addr", reason);
                }
                machine.private_address
            }
        };
        let advertise = advertise.unwrap_or(bind);
        let wan = raw.advertise_addr_wan.as_deref();
        let wan = wan.and_then(|text| self.note(advertised("advertise_addr_wan", text)));
        Addresses {
            bind,
            advertise,
            advertise_wan: wan.unwrap_or(advertise),
        }
    }

    pub(super) fn client(&mut self, text: Option<&str>) -> Vec<IpAddr> {
        let client = self
            .note(ips("client_addr", text.unwrap_or("127.0.0.1")))
            .unwrap_or_default();
        if text.is_some_and(|text| text.trim().is_empty()) {
            self.notices
                .push("client_addr is empty: HTTP and gRPC are not served".to_owned());
        }
        client
    }

    pub(super) fn listeners(
        &mut self,
        key: &str,
        own: Option<&str>,
        client: &[IpAddr],
        port: Option<u16>,
    ) -> Vec<SocketAddr> {
        let own = own.filter(|text| !text.trim().is_empty());
        let own = own.and_then(|text| self.note(ips(key, text)));
        let addresses = own.as_deref().unwrap_or(client);
        port.into_iter()
            .flat_map(|port| addresses.iter().map(move |ip| SocketAddr::new(*ip, port)))
            .collect()
    }

    pub(super) fn ports(&mut self, raw: &raw::Ports) -> Ports {
        let mut read = |name: &str, given: Option<i64>, default: Option<u16>| match given {
            None => default,
            Some(number) => self.note(port(&format!("ports.{name}"), number)).flatten(),
        };
        let ports = [
            read("dns", raw.dns, Some(8600)),
            read("http", raw.http, Some(8500)),
            read("https", raw.https, None),
            read("grpc", raw.grpc, None),
            read("grpc_tls", raw.grpc_tls, None),
            read("server", raw.server, Some(8300)),
            read("serf_lan", raw.serf_lan, Some(8301)),
            read("serf_wan", raw.serf_wan, Some(8302)),
        ];
        let [dns, http, https, grpc, grpc_tls, server, serf_lan, serf_wan] = ports;
        for (name, port, given) in [
            ("server", server, raw.server),
            ("serf_lan", serf_lan, raw.serf_lan),
        ] {
            if port.is_none() && given.is_some_and(|given| given <= 0) {
                self.refuse(&format!("ports.{name}"), "it can't be switched off");
            }
        }
        for (name, port) in [("https", https), ("grpc_tls", grpc_tls)] {
            if port.is_some() {
                self.notices
                    .push(format!("ports.{name}: nothing listens there yet"));
            }
        }
        let sidecar = self.range(
            "sidecar",
            (raw.sidecar_min_port, raw.sidecar_max_port),
            (21_000, 21_255),
        );
        let expose = self.range(
            "expose",
            (raw.expose_min_port, raw.expose_max_port),
            (21_500, 21_755),
        );
        let (server, serf_lan) = (server.unwrap_or(8300), serf_lan.unwrap_or(8301));
        Ports {
            dns,
            http,
            https,
            grpc,
            grpc_tls,
            server,
            serf_lan,
            serf_wan,
            sidecar,
            expose,
        }
    }

    fn range(
        &mut self,
        name: &str,
        given: (Option<i64>, Option<i64>),
        default: (u16, u16),
    ) -> Option<(u16, u16)> {
        let mut end = |which: &str, given: Option<i64>, default: u16| match given {
            None => Some(default),
            Some(number) => self
                .note(port(&format!("ports.{name}_{which}_port"), number))
                .flatten(),
        };
        match (
            end("min", given.0, default.0),
            end("max", given.1, default.1),
        ) {
            (None, None) => None,
            (Some(least), Some(most)) if least <= most => Some((least, most)),
            _ => {
                let reason =
                    format!("it must not be above {name}_max_port; both at 0 switch the range off");
                self.refuse(&format!("ports.{name}_min_port"), reason);
                None
            }
        }
    }

    pub(super) fn shared_listeners(&mut self, ports: &Ports) {
        let clients = [
            ("ports.http", ports.http),
            ("ports.https", ports.https),
            ("ports.grpc", ports.grpc),
            ("ports.grpc_tls", ports.grpc_tls),
            ("ports.dns", ports.dns),
        ];
        let agents = [
            ("ports.server", Some(ports.server)),
            ("ports.serf_lan", Some(ports.serf_lan)),
            ("ports.serf_wan", ports.serf_wan),
        ];
        for group in [&clients[..], &agents[..]] {
            let mut seen: BTreeMap<u16, &str> = BTreeMap::new();
            for (name, port) in group
                .iter()
                .filter_map(|(name, port)| Some((*name, (*port)?)))
            {
                if let Some(other) = seen.insert(port, name) {
                    self.refuse(name, format!("{other} has port {port} already"));
                }
            }
        }
    }
}

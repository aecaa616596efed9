//! What must hold of a service instance before it goes into the catalog. An agent asks before it takes a
//! registration, a server before it writes one.

use std::collections::BTreeSet;

use crate::catalog::{NodeService, ServiceKind, Weights};
use crate::proxy::{AccessLogs, Expose, ProxyConfig, Upstream};
use crate::{Meta, Name};

/// Most free-form pairs of a node or service.
const META_PAIRS: usize = 64;
/// Longest key of a free-form pair.
const META_KEY: usize = 128;
/// Longest value of a free-form pair.
const META_VALUE: usize = 512;
/// Longest name, which has to fit into a DNS label's and a certificate's world many times over.
const NAME: usize = 1024;

/// Everything that is wrong with an instance, in words; empty where nothing is.
#[must_use]
pub fn service(service: &NodeService) -> Vec<String> {
    let mut problems = Vec::new();
    if service
        .locality
        .as_ref()
        .is_some_and(|at| at.region.is_empty() && !at.zone.is_empty())
    {
        problems.push("zone cannot be set without region".to_owned());
    }
    for (what, text) in [
        ("service name", &service.service.name),
        ("service ID", &service.id),
    ] {
        problems.extend(name(what, text).err());
    }
    match &service.kind {
        ServiceKind::ConnectProxy => connect_proxy(service, &mut problems),
        ServiceKind::MeshGateway | ServiceKind::TerminatingGateway => {
            if service.port == 0 {
                problems.push(format!(
                    "Port must be non-zero for a {}",
                    service.kind.as_str()
                ));
            }
            gateway(service, &mut problems);
        }
        ServiceKind::IngressGateway | ServiceKind::ApiGateway => gateway(service, &mut problems),
        ServiceKind::Typical | ServiceKind::Other(_) => {}
    }
    if service.native && service.port == 0 && service.socket_path.is_empty() {
        problems.push("Port or SocketPath must be set for a Connect native service.".to_owned());
    }
    problems
}

/// Whether a name can be one.
///
/// # Errors
/// Where it is too long or cannot be printed.
pub fn name(what: &str, name: &Name) -> Result<(), String> {
    if name.len() > NAME {
        return Err(format!(
            "{what} is too long: {} bytes, at most {NAME}",
            name.len()
        ));
    }
    match name.chars().position(char::is_control) {
        Some(at) => Err(format!(
            "{what} {:?} has a character that cannot be printed at position {}",
            name.as_str(),
            at + 1
        )),
        None => Ok(()),
    }
}

/// Whether weights can be ones.
///
/// # Errors
/// Where they are out of range.
pub fn weights(weights: Weights) -> Result<(), String> {
    if weights.passing < 1 {
        return Err("Passing must be greater than 0".to_owned());
    }
    if weights.warning < 0 {
        return Err("Warning must be greater or equal than 0".to_owned());
    }
    if weights.passing > 65535 || weights.warning > 65535 {
        return Err("DNS Weight must be between 0 and 65535".to_owned());
    }
    Ok(())
}

/// Whether free-form pairs can be ones. Some keys are Consul's own; `allowed` are those among them that may be set.
///
/// # Errors
/// Where there are too many, or one is not as it must be.
pub fn meta(meta: &Meta, allowed: &[&str]) -> Result<(), String> {
    if meta.len() > META_PAIRS {
        return Err(format!(
            "Node metadata cannot contain more than {META_PAIRS} key/value pairs"
        ));
    }
    for (key, value) in meta {
        let problem = if key.is_empty() {
            "Key cannot be blank".to_owned()
        } else if !key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            "Key contains invalid characters".to_owned()
        } else if key.len() > META_KEY {
            format!("Key is too long (limit: {META_KEY} characters)")
        } else if key.starts_with("consul-") && !allowed.contains(&key.as_str()) {
            "Key prefix 'consul-' is reserved for internal use".to_owned()
        } else if value.len() > META_VALUE {
            format!("Value is too long (limit: {META_VALUE} characters)")
        } else {
            continue;
        };
        return Err(format!(
            "Couldn't load metadata pair ('{key}', '{value}'): {problem}"
        ));
    }
    Ok(())
}

/// Whether an address stands for any address, which nobody can connect to.
#[must_use]
pub fn is_any_address(address: &str) -> bool {
    let unbracketed = address.trim_start_matches('[').trim_end_matches(']');
    unbracketed
        .parse::<std::net::IpAddr>()
        .is_ok_and(|ip| ip.is_unspecified())
}

fn connect_proxy(service: &NodeService, problems: &mut Vec<String>) {
    let proxy = &service.proxy;
    let destination = proxy.destination_service_name.trim();
    if destination.is_empty() {
        problems.push(
            "Proxy.DestinationServiceName must be non-empty for Connect proxy services".to_owned(),
        );
    }
    if destination == crate::names::WILDCARD {
        problems.push(
            "Proxy.DestinationServiceName must not be a wildcard for Connect proxy services"
                .to_owned(),
        );
    }
    problems.extend(
        name(
            "Proxy.DestinationServiceName",
            &proxy.destination_service_name,
        )
        .err(),
    );
    if service.port == 0 && service.socket_path.is_empty() {
        problems.push(format!(
            "Port or SocketPath must be set for a {}",
            service.kind.as_str()
        ));
    }
    if service.native {
        problems.push("A Proxy cannot also be Connect Native, only typical services".to_owned());
    }
    upstreams(&proxy.upstreams, problems);
    expose(&proxy.expose, problems);
}

fn upstreams(upstreams: &[Upstream], problems: &mut Vec<String>) {
    let mut destinations = BTreeSet::new();
    let mut listeners = BTreeSet::new();
    for upstream in upstreams {
        let kind = match upstream.destination_type.as_str() {
            "" | "service" => "service",
            "prepared_query" => "prepared_query",
            other => {
                problems.push(format!("unknown upstream destination type: {other:?}"));
                continue;
            }
        };
        let destination = &upstream.destination_name;
        if destination.is_empty() {
            problems.push("upstream destination name cannot be empty".to_owned());
        }
        problems.extend(name("upstream destination name", destination).err());
        if destination.is_wildcard() && !upstream.centrally_configured {
            problems.push("upstream destination name cannot be a wildcard".to_owned());
        }
        if !upstream.destination_peer.is_empty() && !upstream.datacenter.is_empty() {
            problems
                .push("upstream cannot specify both destination peer and datacenter".to_owned());
        }
        if upstream.centrally_configured {
            continue;
        }
        let (port, socket) = (
            upstream.local_bind_port,
            upstream.local_bind_socket_path.as_str(),
        );
        match (port != 0, !socket.is_empty()) {
            (false, false) => {
                problems.push(
                    "upstream local bind port or local socket path must be defined and nonzero"
                        .to_owned(),
                );
            }
            (true, true) => {
                problems.push("only one of upstream local bind port or local socket path can be defined and nonzero".to_owned());
            }
            _ => {
                let listener = if socket.is_empty() {
                    format!("{}:{port}", bind_address(upstream))
                } else {
                    socket.to_owned()
                };
                if !listeners.insert(listener.clone()) {
                    problems.push(format!(
                        "upstreams cannot contain duplicates by local bind address and port or unix path; \
                         {listener:?} is specified twice"
                    ));
                }
            }
        }
        let key = (
            kind,
            destination,
            &upstream.destination_peer,
            upstream.datacenter.as_str(),
        );
        if !destinations.insert(key) {
            problems.push(format!(
                "upstreams cannot contain duplicates of {kind} {destination}"
            ));
        }
    }
}

/// Where a proxy listens for an upstream.
#[must_use]
pub fn bind_address(upstream: &Upstream) -> &str {
    if upstream.local_bind_address.is_empty() {
        "127.0.0.1"
    } else {
        &upstream.local_bind_address
    }
}

fn expose(expose: &Expose, problems: &mut Vec<String>) {
    let mut ports = BTreeSet::new();
    for path in &expose.paths {
        if path.path.is_empty() {
            problems.push("expose.paths: empty path exposed".to_owned());
        }
        if !ports.insert(path.listener_port) {
            problems.push("expose.paths: duplicate listener ports exposed".to_owned());
        }
        if !(1..=65535).contains(&path.listener_port) {
            problems.push(format!(
                "expose.paths: invalid listener port: {}",
                path.listener_port
            ));
        }
        if !matches!(path.protocol.as_str(), "" | "http" | "http2") {
            let (protocol, path) = (&path.protocol, &path.path);
            problems.push(format!(
                "protocol '{protocol}' not supported for path: {path}, must be in: [http http2]"
            ));
        }
    }
}

fn gateway(service: &NodeService, problems: &mut Vec<String>) {
    let ProxyConfig {
        destination_service_name,
        destination_service_id,
        ..
    } = &service.proxy;
    let set = [
        (
            "DestinationServiceName",
            !destination_service_name.is_empty(),
        ),
        ("DestinationServiceID", !destination_service_id.is_empty()),
        (
            "LocalServiceAddress",
            !service.proxy.local_service_address.is_empty(),
        ),
        ("LocalServicePort", service.proxy.local_service_port != 0),
        (
            "LocalServiceSocketPath",
            !service.proxy.local_service_socket_path.is_empty(),
        ),
        ("Upstreams", !service.proxy.upstreams.is_empty()),
    ];
    let kind = service.kind.as_str();
    problems.extend(
        set.iter()
            .filter(|(_, set)| *set)
            .map(|(field, _)| format!("The Proxy.{field} configuration is invalid for a {kind}")),
    );
}

/// Whether modes and access logs are ones that exist.
///
/// # Errors
/// Names the first that is not.
pub fn proxy_modes(proxy: &ProxyConfig) -> Result<(), String> {
    let gateway = |mode: &str| {
        let known = matches!(mode, "" | "none" | "local" | "remote");
        if known {
            Ok(())
        } else {
            Err(format!("Invalid Mesh Gateway Mode: {mode:?}"))
        }
    };
    gateway(&proxy.mesh_gateway.mode)?;
    proxy
        .upstreams
        .iter()
        .try_for_each(|upstream| gateway(&upstream.mesh_gateway.mode))?;
    if !matches!(proxy.mode.as_str(), "" | "direct" | "transparent") {
        return Err(format!("Invalid Proxy Mode: {:?}", proxy.mode));
    }
    access_logs(&proxy.access_logs)
}

fn access_logs(logs: &AccessLogs) -> Result<(), String> {
    match (logs.r#type.as_str(), logs.path.is_empty()) {
        ("file", true) => Err("path must be specified when using file type access logs".to_owned()),
        ("" | "stdout" | "stderr", false) => {
            Err("path is only valid for file type access logs".to_owned())
        }
        ("" | "stdout" | "stderr" | "file", _)
            if !logs.json_format.is_empty() && !logs.text_format.is_empty() =>
        {
            Err("cannot specify both access log JSONFormat and TextFormat".to_owned())
        }
        ("" | "stdout" | "stderr" | "file", _) => Ok(()),
        (other, _) => Err(format!("invalid access log type: {other}")),
    }
}

/// Whether a text is a UUID in its usual form, 8-4-4-4-12 hexadecimal digits.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServiceName;

    fn sidecar() -> NodeService {
        NodeService {
            kind: ServiceKind::ConnectProxy,
            id: "web-proxy".into(),
            service: ServiceName::new("web-proxy"),
            port: 21000,
            proxy: ProxyConfig {
                destination_service_name: "web".into(),
                ..ProxyConfig::default()
            },
            ..NodeService::default()
        }
    }

    fn upstream(name: &str, port: i32) -> Upstream {
        Upstream {
            destination_name: name.into(),
            local_bind_port: port,
            ..Upstream::default()
        }
    }

    #[test]
    fn a_sidecar_needs_a_destination_and_a_port() {
        assert_eq!(service(&sidecar()), Vec::<String>::new());
        let bare = NodeService {
            port: 0,
            proxy: ProxyConfig::default(),
            ..sidecar()
        };
        assert_eq!(service(&bare).len(), 2);
        let mut wildcard = sidecar();
        wildcard.proxy.destination_service_name = "*".into();
        assert!(service(&wildcard)[0].contains("must not be a wildcard"));
    }

    #[test]
    fn upstreams_must_be_told_apart() {
        let problems = |upstreams: Vec<Upstream>| {
            let mut sidecar = sidecar();
            sidecar.proxy.upstreams = upstreams;
            service(&sidecar)
        };
        assert!(problems(vec![upstream("a", 1), upstream("b", 2)]).is_empty());
        assert!(
            problems(vec![upstream("a", 1), upstream("a", 2)])[0]
                .contains("duplicates of service a")
        );
        assert!(
            problems(vec![upstream("a", 1), upstream("b", 1)])[0]
                .contains("\"127.0.0.1:1\" is specified twice")
        );
        assert!(problems(vec![upstream("a", 0)])[0].contains("must be defined and nonzero"));
        assert!(problems(vec![upstream("*", 1)])[0].contains("cannot be a wildcard"));
    }

    #[test]
    fn a_name_that_cannot_be_printed_or_is_endless_is_refused() {
        assert!(
            name("service name", &"a\u{7}b".into())
                .unwrap_err()
                .contains("position 2")
        );
        assert!(
            name("service name", &"x".repeat(10_000).into())
                .unwrap_err()
                .contains("too long")
        );
        assert!(name("service name", &"wéb_1.x y".into()).is_ok());
    }

    #[test]
    fn metadata_is_limited_in_number_form_and_length() {
        let pair =
            |key: &str, value: &str| meta(&Meta::from([(key.to_owned(), value.to_owned())]), &[]);
        assert!(pair("a-b_C1", "anything at all").is_ok());
        for (key, value) in [
            ("", "x"),
            ("a b", "x"),
            ("consul-x", "x"),
            (&*"k".repeat(129), "x"),
            ("k", &*"v".repeat(513)),
        ] {
            assert!(pair(key, value).is_err(), "{key}");
        }
        let many = (0..65).map(|n| (n.to_string(), String::new())).collect();
        assert!(meta(&many, &[]).unwrap_err().contains("more than 64"));
    }

    #[test]
    fn addresses_that_mean_any_are_known() {
        for any in ["0.0.0.0", "::", "[::]"] {
            assert!(is_any_address(any), "{any}");
        }
        assert!(!is_any_address("10.0.0.1") && !is_any_address("") && !is_any_address("web.test"));
    }
}

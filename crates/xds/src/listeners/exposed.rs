//! Listeners of exposed paths: what is reachable without a certificate of the mesh.

use envoy_types::pb::envoy::config::core::v3::TrafficDirection;
use envoy_types::pb::envoy::config::listener::v3::FilterChain;
use prost::Message;
use tribune_types::proxy::ExposePath;

use super::filters::{self, Http};
use super::{Context, public};
use crate::clusters;
use crate::problem::{Problem, Reason};
use crate::resource::{Resource, ResourceType};
use crate::wire::socket_address;

/// The listeners of the exposed paths, and the clusters of ports other than the application's own, whose
/// cluster is `local_app`.
pub(crate) fn build(
    context: &Context<'_>,
    local_app: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    for path in &context.registration.proxy.config.expose.paths {
        match exposed(context, path, local_app) {
            Ok(made) => {
                for resource in made {
                    // Paths of one port share its cluster.
                    if !resources
                        .iter()
                        .any(|known| known.kind == resource.kind && known.name == resource.name)
                    {
                        resources.push(resource);
                    }
                }
            }
            Err(reason) => {
                problems.push(Problem::new(format!("exposed path {}", path.path), reason))
            }
        }
    }
    resources
}

fn exposed(
    context: &Context<'_>,
    path: &ExposePath,
    local_app: &str,
) -> Result<Vec<Resource>, Reason> {
    let registration = context.registration;
    let protocol = if path.protocol.is_empty() {
        "http"
    } else {
        path.protocol.as_str()
    };
    let port = u16::try_from(path.listener_port)
        .ok()
        .filter(|port| *port != 0);
    let port = port.ok_or_else(|| Reason::Port(path.listener_port.into()))?;
    let address = public::bind_address(context)?;
    let mut resources = Vec::new();
    let mut cluster = local_app.to_owned();
    if path.local_path_port != registration.proxy.config.local_service_port {
        cluster = format!("exposed_cluster_{}", path.local_path_port);
        let http2 = matches!(protocol, "http2" | "grpc");
        resources.push(clusters::exposed(
            registration,
            &cluster,
            path.local_path_port,
            http2,
        )?);
    }
    let word: String = path
        .path
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let name = format!("exposed_path_filter_{word}_{port}");
    let http = Http {
        protocol,
        stat_prefix: name.clone(),
        route_name: &name,
        virtual_host: &name,
        cluster: &cluster,
        path: Some(&path.path),
        request_timeout_ms: None,
        idle_timeout_ms: None,
        routes: None,
        filters: Vec::new(),
    };
    let logs = &context.common.logs;
    let filter = filters::manager_filter(&filters::manager(&http, None, logs));
    let chain = FilterChain {
        filters: vec![filter],
        ..Default::default()
    };
    let listener = format!("exposed_path_{word}:{address}:{port}");
    let address = socket_address(address, port);
    let listener = super::listener(
        listener,
        address,
        TrafficDirection::Inbound,
        "",
        (logs, chain),
    );
    resources.push(Resource::new(
        ResourceType::Listener,
        listener.name.as_str(),
        listener.encode_to_vec(),
    ));
    Ok(resources)
}

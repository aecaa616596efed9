//! Between the generator's words and the session's.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use tribune_delta::{Children, Resource, ResourceSet, TypeUrl, Version};
use tribune_xds::{Changed, ResourceType};

/// What the session hands through as a resource's body: the one copy that all streams share.
pub(crate) type Payload = Arc<tribune_xds::Resource>;

/// What changed, by type. Every type is there, if only to say that it is known.
pub(crate) fn resource_sets(changed: Changed) -> [(TypeUrl, ResourceSet<Payload>); 5] {
    let mut sets = TypeUrl::ALL.map(|kind| (kind, ResourceSet::default()));
    for resource in changed.updated {
        set_of(&mut sets, resource.kind)
            .changed
            .push(session_resource(resource));
    }
    for (kind, name) in changed.removed {
        set_of(&mut sets, kind).removed.push(name);
    }
    sets
}

/// A resource as the session takes it.
pub(crate) fn session_resource(resource: Payload) -> Resource<Payload> {
    Resource {
        name: Arc::clone(&resource.name),
        version: Version(resource.version),
        children: match resource.kind {
            ResourceType::Cluster => Children::SameName,
            ResourceType::Listener => routes(&resource.body),
            ResourceType::Endpoints | ResourceType::Route | ResourceType::Secret => Children::None,
        },
        body: resource,
    }
}

/// The session's type as the generator names it.
pub(crate) const fn resource_type(type_url: TypeUrl) -> ResourceType {
    match type_url {
        TypeUrl::Secret => ResourceType::Secret,
        TypeUrl::Cluster => ResourceType::Cluster,
        TypeUrl::Endpoint => ResourceType::Endpoints,
        TypeUrl::Listener => ResourceType::Listener,
        TypeUrl::Route => ResourceType::Route,
    }
}

fn set_of(
    sets: &mut [(TypeUrl, ResourceSet<Payload>); 5],
    kind: ResourceType,
) -> &mut ResourceSet<Payload> {
    let [
        (_, secret),
        (_, cluster),
        (_, endpoint),
        (_, listener),
        (_, route),
    ] = sets;
    match kind {
        ResourceType::Secret => secret,
        ResourceType::Cluster => cluster,
        ResourceType::Endpoints => endpoint,
        ResourceType::Listener => listener,
        ResourceType::Route => route,
    }
}

/// Names of the route configurations that a listener's HTTP connection managers ask for.
fn routes(listener: &Bytes) -> Children {
    let Ok(listener) = Listener::decode(listener.clone()) else {
        return Children::None;
    };
    let chains = listener
        .filter_chains
        .into_iter()
        .chain(listener.default_filter_chain);
    let configs = chains
        .flat_map(|chain| chain.filters)
        .filter_map(|filter| filter.typed_config);
    let managers = configs.filter(|config| config.type_url.ends_with(".HttpConnectionManager"));
    let names = managers.filter_map(|config| {
        let manager = HttpConnectionManager::decode(config.value).ok()?;
        Some(manager.rds?.route_config_name.into())
    });
    let names: Arc<[Arc<str>]> = names.collect();
    if names.is_empty() {
        Children::None
    } else {
        Children::Named(names)
    }
}

/// `envoy.config.listener.v3.Listener`, as far as it leads to routes.
#[derive(Clone, PartialEq, Message)]
struct Listener {
    #[prost(message, repeated, tag = "3")]
    filter_chains: Vec<FilterChain>,
    #[prost(message, optional, tag = "25")]
    default_filter_chain: Option<FilterChain>,
}

/// `envoy.config.listener.v3.FilterChain`.
#[derive(Clone, PartialEq, Message)]
struct FilterChain {
    #[prost(message, repeated, tag = "3")]
    filters: Vec<Filter>,
}

/// `envoy.config.listener.v3.Filter`.
#[derive(Clone, PartialEq, Message)]
struct Filter {
    #[prost(message, optional, tag = "4")]
    typed_config: Option<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// `HttpConnectionManager` of Envoy's network filters.
#[derive(Clone, PartialEq, Message)]
struct HttpConnectionManager {
    #[prost(message, optional, tag = "3")]
    rds: Option<Rds>,
}

/// Its `Rds`.
#[derive(Clone, PartialEq, Message)]
struct Rds {
    #[prost(string, tag = "2")]
    route_config_name: String,
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::config::listener::v3 as envoy;
    use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3 as http;
    use envoy_types::pb::google::protobuf::Any;

    use super::*;

    #[test]
    fn a_listener_s_routes_are_its_children() {
        let manager = http::HttpConnectionManager {
            route_specifier: Some(http::http_connection_manager::RouteSpecifier::Rds(
                http::Rds {
                    route_config_name: "db".to_owned(),
                    ..Default::default()
                },
            )),
            ..Default::default()
        };
        let any = Any {
            type_url: "type.googleapis.com/x.v3.HttpConnectionManager".to_owned(),
            value: manager.encode_to_vec(),
        };
        let chain = envoy::FilterChain {
            filters: vec![envoy::Filter {
                config_type: Some(envoy::filter::ConfigType::TypedConfig(any)),
                ..Default::default()
            }],
            ..Default::default()
        };
        let named = Children::Named([Arc::from("db")].into());
        let first = envoy::Listener {
            filter_chains: vec![chain.clone()],
            ..Default::default()
        };
        assert_eq!(routes(&first.encode_to_vec().into()), named);
        let last = envoy::Listener {
            default_filter_chain: Some(chain),
            ..Default::default()
        };
        assert_eq!(routes(&last.encode_to_vec().into()), named);
        assert_eq!(
            routes(&envoy::Listener::default().encode_to_vec().into()),
            Children::None
        );
        assert_eq!(routes(&Bytes::from_static(b"\xff\xff")), Children::None);
    }
}

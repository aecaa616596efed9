//! Compiled chains. What of them an operator wrote travels as the JSON that it was written in.

mod error;

use std::sync::Arc;

use tribune_chain::{Chain, Failover, Node, Resolver, Route, Router, Split, Splitter, Target};
use tribune_derived::ChainResult;
use tribune_proto::rpc::v1::{self as proto, chain_node as node_proto, chain_value};
use tribune_types::GoDuration;
use tribune_types::config_entry::Weight;
use tribune_types::proxy::MeshGateway;

use super::names::{service, service_message};
use super::{Malformed, from_json, present, to_json};
use error::{error, error_message};

pub(super) fn chain_message(value: &ChainResult) -> proto::ChainValue {
    let result = match value {
        Ok(chain) => chain_value::Result::Chain(graph_message(chain)),
        Err(error) => chain_value::Result::Error(error_message(error)),
    };
    proto::ChainValue {
        result: Some(result),
    }
}

pub(super) fn chain(message: proto::ChainValue) -> Result<ChainResult, Malformed> {
    match present("chain.result", message.result)? {
        chain_value::Result::Chain(message) => Ok(Ok(Arc::new(graph(message)?))),
        chain_value::Result::Error(message) => Ok(Err(Arc::new(error(message)?))),
    }
}

fn graph_message(chain: &Chain) -> proto::Chain {
    let Chain {
        service,
        datacenter,
        customization_hash,
        default,
        protocol,
        service_meta,
        envoy_extensions,
        start_node,
        nodes,
        targets,
        auto_virtual_ips,
        manual_virtual_ips,
    } = chain;
    let nodes = nodes
        .iter()
        .map(|(name, node)| (name.clone(), node_message(node)));
    let targets = targets
        .iter()
        .map(|(id, target)| (id.clone(), target_message(target)));
    proto::Chain {
        service: Some(service_message(service)),
        datacenter: datacenter.clone(),
        customization_hash: customization_hash.clone(),
        default: *default,
        protocol: protocol.clone(),
        service_meta: service_meta.as_ref().map(to_json),
        envoy_extensions: envoy_extensions.iter().map(to_json).collect(),
        start_node: start_node.clone(),
        nodes: nodes.collect(),
        targets: targets.collect(),
        auto_virtual_ips: auto_virtual_ips.clone(),
        manual_virtual_ips: manual_virtual_ips
            .as_ref()
            .map(|addresses| proto::ManualVirtualIps {
                addresses: addresses.clone(),
            }),
    }
}

fn graph(message: proto::Chain) -> Result<Chain, Malformed> {
    let extensions = message.envoy_extensions.iter();
    let extensions = extensions.map(|json| from_json("chain.envoy_extensions", json));
    let meta = message.service_meta.as_deref();
    let nodes = message.nodes.into_iter();
    let targets = message.targets.into_iter();
    Ok(Chain {
        service: service("chain.service", message.service)?,
        datacenter: message.datacenter,
        customization_hash: message.customization_hash,
        default: message.default,
        protocol: message.protocol,
        service_meta: meta
            .map(|json| from_json("chain.service_meta", json))
            .transpose()?,
        envoy_extensions: extensions.collect::<Result<_, _>>()?,
        start_node: message.start_node,
        nodes: nodes
            .map(|(name, message)| Ok((name, node(message)?)))
            .collect::<Result<_, Malformed>>()?,
        targets: targets
            .map(|(id, message)| Ok((id, Arc::new(target(message)?))))
            .collect::<Result<_, Malformed>>()?,
        auto_virtual_ips: message.auto_virtual_ips,
        manual_virtual_ips: message.manual_virtual_ips.map(|message| message.addresses),
    })
}

fn node_message(node: &Node) -> proto::ChainNode {
    let node = match node {
        Node::Router(router) => node_proto::Node::Router(router_message(router)),
        Node::Splitter(splitter) => node_proto::Node::Splitter(splitter_message(splitter)),
        Node::Resolver(resolver) => node_proto::Node::Resolver(resolver_message(resolver)),
    };
    proto::ChainNode { node: Some(node) }
}

fn node(message: proto::ChainNode) -> Result<Node, Malformed> {
    Ok(match present("chain.nodes", message.node)? {
        node_proto::Node::Router(message) => Node::Router(router(message)?),
        node_proto::Node::Splitter(message) => Node::Splitter(splitter(message)?),
        node_proto::Node::Resolver(message) => Node::Resolver(resolver(message)?),
    })
}

fn router_message(router: &Router) -> node_proto::Router {
    let Router { name, routes } = router;
    let route = |route: &Route| {
        let Route {
            definition,
            next_node,
        } = route;
        node_proto::Route {
            definition: to_json(definition),
            next_node: next_node.clone(),
        }
    };
    node_proto::Router {
        name: name.clone(),
        routes: routes.iter().map(route).collect(),
    }
}

fn router(message: node_proto::Router) -> Result<Router, Malformed> {
    let route = |message: node_proto::Route| {
        Ok(Route {
            definition: from_json("chain.nodes.routes", &message.definition)?,
            next_node: message.next_node,
        })
    };
    let routes = message.routes.into_iter().map(route);
    Ok(Router {
        name: message.name,
        routes: routes.collect::<Result<_, Malformed>>()?,
    })
}

fn splitter_message(splitter: &Splitter) -> node_proto::Splitter {
    let Splitter {
        name,
        splits,
        load_balancer,
    } = splitter;
    let split = |split: &Split| {
        let Split {
            definition,
            weight,
            next_node,
        } = split;
        node_proto::Split {
            definition: to_json(definition),
            weight_hundredths: weight.hundredths(),
            next_node: next_node.clone(),
        }
    };
    node_proto::Splitter {
        name: name.clone(),
        splits: splits.iter().map(split).collect(),
        load_balancer: load_balancer.as_ref().map(to_json),
    }
}

fn splitter(message: node_proto::Splitter) -> Result<Splitter, Malformed> {
    let split = |message: node_proto::Split| {
        Ok(Split {
            definition: from_json("chain.nodes.splits", &message.definition)?,
            weight: Weight::from_hundredths(message.weight_hundredths),
            next_node: message.next_node,
        })
    };
    let splits = message.splits.into_iter().map(split);
    Ok(Splitter {
        name: message.name,
        splits: splits.collect::<Result<_, Malformed>>()?,
        load_balancer: load_balancer(message.load_balancer.as_deref())?,
    })
}

fn load_balancer<T: serde::de::DeserializeOwned>(
    json: Option<&[u8]>,
) -> Result<Option<T>, Malformed> {
    json.map(|json| from_json("chain.nodes.load_balancer", json))
        .transpose()
}

fn resolver_message(resolver: &Resolver) -> node_proto::Resolver {
    let Resolver {
        name,
        default,
        connect_timeout,
        request_timeout,
        target,
        failover,
        load_balancer,
    } = resolver;
    let stand_in = |failover: &Failover| {
        let Failover { targets, policy } = failover;
        node_proto::Failover {
            targets: targets.clone(),
            policy: policy.as_ref().map(to_json),
        }
    };
    node_proto::Resolver {
        name: name.clone(),
        default: *default,
        connect_timeout_nanos: connect_timeout.as_nanos(),
        request_timeout_nanos: request_timeout.as_nanos(),
        target: target.clone(),
        failover: failover.as_ref().map(stand_in),
        load_balancer: load_balancer.as_ref().map(to_json),
    }
}

fn resolver(message: node_proto::Resolver) -> Result<Resolver, Malformed> {
    let failover = |message: node_proto::Failover| {
        let policy = message.policy.as_deref();
        Ok(Failover {
            targets: message.targets,
            policy: policy
                .map(|json| from_json("chain.nodes.failover", json))
                .transpose()?,
        })
    };
    Ok(Resolver {
        name: message.name,
        default: message.default,
        connect_timeout: GoDuration::from_nanos(message.connect_timeout_nanos),
        request_timeout: GoDuration::from_nanos(message.request_timeout_nanos),
        target: message.target,
        failover: message.failover.map(failover).transpose()?,
        load_balancer: load_balancer(message.load_balancer.as_deref())?,
    })
}

fn target_message(target: &Target) -> proto::ChainTarget {
    let Target {
        id,
        service,
        service_subset,
        datacenter,
        peer,
        mesh_gateway: MeshGateway { mode },
        subset,
        transparent_proxy,
        connect_timeout,
        sni,
        name,
        external,
        prioritize_by_locality,
    } = target;
    proto::ChainTarget {
        id: id.clone(),
        service: Some(service_message(service)),
        datacenter: datacenter.clone(),
        mesh_gateway: mode.clone(),
        transparent_proxy: to_json(transparent_proxy),
        connect_timeout_nanos: connect_timeout.as_nanos(),
        sni: sni.clone(),
        name: name.clone(),
        external: *external,
        service_subset: service_subset.clone(),
        peer: peer.as_str().to_owned(),
        subset: to_json(subset),
        prioritize_by_locality: prioritize_by_locality.as_ref().map(to_json),
    }
}

fn target(message: proto::ChainTarget) -> Result<Target, Malformed> {
    let locality = message.prioritize_by_locality.as_deref();
    Ok(Target {
        id: message.id,
        service: service("chain.targets.service", message.service)?,
        service_subset: message.service_subset,
        datacenter: message.datacenter,
        peer: message.peer.into(),
        mesh_gateway: MeshGateway {
            mode: message.mesh_gateway,
        },
        subset: from_json("chain.targets.subset", &message.subset)?,
        transparent_proxy: from_json(
            "chain.targets.transparent_proxy",
            &message.transparent_proxy,
        )?,
        connect_timeout: GoDuration::from_nanos(message.connect_timeout_nanos),
        sni: message.sni,
        name: message.name,
        external: message.external,
        prioritize_by_locality: locality
            .map(|json| from_json("chain.targets.prioritize_by_locality", json))
            .transpose()?,
    })
}

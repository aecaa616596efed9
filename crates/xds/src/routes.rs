//! Routes: where the requests to an upstream go.

mod action;
mod matching;

use envoy_types::pb::envoy::config::route::v3 as route;
use prost::Message;
use tribune_chain::{Chain, Node};
use tribune_types::config_entry::RawMesh;

use crate::problem::{Problem, Reason};
use crate::resource::{Resource, ResourceType};
use crate::wire::bool_value;

/// The routes of a chain under the name that its listener asks for them by, and those that are left out.
pub(crate) fn build(name: &str, chain: &Chain, mesh: Option<&RawMesh>) -> (Resource, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut report = |reason| problems.push(Problem::new(format!("upstream {name}"), reason));
    let validate = mesh.is_some_and(|mesh| mesh.validate_clusters);
    let routes = route::RouteConfiguration {
        name: name.to_owned(),
        virtual_hosts: vec![route::VirtualHost {
            name: name.to_owned(),
            domains: vec!["*".to_owned()],
            routes: routes(chain, &mut report),
            ..Default::default()
        }],
        validate_clusters: validate.then(|| bool_value(true)).flatten(),
        ..Default::default()
    };
    let resource = Resource::new(ResourceType::Route, name, routes.encode_to_vec());
    (resource, problems)
}

fn routes(chain: &Chain, report: &mut impl FnMut(Reason)) -> Vec<route::Route> {
    match chain.start() {
        Some(Node::Router(router)) => router
            .routes
            .iter()
            .filter_map(|route| {
                let definition = &route.definition;
                match matching::of(definition.http()) {
                    Ok(matching) => {
                        let mut made = action::to(chain, &route.next_node, report)?;
                        if let Some(destination) = &definition.destination {
                            action::adjust(&mut made, destination, report);
                        }
                        made.r#match = Some(matching);
                        Some(made)
                    }
                    Err(expression) => {
                        report(Reason::Route(expression));
                        None
                    }
                }
            })
            .collect(),
        Some(node @ (Node::Splitter(_) | Node::Resolver(_))) => {
            let Some(mut made) = action::to(chain, &chain.start_node, report) else {
                return Vec::new();
            };
            if let Some(resolver) = node.as_resolver() {
                action::limit(&mut made, resolver.request_timeout);
            }
            made.r#match = Some(matching::everything());
            vec![made]
        }
        None => Vec::new(),
    }
}

//! Answers to reads.

mod catalog;
mod config;
mod connect;
mod gateways;
mod health;
mod intentions;

use tribune_state::WatchSet;
use tribune_types::call::{Answer, CallError, Options, Query};

use crate::context::Context;

/// An answer, and what would change it.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// What was read for it.
    pub watch: WatchSet,
    /// Whether waiting goes on while the answer's content is the same, whatever its index says.
    pub by_content: bool,
}

/// Answers a read.
///
/// # Errors
/// Where the caller may not ask, or asked for something that cannot be.
pub fn answer(
    context: &Context<'_>,
    query: &Query,
    options: &Options,
) -> Result<Answered, CallError> {
    let mut watch = WatchSet::default();
    let by_content = matches!(
        query,
        Query::ConfigEntries(_)
            | Query::DiscoveryChain(_)
            | Query::ExportedServices
            | Query::GatewayServices(_)
            | Query::IngressGatewaysOf { .. }
            | Query::IntentionMatch { .. }
    );
    let answer = match query {
        Query::Datacenters => Answer::json(&[&context.settings.datacenter]),
        Query::Leader => Answer::json(&context.settings.leader),
        Query::Peers => Answer::json(&context.settings.peers),
        Query::Nodes => catalog::nodes(context, options, &mut watch)?,
        Query::Services => catalog::services(context, options, &mut watch)?,
        Query::ServiceNodes(instances) => {
            catalog::service_nodes(context, instances, options, &mut watch)?
        }
        Query::Node(node) => catalog::node(context, node, options, &mut watch)?,
        Query::NodeServices {
            node,
            merge_central_config,
        } => catalog::node_services(context, (node, *merge_central_config), options, &mut watch)?,
        Query::NodeChecks(node) => health::node_checks(context, node, options, &mut watch)?,
        Query::ServiceChecks(service) => {
            health::service_checks(context, service, options, &mut watch)?
        }
        Query::ChecksInState(state) => {
            health::checks_in_state(context, state.as_ref(), options, &mut watch)?
        }
        Query::CheckServiceNodes(instances) => {
            health::check_service_nodes(context, instances, options, &mut watch)?
        }
        Query::GatewayServices(gateway) => gateways::services(context, gateway, &mut watch)?,
        Query::IngressGatewaysOf { service, passing } => {
            gateways::ingress_of(context, (service, *passing), options, &mut watch)?
        }
        Query::ExportedServices => gateways::exported(context, &mut watch)?,
        Query::ConfigEntry(key) => config::entry(context, key, &mut watch)?,
        Query::ConfigEntries(kind) => config::entries(context, *kind, options, &mut watch)?,
        Query::Intentions => intentions::list(context, options, &mut watch)?,
        Query::IntentionExact(pair) => intentions::exact(context, pair, &mut watch)?,
        Query::IntentionById(id) => intentions::by_id(context, id, &mut watch)?,
        Query::IntentionMatch { by, names } => {
            intentions::matching(context, *by, names, &mut watch)?
        }
        Query::IntentionCheck(pair) => intentions::check(context, pair, &mut watch)?,
        Query::Authorize {
            target,
            client_cert_uri,
        } => intentions::authorize(context, target, client_cert_uri, &mut watch)?,
        Query::CaRoots { pem } => connect::roots(context, *pem, &mut watch),
        Query::CaConfiguration => connect::configuration(context, &mut watch)?,
        Query::DiscoveryChain(chain) => connect::chain(context, chain, &mut watch)?,
    };
    Ok(Answered {
        answer,
        watch,
        by_content,
    })
}

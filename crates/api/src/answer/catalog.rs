//! `/v1/catalog/…`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use tribune_filter::rows as schema;
use tribune_state::{NodeServices, WatchSet};
use tribune_types::call::{Answer, CallError, Instances, Options};
use tribune_types::{Index, Node, NodeName, NodeService, PeeredServiceName};

use crate::context::Context;
use crate::page::Filtered;
use crate::rows::{NodeRow, NodeServiceRow, ServiceNodeRow};

type Result = std::result::Result<Answer, CallError>;

/// Whether a node has every one of these pairs.
pub(super) fn has_meta(node: &Node, pairs: &[(String, String)]) -> bool {
    let has = |(key, value): &(String, String)| {
        node.meta
            .as_ref()
            .is_some_and(|meta| meta.get(key) == Some(value))
    };
    pairs.iter().all(has)
}

/// Whether an instance has every tag that is asked for, whatever their case. Where those that take mesh
/// traffic are wanted the reference does not look at tags.
pub(super) fn has_tags(service: &NodeService, instances: &Instances) -> bool {
    let own = service.tags.as_deref().unwrap_or_default();
    let has = |tag: &String| own.iter().any(|own| own.eq_ignore_ascii_case(tag));
    instances.connect || instances.tags.iter().all(has)
}

/// An instance with central configuration merged in.
pub(super) fn merged(
    context: &Context<'_>,
    node: &NodeName,
    service: &Arc<NodeService>,
    watch: &mut WatchSet,
) -> Arc<NodeService> {
    let instance = tribune_types::InstanceName {
        node: node.clone(),
        id: service.id.clone(),
    };
    match (context.derive)(&tribune_derived::Key::Proxy(instance), watch) {
        tribune_derived::Value::Proxy(Some(proxy)) => Arc::new(NodeService {
            proxy: proxy.config.clone(),
            ..NodeService::clone(service)
        }),
        _ => service.clone(),
    }
}

pub(super) fn nodes(context: &Context<'_>, options: &Options, watch: &mut WatchSet) -> Result {
    let found = context.snapshot.nodes(watch);
    let mut page = Filtered::new(options, &schema::NODE)?;
    let rows = found
        .value
        .iter()
        .filter(|node| has_meta(node, &options.node_meta))
        .map(|node| (context.sees_node(&node.node), NodeRow::from(&**node)));
    let rows = page.rows(rows);
    Ok(page.answer(found.index, &rows))
}

pub(super) fn services(context: &Context<'_>, options: &Options, watch: &mut WatchSet) -> Result {
    if !options.peer.is_empty() {
        return Err(CallError::Refused(
            "listing service names imported from a peer is not supported".to_owned(),
        ));
    }
    let mut page = Filtered::new(options, &schema::SERVICE_NODE)?;
    let found = context.snapshot.services(watch);
    let mut rows = BTreeMap::<&str, BTreeSet<String>>::new();
    for (service, tags) in &found.value {
        if !context.sees_service(service) {
            page.hidden = true;
        } else if options.filter.is_empty() && options.node_meta.is_empty() {
            rows.insert(&service.name, tags.clone());
        } else {
            for row in context
                .snapshot
                .service_nodes(&service.clone().into(), watch)
                .value
            {
                let on_node = has_meta(&row.node, &options.node_meta);
                if on_node && page.keeps(true, &ServiceNodeRow::new(&row.node, &row.service)) {
                    rows.entry(&service.name)
                        .or_default()
                        .extend(row.service.tags.iter().flatten().cloned());
                }
            }
        }
    }
    Ok(page.answer(found.index, &rows))
}

pub(super) fn service_nodes(
    context: &Context<'_>,
    instances: &Instances,
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    let service = PeeredServiceName {
        service: instances.service.clone(),
        peer: options.peer.clone(),
    };
    let mut found = if instances.connect {
        context.snapshot.connect_nodes(&service, watch)
    } else {
        context.snapshot.service_nodes(&service, watch)
    };
    // a service that may not be seen has no proxies either, even where their own rows could be seen
    let sees_service = context.sees_service(&instances.service);
    if instances.merge_central_config {
        for row in &mut found.value {
            row.service = merged(context, &row.node.node, &row.service, watch);
        }
    }
    let mut page = Filtered::new(options, &schema::SERVICE_NODE)?;
    let rows: Vec<_> = found
        .value
        .iter()
        .filter(|row| has_meta(&row.node, &options.node_meta))
        .filter(|row| has_tags(&row.service, instances))
        .map(|row| {
            let seen = sees_service
                && context.sees_node(&row.node.node)
                && context.sees_service(&row.service.service);
            (seen, ServiceNodeRow::new(&row.node, &row.service))
        })
        .filter(|(seen, row)| page.keeps(*seen, row))
        .map(|(_, row)| {
            if instances.merge_central_config {
                row.without_node()
            } else {
                row
            }
        })
        .collect();
    Ok(page.answer(found.index, &rows))
}

pub(super) fn node(
    context: &Context<'_>,
    name: &NodeName,
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    let mut page = Filtered::new(options, &schema::NODE_SERVICE)?;
    let (index, found) = node_and_services(context, name, watch, &mut page);
    let Some(NodeServices { node, services }) = found else {
        return Ok(page.answer(index, &()));
    };
    let rows: BTreeMap<&str, NodeServiceRow<'_>> = services
        .iter()
        .map(|service| (service, NodeServiceRow::new(service, &name.peer)))
        .filter(|(service, row)| page.keeps(context.sees_service(&service.service), row))
        .map(|(service, row)| (service.id.as_str(), row))
        .collect();
    let body = json!({"Node": NodeRow::from(&*node), "Services": rows});
    Ok(page.answer(index, &body))
}

pub(super) fn node_services(
    context: &Context<'_>,
    (name, merge_central_config): (&NodeName, bool),
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    let mut page = Filtered::new(options, &schema::NODE_SERVICE)?;
    let (index, found) = node_and_services(context, name, watch, &mut page);
    let Some(NodeServices { node, mut services }) = found else {
        let body = json!({"Node": null, "Services": null});
        return Ok(page.answer(index, &body));
    };
    if merge_central_config {
        for service in &mut services {
            *service = merged(context, name, service, watch);
        }
    }
    let rows: Vec<_> = services
        .iter()
        .map(|service| (service, NodeServiceRow::new(service, &name.peer)))
        .filter(|(service, row)| page.keeps(context.sees_service(&service.service), row))
        .map(|(_, row)| row)
        .collect();
    let body = json!({"Node": NodeRow::from(&*node), "Services": rows});
    Ok(page.answer(index, &body))
}

/// A node that may be seen and its services, by its name or its ID, with the index of the answer either way.
fn node_and_services(
    context: &Context<'_>,
    name: &NodeName,
    watch: &mut WatchSet,
    page: &mut Filtered,
) -> (Index, Option<NodeServices>) {
    let mut found = context.snapshot.node_services(name, watch);
    if found.value.is_none() && tribune_types::validate::is_uuid(&name.name) {
        let nodes = context.snapshot.nodes(watch).value;
        let identified = nodes
            .iter()
            .find(|node| node.id.eq_ignore_ascii_case(&name.name) && node.node.peer == name.peer);
        if let Some(node) = identified {
            found = context.snapshot.node_services(&node.node, watch);
        }
    }
    let seen = found.value.filter(|row| {
        let seen = context.sees_node(&row.node.node);
        page.hidden |= !seen;
        seen
    });
    (found.index, seen)
}

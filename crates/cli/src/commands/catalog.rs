//! `catalog datacenters`, `catalog nodes` and `catalog services`.

use std::collections::{BTreeMap, BTreeSet};

use clap::{ArgMatches, Command};
use tribune_client::rows::{Node as CatalogNode, ServiceNode};
use tribune_types::Meta;

use crate::Context;
use crate::failure::Failure;
use crate::tree::{Group, Leaf, Node};
use crate::{flags, print};

pub(super) const GROUP: Group = Group {
    name: "catalog",
    about: "What the catalog knows.",
    children: &[
        Node::Leaf(Leaf {
            name: "datacenters",
            about: "Lists the datacenters.",
            arguments: "",
            example: "catalog datacenters",
            flags: flags::server,
            run: datacenters,
        }),
        Node::Leaf(Leaf {
            name: "nodes",
            about: "Lists the nodes, or those with instances of a service.",
            arguments: "",
            example: "catalog nodes -service web -filter 'Node != n1'",
            flags: declare_nodes,
            run: nodes,
        }),
        Node::Leaf(Leaf {
            name: "services",
            about: "Lists the services, or those of a node.",
            arguments: "",
            example: "catalog services -tags",
            flags: declare_services,
            run: services,
        }),
    ],
};

fn declare_nodes(command: Command) -> Command {
    let command = command.args([
        flags::text(
            "service",
            "NAME",
            "Only nodes with instances of this service",
        ),
        flags::text("near", "NODE", "Node to sort by distance from"),
        flags::many(
            "node-meta",
            "KEY=VALUE",
            "Metadata that a node must have; may be given more than once",
        ),
        flags::text(
            "filter",
            "EXPRESSION",
            "Filter expression over the nodes, or over the instances with -service",
        ),
        flags::switch(
            "detailed",
            "Whether whole IDs, other addresses and metadata are shown",
        ),
    ]);
    flags::partition(flags::server(command))
}

fn declare_services(command: Command) -> Command {
    let command = command.args([
        flags::text("node", "NAME", "Only services of this node"),
        flags::many(
            "node-meta",
            "KEY=VALUE",
            "Metadata that a node must have; may be given more than once",
        ),
        flags::switch("tags", "Whether tags are shown"),
    ]);
    flags::tenancy(flags::server(command))
}

fn datacenters(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let session = context.session(matches)?;
    let names = session
        .wait(session.client.catalog().datacenters())
        .map_err(|failure| failure.while_doing("Error querying Consul catalog for datacenters"))?;
    for name in names {
        writeln!(context.out, "{name}")?;
    }
    Ok(0)
}

fn nodes(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let mut options = flags::query_options(matches);
    options.near = flags::text_of(matches, "near").unwrap_or_default();
    options.node_meta = flags::pairs_of(matches, "node-meta");
    let session = context.session(matches)?;
    let catalog = session.client.catalog();
    let nodes = match flags::text_of(matches, "service") {
        None => session
            .wait(catalog.nodes(&options))
            .map(|answer| answer.value),
        Some(service) => session
            .wait(catalog.service(&service, &options))
            .map(|answer| nodes_of(answer.value)),
    };
    let nodes = nodes.map_err(|failure| failure.while_doing("Error listing nodes"))?;
    if nodes.is_empty() {
        writeln!(
            context.err,
            "No nodes match the given query - try expanding your search."
        )?;
        return Ok(0);
    }
    let detailed = flags::is_on(matches, "detailed");
    let mut header = print::row(["Node", "ID", "Address", "DC"]);
    if detailed {
        header.extend(print::row(["TaggedAddresses", "Meta"]));
    }
    let rows = nodes.iter().map(|node| {
        let id = if detailed {
            node.id.as_str()
        } else {
            node.id.get(..8).unwrap_or(&node.id)
        };
        let mut row = print::row([&node.node, id, &node.address, &node.datacenter]);
        if detailed {
            row.extend([pairs(&node.tagged_addresses), pairs(&node.meta)]);
        }
        row
    });
    print::table(
        context.out,
        &std::iter::once(header).chain(rows).collect::<Vec<_>>(),
        2,
    )?;
    Ok(0)
}

fn pairs(pairs: &Meta) -> String {
    pairs
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The nodes of instances, each once.
fn nodes_of(instances: Vec<ServiceNode>) -> Vec<CatalogNode> {
    let mut seen = BTreeSet::new();
    let nodes = instances
        .into_iter()
        .filter(|instance| seen.insert(instance.node.clone()));
    nodes
        .map(|instance| CatalogNode {
            id: instance.id,
            node: instance.node,
            address: instance.address,
            datacenter: instance.datacenter,
            tagged_addresses: instance.tagged_addresses,
            meta: instance.node_meta,
            ..CatalogNode::default()
        })
        .collect()
}

fn services(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [] = flags::exactly(matches, "")?;
    let mut options = flags::query_options(matches);
    options.node_meta = flags::pairs_of(matches, "node-meta");
    let session = context.session(matches)?;
    let catalog = session.client.catalog();
    let services = match flags::text_of(matches, "node") {
        None => session
            .wait(catalog.services(&options))
            .map(|answer| answer.value),
        Some(node) => session
            .wait(catalog.node_services(&node, &options))
            .map(|answer| {
                let mut services = BTreeMap::<String, Vec<String>>::new();
                for service in answer.value.services {
                    services
                        .entry(service.service)
                        .or_default()
                        .extend(service.tags);
                }
                services
            }),
    };
    let services = services.map_err(|failure| failure.while_doing("Error listing services"))?;
    if services.is_empty() {
        writeln!(
            context.err,
            "No services match the given query - try expanding your search."
        )?;
        return Ok(0);
    }
    let with_tags = flags::is_on(matches, "tags");
    let rows = services.into_iter().map(|(name, tags)| {
        let tags: BTreeSet<String> = tags.into_iter().collect();
        let tags = if with_tags {
            tags.into_iter().collect::<Vec<_>>().join(",")
        } else {
            String::new()
        };
        vec![name, tags]
    });
    print::table(context.out, &rows.collect::<Vec<_>>(), 6)?;
    Ok(0)
}

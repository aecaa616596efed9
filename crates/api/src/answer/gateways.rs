//! `/v1/catalog/gateway-services/…`, `/v1/health/ingress/…` and `/v1/exported-services`.

use serde_json::{Map, Value, json};
use tribune_acl::{Access, Permission};
use tribune_derived::{GatewayService, GatewayTarget};
use tribune_filter::rows as schema;
use tribune_state::{NameKind, WatchSet};
use tribune_types::call::{Answer, CallError, Options};
use tribune_types::{Index, ServiceKind, ServiceName, Status};

use crate::context::Context;
use crate::page::Filtered;
use crate::rows::CheckServiceNodeRow;

type Result = std::result::Result<Answer, CallError>;

pub(super) fn services(
    context: &Context<'_>,
    gateway: &ServiceName,
    watch: &mut WatchSet,
) -> Result {
    context.require(Permission::Service(gateway, Access::Read))?;
    let rows = tribune_views::gateway_services(context.snapshot, gateway, watch);
    let rows = rows
        .iter()
        .map(|row| (context.sees_service(&row.service), row_json(row)));
    let mut page = Filtered::unfiltered();
    let rows = page.rows(rows);
    Ok(page.answer(index(context), &rows))
}

/// Index of what gateways lead to: entries, and the services that there are.
fn index(context: &Context<'_>) -> Index {
    let kind = NameKind::Instance(ServiceKind::Typical);
    let names = context
        .snapshot
        .names_of_kind(&kind, &mut WatchSet::ignore());
    context.snapshot.config_index().max(names.index)
}

/// A row as Consul prints it: what is not set is left out.
fn row_json(row: &GatewayService) -> Value {
    let mut json = json!({
        "Gateway": {"Name": row.gateway.name.as_str()},
        "Service": {"Name": row.service.name.as_str()},
        "GatewayKind": row.kind.as_str(),
        "CreateIndex": row.create_index,
        "ModifyIndex": row.modify_index,
    });
    let target = match row.target {
        GatewayTarget::Unknown => "",
        GatewayTarget::Service => "service",
        GatewayTarget::Destination => "destination",
    };
    let texts = [
        ("Protocol", row.protocol.as_str()),
        ("CAFile", &row.ca_file),
        ("CertFile", &row.cert_file),
        ("KeyFile", &row.key_file),
        ("SNI", &row.sni),
        ("ServiceKind", target),
    ];
    for (field, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        json[field] = text.into();
    }
    let switches = [
        ("FromWildcard", row.from_wildcard),
        ("AutoHostRewrite", row.auto_host_rewrite),
    ];
    for (field, on) in switches.into_iter().filter(|(_, on)| *on) {
        json[field] = on.into();
    }
    if row.port != 0 {
        json["Port"] = row.port.into();
    }
    if !row.hosts.is_empty() {
        json["Hosts"] = row.hosts.clone().into();
    }
    json
}

/// The instances of the ingress gateways that lead to a service, with their nodes and checks.
pub(super) fn ingress_of(
    context: &Context<'_>,
    (service, passing): (&ServiceName, bool),
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    context.require(Permission::Service(service, Access::Read))?;
    let gateways = tribune_views::ingress_gateways_of(context.snapshot, service, watch);
    let mut instances = Vec::new();
    for gateway in &gateways {
        let found = context
            .snapshot
            .check_service_nodes(&gateway.clone().into(), watch);
        instances.extend(found.value);
    }
    let mut page = Filtered::new(options, &schema::CHECK_SERVICE_NODE)?;
    let rows = instances
        .iter()
        .filter(|row| super::catalog::has_meta(&row.node, &options.node_meta))
        .filter(|row| {
            !passing
                || row
                    .checks
                    .iter()
                    .all(|check| check.status == Status::Passing)
        })
        .map(|row| {
            let seen =
                context.sees_node(&row.node.node) && context.sees_service(&row.service.service);
            (
                seen,
                CheckServiceNodeRow::new(&row.node, &row.service, &row.checks),
            )
        });
    let rows = page.rows(rows);
    Ok(page.answer(index(context), &rows))
}

pub(super) fn exported(context: &Context<'_>, watch: &mut WatchSet) -> Result {
    context.require(Permission::Mesh(Access::Read))?;
    let exported = tribune_views::exported_services(context.snapshot, watch);
    let rows: Vec<Value> = exported
        .into_iter()
        .map(|exported| {
            let mut consumers = Map::new();
            if !exported.peers.is_empty() {
                consumers.insert("Peers".to_owned(), exported.peers.into());
            }
            json!({"Service": exported.service.name.as_str(), "Consumers": consumers})
        })
        .collect();
    Ok(Answer {
        index: Some(index(context)),
        ..Answer::json(&rows)
    })
}

//! `/v1/health/…`.

use std::sync::Arc;

use tribune_filter::rows as schema;
use tribune_state::{Indexed, WatchSet};
use tribune_types::call::{Answer, CallError, Instances, Options};
use tribune_types::{HealthCheck, NodeName, ServiceName, Status};

use super::catalog;
use crate::context::Context;
use crate::page::Filtered;
use crate::rows::{CheckRow, CheckServiceNodeRow};

type Result = std::result::Result<Answer, CallError>;

pub(super) fn node_checks(
    context: &Context<'_>,
    node: &NodeName,
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    checks(context, &context.snapshot.node_checks(node, watch), options)
}

pub(super) fn service_checks(
    context: &Context<'_>,
    service: &ServiceName,
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    let service = tribune_types::PeeredServiceName {
        service: service.clone(),
        peer: options.peer.clone(),
    };
    let mut found = context.snapshot.service_checks(&service, watch);
    keep_on_nodes(context, &mut found.value, options, watch);
    checks(context, &found, options)
}

pub(super) fn checks_in_state(
    context: &Context<'_>,
    state: Option<&Status>,
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    // the word is looked up without regard to case
    let state = state.map(|state| Status::from(state.as_str().to_ascii_lowercase().as_str()));
    let mut found = context.snapshot.checks_in_state(state.as_ref(), watch);
    keep_on_nodes(context, &mut found.value, options, watch);
    checks(context, &found, options)
}

fn keep_on_nodes(
    context: &Context<'_>,
    checks: &mut Vec<Arc<HealthCheck>>,
    options: &Options,
    watch: &mut WatchSet,
) {
    if options.node_meta.is_empty() {
        return;
    }
    checks.retain(|check| {
        let node = context.snapshot.node(&check.node, watch).value;
        node.is_some_and(|node| catalog::has_meta(&node, &options.node_meta))
    });
}

fn checks(
    context: &Context<'_>,
    found: &Indexed<Vec<Arc<HealthCheck>>>,
    options: &Options,
) -> Result {
    let mut page = Filtered::new(options, &schema::HEALTH_CHECK)?;
    let rows = found
        .value
        .iter()
        .map(|check| (sees_check(context, check), CheckRow::from(&**check)));
    let rows = page.rows(rows);
    Ok(page.answer(found.index, &rows))
}

fn sees_check(context: &Context<'_>, check: &HealthCheck) -> bool {
    context.sees_node(&check.node)
        && (check.service_name.is_empty()
            || context.sees_service(&ServiceName::new(check.service_name.clone())))
}

pub(super) fn check_service_nodes(
    context: &Context<'_>,
    instances: &Instances,
    options: &Options,
    watch: &mut WatchSet,
) -> Result {
    if instances.connect {
        context.require(tribune_acl::Permission::Service(
            &instances.service,
            tribune_acl::Access::Read,
        ))?;
    }
    let service = tribune_types::PeeredServiceName {
        service: instances.service.clone(),
        peer: options.peer.clone(),
    };
    let mut found = if instances.connect {
        context.snapshot.check_connect_nodes(&service, watch)
    } else {
        context.snapshot.check_service_nodes(&service, watch)
    };
    if instances.merge_central_config {
        for row in &mut found.value {
            row.service = catalog::merged(context, &row.node.node, &row.service, watch);
        }
    }
    let mut page = Filtered::new(options, &schema::CHECK_SERVICE_NODE)?;
    let rows = found
        .value
        .iter()
        .filter(|row| catalog::has_meta(&row.node, &options.node_meta))
        .filter(|row| catalog::has_tags(&row.service, instances))
        .filter(|row| {
            !instances.passing
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
    Ok(page.answer(found.index, &rows))
}

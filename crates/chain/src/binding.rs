//! Which routes and certificates the listeners of API gateways are bound to, and what is said about it: the
//! status of gateways and routes, and a `bound-api-gateway` entry beside each gateway.
//!
//! It follows from the other entries alone, so it is worked out with the write that changes it and written in the
//! same step: nobody ever sees a gateway whose status is of another state than its entry.

use std::sync::Arc;

use tribune_types::ServiceName;
use tribune_types::config_entry::{
    ApiGateway, BoundApiGateway, Condition, Entry, GatewayRoute, Key, Kind, ResourceReference,
    Status,
};

use crate::check::{Proposal, Proposed};
use crate::compile::{CompileRequest, compile};
use crate::{Entries, Overrides};

mod conditions;
mod gateway;
mod route;

use conditions::Conditions;
use gateway::Bound;

/// The writes that follow from one: the entry itself with the status that it has from then on comes first, where
/// it is of a kind that has one. Empty where the write changes no binding. `now` is the time, RFC 3339, that new
/// conditions are stamped with.
#[must_use]
pub fn bind(proposal: &Proposal, stored: &mut dyn Entries, now: &str) -> Vec<Proposal> {
    let kind = proposal.key().kind;
    if !concerns_bindings(kind) {
        return Vec::new();
    }
    let before = stored_bindings(stored);
    let mut proposed = Proposed::new(proposal, stored);
    let gateways = of(&mut proposed, Kind::ApiGateway);
    let routes = routes(&mut proposed);
    if gateways.is_empty() && routes.is_empty() && before.is_empty() {
        return Vec::new();
    }
    // a gateway that is written anew is bound anew; else a listener that lost its last route keeps an empty list
    let anew = matches!(
        kind,
        Kind::ApiGateway | Kind::InlineCertificate | Kind::FileSystemCertificate
    );
    let mut accepted: Vec<route::Judged> = routes
        .iter()
        .map(|entry| route::Judged::new(entry, &mut proposed))
        .collect();
    let mut writes = Vec::new();
    for entry in &gateways {
        let Entry::ApiGateway(gateway) = &**entry else {
            continue;
        };
        let kept = before
            .iter()
            .find(|bound| bound.gateway() == gateway.gateway())
            .filter(|_| !anew);
        let mut bound = Bound::new(gateway, kept, &mut proposed);
        for route in &mut accepted {
            route.bind_to(&mut bound);
        }
        let (status, bound) = bound.finish(now);
        let written = ApiGateway::with_status(gateway, status);
        writes.push(Proposal::Put(Arc::new(Entry::ApiGateway(written))));
        writes.push(Proposal::Put(Arc::new(Entry::BoundApiGateway(bound))));
    }
    for (entry, route) in routes.iter().zip(accepted) {
        let status = route.finish(now);
        let written = Entry::clone(entry).with_status(status);
        writes.push(Proposal::Put(Arc::new(written)));
    }
    for gone in before.iter().filter(|bound| {
        !gateways
            .iter()
            .any(|gateway| gateway.key().name == bound.gateway())
    }) {
        let key = Key::new(Kind::BoundApiGateway, gone.gateway());
        writes.push(Proposal::Delete(key));
    }
    only_changes(proposal, writes, stored)
}

/// Whether a write of that kind can change what listeners are bound to: they depend on certificates, and routes on
/// what the services that they lead to speak.
const fn concerns_bindings(kind: Kind) -> bool {
    match kind {
        Kind::ApiGateway
        | Kind::HttpRoute
        | Kind::TcpRoute
        | Kind::InlineCertificate
        | Kind::FileSystemCertificate
        | Kind::ProxyDefaults
        | Kind::ServiceDefaults
        | Kind::ServiceResolver
        | Kind::ServiceRouter
        | Kind::ServiceSplitter => true,
        Kind::BoundApiGateway
        | Kind::ExportedServices
        | Kind::IngressGateway
        | Kind::JwtProvider
        | Kind::Mesh
        | Kind::SamenessGroup
        | Kind::ServiceIntentions
        | Kind::TerminatingGateway => false,
    }
}

fn stored_bindings(stored: &mut dyn Entries) -> Vec<BoundApiGateway> {
    let bound = stored.of_kind(Kind::BoundApiGateway);
    let bound = bound.iter().filter_map(|entry| {
        if let Entry::BoundApiGateway(bound) = &**entry {
            Some(bound.clone())
        } else {
            None
        }
    });
    bound.collect()
}

/// The entries of a kind, by name.
fn of(entries: &mut dyn Entries, kind: Kind) -> Vec<Arc<Entry>> {
    let mut found = entries.of_kind(kind);
    found.sort_by_key(|entry| entry.key());
    found
}

fn routes(entries: &mut dyn Entries) -> Vec<Arc<Entry>> {
    let mut routes = of(entries, Kind::HttpRoute);
    routes.extend(of(entries, Kind::TcpRoute));
    routes
}

/// Leaves out what is stored already, and puts the entry that is written first.
fn only_changes(
    proposal: &Proposal,
    writes: Vec<Proposal>,
    stored: &mut dyn Entries,
) -> Vec<Proposal> {
    let key = proposal.key();
    let (own, mut others): (Vec<_>, Vec<_>) =
        writes.into_iter().partition(|write| write.key() == key);
    others.retain(|write| match write {
        Proposal::Put(entry) => stored
            .entry(&write.key())
            .is_none_or(|stored| !same(&stored, entry)),
        Proposal::Delete(_) => true,
    });
    if own.is_empty() && others.is_empty() {
        return Vec::new();
    }
    let own = own.into_iter().next().unwrap_or_else(|| proposal.clone());
    std::iter::once(own).chain(others).collect()
}

/// Whether two entries say the same, whenever their conditions began to hold.
fn same(one: &Entry, other: &Entry) -> bool {
    let (Some(a), Some(b)) = (one.status(), other.status()) else {
        return one == other;
    };
    let without = |entry: &Entry| entry.clone().with_status(Status::default());
    a.same_meaning(b) && without(one) == without(other)
}

/// What a service's chain speaks, or why it has none.
fn protocol(service: &ServiceName, entries: &mut dyn Entries) -> Result<String, String> {
    // names of datacenters and domains are no part of what is asked
    let request = CompileRequest {
        service,
        datacenter: "dc1",
        trust_domain: "consul.domain",
        overrides: &Overrides::default(),
        auto_virtual_ips: &[],
        manual_virtual_ips: None,
    };
    compile(&request, entries)
        .map(|chain| chain.protocol)
        .map_err(|error| error.to_string())
}

/// The whole of a gateway.
fn gateway_reference(name: &str) -> ResourceReference {
    ResourceReference::new(Kind::ApiGateway, name)
}

#[cfg(test)]
mod tests;

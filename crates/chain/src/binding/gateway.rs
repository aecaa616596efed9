//! One gateway while routes are bound to its listeners.

use std::collections::BTreeMap;

use tribune_types::ServiceName;
use tribune_types::config_entry::{ApiGatewayListener, BoundApiGatewayListener, Key, Kind};

use super::gateway_reference;
use super::{ApiGateway, BoundApiGateway, Conditions, Entries, ResourceReference, Status};

/// A gateway and what its listeners are bound to so far.
pub(super) struct Bound<'a> {
    pub(super) gateway: &'a ApiGateway,
    /// Whether it is accepted: every certificate that it refers to exists.
    pub(super) accepted: bool,
    conditions: Conditions,
    listeners: Vec<BoundApiGatewayListener>,
    services: BTreeMap<String, Vec<ResourceReference>>,
}

impl<'a> Bound<'a> {
    /// Nothing is bound yet. `before` is what was, if the gateway itself did not change.
    pub(super) fn new(
        gateway: &'a ApiGateway,
        before: Option<&BoundApiGateway>,
        entries: &mut dyn Entries,
    ) -> Self {
        let mut bound = Self {
            gateway,
            accepted: true,
            conditions: Conditions::default(),
            listeners: Vec::new(),
            services: BTreeMap::new(),
        };
        for listener in gateway.listeners() {
            let kept = before
                .into_iter()
                .flat_map(BoundApiGateway::listeners)
                .find(|before| before.name == listener.name);
            let certificates = bound.certificates(listener, entries);
            bound.listeners.push(BoundApiGatewayListener {
                name: listener.name.clone(),
                routes: kept
                    .and_then(|kept| kept.routes.as_ref())
                    .map(|_| Vec::new()),
                certificates: Some(certificates).filter(|found| !found.is_empty()),
            });
        }
        bound
    }

    fn name(&self) -> &str {
        &self.gateway.raw().name
    }

    fn section(&self, listener: &str) -> ResourceReference {
        gateway_reference(self.name()).section(listener)
    }

    /// The certificates of a listener that exist; says which do not.
    fn certificates(
        &mut self,
        listener: &ApiGatewayListener,
        entries: &mut dyn Entries,
    ) -> Vec<ResourceReference> {
        let section = self.section(&listener.name);
        let resolved = ("ResolvedRefs", true, "ResolvedRefs");
        self.conditions
            .say(resolved, section.clone(), "resolved refs");
        let mut found = Vec::new();
        for certificate in listener.tls.certificates() {
            let kind = Kind::parse(&certificate.kind).ok();
            let key = kind.map(|kind| Key::new(kind, ServiceName::new(certificate.name.as_str())));
            if key.is_some_and(|key| entries.entry(&key).is_some()) {
                found.push(certificate.clone());
                continue;
            }
            self.accepted = false;
            self.conditions.say(
                ("ResolvedRefs", false, "InvalidCertificateRef"),
                section.clone(),
                format!("{} {:?} not found", certificate.kind, certificate.name),
            );
        }
        found
    }

    /// Binds a route to a listener.
    pub(super) fn add(&mut self, listener: &str, route: &ResourceReference) {
        let bound = self
            .listeners
            .iter_mut()
            .find(|bound| bound.name == listener);
        if let Some(bound) = bound {
            let routes = bound.routes.get_or_insert_default();
            if !routes.contains(route) {
                routes.push(route.clone());
            }
        }
    }

    /// Says that a bound route leads to a service.
    pub(super) fn leads_to(&mut self, service: &ServiceName, route: &ResourceReference) {
        let routes = self
            .services
            .entry(service.name.as_str().to_owned())
            .or_default();
        if !routes.contains(route) {
            routes.push(route.clone());
        }
    }

    /// The gateway's status, and the entry beside it.
    pub(super) fn finish(mut self, now: &str) -> (Status, BoundApiGateway) {
        let whole = ResourceReference::default();
        if self.accepted {
            let accepted = ("Accepted", true, "Accepted");
            self.conditions.say(accepted, whole, "gateway is valid");
        } else {
            self.conditions.say(
                ("Accepted", false, "InvalidCertificates"),
                whole,
                "gateway references invalid certificates",
            );
        }
        for listener in self.gateway.listeners() {
            let section = self.section(&listener.name);
            let routes = self
                .listeners
                .iter()
                .find(|bound| bound.name == listener.name)
                .map_or(0, |bound| bound.routes().count());
            if listener.protocol == "tcp" && routes > 1 {
                self.conditions.say(
                    ("Conflicted", true, "RouteConflict"),
                    section,
                    "TCP-based listeners currently only support binding a single route",
                );
            } else {
                self.conditions.say(
                    ("Conflicted", false, "NoConflict"),
                    section,
                    "listener has no route conflicts",
                );
            }
        }
        let raw = self.gateway.raw();
        let bound = BoundApiGateway {
            name: raw.name.clone(),
            listeners: Some(self.listeners),
            services: Some(self.services),
            meta: raw.meta.clone(),
        };
        (self.conditions.finish(&raw.status, now), bound)
    }
}

//! One route while it is bound to gateways.

use std::sync::Arc;

use tribune_types::ServiceName;
use tribune_types::config_entry::{ApiGatewayListener, HttpRoute};

use super::gateway::Bound;
use super::{Conditions, Entries, Entry, GatewayRoute, ResourceReference, Status, protocol};

/// A route that was found to be acceptable or not, and what it is bound to so far.
pub(super) struct Judged {
    entry: Arc<Entry>,
    /// Itself.
    reference: ResourceReference,
    accepted: bool,
    services: Vec<ServiceName>,
    conditions: Conditions,
    /// Its parents, each with whether its gateway exists.
    parents: Vec<(ResourceReference, bool)>,
}

/// What a route of either kind says of itself.
fn described(entry: &Entry) -> Option<(&'static str, &[ResourceReference], Vec<ServiceName>)> {
    if let Entry::HttpRoute(route) = entry {
        return Some(("http", route.parents(), route.services()));
    }
    if let Entry::TcpRoute(route) = entry {
        return Some(("tcp", route.parents(), route.services()));
    }
    None
}

impl Judged {
    pub(super) fn new(entry: &Arc<Entry>, entries: &mut dyn Entries) -> Self {
        let (speaks, parents, services) = described(entry).unwrap_or_default();
        let key = entry.key();
        let mut judged = Self {
            entry: Arc::clone(entry),
            reference: ResourceReference::new(key.kind, key.name.name.as_str()),
            accepted: true,
            conditions: Conditions::default(),
            parents: parents
                .iter()
                .map(|parent| (parent.clone(), false))
                .collect(),
            services,
        };
        let refusal = judged.refusal(speaks, entries);
        let whole = ResourceReference::default();
        match refusal {
            None => {
                let accepted = ("Accepted", true, "Accepted");
                judged.conditions.say(accepted, whole, "route is valid");
            }
            Some((reason, message)) => {
                judged.accepted = false;
                judged
                    .conditions
                    .say(("Accepted", false, reason), whole, message);
            }
        }
        judged
    }

    /// Why it is not accepted.
    fn refusal(&self, speaks: &str, entries: &mut dyn Entries) -> Option<(&'static str, String)> {
        if self.services.is_empty() {
            let message = "route must target at least one upstream service";
            return Some(("NoUpstreamServicesTargeted", message.to_owned()));
        }
        self.services.iter().find_map(|service| {
            let message = match protocol(service, entries) {
                Ok(protocol) if protocol == speaks => return None,
                Ok(protocol) => format!(
                    "route protocol does not match targeted service protocol: the route is of {speaks}, and \"{service}\" speaks {protocol}"
                ),
                Err(error) => error,
            };
            Some(("InvalidDiscoveryChain", message))
        })
    }

    /// Binds it to whichever listeners of a gateway its parents name.
    pub(super) fn bind_to(&mut self, bound: &mut Bound<'_>) {
        let gateway = bound.gateway.raw().name.clone();
        let mut somewhere = false;
        for at in 0..self.parents.len() {
            if !self.parents[at].0.name.eq_ignore_ascii_case(&gateway) {
                continue;
            }
            self.parents[at].1 = true;
            let parent = self.parents[at].0.clone();
            let listeners = self.bind_parent(bound, &parent);
            match &listeners {
                Ok(listeners) => {
                    for listener in listeners {
                        bound.add(listener, &self.reference);
                    }
                    let said = ("Bound", true, "Bound");
                    self.conditions
                        .say(said, parent, "successfully bound route");
                    somewhere = true;
                }
                Err(Failure { bound_to, message }) => {
                    for listener in bound_to {
                        bound.add(listener, &self.reference);
                        somewhere = true;
                    }
                    let said = ("Bound", false, "FailedToBind");
                    self.conditions.say(said, parent, message.clone());
                }
            }
        }
        if somewhere {
            for service in &self.services {
                bound.leads_to(service, &self.reference);
            }
        }
    }

    /// The listeners that it can be bound to for one parent.
    fn bind_parent(
        &self,
        bound: &Bound<'_>,
        parent: &ResourceReference,
    ) -> Result<Vec<String>, Failure> {
        let (gateway, section) = (&parent.name, parent.section_name.as_str());
        let mut bound_to = Vec::new();
        let mut failed = None;
        for listener in bound.gateway.listeners() {
            if !section.is_empty() && listener.name != section {
                continue;
            }
            match self.fits(bound, listener, !section.is_empty()) {
                Ok(true) => bound_to.push(listener.name.clone()),
                Ok(false) => {}
                Err(why) => {
                    failed = Some(format!("failed to bind route to gateway {gateway}: {why}"))
                }
            }
        }
        if failed.is_none() && bound_to.is_empty() {
            failed = Some(format!(
                "failed to bind route {} to gateway {gateway} with listener '{section}'",
                self.reference.name
            ));
        }
        match failed {
            None => Ok(bound_to),
            Some(message) => Err(Failure { bound_to, message }),
        }
    }

    /// Whether it fits a listener; one that is not named may speak something else.
    fn fits(
        &self,
        bound: &Bound<'_>,
        listener: &ApiGatewayListener,
        named: bool,
    ) -> Result<bool, String> {
        if !bound.accepted {
            return Err("gateway has not been accepted".to_owned());
        }
        if !self.accepted {
            return Err("route has not been accepted".to_owned());
        }
        let speaks = described(&self.entry).map_or("", |(speaks, ..)| speaks);
        if listener.protocol != speaks {
            return if named {
                Err(format!(
                    "listener {} is not a {speaks} listener",
                    listener.name
                ))
            } else {
                Ok(false)
            };
        }
        if let Entry::HttpRoute(route) = &*self.entry
            && !shares_host(route, listener)
        {
            return Err(format!(
                "listener {} does not have any hostnames that match the route",
                listener.name
            ));
        }
        Ok(true)
    }

    /// Its status.
    pub(super) fn finish(mut self, now: &str) -> Status {
        for (parent, found) in &self.parents {
            if !found {
                self.conditions.say(
                    ("Bound", false, "GatewayNotFound"),
                    parent.clone(),
                    "gateway was not found",
                );
            }
        }
        let before = self.entry.status().cloned().unwrap_or_default();
        self.conditions.finish(&before, now)
    }
}

/// Why a parent did not bind everywhere, and where it did nonetheless.
struct Failure {
    bound_to: Vec<String>,
    message: String,
}

fn shares_host(route: &HttpRoute, listener: &ApiGatewayListener) -> bool {
    !route.hostnames_on(&listener.hostname).is_empty()
}

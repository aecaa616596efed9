//! What an agent has registered, and what time and results make of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tribune_types::{Name, NodeName, NodeService, Status, Token};

use crate::check::{Change, CheckState};
use crate::error::UnknownCheck;
use crate::expand::SidecarPorts;
use crate::kind::{CheckKind, Probe, ProbeResult};
use crate::sync::Outbox;

/// How an agent treats what is registered with it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node that everything is registered on.
    pub node: NodeName,
    /// Ports for sidecars that come without one.
    pub sidecar_ports: SidecarPorts,
    /// Whether checks may run commands.
    pub enable_script_checks: bool,
    /// How long the catalog may lack a check's new output while its status stays; at once where zero.
    pub check_update_interval: Duration,
    /// Whether the output of checks is dropped.
    pub discard_check_output: bool,
}

impl Settings {
    /// The reference's defaults for a node.
    #[must_use]
    pub fn new(node: NodeName) -> Self {
        Self {
            node,
            sidecar_ports: SidecarPorts::default(),
            enable_script_checks: false,
            check_update_interval: Duration::from_secs(5 * 60),
            discard_check_output: false,
        }
    }
}

/// An agent's own services and checks.
///
/// A driver hands in registrations, results and the time, then asks [`Local::poll_sync`] what the catalog
/// must be told and [`Local::poll_timeout`] when to come back.
#[derive(Debug)]
pub struct Local {
    pub(crate) settings: Settings,
    pub(crate) services: BTreeMap<Name, Service>,
    pub(crate) checks: BTreeMap<Name, CheckState>,
    /// IDs of the checks of each service; those of the node under the empty ID.
    pub(crate) checks_of: BTreeMap<Name, BTreeSet<Name>>,
    /// IDs of the alias checks that repeat each service, likewise.
    pub(crate) aliases_of: BTreeMap<Name, BTreeSet<Name>>,
    pub(crate) outbox: Outbox,
    pub(crate) version: u64,
    probes_version: u64,
    deadlines: BTreeSet<(Instant, Name)>,
}

/// A registered service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) row: Arc<NodeService>,
    pub(crate) token: Token,
    /// Whether it is a sidecar that came with its service, and leaves with it.
    pub(crate) managed: bool,
}

// === impl Local ===

impl Local {
    /// An agent with nothing registered.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self {
            settings,
            services: BTreeMap::new(),
            checks: BTreeMap::new(),
            checks_of: BTreeMap::new(),
            aliases_of: BTreeMap::new(),
            outbox: Outbox::new(),
            version: 0,
            probes_version: 0,
            deadlines: BTreeSet::new(),
        }
    }

    /// Says whether the output of checks is dropped from now on.
    pub const fn discard_check_output(&mut self, discard: bool) {
        self.settings.discard_check_output = discard;
    }

    /// Changes with every change of what can be read here, so that a driver knows when to wake readers.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Changes with every change of [`Local::probes`].
    #[must_use]
    pub const fn probes_version(&self) -> u64 {
        self.probes_version
    }

    /// A service by its ID.
    #[must_use]
    pub fn service(&self, id: &Name) -> Option<&Arc<NodeService>> {
        self.services.get(id).map(|service| &service.row)
    }

    /// The services, by ID.
    pub fn services(&self) -> impl Iterator<Item = (&Name, &Arc<NodeService>)> {
        self.services.iter().map(|(id, service)| (id, &service.row))
    }

    /// The token that a service was registered with.
    #[must_use]
    pub fn service_token(&self, id: &Name) -> Option<&Token> {
        self.services.get(id).map(|service| &service.token)
    }

    /// A check by its ID.
    #[must_use]
    pub fn check(&self, id: &Name) -> Option<&CheckState> {
        self.checks.get(id)
    }

    /// The checks, by ID.
    pub fn checks(&self) -> impl Iterator<Item = (&Name, &CheckState)> {
        self.checks.iter()
    }

    /// The service that a check is about; `None` for a check of the node and for one that does not exist.
    #[must_use]
    pub fn service_of_check(&self, id: &Name) -> Option<&Arc<NodeService>> {
        self.service(&self.check(id)?.check.service_id)
    }

    /// The checks that are probed, by ID, and how.
    pub fn probes(&self) -> impl Iterator<Item = (&Name, &Probe)> {
        self.checks
            .iter()
            .filter_map(|(id, state)| match &state.kind {
                CheckKind::Probe(probe) => Some((id, probe)),
                CheckKind::Ttl(_) | CheckKind::Alias { .. } | CheckKind::Maintenance => None,
            })
    }

    /// Takes what an application says of itself.
    ///
    /// # Errors
    /// Where there is no such check, or where its results do not come from the application.
    pub fn report(
        &mut self,
        id: &Name,
        status: Status,
        output: &str,
        now: Instant,
    ) -> Result<(), UnknownCheck> {
        let check = self
            .checks
            .get_mut(id)
            .ok_or_else(|| UnknownCheck::NoSuchCheck(id.clone()))?;
        if !matches!(check.kind, CheckKind::Ttl(_)) {
            return Err(UnknownCheck::NoTtl(id.clone()));
        }
        let change = check.report(status, kept(&self.settings, output), now);
        self.said(id, change, now);
        Ok(())
    }

    /// Takes what a probe found. Results of probes that are no longer wanted are ignored.
    pub fn handle_probe(&mut self, id: &Name, result: &ProbeResult, now: Instant) {
        let Some(check) = self.checks.get_mut(id) else {
            return;
        };
        if matches!(check.kind, CheckKind::Probe(_)) {
            let output = kept(&self.settings, &result.output);
            let change = check.probed(&result.status, output, now);
            self.said(id, change, now);
        }
    }

    /// When [`Local::handle_timeout`] wants to run next, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Does what time asks for: reports that did not come, outputs that the catalog still lacks, services
    /// that were critical for too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, id)) = self.deadlines.first().filter(|(at, _)| *at <= now).cloned() {
            let Some(check) = self.checks.get_mut(&id) else {
                self.deadlines.pop_first();
                continue;
            };
            if check.removal().is_some_and(|at| at <= now) {
                let service = check.check.service_id.clone();
                if !self.remove_service(&service, now) {
                    self.remove_check(&id, now);
                }
                continue;
            }
            let mut change = Change::Nothing;
            if check.deferred.take_if(|at| *at <= now).is_some() {
                self.outbox.check_changed(&id);
            }
            if check.expires.is_some_and(|at| at <= now) {
                change = check.expire(now);
            }
            self.said(&id, change, now);
        }
    }

    /// Brings everything that follows from a check up to date with what it says now.
    pub(crate) fn said(&mut self, id: &Name, change: Change, now: Instant) {
        let service = self.note(id, change, now);
        if change != Change::Nothing
            && let Some(service) = service
        {
            self.refresh_aliases(&service, now);
        }
    }

    /// The same without the alias checks that repeat it. The service that the check is about, if any.
    pub(crate) fn note(&mut self, id: &Name, change: Change, now: Instant) -> Option<Name> {
        let check = self.checks.get_mut(id)?;
        let interval = self.settings.check_update_interval;
        if change != Change::Nothing {
            self.version += 1;
        }
        if change == Change::Status || (change == Change::Output && interval.is_zero()) {
            check.deferred = None;
            self.outbox.check_changed(id);
        } else if change == Change::Output && !self.outbox.has_check(id) {
            check.deferred = check.deferred.or_else(|| now.checked_add(interval));
        }
        let service = check.check.service_id.clone();
        self.reindex(id);
        Some(service)
    }

    /// Puts a check in, in place of an earlier one with its ID.
    pub(crate) fn insert_check(&mut self, mut state: CheckState, now: Instant) {
        let id = state.check.check_id.clone();
        let service = state.check.service_id.clone();
        let (mut row_changed, mut kind_changed) = (true, true);
        let earlier = self.detach_check(&id);
        if let Some(earlier) = &earlier {
            row_changed = state.succeed(earlier);
            kind_changed = state.kind != earlier.kind;
        }
        self.checks_of
            .entry(service.clone())
            .or_default()
            .insert(id.clone());
        if let CheckKind::Alias { service, .. } = &state.kind {
            self.aliases_of
                .entry(service.clone())
                .or_default()
                .insert(id.clone());
        }
        let token_changed = earlier.is_none_or(|earlier| earlier.token != state.token);
        self.checks.insert(id.clone(), state);
        if row_changed || token_changed {
            self.outbox.check_changed(&id);
        }
        self.version += u64::from(row_changed);
        self.probes_version += u64::from(kind_changed);
        self.reindex(&id);
        if row_changed || kind_changed {
            self.refresh_alias(&id, now);
            self.refresh_aliases(&service, now);
        }
    }

    /// Takes a check out. Whether there was one.
    pub(crate) fn remove_check(&mut self, id: &Name, now: Instant) -> bool {
        let Some(state) = self.detach_check(id) else {
            return false;
        };
        self.version += 1;
        self.probes_version += 1;
        let service = state.check.service_id.clone();
        self.outbox.check_removed(id, &service, state.token);
        self.refresh_aliases(&service, now);
        true
    }

    /// Takes a service out, with its checks and its sidecar. Whether there was one.
    pub(crate) fn remove_service(&mut self, id: &Name, now: Instant) -> bool {
        let Some(service) = self.services.remove(id) else {
            return false;
        };
        self.version += 1;
        for check in self.checks_of.get(id).cloned().unwrap_or_default() {
            self.remove_check(&check, now);
        }
        self.outbox.service_removed(id, service.token);
        self.refresh_aliases(id, now);
        let sidecar = crate::expand::sidecar_id(id);
        if self
            .services
            .get(&sidecar)
            .is_some_and(|sidecar| sidecar.managed)
        {
            self.remove_service(&sidecar, now);
        }
        true
    }

    fn detach_check(&mut self, id: &Name) -> Option<CheckState> {
        let state = self.checks.remove(id)?;
        if let Some(at) = state.indexed {
            self.deadlines.remove(&(at, id.clone()));
        }
        forget(&mut self.checks_of, &state.check.service_id, id);
        if let CheckKind::Alias { service, .. } = &state.kind {
            forget(&mut self.aliases_of, service, id);
        }
        Some(state)
    }

    pub(crate) fn reindex(&mut self, id: &Name) {
        let Some(state) = self.checks.get_mut(id) else {
            return;
        };
        let deadline = state.deadline();
        if state.indexed == deadline {
            return;
        }
        if let Some(at) = std::mem::replace(&mut state.indexed, deadline) {
            self.deadlines.remove(&(at, id.clone()));
        }
        self.deadlines.extend(deadline.map(|at| (at, id.clone())));
    }
}

/// What is kept of a check's output.
const fn kept<'a>(settings: &Settings, output: &'a str) -> &'a str {
    if settings.discard_check_output {
        ""
    } else {
        output
    }
}

fn forget(index: &mut BTreeMap<Name, BTreeSet<Name>>, service: &Name, id: &Name) {
    if let Some(ids) = index.get_mut(service) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(service);
        }
    }
}

#[cfg(test)]
mod tests;

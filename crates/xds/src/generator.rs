//! From snapshots to resources: what changed, and nothing else.

mod chain;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use tribune_proxycfg::{Snapshot, Upstream};
use tribune_types::config_entry;

use self::chain::{Made, Of};
use crate::clusters;
use crate::listeners::{Common, Context, exposed, is_http, public};
use crate::memo::Memo;
use crate::problem::{Problem, Reason};
use crate::rbac::Enforcement;
use crate::resource::{Resource, ResourceType};

#[cfg(test)]
mod tests;

/// Makes the resources of one proxy.
#[derive(Debug, Default)]
pub struct Generator {
    last: Option<Arc<Snapshot>>,
    common: Common,
    /// Name of the cluster of the application.
    local_app: String,
    local: Slot,
    public: Slot,
    /// What stands in the public listener; held, so that other proxies of the service find it.
    enforcement: Option<Arc<Enforcement>>,
    roots: Slot,
    upstreams: Vec<UpstreamSlot>,
    current: BTreeMap<(ResourceType, Arc<str>), Arc<Resource>>,
    /// Whether some resource is made twice, by two upstreams.
    shared: bool,
    problems: Arc<[Problem]>,
}

/// How the resources of a proxy differ from those before.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    /// New resources, and those with a new version; by type and name.
    pub updated: Vec<Arc<Resource>>,
    /// Resources that are there no longer; by type and name.
    pub removed: Vec<(ResourceType, Arc<str>)>,
    /// What is not served as it was asked for, now; the same pointer while nothing changes in it.
    pub problems: Arc<[Problem]>,
}

/// Resources that are made together.
#[derive(Debug, Default)]
struct Slot {
    resources: Vec<Arc<Resource>>,
    problems: Vec<Problem>,
}

/// What is made for an upstream.
#[derive(Debug)]
struct UpstreamSlot {
    of: Arc<Upstream>,
    /// Its clusters, its listener and its routes.
    fixed: Slot,
    /// The clusters whose endpoints are assigned: the name, and the chain's target.
    assigned: Vec<(Arc<str>, String)>,
    assignments: Slot,
}

/// What became of the slots with a new snapshot.
#[derive(Default)]
struct Difference {
    /// Resources that took the place of others of the same name.
    replaced: Vec<Arc<Resource>>,
    /// Whether names came or went.
    renamed: bool,
    problems: bool,
}

// === impl Changed ===

impl Changed {
    /// Whether no resource changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.updated.is_empty() && self.removed.is_empty()
    }

    /// The new resources of a type.
    pub fn updated_of(&self, kind: ResourceType) -> impl Iterator<Item = &Arc<Resource>> {
        self.updated
            .iter()
            .filter(move |resource| resource.kind == kind)
    }

    /// The names of a type that are there no longer.
    pub fn removed_of(&self, kind: ResourceType) -> impl Iterator<Item = &Arc<str>> {
        self.removed
            .iter()
            .filter(move |(of, _)| *of == kind)
            .map(|(_, name)| name)
    }
}

// === impl Generator ===

impl Generator {
    /// A generator that has made nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the proxy's newest snapshot and says how its resources differ from those before. What many
    /// proxies share is looked up in `memo`.
    ///
    /// The secret [`crate::LEAF`] is not among them: it is made by [`crate::leaf`] and not shared.
    pub fn handle_snapshot(&mut self, snapshot: &Arc<Snapshot>, memo: &mut Memo) -> Changed {
        let last = self.last.replace(Arc::clone(snapshot));
        let mut difference = Difference {
            renamed: last.is_none(),
            problems: last.is_none(),
            ..Difference::default()
        };
        let last = last.as_deref();
        if last.is_none_or(|last| !Arc::ptr_eq(&last.roots, &snapshot.roots)) {
            let roots = Slot {
                resources: vec![memo.roots(&snapshot.roots)],
                problems: Vec::new(),
            };
            self.roots.replace(roots, &mut difference);
        }
        let same_registration =
            last.is_some_and(|last| Arc::ptr_eq(&last.registration, &snapshot.registration));
        if !same_registration {
            self.read_registration(snapshot, memo, &mut difference);
        }
        // Listeners and clusters carry the trust domain, not the roots.
        let same_mesh = same_registration
            && last.is_some_and(|last| {
                Arc::ptr_eq(&last.mesh, &snapshot.mesh)
                    && last.roots.trust_domain == snapshot.roots.trust_domain
            });
        if !same_mesh
            || last.is_none_or(|last| !Arc::ptr_eq(&last.intentions, &snapshot.intentions))
        {
            let mut problems = Vec::new();
            let http = is_http(&snapshot.registration.settings.protocol);
            let trust_domain = &snapshot.roots.trust_domain;
            let enforcement = memo.enforcement(&snapshot.intentions, http, trust_domain);
            let context = self.context(snapshot);
            let listener = public::build(&context, &enforcement, &self.local_app, &mut problems);
            self.enforcement = Some(enforcement);
            let resources = listener
                .into_iter()
                .map(|listener| memo.intern(listener))
                .collect();
            self.public.replace(
                Slot {
                    resources,
                    problems,
                },
                &mut difference,
            );
        }
        self.update_upstreams(snapshot, same_mesh, memo, &mut difference);
        self.finish(difference)
    }

    /// The resources as they are now, by type and name, without the secret [`crate::LEAF`].
    pub fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.current.values()
    }

    /// What is not served as it was asked for.
    #[must_use]
    pub const fn problems(&self) -> &Arc<[Problem]> {
        &self.problems
    }

    fn context<'a>(&'a self, snapshot: &'a Snapshot) -> Context<'a> {
        Context {
            registration: &snapshot.registration,
            mesh: mesh(snapshot),
            common: &self.common,
        }
    }

    /// What is made from the registration alone.
    fn read_registration(
        &mut self,
        snapshot: &Snapshot,
        memo: &mut Memo,
        difference: &mut Difference,
    ) {
        let registration = &snapshot.registration;
        let mut problems: Vec<_> = registration.problems.iter().map(Problem::from).collect();
        self.common = Common::read(registration, &mut problems);
        let local_app = clusters::local_app(registration, &mut problems);
        self.local_app = local_app.name.to_string();
        let exposed = exposed::build(&self.context(snapshot), &self.local_app, &mut problems);
        let resources = std::iter::once(local_app)
            .chain(exposed)
            .map(|resource| memo.intern(resource))
            .collect();
        self.local.replace(
            Slot {
                resources,
                problems,
            },
            difference,
        );
    }

    fn update_upstreams(
        &mut self,
        snapshot: &Arc<Snapshot>,
        same_mesh: bool,
        memo: &mut Memo,
        difference: &mut Difference,
    ) {
        let mut slots = std::mem::take(&mut self.upstreams);
        let ids = slots.iter().map(|slot| &slot.of.definition.id);
        if !ids.eq(snapshot
            .upstreams
            .iter()
            .map(|upstream| &upstream.definition.id))
        {
            let id = |upstream: &Arc<Upstream>| upstream.definition.id.clone();
            difference.renamed = true;
            difference.problems = true;
            let mut old: BTreeMap<_, _> =
                slots.drain(..).map(|slot| (id(&slot.of), slot)).collect();
            slots = snapshot
                .upstreams
                .iter()
                .map(|upstream| {
                    old.remove(&id(upstream))
                        .unwrap_or_else(|| self.upstream(snapshot, upstream, memo))
                })
                .collect();
        }
        for (slot, upstream) in slots.iter_mut().zip(&snapshot.upstreams) {
            if !same_mesh || !slot.is_made_from_what(upstream) {
                let new = self.upstream(snapshot, upstream, memo);
                slot.fixed.replace(new.fixed, difference);
                slot.assignments.replace(new.assignments, difference);
                slot.assigned = new.assigned;
            } else if !Arc::ptr_eq(&slot.of, upstream) {
                slot.assignments
                    .replace(assignments(&slot.assigned, upstream, memo), difference);
            }
            slot.of = Arc::clone(upstream);
        }
        self.upstreams = slots;
    }

    fn upstream(
        &self,
        snapshot: &Snapshot,
        upstream: &Arc<Upstream>,
        memo: &mut Memo,
    ) -> UpstreamSlot {
        let made = match &upstream.chain {
            Ok(chain) => {
                let of = Of {
                    snapshot,
                    upstream,
                    chain,
                };
                self.chain(of, memo)
            }
            Err(error) => {
                let about = format!("upstream {}", upstream.definition.id);
                let reason = Reason::Chain(Arc::clone(error));
                Made {
                    problems: vec![Problem::new(about, reason)],
                    ..Made::default()
                }
            }
        };
        let Made {
            resources,
            assigned,
            problems,
        } = made;
        let assignments = assignments(&assigned, upstream, memo);
        UpstreamSlot {
            of: Arc::clone(upstream),
            fixed: Slot {
                resources,
                problems,
            },
            assigned,
            assignments,
        }
    }

    /// Takes the slots over into what is current.
    fn finish(&mut self, difference: Difference) -> Changed {
        let mut changed = Changed::default();
        let mut conflicts = Vec::new();
        let anew = difference.renamed || self.shared && !difference.replaced.is_empty();
        if anew {
            conflicts = self.collect(&mut changed);
        } else {
            for resource in difference.replaced {
                let key = (resource.kind, Arc::clone(&resource.name));
                let known = self.current.insert(key, Arc::clone(&resource));
                if known.is_none_or(|known| known.version != resource.version) {
                    changed.updated.push(resource);
                }
            }
            changed
                .updated
                .sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        }
        if difference.problems || anew {
            let problems: Vec<_> = self
                .slots()
                .flat_map(|slot| &slot.problems)
                .cloned()
                .chain(conflicts)
                .collect();
            if *self.problems != *problems {
                self.problems = problems.into();
            }
        }
        changed.problems = Arc::clone(&self.problems);
        changed
    }

    /// Gathers all resources anew, where names came or went. Of two with one name, the first counts.
    fn collect(&mut self, changed: &mut Changed) -> Vec<Problem> {
        let mut new = BTreeMap::new();
        let mut conflicts = Vec::new();
        let mut shared = false;
        for resource in self.slots().flat_map(|slot| &slot.resources) {
            match new.entry((resource.kind, Arc::clone(&resource.name))) {
                Entry::Vacant(entry) => {
                    entry.insert(Arc::clone(resource));
                }
                Entry::Occupied(entry) => {
                    shared = true;
                    if entry.get().version != resource.version {
                        let what = format!("{} {}", resource.kind, resource.name);
                        conflicts.push(Problem::new("upstreams", Reason::Conflict(what)));
                    }
                }
            }
        }
        for (key, resource) in &new {
            if self
                .current
                .get(key)
                .is_none_or(|known| known.version != resource.version)
            {
                changed.updated.push(Arc::clone(resource));
            }
        }
        changed.removed = self
            .current
            .keys()
            .filter(|key| !new.contains_key(*key))
            .cloned()
            .collect();
        self.current = new;
        self.shared = shared;
        conflicts
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        let upstreams = self
            .upstreams
            .iter()
            .flat_map(|upstream| [&upstream.fixed, &upstream.assignments]);
        [&self.local, &self.public, &self.roots]
            .into_iter()
            .chain(upstreams)
    }
}

/// The fields of the `mesh` entry, if there is one.
fn mesh(snapshot: &Snapshot) -> Option<&config_entry::RawMesh> {
    match snapshot.mesh.entry.as_deref() {
        Some(config_entry::Entry::Mesh(mesh)) => Some(mesh.raw()),
        _ => None,
    }
}

fn assignments(assigned: &[(Arc<str>, String)], upstream: &Upstream, memo: &mut Memo) -> Slot {
    let mut slot = Slot::default();
    for (cluster, target_id) in assigned {
        if let Some(endpoints) = upstream.endpoints.get(target_id) {
            let target = upstream.chain.as_ref().ok();
            let target = target.and_then(|chain| chain.targets.get(target_id));
            let only_passing = target.is_some_and(|target| target.subset.only_passing);
            let (resource, problems) = memo.assignment(cluster, endpoints, only_passing);
            slot.resources.push(resource);
            slot.problems.extend(problems.iter().cloned());
        }
    }
    slot
}

// === impl UpstreamSlot ===

impl UpstreamSlot {
    /// Whether all but the endpoints was made from the same values.
    fn is_made_from_what(&self, upstream: &Arc<Upstream>) -> bool {
        let same_chain = match (&self.of.chain, &upstream.chain) {
            (Ok(one), Ok(other)) => Arc::ptr_eq(one, other),
            (Err(one), Err(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        Arc::ptr_eq(&self.of, upstream)
            || same_chain
                && Arc::ptr_eq(&self.of.definition, &upstream.definition)
                && self.of.endpoints.keys().eq(upstream.endpoints.keys())
    }
}

// === impl Slot ===

impl Slot {
    fn replace(&mut self, new: Self, difference: &mut Difference) {
        let pairs = self.resources.iter().zip(&new.resources);
        let same_names = self.resources.len() == new.resources.len()
            && pairs
                .clone()
                .all(|(old, new)| old.kind == new.kind && old.name == new.name);
        if same_names {
            let replaced = pairs
                .filter(|(old, new)| !Arc::ptr_eq(old, new))
                .map(|(_, new)| Arc::clone(new));
            difference.replaced.extend(replaced);
        } else {
            difference.renamed = true;
        }
        difference.problems |= self.problems != new.problems;
        *self = new;
    }
}

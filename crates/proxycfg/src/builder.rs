//! The builder: derived values in, needs and snapshots out.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use tribune_chain::Target;
use tribune_derived::{Endpoints, Intentions, Key, Mesh, Roots, SubsetKey, Value};
use tribune_types::{InstanceName, ServiceKind};

use crate::{Definition, Registration, Snapshot, Upstream};

#[cfg(test)]
mod tests;

/// Builds the snapshots of one proxy.
///
/// Whoever drives it drains [`Builder::poll_need`] first and after each [`Builder::handle_update`], hands in
/// what the subscriptions deliver, and takes [`Builder::snapshot`] when nothing is left to hand in.
#[derive(Debug)]
pub struct Builder {
    instance: InstanceName,
    registration: Option<Result<Arc<Registration>, ServiceKind>>,
    /// What is subscribed to, or queued to be.
    held: HashMap<Key, Held>,
    /// One for each upstream of the registration; emptied when a value it was made from changes.
    upstreams: Vec<Option<Arc<Upstream>>>,
    needs: VecDeque<Need>,
    /// Whether what is needed must be worked out anew.
    unwired: bool,
    snapshot: Option<Arc<Snapshot>>,
}

#[derive(Debug, Default)]
struct Held {
    value: Option<Value>,
    /// Positions of the upstreams that are made from it.
    dependents: Vec<usize>,
}

/// What every configuration is made from.
struct Common {
    roots: Arc<Roots>,
    intentions: Arc<Intentions>,
    mesh: Arc<Mesh>,
}

/// A change of what a builder is to be told about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Deliver the value of this key from now on.
    Subscribe(Key),
    /// Deliver it no longer.
    Unsubscribe(Key),
}

/// How far a builder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// There is no such proxy yet, or it was deregistered.
    Unregistered,
    /// The proxy is of a kind that is not served.
    Unsupported(ServiceKind),
    /// Something that every configuration needs is not known yet.
    Waiting(&'static str),
    /// There is a snapshot.
    Ready,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unregistered => f.write_str("the proxy is not registered"),
            Self::Unsupported(ServiceKind::Typical) => f.write_str("the service is not a proxy"),
            Self::Unsupported(kind) => write!(f, "kind {} is not supported yet", kind.as_str()),
            Self::Waiting(what) => write!(f, "waiting for {what}"),
            Self::Ready => f.write_str("ready"),
        }
    }
}

// === impl Builder ===

impl Builder {
    /// A builder for the proxy of this name, registered or not.
    #[must_use]
    pub fn new(instance: InstanceName) -> Self {
        Self {
            instance,
            registration: None,
            held: HashMap::new(),
            upstreams: Vec::new(),
            needs: VecDeque::new(),
            unwired: true,
            snapshot: None,
        }
    }

    /// The proxy it builds for.
    #[must_use]
    pub const fn instance(&self) -> &InstanceName {
        &self.instance
    }

    /// Takes the value that `key` has now. What was not asked for, or is there already, changes nothing.
    pub fn handle_update(&mut self, key: &Key, value: &Value) {
        let Some(held) = self.held.get_mut(key) else {
            return;
        };
        if held.value.as_ref().is_some_and(|known| known.same(value)) {
            return;
        }
        held.value = Some(value.clone());
        self.snapshot = None;
        for position in &held.dependents {
            if let Some(upstream) = self.upstreams.get_mut(*position) {
                *upstream = None;
            }
        }
        match value {
            Value::Proxy(proxy) => {
                self.registration = proxy.as_ref().map(|proxy| match &proxy.kind {
                    ServiceKind::ConnectProxy => Ok(Arc::new(Registration::read(proxy))),
                    other => Err(other.clone()),
                });
                self.upstreams = vec![None; self.definitions().len()];
                self.unwired = true;
            }
            Value::Chain(_) => self.unwired = true,
            Value::Endpoints(_)
            | Value::ServiceConfig(_)
            | Value::Intentions(_)
            | Value::Roots(_)
            | Value::Mesh(_) => {}
        }
    }

    /// The next change of what the builder is to be told about, if any.
    pub fn poll_need(&mut self) -> Option<Need> {
        if self.unwired {
            self.rewire();
        }
        self.needs.pop_front()
    }

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.registration {
            None => Status::Unregistered,
            Some(Err(kind)) => Status::Unsupported(kind.clone()),
            Some(Ok(registration)) => match self.common(registration) {
                Ok(_) => Status::Ready,
                Err(missing) => Status::Waiting(missing),
            },
        }
    }

    /// What the proxy's configuration is made from now; the same pointer while nothing changed. `None` while
    /// [`Builder::status`] is anything but [`Status::Ready`].
    ///
    /// Upstreams whose chain is not known yet are left out: one that never answers holds nothing back.
    pub fn snapshot(&mut self) -> Option<Arc<Snapshot>> {
        if self.unwired {
            self.rewire();
        }
        if self.snapshot.is_none() {
            let Some(Ok(registration)) = &self.registration else {
                return None;
            };
            let registration = Arc::clone(registration);
            let Common {
                roots,
                intentions,
                mesh,
            } = self.common(&registration).ok()?;
            let mut upstreams = Vec::with_capacity(registration.upstreams.len());
            for (position, definition) in registration.upstreams.iter().enumerate() {
                let known = self.upstreams.get(position).cloned().flatten();
                let Some(upstream) = known.or_else(|| self.upstream(&registration, definition))
                else {
                    continue;
                };
                if let Some(slot) = self.upstreams.get_mut(position) {
                    *slot = Some(Arc::clone(&upstream));
                }
                upstreams.push(upstream);
            }
            self.snapshot = Some(Arc::new(Snapshot {
                registration,
                roots,
                intentions,
                mesh,
                upstreams,
            }));
        }
        self.snapshot.clone()
    }

    /// What every configuration needs, or the first of it that is missing.
    fn common(&self, registration: &Registration) -> Result<Common, &'static str> {
        let Some(Value::Roots(Some(roots))) = self.value(&Key::Roots) else {
            return Err("the certificate authority's roots");
        };
        let Some(Value::Intentions(intentions)) =
            self.value(&Key::Intentions(registration.proxy.identity()))
        else {
            return Err("the intentions of its service");
        };
        let Some(Value::Mesh(mesh)) = self.value(&Key::Mesh) else {
            return Err("the mesh config entry");
        };
        Ok(Common {
            roots: Arc::clone(roots),
            intentions: Arc::clone(intentions),
            mesh: Arc::clone(mesh),
        })
    }

    fn definitions(&self) -> &[Arc<Definition>] {
        match &self.registration {
            Some(Ok(registration)) => &registration.upstreams,
            _ => &[],
        }
    }

    fn value(&self, key: &Key) -> Option<&Value> {
        self.held.get(key)?.value.as_ref()
    }

    fn upstream(
        &self,
        registration: &Registration,
        definition: &Arc<Definition>,
    ) -> Option<Arc<Upstream>> {
        let Value::Chain(chain) = self.value(&Key::Chain(definition.chain.clone()))? else {
            return None;
        };
        let targets = chain.iter().flat_map(|chain| chain.targets.values());
        let endpoints = targets
            .filter_map(|target| {
                match self.value(&instances(target, &registration.proxy.datacenter)?)? {
                    Value::Endpoints(endpoints) => {
                        Some((target.id.clone(), Arc::<Endpoints>::clone(endpoints)))
                    }
                    _ => None,
                }
            })
            .collect();
        Some(Arc::new(Upstream {
            definition: Arc::clone(definition),
            chain: chain.clone(),
            endpoints,
        }))
    }

    /// Works out anew what is needed, and queues the difference: what is new first, so that what both
    /// need stays computed.
    fn rewire(&mut self) {
        let mut wanted: HashMap<Key, Vec<usize>> =
            HashMap::from([(Key::Proxy(self.instance.clone()), Vec::new())]);
        if let Some(Ok(registration)) = &self.registration {
            for key in [
                Key::Roots,
                Key::Mesh,
                Key::Intentions(registration.proxy.identity()),
            ] {
                wanted.insert(key, Vec::new());
            }
        }
        for (position, definition) in self.definitions().iter().enumerate() {
            let chain = Key::Chain(definition.chain.clone());
            if let Some(Value::Chain(Ok(chain))) = self.value(&chain) {
                let datacenter = &definition.chain.datacenter;
                let targets = chain.targets.values();
                for key in targets.filter_map(|target| instances(target, datacenter)) {
                    wanted.entry(key).or_default().push(position);
                }
            }
            wanted.entry(chain).or_default().push(position);
        }
        // Sorted, so that the same input always gives the same needs.
        let new: BTreeSet<_> = wanted
            .keys()
            .filter(|key| !self.held.contains_key(key))
            .cloned()
            .collect();
        let gone: BTreeSet<_> = self
            .held
            .keys()
            .filter(|key| !wanted.contains_key(key))
            .cloned()
            .collect();
        self.needs.extend(new.into_iter().map(Need::Subscribe));
        for key in gone {
            self.held.remove(&key);
            self.needs.push_back(Need::Unsubscribe(key));
        }
        for (key, dependents) in wanted {
            self.held.entry(key).or_default().dependents = dependents;
        }
        self.unwired = false;
    }
}

/// Where the instances of a target are found; `None` where they are not in this datacenter.
fn instances(target: &Target, datacenter: &str) -> Option<Key> {
    if target.datacenter != datacenter || !target.peer.is_empty() {
        return None;
    }
    let service = target.service.clone();
    Some(if target.subset.filter.is_empty() {
        Key::Endpoints(service.into())
    } else {
        Key::Subset(SubsetKey {
            service,
            filter: target.subset.filter.clone(),
        })
    })
}

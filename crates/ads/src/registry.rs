//! Which proxies are connected, for whoever operates them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use tribune_types::{InstanceName, ServiceKind, ServiceName};
use tribune_xds::ResourceType;

use crate::pipeline::Pipeline;

/// The connected proxies. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Registry(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    streams: BTreeMap<u64, Weak<Connected>>,
}

/// One stream, as others see it. The stream leaves the registry when this is dropped.
#[derive(Debug)]
pub(crate) struct Connected {
    number: u64,
    registry: Registry,
    since: SystemTime,
    pub(crate) client: Option<SocketAddr>,
    pipeline: Mutex<Pipeline>,
}

/// A connected proxy and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyStatus {
    /// The proxy: its node and its service ID there.
    pub instance: InstanceName,
    /// What kind of proxy it is; none while it is not registered.
    pub kind: Option<ServiceKind>,
    /// The service it is registered as; none while it is not registered.
    pub service: Option<ServiceName>,
    /// When its stream was opened.
    pub connected_since: SystemTime,
    /// The address it connected from.
    pub client: Option<SocketAddr>,
    /// Envoy's version, where the client is an Envoy that says so.
    pub envoy_version: Option<String>,
    /// Why it has no configuration, or `ready`.
    pub state: String,
    /// Every resource that it wants, by type and name.
    pub resources: Vec<ResourceStatus>,
    /// What of its configuration is not served as it was written, and why.
    pub problems: Vec<String>,
}

/// One resource of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceStatus {
    /// Its type.
    pub kind: ResourceType,
    /// Its name.
    pub name: Arc<str>,
    /// The version that the proxy should have, in hexadecimal; empty when there is no such resource.
    pub version: String,
    /// How far the proxy is.
    pub state: ResourceState,
}

/// How far a proxy is with a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceState {
    /// It has acknowledged the version.
    Synced,
    /// It was sent the version and has not answered.
    Sent,
    /// It has an older version and must answer something else first.
    Stale,
    /// It refused the version.
    Rejected {
        /// Its own words.
        reason: Arc<str>,
    },
    /// It asked for what does not exist.
    Missing,
}

/// How many resources of a type are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Acknowledged.
    pub synced: usize,
    /// Sent or still to be sent.
    pub stale: usize,
    /// Refused.
    pub rejected: usize,
    /// Asked for without existing.
    pub missing: usize,
}

// === impl Registry ===

impl Registry {
    /// Every connected proxy that has said who it is, by name.
    pub fn list(&self) -> Vec<ProxyStatus> {
        let streams: Vec<_> = self
            .table()
            .streams
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        let mut found: Vec<_> = streams
            .iter()
            .filter_map(|stream| stream.pipeline().status(stream.since, stream.client))
            .collect();
        found.sort_by(|left, right| left.instance.cmp(&right.instance));
        found
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.table().streams.len()
    }

    /// Adds a stream, unless there are `limit` of them.
    pub(crate) fn open(
        &self,
        limit: usize,
        since: SystemTime,
        client: Option<SocketAddr>,
        pipeline: Pipeline,
    ) -> Option<Arc<Connected>> {
        let mut table = self.table();
        if table.streams.len() >= limit {
            return None;
        }
        table.last += 1;
        let connected = Arc::new(Connected {
            number: table.last,
            registry: self.clone(),
            since,
            client,
            pipeline: Mutex::new(pipeline),
        });
        table
            .streams
            .insert(connected.number, Arc::downgrade(&connected));
        Some(connected)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Connected ===

impl Connected {
    /// The stream's state; held only while it is looked at or changed.
    pub(crate) fn pipeline(&self) -> MutexGuard<'_, Pipeline> {
        self.pipeline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.registry.table().streams.remove(&self.number);
    }
}

// === impl ProxyStatus ===

impl ProxyStatus {
    /// How many of its resources of one type are in each state.
    pub fn counts(&self, kind: ResourceType) -> Counts {
        let mut counts = Counts::default();
        for resource in self
            .resources
            .iter()
            .filter(|resource| resource.kind == kind)
        {
            match resource.state {
                ResourceState::Synced => counts.synced += 1,
                ResourceState::Sent | ResourceState::Stale => counts.stale += 1,
                ResourceState::Rejected { .. } => counts.rejected += 1,
                ResourceState::Missing => counts.missing += 1,
            }
        }
        counts
    }
}

//! Bytes into tables. What can be told from other tables is derived anew.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use tribune_types::{
    HealthCheck, Index, InstanceName, Name, NodeName, NodeService, PeeredServiceName,
};

use super::error::DecodeError;
use super::form::Values;
use super::frames::{Frames, Header, malformed};
use super::snapshot::{
    AutopilotLine, CheckLine, ConfigurationLine, ConnectLine, EntryLine, FreeLine, KindIndexLine,
    KindLine, NameLine, NodeLine, PeerLine, RequestLine, RootLine, Row, ServiceLine, StagedLine,
    VirtualIpLine,
};
use crate::apply::{node_id, sources};
use crate::map::Map;
use crate::store::Store;
use crate::tables::{
    CheckName, Instances, NodeRow, PeerIndexes, Stored, Tables, VirtualIp, connect_of, service_of,
};

/// Makes tables of bytes, chunk by chunk.
pub struct Restore {
    frames: Frames,
    lines: Lines,
}

/// The rows that have come so far.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) nodes: Vec<NodeLine>,
    pub(super) services: Vec<ServiceLine>,
    pub(super) service_names: Vec<NameLine>,
    pub(super) connect: Vec<ConnectLine>,
    pub(super) checks: Vec<CheckLine>,
    pub(super) kinds: Vec<KindLine>,
    pub(super) kind_indexes: Vec<KindIndexLine>,
    pub(super) peers: Vec<PeerLine>,
    pub(super) virtual_ips: Vec<VirtualIpLine>,
    pub(super) free: Vec<FreeLine>,
    pub(super) entries: Vec<EntryLine>,
    pub(super) roots: Vec<RootLine>,
    pub(super) configuration: Vec<ConfigurationLine>,
    pub(super) autopilot: Vec<AutopilotLine>,
    pub(super) staged: Vec<StagedLine>,
    pub(super) requests: Vec<RequestLine>,
}

/// Instances by the service that they are of, or take the traffic of.
type ByService = HashMap<PeeredServiceName, Vec<(InstanceName, Arc<NodeService>)>>;

// === impl Restore ===

impl Restore {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            frames: Frames::new(),
            lines: Lines::default(),
        }
    }

    /// Takes bytes that follow those before. Where they are split does not matter.
    ///
    /// # Errors
    /// Where they are not those of tables, or not all of what they say is known to this version.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let lines = &mut self.lines;
        self.frames
            .push(bytes, &mut |table, _, values| lines.take(table, values))
    }

    /// The tables, after all bytes have come.
    ///
    /// # Errors
    /// Where not all have, or they are not those that were written.
    pub fn finish(self) -> Result<Store, DecodeError> {
        let header = self.frames.finish()?;
        let tables = self.lines.into_tables(&header)?;
        Ok(Store { tables })
    }

    /// The tables as they are when they take the place of others at `index`: nothing in them is from later, and
    /// nothing is being restored.
    pub(crate) fn finish_at(self, index: Index) -> Result<Store, DecodeError> {
        let Self { frames, mut lines } = self;
        let mut header = frames.finish()?;
        header.no_later_than(index);
        lines.no_later_than(index);
        lines.staged.clear();
        let tables = lines.into_tables(&header)?;
        Ok(Store { tables })
    }
}

impl Default for Restore {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restore")
            .field("bytes", &self.frames.bytes)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// The tables that [`Snapshot::encode`](crate::Snapshot::encode) made bytes of.
    ///
    /// Whoever reads from other tables so far has to be told that everything changed, see
    /// [`Changes::everything`](crate::Changes::everything).
    ///
    /// # Errors
    /// Where the bytes are not those that were written, or not all of what they say is known to this version.
    pub fn restore<C: AsRef<[u8]>>(
        chunks: impl IntoIterator<Item = C>,
    ) -> Result<Self, DecodeError> {
        let mut restore = Restore::new();
        for chunk in chunks {
            restore.push(chunk.as_ref())?;
        }
        restore.finish()
    }
}

// === impl Lines ===

impl Lines {
    fn take(&mut self, table: &str, values: Values<'_>) -> Result<(), DecodeError> {
        match table {
            NodeLine::TABLE => all(&mut self.nodes, values),
            ServiceLine::TABLE => all(&mut self.services, values),
            NameLine::TABLE => all(&mut self.service_names, values),
            ConnectLine::TABLE => all(&mut self.connect, values),
            CheckLine::TABLE => all(&mut self.checks, values),
            KindLine::TABLE => all(&mut self.kinds, values),
            KindIndexLine::TABLE => all(&mut self.kind_indexes, values),
            PeerLine::TABLE => all(&mut self.peers, values),
            VirtualIpLine::TABLE => all(&mut self.virtual_ips, values),
            FreeLine::TABLE => all(&mut self.free, values),
            EntryLine::TABLE => all(&mut self.entries, values),
            RootLine::TABLE => all(&mut self.roots, values),
            ConfigurationLine::TABLE => all(&mut self.configuration, values),
            AutopilotLine::TABLE => all(&mut self.autopilot, values),
            StagedLine::TABLE => all(&mut self.staged, values),
            RequestLine::TABLE => all(&mut self.requests, values),
            unknown => Err(DecodeError::UnknownTable {
                table: unknown.to_owned(),
            }),
        }
    }

    fn into_tables(self, header: &Header) -> Result<Tables, DecodeError> {
        let mut tables = Tables {
            index: header.index,
            ..Tables::default()
        };
        restore_nodes(&mut tables, self.nodes);
        let (own, taken) = restore_services(&mut tables, self.services);
        let names = self
            .service_names
            .into_iter()
            .map(|line| (line.service, line.index));
        tables.service_names = by_service(names, own)?;
        let names = self
            .connect
            .into_iter()
            .map(|line| (line.service, line.index));
        tables.connect = by_service(names, taken)?;
        restore_checks(&mut tables, self.checks);
        tables.kinds = self
            .kinds
            .into_iter()
            .map(|line| ((line.kind, line.service), line.index))
            .collect();
        tables.kind_indexes = self
            .kind_indexes
            .into_iter()
            .map(|line| (line.kind, line.index))
            .collect();
        tables.peers = self.peers.into_iter().map(peer).collect();
        tables.virtual_ips.index = header.virtual_ips_index;
        tables.virtual_ips.last = header.last_virtual_ip.map(Ipv4Addr::from);
        tables.virtual_ips.free = self
            .free
            .into_iter()
            .map(|line| (line.address, ()))
            .collect();
        tables.virtual_ips.rows = self.virtual_ips.into_iter().map(virtual_ip).collect();
        tables.config.index = header.config_index;
        restore_entries(&mut tables, self.entries);
        tables.ca.roots = self.roots.into_iter().map(|line| line.root).collect();
        tables.ca.roots_index = header.ca_roots_index;
        tables.ca.configuration = self
            .configuration
            .into_iter()
            .next()
            .map(|line| line.configuration);
        tables.autopilot = self
            .autopilot
            .into_iter()
            .next()
            .map(|line| line.configuration);
        for line in self.staged {
            tables.staged.id = line.restoration;
            tables.staged.length = line.offset + line.bytes.len() as u64;
            tables.staged.parts.insert(line.offset, line.bytes);
        }
        for line in self.requests {
            let generation = if line.old {
                &mut tables.recent.old
            } else {
                &mut tables.recent.young
            };
            let id = line.id.ok_or_else(|| malformed("a request has no ID"))?;
            generation.insert(id, (line.index, line.outcome));
        }
        Ok(tables)
    }
}

fn all<R: Row>(into: &mut Vec<R>, mut values: Values<'_>) -> Result<(), DecodeError> {
    while !values.is_empty() {
        into.push(values.next()?);
    }
    Ok(())
}

fn restore_nodes(tables: &mut Tables, lines: Vec<NodeLine>) {
    let mut ids = BTreeMap::new();
    for line in &lines {
        ids.extend(node_id(&line.node).map(|id| (id, line.node.node.clone())));
    }
    tables.node_ids = ids.into_iter().collect();
    let rows = lines.into_iter().map(|line| {
        let (node, index) = (line.node, line.index);
        (node.node.clone(), NodeRow { node, index })
    });
    tables.nodes = rows.collect();
}

/// Restores the instances, and gives them by their services and by the services whose traffic they take.
fn restore_services(tables: &mut Tables, lines: Vec<ServiceLine>) -> (ByService, ByService) {
    let (mut own, mut taken) = (ByService::new(), ByService::new());
    let mut node = NodeName::default();
    let rows = lines.into_iter().map(|line| {
        // The instances of a node share its name.
        if !(line.node == node && line.node.name.identical(&node.name)) {
            node = line.node;
        }
        let instance = InstanceName {
            node: node.clone(),
            id: line.service.id.clone(),
        };
        let of = service_of(&instance.node, &line.service);
        let pair = (instance, line.service);
        if let Some(taken_of) = connect_of(&pair.0.node, &pair.1) {
            taken.entry(taken_of).or_default().push(pair.clone());
        }
        own.entry(of).or_default().push(pair.clone());
        pair
    });
    tables.services = rows.collect();
    (own, taken)
}

/// Gives every service its instances, which must be all that there are.
fn by_service(
    names: impl Iterator<Item = (PeeredServiceName, u64)>,
    mut instances: ByService,
) -> Result<Map<PeeredServiceName, Instances>, DecodeError> {
    let mut rows = Vec::new();
    for (name, index) in names {
        let Some(of) = instances.remove(&name) else {
            return Err(malformed(&format!(
                "service {} has no instances",
                name.service
            )));
        };
        let instances = Instances {
            index,
            rows: of.into_iter().collect(),
        };
        rows.push((name, instances));
    }
    match instances.keys().next() {
        Some(name) => Err(malformed(&format!(
            "service {} is not listed",
            name.service
        ))),
        None => Ok(rows.into_iter().collect()),
    }
}

fn restore_checks(tables: &mut Tables, lines: Vec<CheckLine>) {
    let mut by_instance: BTreeMap<InstanceName, Vec<Arc<HealthCheck>>> = BTreeMap::new();
    let mut by_status = Vec::with_capacity(lines.len());
    let rows = lines.into_iter().map(|CheckLine { under, check }| {
        let name = CheckName {
            node: under.unwrap_or_else(|| check.node.clone()),
            id: Name::clone(&check.check_id),
        };
        let instance = InstanceName {
            node: name.node.clone(),
            id: check.service_id.clone(),
        };
        by_instance
            .entry(instance)
            .or_default()
            .push(Arc::clone(&check));
        by_status.push(((check.status.clone(), name.clone()), Arc::clone(&check)));
        (name, check)
    });
    tables.checks = rows.collect();
    by_status.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    tables.checks_by_status = by_status.into_iter().collect();
    let by_instance = by_instance.into_iter();
    tables.checks_by_instance = by_instance
        .map(|(of, checks)| (of, checks.into()))
        .collect();
}

fn restore_entries(tables: &mut Tables, lines: Vec<EntryLine>) {
    let mut pairs = Vec::new();
    let rows = lines.into_iter().map(|line| {
        pairs.extend(sources(&line.entry).map(|pair| (pair, ())));
        let stored = Stored {
            entry: line.entry,
            create_index: line.create_index,
            modify_index: line.modify_index,
        };
        (stored.entry.key(), stored)
    });
    tables.config.rows = rows.collect();
    tables.config.sources = pairs.into_iter().collect();
}

fn virtual_ip(line: VirtualIpLine) -> (PeeredServiceName, VirtualIp) {
    let row = VirtualIp {
        address: line.address,
        manual: line.manual,
        create_index: line.create_index,
        modify_index: line.modify_index,
    };
    (line.service, row)
}

fn peer(line: PeerLine) -> (Name, PeerIndexes) {
    let indexes = PeerIndexes {
        nodes: line.nodes,
        services: line.services,
        checks: line.checks,
        service_extinction: line.service_extinction,
        node_extinction: line.node_extinction,
    };
    (line.peer, indexes)
}

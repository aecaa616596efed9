//! Tables into bytes.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tribune_types::config_entry::Entry;
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::{
    HealthCheck, Index, Node, NodeName, NodeService, PeerName, PeeredServiceName, ServiceName,
    autopilot,
};
use xxhash_rust::xxh3::Xxh3;

use super::TABLES;
use super::form::is_default;
use super::frames::{self, Header};
use crate::command::Outcome;
use crate::snapshot::Snapshot;
use crate::tables::{NameKind, PeerIndexes, Tables};

/// How long a chunk is about.
const CHUNK: usize = 256 << 10;

/// A row of a table.
pub(super) trait Row: Serialize + DeserializeOwned {
    /// Name of the table.
    const TABLE: &'static str;
}

/// Declares rows and the names of their tables.
macro_rules! rows {
    ($($table:literal $row:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        #[derive(Serialize, Deserialize)]
        pub(super) struct $row {
            $($(#[$meta])* pub(super) $field: $type,)*
        }

        impl Row for $row {
            const TABLE: &'static str = $table;
        }
    )*};
}

rows! {
    "nodes" NodeLine {
        #[serde(with = "super::form")]
        node: Arc<Node>,
        index: Index,
    }
    "services" ServiceLine {
        #[serde(with = "super::form")]
        node: NodeName,
        #[serde(with = "super::form")]
        service: Arc<NodeService>,
    }
    "service_names" NameLine {
        #[serde(with = "super::form")]
        service: PeeredServiceName,
        index: Index,
    }
    "connect_names" ConnectLine {
        #[serde(with = "super::form")]
        service: PeeredServiceName,
        index: Index,
    }
    "checks" CheckLine {
        // Under which node it is found, where that is spelled differently.
        #[serde(default, skip_serializing_if = "is_default", with = "super::form")]
        under: Option<NodeName>,
        #[serde(with = "super::form")]
        check: Arc<HealthCheck>,
    }
    "kinds" KindLine {
        #[serde(with = "super::form")]
        kind: NameKind,
        #[serde(with = "super::form")]
        service: ServiceName,
        index: Index,
    }
    "kind_indexes" KindIndexLine {
        #[serde(with = "super::form")]
        kind: NameKind,
        index: Index,
    }
    "peers" PeerLine {
        peer: PeerName,
        nodes: Index,
        services: Index,
        checks: Index,
        service_extinction: Index,
        node_extinction: Index,
    }
    "virtual_ips" VirtualIpLine {
        #[serde(with = "super::form")]
        service: PeeredServiceName,
        address: Ipv4Addr,
        #[serde(default, skip_serializing_if = "is_default")]
        manual: Vec<Ipv4Addr>,
        create_index: Index,
        modify_index: Index,
    }
    "free_virtual_ips" FreeLine {
        address: Ipv4Addr,
    }
    "config_entries" EntryLine {
        #[serde(with = "super::form")]
        entry: Arc<Entry>,
        create_index: Index,
        modify_index: Index,
    }
    "ca_roots" RootLine {
        root: Arc<CaRoot>,
    }
    "ca_configuration" ConfigurationLine {
        #[serde(with = "super::form")]
        configuration: Arc<CaConfiguration>,
    }
    "autopilot" AutopilotLine {
        #[serde(with = "super::form")]
        configuration: Arc<autopilot::Configuration>,
    }
    "staged" StagedLine {
        #[serde(with = "super::form::id")]
        restoration: u128,
        offset: u64,
        #[serde(with = "super::form::bytes")]
        bytes: Arc<[u8]>,
    }
    "requests" RequestLine {
        #[serde(with = "super::outcome::id")]
        id: Option<u128>,
        old: bool,
        index: Index,
        #[serde(with = "super::form")]
        outcome: Outcome,
    }
}

/// Frames of a table.
type Chunks<'a> = Box<dyn Iterator<Item = Vec<u8>> + Send + 'a>;

/// Frames, and after them the one that has their hash.
struct Hashed<'a> {
    chunks: Chunks<'a>,
    hash: Xxh3,
    ended: bool,
}

impl Iterator for Hashed<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        if let Some(chunk) = self.chunks.next() {
            self.hash.update(&chunk);
            return Some(chunk);
        }
        self.ended = true;
        Some(frames::end(self.hash.digest()))
    }
}

impl Snapshot {
    /// The tables in bytes, in chunks of some hundred kilobytes, which [`Store::restore`](crate::Store::restore)
    /// makes tables of again. The outcomes of recent requests are part of them.
    pub fn encode(&self) -> impl Iterator<Item = Vec<u8>> + Send + '_ {
        Hashed {
            chunks: chunks(self.tables()),
            hash: Xxh3::new(),
            ended: false,
        }
    }

    /// A hash of all that the tables say: the same on all servers that have applied the same commands.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut hash = Xxh3::new();
        for chunk in chunks(self.tables()) {
            hash.update(&chunk);
        }
        hash.digest()
    }
}

/// All frames but the last.
fn chunks(tables: &Tables) -> Chunks<'_> {
    // Named one by one, so that a table that is added does not compile before it is written, or derived.
    let Tables {
        index,
        nodes,
        node_ids: _,
        services,
        service_names,
        connect,
        checks,
        checks_by_instance: _,
        checks_by_status: _,
        kinds,
        kind_indexes,
        peers,
        virtual_ips,
        config,
        ca,
        autopilot,
        staged,
        recent: _,
    } = tables;
    let version = if autopilot.is_none() && staged.parts.is_empty() {
        1
    } else {
        TABLES
    };
    let header = Header {
        index: *index,
        config_index: config.index,
        ca_roots_index: ca.roots_index,
        virtual_ips_index: virtual_ips.index,
        last_virtual_ip: virtual_ips.last.map(|last| last.octets()),
    };
    let chunks = std::iter::once(header.frame(version))
        .chain(of(nodes.values().map(|row| NodeLine {
            node: Arc::clone(&row.node),
            index: row.index,
        })))
        .chain(of(services.iter().map(|(instance, service)| ServiceLine {
            node: instance.node.clone(),
            service: Arc::clone(service),
        })))
        .chain(of(service_names.iter().map(|(service, row)| NameLine {
            service: service.clone(),
            index: row.index,
        })))
        .chain(of(connect.iter().map(|(service, row)| ConnectLine {
            service: service.clone(),
            index: row.index,
        })))
        .chain(of(checks.iter().map(|(name, check)| CheckLine {
            under: (!spelled_alike(&name.node, &check.node)).then(|| name.node.clone()),
            check: Arc::clone(check),
        })))
        .chain(of(kinds.iter().map(|((kind, service), index)| KindLine {
            kind: kind.clone(),
            service: service.clone(),
            index: *index,
        })))
        .chain(of(kind_indexes.iter().map(|(kind, index)| KindIndexLine {
            kind: kind.clone(),
            index: *index,
        })))
        .chain(of(peers
            .iter()
            .map(|(peer, indexes)| peer_line(peer, indexes))));
    Box::new(chunks.chain(rest(tables)))
}

/// The frames of what is not the catalog.
fn rest(tables: &Tables) -> Chunks<'_> {
    let (virtual_ips, config, ca) = (&tables.virtual_ips, &tables.config, &tables.ca);
    let addresses = virtual_ips.rows.iter().map(|(service, row)| VirtualIpLine {
        service: service.clone(),
        address: row.address,
        manual: row.manual.clone(),
        create_index: row.create_index,
        modify_index: row.modify_index,
    });
    let free = virtual_ips
        .free
        .iter()
        .map(|(address, ())| FreeLine { address: *address });
    let entries = config.rows.values().map(|stored| EntryLine {
        entry: Arc::clone(&stored.entry),
        create_index: stored.create_index,
        modify_index: stored.modify_index,
    });
    let roots = ca.roots.iter().map(|root| RootLine {
        root: Arc::clone(root),
    });
    let configuration = ca
        .configuration
        .iter()
        .map(|configuration| ConfigurationLine {
            configuration: Arc::clone(configuration),
        });
    let autopilot = tables.autopilot.iter().map(|configuration| AutopilotLine {
        configuration: Arc::clone(configuration),
    });
    let staged = &tables.staged;
    let parts = staged.parts.iter().map(|(offset, bytes)| StagedLine {
        restoration: staged.id,
        offset: *offset,
        bytes: Arc::clone(bytes),
    });
    let generations = [(true, &tables.recent.old), (false, &tables.recent.young)];
    let requests = generations.into_iter().flat_map(|(old, generation)| {
        generation
            .iter()
            .map(move |(id, (index, outcome))| RequestLine {
                id: Some(*id),
                old,
                index: *index,
                outcome: outcome.clone(),
            })
    });
    let chunks = of(addresses)
        .chain(of(free))
        .chain(of(entries))
        .chain(of(roots))
        .chain(of(configuration))
        .chain(of(autopilot))
        .chain(of(parts))
        .chain(of(requests));
    Box::new(chunks)
}

fn of<'a, R: Row>(
    mut rows: impl Iterator<Item = R> + Send + 'a,
) -> impl Iterator<Item = Vec<u8>> + Send + 'a {
    std::iter::from_fn(move || frames::of_rows(R::TABLE, &mut rows, CHUNK))
}

fn peer_line(peer: &PeerName, indexes: &PeerIndexes) -> PeerLine {
    PeerLine {
        peer: peer.clone(),
        nodes: indexes.nodes,
        services: indexes.services,
        checks: indexes.checks,
        service_extinction: indexes.service_extinction,
        node_extinction: indexes.node_extinction,
    }
}

/// Whether two names that are equal are so to the letter.
fn spelled_alike(one: &NodeName, other: &NodeName) -> bool {
    one.name.identical(&other.name)
        && one.peer.identical(&other.peer)
        && one.tenancy.partition() == other.tenancy.partition()
        && one.tenancy.namespace() == other.tenancy.namespace()
}

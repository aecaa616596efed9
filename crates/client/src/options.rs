//! How a read or a write is wanted.

use std::time::Duration;

/// How a read is wanted. The default asks the agent's own datacenter and does not wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryOptions {
    /// The datacenter to ask; the agent's own where empty.
    pub datacenter: String,
    /// Whether any server may answer, however old what it knows.
    pub stale: bool,
    /// Whether the leader must first make sure that it still is one.
    pub consistent: bool,
    /// Wait for an answer with a higher index than this; 0 does not wait.
    pub index: u64,
    /// Wait for content with another hash than this, at endpoints that block by hash; empty does not wait.
    pub hash: String,
    /// How long to wait at most; the agent's default where `None`.
    pub wait: Option<Duration>,
    /// Filter expression over the rows; empty for all rows.
    pub filter: String,
    /// Node to sort by distance from; empty for no order.
    pub near: String,
    /// Pairs that the node's metadata must have.
    pub node_meta: Vec<(String, String)>,
    /// Tags that an instance must have.
    pub tags: Vec<String>,
    /// Whether only instances count whose checks all pass.
    pub passing: bool,
    /// Whether central configuration is merged into the instances.
    pub merge_central_config: bool,
    /// Peer whose imported rows are meant; empty for this cluster's own.
    pub peer: String,
}

/// How a write is wanted. The default goes to the agent's own datacenter, unconditionally.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The datacenter to write in; the agent's own where empty.
    pub datacenter: String,
    /// Only if what is stored was last modified at this index, 0 meaning that nothing is stored.
    pub cas: Option<u64>,
}

/// The query of a URL: names with values, or alone.
pub(crate) type Query = Vec<(&'static str, String)>;

// === impl QueryOptions ===

impl QueryOptions {
    pub(crate) fn query(&self) -> Query {
        let mut query = Query::new();
        let mut text = |name, value: &str| {
            if !value.is_empty() {
                query.push((name, value.to_owned()));
            }
        };
        text("dc", &self.datacenter);
        text("hash", &self.hash);
        text("filter", &self.filter);
        text("near", &self.near);
        text("peer", &self.peer);
        for (name, value) in &self.node_meta {
            query.push(("node-meta", format!("{name}:{value}")));
        }
        query.extend(self.tags.iter().map(|tag| ("tag", tag.clone())));
        if self.index > 0 {
            query.push(("index", self.index.to_string()));
        }
        if let Some(wait) = self.wait {
            query.push(("wait", format!("{}ms", wait.as_millis())));
        }
        let switches = [
            ("stale", self.stale),
            ("consistent", self.consistent),
            ("passing", self.passing),
            ("merge-central-config", self.merge_central_config),
        ];
        query.extend(
            switches
                .iter()
                .filter(|(_, on)| *on)
                .map(|(name, _)| (*name, String::new())),
        );
        query
    }
}

// === impl WriteOptions ===

impl WriteOptions {
    pub(crate) fn query(&self) -> Query {
        let mut query = Query::new();
        if !self.datacenter.is_empty() {
            query.push(("dc", self.datacenter.clone()));
        }
        query.extend(self.cas.map(|index| ("cas", index.to_string())));
        query
    }
}

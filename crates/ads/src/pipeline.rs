//! From derived values to responses, for one proxy: builder, generator and session in a row.
//!
//! Everything here is plain calls; whoever drives it owns the subscriptions and the connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tribune_delta::{
    Limits, Nonce, Request, RequestError, ResourceSet, Response, Session, State, TypeUrl,
    Unanswered,
};
use tribune_derived::{Key, Value};
use tribune_leaf::Leaf;
use tribune_proxycfg::{Builder, Need, Snapshot};
use tribune_xds::{Generator, Memo, Problem};

use crate::convert::{Payload, resource_sets, resource_type, session_resource};
use crate::node::Introduction;
use crate::registry::{ProxyStatus, ResourceState, ResourceStatus};

/// What one stream's proxy is, and has.
#[derive(Debug)]
pub(crate) struct Pipeline {
    introduced: Option<(Introduction, Builder)>,
    snapshot: Option<Arc<Snapshot>>,
    generator: Generator,
    /// What of the configuration could not be built.
    problems: Arc<[Problem]>,
    session: Session<Payload>,
}

// === impl Pipeline ===

impl Pipeline {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            introduced: None,
            snapshot: None,
            generator: Generator::default(),
            problems: [].into(),
            session: Session::new(limits),
        }
    }

    /// Who the proxy is, once it has said so.
    pub(crate) fn introduction(&self) -> Option<&Introduction> {
        self.introduced
            .as_ref()
            .map(|(introduction, _)| introduction)
    }

    /// Takes who the proxy is.
    pub(crate) fn introduce(&mut self, introduction: Introduction) {
        let builder = Builder::new(introduction.instance.clone());
        self.introduced = Some((introduction, builder));
    }

    /// Takes a message of the client.
    pub(crate) fn handle_request(
        &mut self,
        now: Instant,
        request: Request,
    ) -> Result<(), RequestError> {
        self.session.handle_request(now, request)
    }

    /// Whether the client is to answer this response.
    pub(crate) fn awaits(&self, type_url: TypeUrl, nonce: Nonce) -> bool {
        self.session.awaits(type_url, nonce)
    }

    /// Takes what the subscriptions delivered.
    pub(crate) fn handle_updates(&mut self, values: HashMap<Key, Value>) {
        if let Some((_, builder)) = &mut self.introduced {
            for (key, value) in &values {
                builder.handle_update(key, value);
            }
        }
    }

    /// The next change of what is to be subscribed to.
    pub(crate) fn poll_need(&mut self) -> Option<Need> {
        self.introduced.as_mut()?.1.poll_need()
    }

    /// What the configuration is to be made from, if that has changed since [`Pipeline::configure`]. A proxy
    /// that is not registered any more keeps what it has.
    pub(crate) fn changed_snapshot(&mut self) -> Option<Arc<Snapshot>> {
        let next = self.introduced.as_mut()?.1.snapshot()?;
        let same = self
            .snapshot
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, &next));
        (!same).then_some(next)
    }

    /// What the configuration was made from last.
    pub(crate) fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.snapshot.as_ref()
    }

    /// Makes the configuration from a snapshot and hands in what changed of it.
    pub(crate) fn configure(&mut self, now: Instant, snapshot: Arc<Snapshot>, memo: &mut Memo) {
        let changed = self.generator.handle_snapshot(&snapshot, memo);
        self.problems = Arc::clone(&changed.problems);
        for (type_url, set) in resource_sets(changed) {
            self.session.handle_resources(now, type_url, set);
        }
        self.snapshot = Some(snapshot);
    }

    /// Takes the proxy's certificate, the first or a renewed one.
    pub(crate) fn handle_leaf(&mut self, now: Instant, leaf: &Leaf) {
        let secret = tribune_xds::leaf(&leaf.certificate().chain_pem, leaf.key_pem());
        let changed = vec![session_resource(Arc::new(secret))];
        let set = ResourceSet {
            changed,
            removed: Vec::new(),
        };
        self.session.handle_resources(now, TypeUrl::Secret, set);
    }

    /// The next message to the client.
    pub(crate) fn poll_transmit(&mut self) -> Option<Response<Payload>> {
        self.session.poll_transmit()
    }

    /// When [`Pipeline::handle_timeout`] wants to run.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    /// Takes that time has passed.
    pub(crate) fn handle_timeout(&self, now: Instant) -> Result<(), Unanswered> {
        self.session.handle_timeout(now)
    }

    /// What an operator sees; none until the proxy has said who it is.
    pub(crate) fn status(
        &self,
        connected_since: SystemTime,
        client: Option<SocketAddr>,
    ) -> Option<ProxyStatus> {
        let (introduction, builder) = self.introduced.as_ref()?;
        let proxy = self
            .snapshot
            .as_ref()
            .map(|snapshot| &snapshot.registration.proxy);
        Some(ProxyStatus {
            instance: introduction.instance.clone(),
            kind: proxy.map(|proxy| proxy.kind.clone()),
            service: proxy.map(|proxy| proxy.service.clone()),
            connected_since,
            client,
            envoy_version: introduction.envoy_version.clone(),
            state: builder.status().to_string(),
            resources: self.resources(),
            problems: self
                .problems
                .iter()
                .map(|problem| format!("{}: {}", problem.resource, problem.reason))
                .collect(),
        })
    }

    fn resources(&self) -> Vec<ResourceStatus> {
        let statuses = self.session.statuses();
        let plain = statuses.map(|status| ResourceStatus {
            kind: resource_type(status.type_url),
            name: Arc::clone(status.name),
            version: status
                .version
                .map(|version| version.to_string())
                .unwrap_or_default(),
            state: match status.state {
                State::Synced => ResourceState::Synced,
                State::Sent => ResourceState::Sent,
                State::Stale => ResourceState::Stale,
                State::Missing => ResourceState::Missing,
                State::Rejected { reason } => ResourceState::Rejected {
                    reason: Arc::clone(reason),
                },
            },
        });
        plain.collect()
    }
}

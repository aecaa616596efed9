//! A server that is one of several, or may become one.

use tribune_config::Config;
use tribune_replication::Role;
use tribune_rpc::Server;
use tribune_server::cluster::OperatorError;
use tribune_types::call::{CallError, Consistency, OperatorRequest, Options, Request};
use tribune_types::member::Member;
use tribune_types::proxy_status::Proxy;
use tribune_types::{Index, autopilot, keyring, raft};

use super::{Alone, Cluster, ClusterError, ClusterFuture, ForceLeave, Forwarded, State, Stats};
use crate::start::Among;

/// A server among others.
pub(crate) struct Several {
    among: Among,
    datacenter: String,
    /// What it says of itself, as one alone does.
    own: Alone,
}

// === impl Several ===

impl Several {
    pub(crate) fn new(config: &Config, among: Among, own: Alone) -> Self {
        Self {
            among,
            datacenter: config.datacenter.clone(),
            own,
        }
    }

    /// Where the leader is asked.
    fn leader(&self) -> Option<Server> {
        let members = self.among.raft.status().members.into_iter();
        let leader = members.into_iter().find(|member| member.leader)?.server;
        Some(Server {
            name: leader.name,
            datacenter: self.datacenter.clone(),
            address: leader.address,
            id: leader.id,
        })
    }
}

/// Whether only the leader knows the answer.
fn needs_leader(request: &OperatorRequest, options: &Options) -> bool {
    match request {
        OperatorRequest::RaftConfiguration => options.consistency != Consistency::Stale,
        OperatorRequest::RemovePeer(_)
        | OperatorRequest::TransferLeader { .. }
        | OperatorRequest::AutopilotHealth
        | OperatorRequest::AutopilotState => true,
        OperatorRequest::AutopilotConfiguration
        | OperatorRequest::SetAutopilotConfiguration { .. }
        | OperatorRequest::Keyring(_) => false,
    }
}

impl Cluster for Several {
    fn members(&self, wan: bool) -> ClusterFuture<'_, Vec<Member>> {
        self.own.members(wan)
    }

    fn join(&self, addresses: Vec<String>, wan: bool) -> ClusterFuture<'_, usize> {
        self.own.join(addresses, wan)
    }

    fn leave(&self) -> ClusterFuture<'_, ()> {
        Box::pin(async move {
            self.among.cluster.leave().await;
            Ok(())
        })
    }

    fn force_leave(&self, request: ForceLeave) -> ClusterFuture<'_, ()> {
        self.own.force_leave(request)
    }

    fn keyring<'a>(
        &'a self,
        request: &'a keyring::Request,
    ) -> ClusterFuture<'a, Vec<keyring::Answer>> {
        self.own.keyring(request)
    }

    fn raft_configuration(&self, stale: bool) -> ClusterFuture<'_, raft::Configuration> {
        let configuration = self.among.cluster.raft_configuration(stale);
        Box::pin(std::future::ready(configuration.map_err(Into::into)))
    }

    fn remove_peer<'a>(&'a self, peer: &'a raft::Selector) -> ClusterFuture<'a, ()> {
        Box::pin(async move { Ok(self.among.cluster.remove_peer(peer).await?) })
    }

    fn transfer_leader<'a>(&'a self, id: Option<&'a str>) -> ClusterFuture<'a, ()> {
        Box::pin(async move {
            let voters = self.among.cluster.voters();
            if id.is_none() && voters <= 1 {
                return Err(ClusterError::Failed("cannot find peer".to_owned()));
            }
            Ok(self.among.cluster.transfer_leader(id).await?)
        })
    }

    fn autopilot_configuration(&self, stale: bool) -> ClusterFuture<'_, autopilot::Configuration> {
        Box::pin(async move { Ok(self.among.cluster.autopilot_configuration(stale).await?) })
    }

    fn set_autopilot_configuration(
        &self,
        configuration: autopilot::Configuration,
        cas: Option<Index>,
    ) -> ClusterFuture<'_, bool> {
        Box::pin(async move {
            let cluster = &self.among.cluster;
            Ok(cluster
                .set_autopilot_configuration(configuration, cas)
                .await?)
        })
    }

    fn autopilot_state(&self) -> ClusterFuture<'_, autopilot::State> {
        let state = self.among.cluster.autopilot_state();
        Box::pin(std::future::ready(state.map_err(Into::into)))
    }

    fn save_snapshot<'a>(&'a self, options: &'a Options) -> ClusterFuture<'a, State> {
        Box::pin(async move {
            let saved = self.among.cluster.save(options.consistency).await;
            let (tables, term) = saved.map_err(failed)?;
            let spooled = tokio::task::spawn_blocking(move || State::spooled(&tables, term));
            let spooled = spooled.await.map_err(std::io::Error::other).flatten();
            spooled.map_err(|error| ClusterError::Failed(format!("no snapshot: {error}")))
        })
    }

    fn restore_snapshot<'a>(
        &'a self,
        state: State,
        _options: &'a Options,
    ) -> ClusterFuture<'a, ()> {
        Box::pin(async move {
            let bytes = state.pieces().await.map_err(|error| {
                ClusterError::Failed(format!("the snapshot cannot be read: {error}"))
            })?;
            self.among.cluster.restore(bytes).await.map_err(failed)
        })
    }

    fn stats(&self) -> Stats {
        let status = self.among.raft.status();
        let voters = status.members.iter();
        let others = voters
            .filter(|member| member.role == Role::Voter && member.server.id != status.me.id)
            .count();
        let mut stats = self.own.stats();
        let raft = [
            ("applied_index", status.applied.to_string()),
            ("commit_index", status.commit.to_string()),
            ("last_log_index", status.last_log.to_string()),
            ("last_log_term", status.commit_term.to_string()),
            ("num_peers", others.to_string()),
            (
                "state",
                if status.leads { "Leader" } else { "Follower" }.to_owned(),
            ),
            ("term", status.term.to_string()),
        ];
        stats.entry("raft").or_default().extend(raft);
        let leader = self.leader().map(|leader| leader.address);
        let consul = [
            ("leader", status.leads.to_string()),
            ("leader_addr", leader.unwrap_or_default()),
        ];
        stats.entry("consul").or_default().extend(consul);
        stats
    }

    fn proxies<'a>(&'a self, options: &'a Options) -> ClusterFuture<'a, Vec<Proxy>> {
        self.own.proxies(options)
    }

    fn forward<'a>(
        &'a self,
        request: &'a OperatorRequest,
        options: &'a Options,
    ) -> Option<Forwarded<'a>> {
        if !needs_leader(request, options) || self.among.raft.status().leads {
            return None;
        }
        Some(Box::pin(async move {
            let leader = self.leader().ok_or_else(|| {
                CallError::Unavailable("no server leads now; try again".to_owned())
            })?;
            let request = Request::Operator(request.clone());
            let answered = self.among.client.forward(&leader, &request, options).await;
            Ok(answered.map_err(|failure| failure.error)?.answer)
        }))
    }
}

fn failed(error: impl std::fmt::Display) -> ClusterError {
    ClusterError::Failed(error.to_string())
}

// === impl ClusterError ===

impl From<OperatorError> for ClusterError {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::NoPeer(peer) => Self::NoPeer(peer),
            OperatorError::NotLeader { .. }
            | OperatorError::Membership(_)
            | OperatorError::Propose(_)
            | OperatorError::Read(_)
            | OperatorError::Refused(_) => Self::Failed(error.to_string()),
        }
    }
}

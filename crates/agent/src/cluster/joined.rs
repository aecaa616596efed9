//! A member of a cluster: what gossip tells and does, and behind it a server or the way to one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use tribune_membership::{KeyringReport, Membership, Status};
use tribune_rpc::Client;
use tribune_types::call::{CallError, Consistency, OperatorRequest, Options, Request};
use tribune_types::member::Member;
use tribune_types::proxy_status::Proxy;
use tribune_types::{Index, autopilot, keyring, raft};

use super::gossip::row;
use super::{Cluster, ClusterError, ClusterFuture, ForceLeave, Forwarded, Peers, State, Stats};

/// An agent among others.
pub(crate) struct Joined {
    pub(crate) membership: Membership,
    pub(crate) datacenter: String,
    /// Whether gossip is encrypted.
    pub(crate) encrypted: bool,
    /// How long a server still answers after the others know that it leaves.
    pub(crate) drain: Duration,
    /// Where the members are kept that are forgotten when it leaves.
    pub(crate) forgotten: Option<Peers>,
    pub(crate) inside: Inside,
}

/// What is asked about the servers.
pub(crate) enum Inside {
    /// This one.
    Server(Arc<dyn Cluster>),
    /// Whichever answers.
    Client(Client),
}

impl Joined {
    fn server(&self) -> Result<&Arc<dyn Cluster>, ClusterError> {
        match &self.inside {
            Inside::Server(server) => Ok(server),
            // requests for servers are forwarded before anybody gets here
            Inside::Client(_) => Err(ClusterError::Failed(
                "this agent is no server; ask one".to_owned(),
            )),
        }
    }

    async fn keys(&self, request: &keyring::Request) -> Result<keyring::Answer, ClusterError> {
        if !self.encrypted {
            return Err(ClusterError::NotEncrypted);
        }
        let membership = &self.membership;
        let failed = |error: tribune_membership::KeyError| ClusterError::Failed(error.to_string());
        let report = match &request.operation {
            keyring::Operation::List { local_only } => membership.list_keys(*local_only).await,
            keyring::Operation::Install(key) => {
                membership.install_key(key.secret()).await.map_err(failed)?
            }
            keyring::Operation::Use(key) => {
                membership.use_key(key.secret()).await.map_err(failed)?
            }
            keyring::Operation::Remove(key) => {
                membership.remove_key(key.secret()).await.map_err(failed)?
            }
        };
        Ok(self.key_answer(report))
    }

    fn key_answer(&self, report: KeyringReport) -> keyring::Answer {
        let failed = report.errors.len();
        keyring::Answer {
            datacenter: self.datacenter.clone(),
            keys: report.keys,
            primary_keys: report.primary,
            num_nodes: report.members,
            error: if failed == 0 {
                String::new()
            } else {
                format!("{failed}/{} nodes reported failure", report.members)
            },
            messages: report.errors,
            ..keyring::Answer::default()
        }
    }

    fn gossip_stats(&self) -> BTreeMap<&'static str, String> {
        let members = self.membership.members();
        let count = |status: Status| {
            let those = members.iter().filter(|member| member.status == status);
            those.count().to_string()
        };
        [
            ("encrypted", self.encrypted.to_string()),
            ("failed", count(Status::Failed)),
            ("left", count(Status::Left)),
            ("members", members.len().to_string()),
        ]
        .into()
    }
}

impl Cluster for Joined {
    fn members(&self, wan: bool) -> ClusterFuture<'_, Vec<Member>> {
        Box::pin(async move {
            match (&self.inside, wan) {
                (Inside::Server(server), true) => server.members(true).await,
                (Inside::Client(_), true) => Ok(Vec::new()),
                (Inside::Server(_) | Inside::Client(_), false) => {
                    Ok(self.membership.members().into_iter().map(row).collect())
                }
            }
        })
    }

    fn join(&self, addresses: Vec<String>, wan: bool) -> ClusterFuture<'_, usize> {
        Box::pin(async move {
            if wan {
                let reason = "datacenters are not joined to each other yet".to_owned();
                let address = addresses.into_iter().next().unwrap_or_default();
                return Err(ClusterError::Join { address, reason });
            }
            let joined = self.membership.join(&addresses).await;
            joined.map_err(|error| match error.failures.last() {
                Some((address, failure)) => ClusterError::Join {
                    address: address.clone(),
                    reason: failure.to_string(),
                },
                None => ClusterError::Failed(error.to_string()),
            })
        })
    }

    fn leave(&self) -> ClusterFuture<'_, ()> {
        Box::pin(async move {
            let alone = self.membership.members().len() <= 1;
            if let Inside::Server(server) = &self.inside {
                server.leave().await?;
            }
            self.membership.leave().await;
            if let Some(peers) = &self.forgotten {
                peers.forget();
            }
            if !alone {
                // who had asked this server already is still answered
                tokio::time::sleep(self.drain).await;
            }
            Ok(())
        })
    }

    fn force_leave(&self, request: ForceLeave) -> ClusterFuture<'_, ()> {
        let forced = self.membership.force_leave(&request.node, request.prune);
        let forced = forced.map_err(|_| ClusterError::NoMember(request.node));
        Box::pin(std::future::ready(forced))
    }

    fn keyring<'a>(
        &'a self,
        request: &'a keyring::Request,
    ) -> ClusterFuture<'a, Vec<keyring::Answer>> {
        Box::pin(async move { Ok(vec![self.keys(request).await?]) })
    }

    fn raft_configuration(&self, stale: bool) -> ClusterFuture<'_, raft::Configuration> {
        Box::pin(async move { self.server()?.raft_configuration(stale).await })
    }

    fn remove_peer<'a>(&'a self, peer: &'a raft::Selector) -> ClusterFuture<'a, ()> {
        Box::pin(async move { self.server()?.remove_peer(peer).await })
    }

    fn transfer_leader<'a>(&'a self, id: Option<&'a str>) -> ClusterFuture<'a, ()> {
        Box::pin(async move { self.server()?.transfer_leader(id).await })
    }

    fn autopilot_configuration(&self, stale: bool) -> ClusterFuture<'_, autopilot::Configuration> {
        Box::pin(async move { self.server()?.autopilot_configuration(stale).await })
    }

    fn set_autopilot_configuration(
        &self,
        configuration: autopilot::Configuration,
        cas: Option<Index>,
    ) -> ClusterFuture<'_, bool> {
        Box::pin(async move {
            let server = self.server()?;
            server.set_autopilot_configuration(configuration, cas).await
        })
    }

    fn autopilot_state(&self) -> ClusterFuture<'_, autopilot::State> {
        Box::pin(async move { self.server()?.autopilot_state().await })
    }

    fn save_snapshot<'a>(&'a self, options: &'a Options) -> ClusterFuture<'a, State> {
        Box::pin(async move {
            let client = match &self.inside {
                Inside::Server(server) => return server.save_snapshot(options).await,
                Inside::Client(client) => client,
            };
            let failed = |error: CallError| ClusterError::Failed(error.to_string());
            let stale = options.consistency == Consistency::Stale;
            let saved = client.snapshot_save(&options.token, stale).await;
            let saved = saved.map_err(failed)?;
            State::received(saved.chunks, saved.index)
                .await
                .map_err(failed)
        })
    }

    fn restore_snapshot<'a>(&'a self, state: State, options: &'a Options) -> ClusterFuture<'a, ()> {
        Box::pin(async move {
            let client = match &self.inside {
                Inside::Server(server) => return server.restore_snapshot(state, options).await,
                Inside::Client(client) => client,
            };
            let pieces = state.pieces().await.map_err(|error| {
                ClusterError::Failed(format!("the snapshot cannot be read: {error}"))
            })?;
            let chunks = stream::iter(pieces.into_iter().map(Ok));
            let restored = client.snapshot_restore(&options.token, Box::pin(chunks));
            let failed = |error: CallError| ClusterError::Failed(error.to_string());
            restored.await.map_err(failed)
        })
    }

    fn stats(&self) -> Stats {
        let mut stats = match &self.inside {
            Inside::Server(server) => server.stats(),
            Inside::Client(client) => {
                let asked = client.server().map(|server| server.address);
                let consul = [
                    ("server", "false".to_owned()),
                    ("known_servers", self.known_servers().to_string()),
                    ("asked_server", asked.unwrap_or_default()),
                ];
                [("consul", consul.into())].into()
            }
        };
        stats.insert("serf_lan", self.gossip_stats());
        stats
    }

    fn proxies<'a>(&'a self, options: &'a Options) -> ClusterFuture<'a, Vec<Proxy>> {
        Box::pin(async move {
            let client = match &self.inside {
                Inside::Server(server) => return server.proxies(options).await,
                Inside::Client(client) => client,
            };
            let reports = client.proxy_reports(&options.token).await;
            let reports = reports.map_err(|error| ClusterError::Failed(error.to_string()))?;
            let rows = reports.iter().flat_map(|report| &report.proxies);
            // a row of another version that cannot be read is left out
            Ok(rows
                .filter_map(|proxy| serde_json::from_slice(&proxy.row).ok())
                .collect())
        })
    }

    fn forward<'a>(
        &'a self,
        request: &'a OperatorRequest,
        options: &'a Options,
    ) -> Option<Forwarded<'a>> {
        let client = match &self.inside {
            Inside::Server(server) => return server.forward(request, options),
            Inside::Client(client) => client,
        };
        Some(Box::pin(async move {
            let request = Request::Operator(request.clone());
            Ok(client.call(&request, options).await?.answer)
        }))
    }
}

impl Joined {
    fn known_servers(&self) -> usize {
        super::gossip::servers(&self.membership.members(), &self.datacenter).len()
    }
}

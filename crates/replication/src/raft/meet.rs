//! Servers that have no cluster yet, and how they come to have one.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use openraft::errors::{InitializeError, RaftError};

use super::core::Core;
use super::message::{Request, Response};
use super::open::configuration;
use super::{HandleError, MembershipError, Raft, Server, TransportError};

// === impl Raft ===

impl Raft {
    /// Whether this server is or was part of a cluster.
    ///
    /// # Errors
    /// Where it has stopped.
    pub async fn has_cluster(&self) -> Result<bool, MembershipError> {
        let has = self.core.is_initialized().await;
        has.map_err(|error| MembershipError::Stopped {
            reason: error.to_string(),
        })
    }

    /// Asks another server, which need not be part of this one's cluster, whether it has one.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn ask_cluster(&self, server: &Server) -> Result<bool, TransportError> {
        self.core.meet(server, Request::Meet).await
    }

    /// Makes a new cluster of these servers, as [`Raft::initialize`] does, on each of them. Whoever does not answer is
    /// told again by [`Raft::tell_members`].
    ///
    /// # Errors
    /// Where this server is or was part of a cluster, or is not among `members`.
    pub async fn begin(&self, members: Vec<Server>) -> Result<(), MembershipError> {
        if self.has_cluster().await? {
            return Err(MembershipError::Initialized);
        }
        // whoever is told later than it stands for election is heard by nobody
        self.core.tell_of(&members).await;
        self.core.initialize(members).await?;
        self.core.elect(true).await
    }

    /// Tells the servers of a cluster that has never had a leader, as far as this one knows, that they are part of it.
    /// Does nothing where it has had one. Says whether it has.
    pub async fn tell_members(&self) -> bool {
        let status = self.status();
        if status.last_log > 0 || self.knows_leader() {
            return true;
        }
        let members = status.members.into_iter().map(|member| member.server);
        self.core.tell_of(&members.collect::<Vec<_>>()).await;
        false
    }
}

// === impl Core ===

impl Core {
    pub(crate) async fn is_initialized(&self) -> Result<bool, HandleError> {
        let initialized = self.raft.is_initialized().await;
        initialized.map_err(|error| HandleError::Unavailable {
            reason: error.to_string(),
        })
    }

    /// See [`Raft::initialize`].
    pub(crate) async fn initialize(&self, members: Vec<Server>) -> Result<(), MembershipError> {
        let stopped = |reason: String| MembershipError::Stopped { reason };
        let membership = configuration(members).map_err(|error| stopped(error.to_string()))?;
        if membership.get_node(&self.link.number).is_none() {
            return Err(MembershipError::NotAmongMembers);
        }
        let initialized = self.raft.is_initialized().await;
        if initialized.map_err(|error| stopped(error.to_string()))? {
            return Err(MembershipError::Initialized);
        }
        self.settle()
            .await
            .map_err(|error| stopped(error.to_string()))?;
        let alone = membership.voter_ids().eq([self.link.number]);
        let nodes: BTreeMap<u64, Server> = membership
            .nodes()
            .map(|(number, server)| (*number, server.clone()))
            .collect();
        match self.raft.initialize(nodes).await {
            // nobody else can lead, so nobody is waited for
            Ok(()) if alone => self.elect(false).await,
            Ok(()) => Ok(()),
            Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {
                Err(MembershipError::Initialized)
            }
            Err(RaftError::APIError(InitializeError::NotInMembers(_))) => {
                Err(MembershipError::NotAmongMembers)
            }
            Err(RaftError::Fatal(error)) => Err(stopped(error.to_string())),
        }
    }

    /// Stands for election at once; where `asks`, once a majority says that it would vote for this server.
    pub(crate) async fn elect(&self, asks: bool) -> Result<(), MembershipError> {
        let elected = self.raft.trigger().elect(asks).await;
        elected.map_err(|error| MembershipError::Stopped {
            reason: error.to_string(),
        })
    }

    /// Takes part in a cluster that another server makes, unless this one has a cluster.
    pub(crate) async fn begun(
        &self,
        from: &str,
        members: Vec<Server>,
    ) -> Result<Response, HandleError> {
        let among = |id: &str| {
            let mut members = members.iter();
            members.any(|member| member.id.eq_ignore_ascii_case(id))
        };
        if !among(from) {
            return Err(HandleError::UnknownServer {
                from: from.to_owned(),
            });
        }
        match self.initialize(members).await {
            Ok(()) | Err(MembershipError::Initialized) => Ok(Response::Meet(true)),
            Err(error) => Err(HandleError::Unavailable {
                reason: error.to_string(),
            }),
        }
    }

    async fn tell_of(&self, members: &[Server]) {
        let others = members
            .iter()
            .filter(|member| member.number() != self.link.number);
        let told = others.map(async |member| {
            let request = Request::Begin(members.to_vec());
            if let Err(error) = self.meet(member, request).await {
                tracing::info!(server = %member, %error, "a server has not heard of its new cluster yet");
            }
        });
        join_all(told).await;
    }

    async fn meet(&self, server: &Server, request: Request) -> Result<bool, TransportError> {
        let answer = self
            .link
            .call(server, request, self.link.settings.message());
        match answer.await? {
            Response::Meet(has) => Ok(has),
            Response::Append(_)
            | Response::Vote(_)
            | Response::Transfer(_)
            | Response::Chunk(_)
            | Response::Propose(_)
            | Response::ReadIndex(_) => Err(TransportError::Failed {
                reason: "an answer to another question".to_owned(),
            }),
        }
    }
}

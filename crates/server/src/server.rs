//! The server itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tribune_acl::{Authorizer, Resolver};
use tribune_api::{Answered, Context, Plan, answer, plan};
use tribune_ca::Signer;
use tribune_derived::{Key, Source, Value};
use tribune_replication::{Handle, ProposeError, Raft, ReadError};
use tribune_state::{Command, Operation, Outcome, Snapshot, WatchSet};
use tribune_types::Index;
use tribune_types::call::{Answer, Body, CallError, Consistency, Options, Query, Staleness, Write};

use crate::authority::{Ca, CaSettings};
use crate::hub::{Hub, HubSource};

/// A wait is longer by up to this part of it, so that readers who started together do not end together.
const WAIT_JITTER: u32 = 16;
/// How long a change is tried for while nobody leads (`performance.rpc_hold_timeout` of the reference).
const PATIENCE: Duration = Duration::from_secs(7);
/// When the certificate authority is looked at again after a failure.
const AGAIN: Duration = Duration::from_secs(1);
/// How often a change is planned again where another one came in between.
const PLANS: usize = 4;

/// How long reads wait for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Where a read does not say.
    pub default: Duration,
    /// At most.
    pub max: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            default: Duration::from_secs(300),
            max: Duration::from_secs(600),
        }
    }
}

/// What a server is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is the same for every request.
    pub api: tribune_api::Settings,
    /// The certificate authority.
    pub ca: CaSettings,
    /// UUID for a cluster that has none yet.
    pub new_cluster_id: String,
    /// How long reads wait for a change.
    pub waits: Waits,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The certificate authority cannot be set up.
    #[error("the certificate authority cannot be set up: {0}")]
    Ca(String),
    /// Nothing can be written.
    #[error("the cluster takes no writes: {0}")]
    Propose(ProposeError),
}

/// A server: answers reads, makes changes, and yields derived values.
pub struct Server {
    settings: tribune_api::Settings,
    replication: Handle,
    hub: Arc<Hub>,
    ca: Ca,
    /// Its part in a log that has other servers, or may have.
    raft: Option<Raft>,
    /// UUID for a cluster that has none yet.
    new_cluster_id: String,
    waits: Waits,
    /// Held from checking a config entry against the others until it is written: checks run in order.
    config_writes: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// The hub of a server to be: `replication` has to be opened with it as its observer.
    #[must_use]
    pub fn hub(settings: &tribune_api::Settings, resolver: Arc<dyn Resolver>) -> Arc<Hub> {
        let settings = tribune_views::Settings {
            datacenter: settings.datacenter.clone(),
            default_allow: settings.default_allow,
        };
        Arc::new(Hub::new(settings, resolver))
    }

    /// Starts a server over a log that tells `hub`, and sets its certificate authority up.
    ///
    /// # Errors
    /// Where the certificate authority cannot be set up.
    pub async fn start(
        settings: Settings,
        replication: Handle,
        hub: Arc<Hub>,
    ) -> Result<Self, StartError> {
        let server = Self::open(settings, replication, hub);
        server.establish().await?;
        Ok(server)
    }

    /// A server over a log that tells `hub` and that may have no leader yet. It signs nothing before
    /// [`Self::keep_authority`] runs.
    #[must_use]
    pub fn open(settings: Settings, replication: Handle, hub: Arc<Hub>) -> Self {
        Self {
            ca: Ca::new(settings.ca, &settings.api.datacenter),
            settings: settings.api,
            raft: None,
            new_cluster_id: settings.new_cluster_id,
            replication,
            hub,
            waits: settings.waits,
            config_writes: tokio::sync::Mutex::default(),
        }
    }

    /// The same, which says of the leader and of its peers what their log says.
    #[must_use]
    pub fn with_raft(mut self, raft: Raft) -> Self {
        self.raft = Some(raft);
        self
    }

    async fn establish(&self) -> Result<(), StartError> {
        let cluster_id = self.new_cluster_id.clone();
        self.ca.establish(&self.replication, cluster_id).await
    }

    /// Signs with the authority that the catalog has, whoever put it there, and sets one up while this server leads and
    /// there is none, for as long as it is polled.
    pub async fn keep_authority(&self) {
        let mut leadership = self.replication.leadership();
        loop {
            let leads = leadership.borrow_and_update().is_here();
            let mut watch = WatchSet::new();
            let snapshot = self.replication.snapshot();
            let kept = match self.ca.take_up(&snapshot, &mut watch) {
                Ok(false) if leads => self.establish_as_leader().await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            let failed = kept.is_err();
            if let Err(error) = kept {
                tracing::error!(%error, again_in = ?AGAIN, "nothing can be signed with the certificate authority");
            }
            tokio::select! {
                () = self.changed(watch, snapshot.index()) => {}
                changed = leadership.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(AGAIN), if failed => {}
            }
        }
    }

    /// What an earlier leader wrote is applied first.
    async fn establish_as_leader(&self) -> Result<(), StartError> {
        let barrier = self.replication.read_barrier(Consistency::Consistent);
        let read = |error: ReadError| StartError::Ca(error.to_string());
        barrier.await.map_err(read)?;
        self.establish().await
    }

    /// Yields derived values.
    #[must_use]
    pub fn source(&self) -> Arc<dyn Source> {
        Arc::new(HubSource(self.hub.clone()))
    }

    /// The authority that signs now.
    #[must_use]
    pub fn signer(&self) -> watch::Receiver<Option<Arc<dyn Signer>>> {
        self.ca.signer()
    }

    /// The catalog as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.replication.snapshot()
    }

    /// Answers a read, waiting where the caller asks for it. Dropping the future ends the wait.
    ///
    /// # Errors
    /// Where the caller may not ask, or asked for something that cannot be.
    pub async fn query(
        &self,
        query: &Query,
        options: &Options,
        authorizer: &Authorizer,
    ) -> Result<Answer, CallError> {
        if !matches!(query, Query::Datacenters | Query::ExportedServices) {
            self.check_datacenter(options)?;
        }
        if let Some(answer) = self.of_raft(query) {
            return Ok(answer);
        }
        let answer = self.read(query, options, authorizer).await?;
        Ok(Answer {
            staleness: self.staleness(options.consistency),
            ..answer
        })
    }

    /// What is known of the leader where a read was made without asking it.
    fn staleness(&self, consistency: Consistency) -> Option<Staleness> {
        let raft = self.raft.as_ref()?;
        if consistency != Consistency::Stale {
            return None;
        }
        let contact = raft.last_contact().unwrap_or_default();
        Some(Staleness {
            known_leader: raft.knows_leader(),
            last_contact_millis: u64::try_from(contact.as_millis()).unwrap_or(u64::MAX),
        })
    }

    async fn read(
        &self,
        query: &Query,
        options: &Options,
        authorizer: &Authorizer,
    ) -> Result<Answer, CallError> {
        self.replication
            .read_barrier(options.consistency)
            .await
            .map_err(read_error)?;
        let mut snapshot = self.replication.snapshot();
        let mut answered = self.answer(query, options, authorizer, &snapshot)?;
        if options.min_index == 0 || answered.answer.index.is_none() {
            return Ok(answered.answer);
        }
        let deadline = Instant::now() + self.wait_of(options);
        let body = answered.answer.body.clone();
        let waits = |answered: &Answered| {
            let same = answered.by_content || answered.answer.missing;
            answered
                .answer
                .index
                .is_some_and(|index| index <= options.min_index)
                || same && answered.answer.body == body
        };
        if answered
            .answer
            .index
            .is_some_and(|index| index > options.min_index)
        {
            return Ok(answered.answer);
        }
        while waits(&answered) {
            let keys = std::mem::take(&mut answered.watch);
            let mut waiter = self.hub.waiting().register(snapshot.index(), keys);
            if tokio::time::timeout_at(deadline, waiter.changed())
                .await
                .is_err()
            {
                break;
            }
            snapshot = self.replication.snapshot();
            answered = self.answer(query, options, authorizer, &snapshot)?;
        }
        Ok(answered.answer)
    }

    /// Who leads, and who else there is, which can be told without a leader.
    fn of_raft(&self, query: &Query) -> Option<Answer> {
        let members = || Some(self.raft.as_ref()?.status().members.into_iter());
        if *query == Query::Leader {
            let leader = members()?.find(|member| member.leader);
            let address = leader.map_or_else(String::new, |leader| leader.server.address);
            return Some(Answer::json(&address));
        }
        if *query == Query::Peers {
            let peers: Vec<_> = members()?.map(|member| member.server.address).collect();
            return Some(Answer::json(&peers));
        }
        None
    }

    fn answer(
        &self,
        query: &Query,
        options: &Options,
        authorizer: &Authorizer,
        snapshot: &Snapshot,
    ) -> Result<Answered, CallError> {
        self.with_context(authorizer, snapshot, |context| {
            answer(context, query, options)
        })
    }

    fn with_context<T>(
        &self,
        authorizer: &Authorizer,
        snapshot: &Snapshot,
        run: impl FnOnce(&Context<'_>) -> T,
    ) -> T {
        let context = Context {
            snapshot,
            authorizer,
            settings: &self.settings,
            now: std::time::SystemTime::now(),
            random: uuid::Uuid::new_v4().as_u128(),
            derive: &|key, watch| self.hub.derive(key, snapshot, watch),
        };
        run(&context)
    }

    /// Makes a change.
    ///
    /// # Errors
    /// Where the caller may not make it, it cannot be made, or nobody knows whether it was made.
    pub async fn write(
        &self,
        write: Write,
        options: &Options,
        authorizer: &Authorizer,
    ) -> Result<Answer, CallError> {
        if let Write::SetCaConfiguration(body) = write {
            let permission = tribune_acl::Permission::Operator(tribune_acl::Access::Write);
            if !authorizer.allows(permission) {
                return Err(CallError::Denied(format!("the token lacks {permission}")));
            }
            self.ca.configure(&self.replication, body).await?;
            return Ok(Answer {
                body: Body::Empty,
                ..Answer::default()
            });
        }
        // config entries are the primary datacenter's, whichever one is named
        if !matches!(
            write,
            Write::PutConfigEntry { .. } | Write::DeleteConfigEntry { .. }
        ) {
            self.check_datacenter(options)?;
        }
        let _in_order = match write {
            Write::Register(_) | Write::Deregister(_) | Write::SetCaConfiguration(_) => None,
            Write::PutConfigEntry { .. }
            | Write::DeleteConfigEntry { .. }
            | Write::PutIntention { .. }
            | Write::PutIntentionById { .. }
            | Write::DeleteIntentionById(_)
            | Write::DeleteIntention(_) => Some(self.config_writes.lock().await),
        };
        self.carry_out(authorizer, |context| plan(context, write.clone()))
            .await
    }

    /// Makes the change that `planned` comes to, planning again while others change what it was planned from.
    async fn carry_out(
        &self,
        authorizer: &Authorizer,
        planned: impl Fn(&Context<'_>) -> Result<Plan, CallError>,
    ) -> Result<Answer, CallError> {
        // what is planned from is not older than what whoever asks was told before by another server
        if self.raft.is_some() && !self.replication.leadership().borrow().is_here() {
            let barrier = self.replication.read_barrier(Consistency::Default);
            barrier.await.map_err(read_error)?;
        }
        for _ in 0..PLANS {
            let snapshot = self.replication.snapshot();
            let Plan {
                operation,
                reply,
                optimistic,
            } = self.with_context(authorizer, &snapshot, |context| planned(context))?;
            let Some(operation) = operation else {
                return Ok(reply.answer(true));
            };
            let (_, outcome) = self.propose(operation).await.map_err(call_error)?;
            match outcome {
                Outcome::Done | Outcome::Cas(true) => return Ok(reply.answer(true)),
                Outcome::Cas(false) if !optimistic => return Ok(reply.answer(false)),
                Outcome::Cas(false) => {}
                Outcome::Refused(error) if error.is_stale() => {}
                Outcome::Refused(error) => return Err(CallError::Refused(error.to_string())),
            }
        }
        Err(CallError::Unavailable(
            "the entry is changed by others faster than this change can be made; try again"
                .to_owned(),
        ))
    }

    fn check_datacenter(&self, options: &Options) -> Result<(), CallError> {
        if options.datacenter.is_empty() || options.datacenter == self.settings.datacenter {
            return Ok(());
        }
        Err(CallError::Refused(format!(
            "No path to datacenter {:?}; this one is {:?}",
            options.datacenter, self.settings.datacenter
        )))
    }

    /// Computes a derived value of the catalog as it is now.
    pub fn derive(&self, key: &Key, watch: &mut WatchSet) -> Value {
        self.hub.derive(key, &self.replication.snapshot(), watch)
    }

    /// How long a read waits that is wanted so.
    #[must_use]
    pub fn wait_of(&self, options: &Options) -> Duration {
        let wait = options
            .wait
            .unwrap_or(self.waits.default)
            .min(self.waits.max);
        wait + tribune_runtime::jitter(wait / WAIT_JITTER)
    }

    /// Waits for a change of what was read at `index`.
    pub async fn changed(&self, watch: WatchSet, index: Index) {
        self.hub.waiting().register(index, watch).changed().await;
    }

    /// Makes a change, trying again where an answer is lost or leadership moves.
    ///
    /// # Errors
    /// Where it cannot be made, or nobody knows whether it was made.
    pub async fn propose(&self, operation: Operation) -> Result<(Index, Outcome), ProposeError> {
        // the request's name lets the log know it again, so that it is applied once however often it is made
        let command = Command::with_id(uuid::Uuid::new_v4().as_u128(), operation);
        self.replication.propose_with_retry(command, PATIENCE).await
    }
}

pub(crate) fn call_error(error: ProposeError) -> CallError {
    match error {
        ProposeError::TooLarge { .. } => CallError::BadRequest(error.to_string()),
        ProposeError::NotLeader { .. }
        | ProposeError::Unavailable
        | ProposeError::Full { .. }
        | ProposeError::Unknown => CallError::Unavailable(error.to_string()),
    }
}

fn read_error(error: ReadError) -> CallError {
    CallError::Unavailable(error.to_string())
}

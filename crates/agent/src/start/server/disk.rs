//! A log on disk, of a server that makes a cluster by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use tribune_config::Config;
use tribune_replication::disk::{Directory, Identity, Settings};
use tribune_replication::{
    Handle, Leadership, MembershipError, Observer, Raft, RaftSettings, Server, Storage, Transport,
    TransportError, TransportFuture, raft,
};
use tribune_state::Store;
use tribune_types::call::Consistency;

/// Folder of the log, below the agent's own.
const FOLDER: &str = "raft";
/// How long a server alone may take to lead.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens the log, makes a cluster of this server where there is none yet, and waits until it leads.
pub(super) async fn alone(
    config: &Config,
    me: Server,
    data_dir: &Path,
    observer: Arc<dyn Observer>,
) -> Result<(Handle, Raft)> {
    let folder = data_dir.join(FOLDER);
    let files = Arc::new(Directory::open(&folder)?);
    let found = Identity::read(&*files).with_context(|| format!("{folder:?}"))?;
    let cluster = found.map_or_else(|| uuid::Uuid::new_v4().to_string(), |found| found.cluster);
    let identity = Identity {
        cluster: cluster.clone(),
        server: me.id.clone(),
    };
    identity
        .claim(&*files)
        .with_context(|| format!("{folder:?}"))?;
    let settings = RaftSettings {
        me: me.clone(),
        cluster,
        multiplier: config.raft.multiplier,
        snapshot_after: config.raft.snapshot_threshold,
        keep_log: config.raft.trailing_logs,
        patience: config.patience.rpc_hold,
        ..RaftSettings::default()
    };
    let storage = Storage::new(files, Settings::default());
    let opened = raft(settings, storage, Arc::new(Nobody), Store::new(), observer).await;
    let (log, raft) = opened.with_context(|| format!("{folder:?} cannot be used"))?;
    match raft.initialize(vec![me]).await {
        Ok(()) => tracing::info!("a new cluster of this server alone"),
        Err(MembershipError::Initialized) => {}
        Err(error) => return Err(error.into()),
    }
    let mut leadership = log.leadership();
    let leads = leadership.wait_for(Leadership::is_here);
    if !matches!(tokio::time::timeout(PATIENCE, leads).await, Ok(Ok(_))) {
        bail!(
            "this server does not lead its cluster, which {folder:?} says has others: start those, or give \
             this one an empty folder"
        );
    }
    // what was written before the last end is applied only now, and nobody may decide anything without it
    log.read_barrier(Consistency::Consistent)
        .await
        .with_context(|| format!("{folder:?} cannot be read to its end"))?;
    Ok((log, raft))
}

/// The way to other servers, of which there are none.
struct Nobody;

impl Transport for Nobody {
    fn call<'a>(&'a self, to: &'a Server, _: Bytes, _: Duration) -> TransportFuture<'a> {
        let reason = format!("this server makes a cluster by itself, and knows no way to {to}");
        Box::pin(std::future::ready(Err(TransportError::Unreachable {
            reason,
        })))
    }
}

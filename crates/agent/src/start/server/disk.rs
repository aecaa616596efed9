//! A log on disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tribune_config::Config;
use tribune_replication::disk::{Directory, Identity, Settings};
use tribune_replication::{
    Handle, Leadership, MembershipError, Observer, Raft, RaftSettings, Server, Storage, Transport,
    raft,
};
use tribune_state::Store;
use tribune_types::call::Consistency;

/// Folder of the log, below the agent's own.
const FOLDER: &str = "raft";
/// How long a server alone may take to lead.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens the log of a server. Those of one datacenter are one cluster.
pub(super) async fn open(
    config: &Config,
    me: Server,
    data_dir: &Path,
    observer: Arc<dyn Observer>,
    transport: Arc<dyn Transport>,
) -> Result<(Handle, Raft)> {
    let folder = data_dir.join(FOLDER);
    let files = Arc::new(Directory::open(&folder)?);
    let found = Identity::read(&*files).with_context(|| format!("{folder:?}"))?;
    let cluster = found.map_or_else(|| config.datacenter.clone(), |found| found.cluster);
    let identity = Identity {
        cluster,
        server: me.id.clone(),
    };
    identity
        .claim(&*files)
        .with_context(|| format!("{folder:?}"))?;
    let settings = RaftSettings {
        me,
        cluster: config.datacenter.clone(),
        multiplier: config.raft.multiplier,
        snapshot_after: config.raft.snapshot_threshold,
        keep_log: config.raft.trailing_logs,
        patience: config.patience.rpc_hold,
        ..RaftSettings::default()
    };
    let storage = Storage::new(files, Settings::default());
    let opened = raft(settings, storage, transport, Store::new(), observer).await;
    opened.with_context(|| format!("{folder:?} cannot be used"))
}

/// Makes a cluster of this server alone where there is none yet, and waits until it leads it. Whether it does: where
/// others have come since, whoever they elect leads.
pub(super) async fn alone(log: &Handle, raft: &Raft, me: &Server) -> Result<bool> {
    match raft.initialize(vec![me.clone()]).await {
        Ok(()) => tracing::info!("a new cluster of this server alone"),
        Err(MembershipError::Initialized) => {}
        Err(error) => return Err(error.into()),
    }
    let members = raft.status().members;
    if members.iter().any(|member| member.server.id != me.id) {
        return Ok(false);
    }
    let mut leadership = log.leadership();
    let leads = leadership.wait_for(Leadership::is_here);
    if !matches!(tokio::time::timeout(PATIENCE, leads).await, Ok(Ok(_))) {
        bail!("this server does not lead its cluster, of which it is the only server");
    }
    // what was written before the last end is applied only now, and nobody may decide anything without it
    log.read_barrier(Consistency::Consistent)
        .await
        .context("the log cannot be read to its end")?;
    Ok(true)
}

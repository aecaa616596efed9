//! How a server goes for good.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Cluster, Parts};
use tribune_replication::Role;

/// How long a server that leaves waits to be removed from the log.
const GRACE: Duration = Duration::from_secs(5);
/// How often it looks whether it is.
const LOOK: Duration = Duration::from_millis(100);
/// A leader that was not heard of for so long has removed this server: one that follows hears of it every tenth of that.
const SILENCE: Duration = Duration::from_secs(1);

impl Cluster {
    /// Leaves: hands leadership over where this server has it, says to all members that it goes, and waits until the
    /// leader has removed it from the log. Afterwards the server is to be stopped.
    ///
    /// Where it is the only one that votes, it keeps the log, and makes the same cluster when it is started again.
    pub async fn leave(&self) {
        let parts = &self.shared.parts;
        let status = parts.raft.status();
        let voters = |member: &&tribune_replication::Member| member.role == Role::Voter;
        let others = status
            .members
            .iter()
            .filter(voters)
            .any(|member| member.server.id != parts.me.id);
        if status.leads && others {
            match parts.raft.transfer_leadership(None).await {
                Ok(()) => tracing::info!("leadership is handed over"),
                Err(error) => tracing::warn!(%error, "this server leads and leaves"),
            }
        }
        parts.membership.leave().await;
        if others && timeout(GRACE, removed(parts)).await.is_err() {
            tracing::warn!("this server may still be part of the log; the others remove it later");
        }
    }
}

/// Waits until this server is no part of the log any more, or hears of no leader.
async fn removed(parts: &Parts) {
    loop {
        let members = parts.raft.status().members;
        let here = members.iter().any(|member| member.server.id == parts.me.id);
        let heard = parts.raft.last_contact();
        if !here || heard.is_none_or(|heard| heard > SILENCE) {
            return;
        }
        sleep(LOOK).await;
    }
}

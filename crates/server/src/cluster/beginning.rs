//! How a server comes to have a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use tribune_membership::Status;
use tribune_replication::MembershipError;

use super::{Beginning, Parts, server};
use crate::leader::{Bootstrap, ServerMember, bootstrap, server_members};

/// How often it is tried again though no member changed.
const ROUND: Duration = Duration::from_secs(1);

/// Comes to have a cluster, and sees to it that those who are to be part of it know. Ends when there is a leader.
pub(super) async fn run(parts: &Parts) {
    let mut changes = parts.membership.changes();
    let mut said = None;
    loop {
        changes.mark_unchanged();
        match step(parts, &mut said).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "this server has no cluster yet"),
        }
        // whether the members changed or the time is over is the same
        let _: Result<_, _> = timeout(ROUND, changes.changed()).await;
    }
}

/// Makes a cluster of this server alone, unless it has one.
pub(super) async fn alone(parts: &Parts) -> Result<(), MembershipError> {
    match parts.raft.begin(vec![parts.me.clone()]).await {
        Ok(()) => {
            tracing::info!(server = %parts.me, "a new cluster of this server alone");
            Ok(())
        }
        Err(MembershipError::Initialized) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Does what there is to do now, and says whether there has been a leader.
async fn step(parts: &Parts, said: &mut Option<Bootstrap>) -> Result<bool, MembershipError> {
    let raft = &parts.raft;
    if raft.has_cluster().await? {
        return Ok(raft.tell_members().await);
    }
    let expect = match parts.beginning {
        Beginning::Alone | Beginning::Expect(1) => {
            alone(parts).await?;
            return Ok(false);
        }
        Beginning::Expect(expect) => expect,
        Beginning::Join => 0,
    };
    let servers = server_members(&parts.membership.members(), &parts.datacenter);
    // one that only waits is told when it is taken in
    let clusters = if expect == 0 {
        BTreeMap::new()
    } else {
        ask(parts, &servers).await
    };
    let decision = bootstrap(&parts.me.id, expect, &servers, &clusters);
    if said.as_ref() != Some(&decision) {
        say(&decision, expect);
    }
    if let Bootstrap::Initialize(voters) = &decision {
        let began = raft.begin(voters.iter().map(server).collect()).await;
        // another one may have been quicker
        if !matches!(began, Ok(()) | Err(MembershipError::Initialized)) {
            began?;
        }
    }
    *said = Some(decision);
    Ok(false)
}

/// Whether each of the other servers has a cluster. Those that do not answer are not there.
async fn ask(parts: &Parts, servers: &[ServerMember]) -> BTreeMap<String, bool> {
    let others = servers
        .iter()
        .filter(|other| other.id != parts.me.id && other.status == Status::Alive);
    let asked = others.map(async |other| match parts.raft.ask_cluster(&server(other)).await {
        Ok(has) => Some((other.id.clone(), has)),
        Err(error) => {
            tracing::debug!(server = other.name, %error, "a server does not say whether it has a cluster");
            None
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Says what is decided, once.
fn say(decision: &Bootstrap, expect: usize) {
    match decision {
        Bootstrap::Wait { .. } if expect == 0 => {
            tracing::info!("waiting for the servers of a cluster to take this one in");
        }
        Bootstrap::Wait { seen, silent } => {
            tracing::info!(
                seen,
                silent,
                expect,
                "waiting for more servers to make a cluster with"
            );
        }
        Bootstrap::Initialize(voters) => {
            let voters: Vec<&str> = voters.iter().map(|voter| voter.name.as_str()).collect();
            tracing::info!(?voters, "a new cluster");
        }
        Bootstrap::Follow(first) => tracing::info!(first, "another server makes the cluster"),
        Bootstrap::Join(server) => {
            tracing::info!(
                server,
                "there is a cluster already, which takes this server in"
            );
        }
        Bootstrap::Refuse(reason) => tracing::error!(reason, "no cluster is made"),
    }
}

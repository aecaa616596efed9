//! Who belongs to the log, while this server leads.

use std::time::Duration;

use tokio::time::timeout;
use tribune_replication::{MembershipError, ProposeError, RaftStatus};
use tribune_state::{Command, Operation, WatchSet};
use tribune_types::autopilot::Configuration;

use super::{Shared, server};
use crate::leader::Action;

/// How often the servers are looked at though nothing changed.
const ROUND: Duration = Duration::from_secs(2);
/// How long the settings are tried to be written for.
const PATIENCE: Duration = Duration::from_secs(7);

/// Looks after the servers in every term that this server leads.
pub(super) async fn run(shared: &Shared) {
    let mut leadership = shared.parts.log.leadership();
    loop {
        let term = leadership.borrow_and_update().clone();
        let lead = async {
            if term.is_here() {
                lead(shared, term.term).await;
            }
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            biased;
            changed = leadership.wait_for(|now| *now != term) => changed.is_err(),
            () = lead => false,
        };
        if ended {
            // the log has ended
            return;
        }
    }
}

/// Dropped when the term ends. What could not be done is decided again in the next round.
async fn lead(shared: &Shared, term: u64) {
    let mut changes = shared.parts.membership.changes();
    loop {
        changes.mark_unchanged();
        if let Err(error) = default_configuration(shared).await {
            tracing::warn!(%error, "the settings of autopilot are not written yet");
        }
        let status = shared.parts.raft.status();
        let mut wait = ROUND;
        if status.leads && status.term == term {
            let (actions, next) = shared.decide(&status, |autopilot, view| {
                let actions = autopilot.handle_view(view);
                (actions, autopilot.poll_timeout(view))
            });
            let until = |at: Duration| at.saturating_sub(shared.now());
            wait = next.map_or(ROUND, |at| until(at).min(ROUND));
            for action in actions {
                act(shared, &status, action).await;
            }
        }
        // whether the members changed or the time is over is the same
        let _: Result<_, _> = timeout(wait, changes.changed()).await;
    }
}

async fn act(shared: &Shared, status: &RaftStatus, action: Action) {
    let raft = &shared.parts.raft;
    let done = match &action {
        Action::AddLearner(member) | Action::Readdress(member) => {
            raft.add_nonvoter(server(member)).await
        }
        Action::Promote { id } => {
            let mut members = status.members.iter();
            match members.find(|member| member.server.id == *id) {
                Some(member) => raft.add_voter(member.server.clone()).await,
                None => Err(MembershipError::Unknown { id: id.clone() }),
            }
        }
        Action::Remove { id, .. } => raft.remove(id).await,
    };
    match (done, &action) {
        (Ok(()), Action::AddLearner(member)) => {
            tracing::info!(server = member.name, address = %member.address, "a server came");
        }
        (Ok(()), Action::Readdress(member)) => {
            tracing::info!(server = member.name, address = %member.address, "a server is elsewhere");
        }
        (Ok(()), Action::Promote { id }) => tracing::info!(id, "a server votes"),
        (Ok(()), Action::Remove { id, reason }) => {
            tracing::info!(id, reason, "a server is removed from the log");
        }
        // it is decided again in the next round
        (Err(error), action) => {
            tracing::warn!(%error, ?action, "the servers of the log cannot be changed now");
        }
    }
}

/// Writes the settings of autopilot where there are none.
async fn default_configuration(shared: &Shared) -> Result<(), ProposeError> {
    let log = &shared.parts.log;
    let stored = log
        .snapshot()
        .autopilot_configuration(&mut WatchSet::ignore());
    if stored.value.is_some() {
        return Ok(());
    }
    let operation = Operation::SetAutopilotConfiguration {
        configuration: Box::new(Configuration::default()),
        cas: Some(0),
    };
    let command = Command::with_id(uuid::Uuid::new_v4().as_u128(), operation);
    log.propose_with_retry(command, PATIENCE).await.map(|_| ())
}

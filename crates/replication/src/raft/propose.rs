//! Having commands applied, from whichever server they are proposed on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::async_runtime::watch::{WatchReceiver, WatchSender};
use openraft::errors::ClientWriteError;
use openraft::impls::OneshotResponder;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tribune_state::{Command, Outcome};
use tribune_types::Index;

use super::TransportError;
use super::core::Core;
use super::message::{Fate, NotLeading, Propose, ProposeAnswer, Request, Response};
use super::runtime::request_id;
use super::types::Data;
use super::view::Forwarded;
use crate::error::ProposeError;
use crate::handle::{Leader, Proposed};

/// How many commands may be in the log between one and its repetition. The tables remember the outcomes of
/// twice as many, so a repetition is always recognised.
const HORIZON: u64 = 8192;

/// How many commands are forwarded in one message, and about how many bytes of them.
const TOGETHER: usize = 512;
const TOGETHER_BYTES: usize = 1 << 20;

/// How many such messages are under way at once.
const MESSAGES: usize = 8;

/// How long to wait where there is no leader and nothing says that there is one.
const PAUSE: Duration = Duration::from_millis(50);

/// A command that is to be sent to the leader once.
pub(crate) struct Attempt {
    data: Data,
    since: Index,
    reply: oneshot::Sender<Reply>,
}

/// What came of sending it.
enum Reply {
    Fate(Fate),
    /// It was not made.
    NotMade,
    /// Nobody knows whether it arrived.
    Lost,
    /// It was not made, and the leader's log has come this far.
    TooOld(Index),
}

/// What came of trying once.
enum Tried {
    Done(Index, Outcome),
    NotMade,
    Lost,
    Full(String),
    /// It must not be tried again.
    Over,
}

/// A proposal on its way.
struct Proposal<'a> {
    core: &'a Core,
    command: Command,
    data: Data,
    since: Index,
    until: Instant,
    /// Where it has been sent to another server: waits for it to be applied here.
    forwarded: Option<Forwarded<'a>>,
    /// Whether it may have been made already.
    lost: bool,
}

// === impl Core ===

impl Core {
    /// See [`Handle::propose`](crate::Handle::propose).
    pub(crate) async fn propose(&self, command: Command) -> Proposed {
        let limit = self.link.settings.largest_command;
        let data = Data::new(&command);
        let size = data.bytes.len();
        if size > limit {
            return Err(ProposeError::TooLarge { size, limit });
        }
        let until = Instant::now() + self.link.settings.patience;
        let permit = timeout_at(until, self.permits.acquire()).await;
        let Ok(Ok(_permit)) = permit else {
            return Err(ProposeError::Unavailable);
        };
        let proposal = Proposal {
            core: self,
            command,
            data,
            since: self.known_index(),
            until,
            forwarded: None,
            lost: false,
        };
        proposal.run().await
    }

    /// An index that the log has reached for sure.
    fn known_index(&self) -> Index {
        let applied = *self.view.applied.borrow();
        applied.max(self.known.load(Ordering::Relaxed))
    }

    /// Proposes commands of other servers.
    pub(crate) async fn proposed(&self, propose: Propose) -> ProposeAnswer {
        let not_leading = || ProposeAnswer::NotLeading(NotLeading { hint: self.hint() });
        if !self.leads() {
            return not_leading();
        }
        let last = self.metrics(|metrics| metrics.last_log_index).unwrap_or(0);
        if last > propose.since.saturating_add(HORIZON) {
            return ProposeAnswer::TooOld(last);
        }
        if self.stuck().is_some() {
            return ProposeAnswer::Each(vec![Fate::Full; propose.commands.len()]);
        }
        let most = self.link.settings.in_flight.min(propose.commands.len());
        let permits = self
            .permits
            .acquire_many(u32::try_from(most).unwrap_or(u32::MAX));
        let Ok(_permits) = permits.await else {
            return not_leading();
        };
        let mut written = Vec::with_capacity(propose.commands.len());
        for data in propose.commands {
            written.push(self.write(data).await);
        }
        let mut fates = Vec::with_capacity(written.len());
        for written in written {
            fates.push(match written {
                None => Fate::Refused,
                Some(written) => match written.await {
                    Ok(Ok(response)) => Fate::Applied(response.log_id.index),
                    Ok(Err(ClientWriteError::LogEntryDiscarded(_))) | Err(_) => Fate::Unknown,
                    Ok(Err(_)) => Fate::Refused,
                },
            });
        }
        ProposeAnswer::Each(fates)
    }

    /// Gives a command to the log. Nothing where the log has stopped, so that it was not taken.
    async fn write(
        &self,
        data: Data,
    ) -> Option<oneshot::Receiver<openraft::raft::ClientWriteResult<super::types::Types>>> {
        let (responder, written) = OneshotResponder::new_pair();
        self.raft
            .client_write_ff(data, Some(responder))
            .await
            .ok()?;
        Some(written)
    }

    /// Sends what is proposed here to the leader, as much in a message as waits.
    pub(crate) async fn forward(self: Arc<Self>, mut attempts: mpsc::UnboundedReceiver<Attempt>) {
        let messages = Arc::new(Semaphore::new(MESSAGES));
        while let Some(first) = attempts.recv().await {
            let Ok(message) = Arc::clone(&messages).acquire_owned().await else {
                return;
            };
            let mut bytes = first.data.bytes.len();
            let mut together = vec![first];
            while together.len() < TOGETHER
                && bytes < TOGETHER_BYTES
                && let Ok(next) = attempts.try_recv()
            {
                bytes += next.data.bytes.len();
                together.push(next);
            }
            let core = Arc::clone(&self);
            self.tasks.spawn("raft forward", async move {
                core.send(together).await;
                drop(message);
            });
        }
    }

    async fn send(&self, attempts: Vec<Attempt>) {
        let leader = self.leader.load_full();
        let Some(leader) = leader else {
            for attempt in attempts {
                let _: Result<(), _> = attempt.reply.send(Reply::NotMade);
            }
            return;
        };
        let since = attempts.iter().map(|attempt| attempt.since).min();
        let request = Request::Propose(Propose {
            since: since.unwrap_or(0),
            commands: attempts
                .iter()
                .map(|attempt| attempt.data.clone())
                .collect(),
        });
        let answered = self
            .link
            .call(&leader, request, self.link.settings.silence())
            .await;
        let (fates, other) = match answered {
            Ok(Response::Propose(ProposeAnswer::Each(fates))) if fates.len() == attempts.len() => {
                (fates, Reply::Lost)
            }
            Ok(Response::Propose(ProposeAnswer::TooOld(index))) => {
                self.hear_of(index);
                (Vec::new(), Reply::TooOld(index))
            }
            Ok(Response::Propose(ProposeAnswer::NotLeading(_)))
            | Err(TransportError::Unreachable { .. }) => (Vec::new(), Reply::NotMade),
            Ok(_) | Err(_) => (Vec::new(), Reply::Lost),
        };
        let mut fates = fates.into_iter();
        for attempt in attempts {
            let reply = match (fates.next(), &other) {
                (Some(fate), _) => Reply::Fate(fate),
                (None, Reply::TooOld(index)) => Reply::TooOld(*index),
                (None, Reply::NotMade) => Reply::NotMade,
                (None, Reply::Fate(_) | Reply::Lost) => Reply::Lost,
            };
            let _: Result<(), _> = attempt.reply.send(reply);
        }
    }
}

// === impl Proposal ===

impl Proposal<'_> {
    async fn run(mut self) -> Proposed {
        let mut leadership = self.core.lead.subscribe();
        loop {
            let leader = leadership.borrow_and_update().leader.clone();
            let until = self.until;
            let tried = match leader {
                Leader::This => timeout_at(until, self.here()).await,
                Leader::Other(_) => timeout_at(until, self.there()).await,
                Leader::None => Ok(Tried::NotMade),
            };
            match tried {
                Ok(Tried::Done(index, outcome)) => return Ok((index, outcome)),
                Ok(Tried::NotMade) => {}
                Ok(Tried::Lost) => self.lost = true,
                Ok(Tried::Full(reason)) if !self.lost => {
                    return Err(ProposeError::Full { reason });
                }
                // One that was not sent at all would have been answered before.
                Ok(Tried::Full(_) | Tried::Over) | Err(_) => return Err(ProposeError::Unknown),
            }
            if self.lost && self.command.request_id.is_none() {
                return Err(ProposeError::Unknown);
            }
            if self.core.stopped().is_some() || Instant::now() + PAUSE >= self.until {
                return Err(self.given_up());
            }
            tokio::select! {
                biased;
                _ = leadership.changed() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    fn given_up(&self) -> ProposeError {
        if self.lost {
            return ProposeError::Unknown;
        }
        ProposeError::Unavailable
    }

    /// Tries it on this server, which leads as far as it knows.
    async fn here(&mut self) -> Tried {
        if let Some(reason) = self.core.stuck() {
            return Tried::Full(reason);
        }
        if self.lost {
            let last = self.core.metrics(|metrics| metrics.last_log_index);
            if last.unwrap_or(0) > self.since.saturating_add(HORIZON) {
                return Tried::Over;
            }
        }
        let Some(written) = self.core.write(self.data.clone()).await else {
            return Tried::NotMade;
        };
        let stuck = async {
            let mut health = self.core.health.clone();
            let stuck = health.wait_until(|health| !matches!(health, super::Health::Fine));
            let stuck = stuck.await.is_ok();
            // Where the other servers go on, it is answered all the same.
            if stuck {
                tokio::time::sleep(self.core.link.settings.silence()).await;
            }
        };
        let answered = tokio::select! {
            biased;
            answered = written => answered,
            () = stuck => return Tried::Lost,
        };
        match answered {
            Ok(Ok(response)) => match response.data.0 {
                Some((index, outcome)) => Tried::Done(index, outcome),
                None => Tried::Lost,
            },
            Ok(Err(ClientWriteError::LogEntryDiscarded(_))) | Err(_) => Tried::Lost,
            Ok(Err(_)) => Tried::NotMade,
        }
    }

    /// Has the leader try it, and waits until it is applied here.
    async fn there(&mut self) -> Tried {
        let request = match self.command.request_id {
            Some(request) => request,
            None => {
                let request = request_id();
                self.command.request_id = Some(request);
                self.data = Data::new(&self.command);
                request
            }
        };
        let core = self.core;
        let forwarded = self
            .forwarded
            .get_or_insert_with(|| core.view.forwarded(request));
        let (reply, replied) = oneshot::channel();
        let attempt = Attempt {
            data: self.data.clone(),
            since: self.since,
            reply,
        };
        if core.forward.send(attempt).is_err() {
            return Tried::NotMade;
        }
        // Until there is a reply, it may have been made.
        let before = std::mem::replace(&mut self.lost, true);
        let replied = tokio::select! {
            biased;
            (index, outcome) = forwarded.applied() => return Tried::Done(index, outcome),
            replied = replied => replied.unwrap_or(Reply::Lost),
        };
        self.lost = before;
        match replied {
            Reply::Fate(Fate::Applied(index)) => {
                self.lost = true;
                tokio::select! {
                    biased;
                    (index, outcome) = forwarded.applied() => Tried::Done(index, outcome),
                    _ = core.view.wait(index) => match forwarded.now() {
                        Some((index, outcome)) => Tried::Done(index, outcome),
                        None => Tried::Over,
                    }
                }
            }
            Reply::Fate(Fate::Refused) | Reply::NotMade => Tried::NotMade,
            Reply::Fate(Fate::Full) => Tried::Full("the leader's disk is full".to_owned()),
            Reply::Fate(Fate::Unknown) | Reply::Lost => Tried::Lost,
            Reply::TooOld(_) if self.lost => Tried::Over,
            Reply::TooOld(index) => {
                self.since = index;
                Tried::NotMade
            }
        }
    }
}

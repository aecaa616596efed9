//! Making sure that a read is as fresh as it was asked for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::LinearizerOption;
use openraft::async_runtime::watch::{WatchReceiver, WatchSender};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tribune_types::Index;
use tribune_types::call::Consistency;

use super::core::Core;
use super::message::{NotLeading, Request, Response};
use crate::error::ReadError;

/// How long to wait where there is no leader and nothing says that there is one.
const PAUSE: Duration = Duration::from_millis(50);

/// Someone who asks how far a read has to wait.
pub(crate) type Asked = oneshot::Sender<Result<Index, ReadError>>;

// === impl Core ===

impl Core {
    /// See [`Handle::read_barrier`](crate::Handle::read_barrier).
    pub(crate) async fn read_barrier(&self, consistency: Consistency) -> Result<(), ReadError> {
        let rounds = match consistency {
            Consistency::Stale => return Ok(()),
            Consistency::Default => &self.leased,
            Consistency::Consistent => &self.confirmed,
        };
        let until = Instant::now() + self.link.settings.patience;
        let mut leadership = self.lead.subscribe();
        loop {
            drop(leadership.borrow_and_update());
            let (ask, asked) = oneshot::channel();
            if rounds.send(ask).is_err() {
                return Err(ReadError::Unavailable);
            }
            let error = match timeout_at(until, asked).await {
                Ok(Ok(Ok(index))) => {
                    let waited = timeout_at(until, self.view.wait(index)).await;
                    return waited.ok().flatten().ok_or(ReadError::Unavailable);
                }
                Ok(Ok(Err(error))) => error,
                Ok(Err(_)) | Err(_) => ReadError::Unavailable,
            };
            if self.stopped().is_some() || Instant::now() + PAUSE >= until {
                return Err(error);
            }
            tokio::select! {
                biased;
                _ = leadership.changed() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Asks in rounds: whoever came before a round began is served by it.
    pub(crate) async fn rounds(
        self: Arc<Self>,
        confirmed: bool,
        mut asked: mpsc::UnboundedReceiver<Asked>,
    ) {
        while let Some(first) = asked.recv().await {
            let mut together = vec![first];
            while let Ok(next) = asked.try_recv() {
                together.push(next);
            }
            let index = self.round(confirmed).await;
            for asked in together {
                let _: Result<(), _> = asked.send(index.clone());
            }
        }
    }

    async fn round(&self, confirmed: bool) -> Result<Index, ReadError> {
        if self.leads() {
            let index = self.read_index(confirmed).await;
            return index.map_err(|not| ReadError::NotLeader { hint: not.hint });
        }
        let leader = self.leader.load_full();
        let Some(leader) = leader else {
            return Err(ReadError::Unavailable);
        };
        let request = Request::ReadIndex { confirmed };
        match self
            .link
            .call(&leader, request, self.link.settings.silence())
            .await
        {
            Ok(Response::ReadIndex(Ok(index))) => {
                self.hear_of(index);
                Ok(index)
            }
            Ok(Response::ReadIndex(Err(not))) => Err(ReadError::NotLeader { hint: not.hint }),
            Ok(_) | Err(_) => Err(ReadError::Unavailable),
        }
    }

    /// On the leader: an index at or above everything that was acknowledged when this was called.
    ///
    /// The lease is checked where the leader's state is, and what is read is what was committed then. So it does
    /// not matter how long this process sleeps afterwards: the answer was right when it was asked for. Sleeping
    /// before makes the lease run out, since it counts from when the acknowledged messages were sent.
    pub(crate) async fn read_index(&self, confirmed: bool) -> Result<Index, NotLeading> {
        let not_leading = || NotLeading { hint: self.hint() };
        let term = self.leadership.borrow().term;
        let leased = !confirmed && self.handed_over.load(Ordering::Acquire) < term;
        let age = if leased {
            self.link.settings.lease()
        } else {
            Duration::ZERO
        };
        let option =
            LinearizerOption::new(Some(age), true).with_wait_timeout(self.link.settings.message());
        let linearizer = self.raft.get_read_linearizer(option).await;
        let linearizer = linearizer.map_err(|_| not_leading())?;
        Ok(linearizer.read_log_id().index())
    }
}

//! A log that fails as logs of several servers do, for tests of everything above it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tribune_state::{Command, Snapshot};
use tribune_types::Index;
use tribune_types::call::Consistency;

use crate::error::{ProposeError, ReadError};
use crate::handle::{Handle, Leader, Leadership, Log, LogFuture, Proposed};

#[cfg(test)]
mod tests;

/// What happens to one proposal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Time that passes before it is made.
    pub before: Duration,
    /// What becomes of it.
    pub fate: Fate,
    /// Time that passes before it is answered.
    pub after: Duration,
}

/// What becomes of a proposal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It is applied and answered.
    #[default]
    Answer,
    /// It is applied, and the answer is lost.
    LoseAnswer,
    /// It is lost, and nobody knows.
    LoseProposal,
    /// Nobody can be asked.
    Refuse,
}

/// Decides what happens to the proposals of one faulty log, and who leads it.
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

struct Shared {
    plan: Mutex<Box<dyn FnMut() -> Fault + Send>>,
    leadership: watch::Sender<Leadership>,
}

struct Faulty {
    log: Handle,
    shared: Arc<Shared>,
}

/// The same log with faults, none of them at first, and what decides on them.
#[must_use]
pub fn faulty(log: Handle) -> (Handle, Faults) {
    let leadership = watch::Sender::new(log.leadership().borrow().clone());
    let shared = Arc::new(Shared {
        plan: Mutex::new(Box::new(Fault::default)),
        leadership,
    });
    (
        Handle::new(Faulty {
            log,
            shared: Arc::clone(&shared),
        }),
        Faults { shared },
    )
}

// === impl Faults ===

impl Faults {
    /// Has `plan` say, for each proposal from now on, what happens to it.
    pub fn plan(&self, plan: impl FnMut() -> Fault + Send + 'static) {
        *self
            .shared
            .plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Box::new(plan);
    }

    /// Has a third of all proposals fail in one way or another and all of them take up to `delay`, by
    /// chance, the same for the same seed.
    pub fn plan_at_random(&self, seed: u64, delay: Duration) {
        let mut state = seed;
        let mut next = move |below: u32| {
            // SplitMix64: any seed will do, and nothing depends on its quality.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed >> 33) % u64::from(below)) as u32
        };
        self.plan(move || Fault {
            before: delay * next(100) / 200,
            fate: match next(9) {
                0 => Fate::LoseAnswer,
                1 => Fate::LoseProposal,
                2 => Fate::Refuse,
                _ => Fate::Answer,
            },
            after: delay * next(100) / 200,
        });
    }

    /// Has another term begin under this leader. Proposals that are on their way when this server stops
    /// leading may or may not be applied, and are answered as lost.
    pub fn elect(&self, leader: Leader) {
        self.shared.leadership.send_modify(|leadership| {
            *leadership = Leadership {
                term: leadership.term + 1,
                leader,
            };
        });
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("leadership", &*self.shared.leadership.borrow())
            .finish_non_exhaustive()
    }
}

// === impl Faulty ===

impl Faulty {
    async fn propose(&self, command: Command) -> Proposed {
        let fault = (self
            .shared
            .plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner))();
        let begun = self.shared.leadership.borrow().clone();
        if !begun.is_here() {
            return Err(ProposeError::NotLeader { hint: begun.hint() });
        }
        pass(fault.before).await;
        match fault.fate {
            Fate::Refuse => return Err(ProposeError::Unavailable),
            Fate::LoseProposal => {
                pass(fault.after).await;
                return Err(ProposeError::Unknown);
            }
            Fate::Answer | Fate::LoseAnswer => {}
        }
        let proposed = self.log.propose(command).await;
        pass(fault.after).await;
        let same_term = self.shared.leadership.borrow().term == begun.term;
        if fault.fate == Fate::Answer && same_term {
            proposed
        } else {
            Err(ProposeError::Unknown)
        }
    }
}

/// Lets time pass, and nothing else happen where there is none to pass.
async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl Log for Faulty {
    fn propose(&self, command: Command) -> LogFuture<'_, Proposed> {
        Box::pin(self.propose(command))
    }

    fn read_barrier(&self, consistency: Consistency) -> LogFuture<'_, Result<(), ReadError>> {
        let leadership = self.shared.leadership.borrow().clone();
        Box::pin(async move {
            if consistency != Consistency::Stale && !leadership.is_here() {
                return Err(ReadError::NotLeader {
                    hint: leadership.hint(),
                });
            }
            self.log.read_barrier(consistency).await
        })
    }

    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.shared.leadership.subscribe()
    }

    fn applied(&self) -> watch::Receiver<Index> {
        self.log.applied()
    }

    fn snapshot(&self) -> Snapshot {
        self.log.snapshot()
    }
}

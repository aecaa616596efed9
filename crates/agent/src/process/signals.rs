//! What the operating system asks of the agent.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tribune_config::Join;

/// The signals that an agent listens to.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// How an agent is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The others are told first that it leaves.
    Leave,
    /// It ends, and is expected back.
    Stop,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// Where the operating system does not let it.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal that asks the agent to end, and says how. `reload` is called at each one that
    /// asks for that.
    pub(crate) async fn ending(&mut self, join: &Join, mut reload: impl AsyncFnMut()) -> Ending {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Ending::told(join.leave_on_interrupt, "SIGINT"),
                _ = self.terminate.recv() => return Ending::told(join.leave_on_terminate, "SIGTERM"),
                _ = self.hang_up.recv() => reload().await,
            }
        }
    }

    /// Waits for a signal that asks an agent to end that is ending already.
    pub(crate) async fn again(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Ending {
    fn told(leave: bool, signal: &str) -> Self {
        let ending = if leave { Self::Leave } else { Self::Stop };
        tracing::info!(signal, leave, "told to end");
        ending
    }
}

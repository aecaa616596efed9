//! The runtime behind the blocking functions of this crate.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

/// How long one exchange with a process on this machine may take.
const EXCHANGE: Duration = Duration::from_secs(15);

/// The runtime, started at its first use.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("e2e")
            .enable_all()
            .build()
            .expect("the system has threads and timers for a runtime")
    })
}

/// Runs `work` to its end on the calling thread; an error when that takes longer than [`EXCHANGE`].
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    runtime().block_on(async {
        tokio::time::timeout(EXCHANGE, work)
            .await
            .context("no answer in 15 s")?
    })
}

//! What openraft runs on: tokio, with randomness that a test can seed and a watch that wakes in order.
//!
//! tokio's own watch picks the order in which it wakes by chance, and its random numbers cannot be seeded on a
//! stable build, so two runs of one seed would differ.

use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

use openraft_rt::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::{TokioInstant, TokioMpsc, TokioMutex, TokioOneshot, TokioRuntime};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

mod watch;

pub(crate) use watch::{OrderedWatch, Receiver, Sender};

thread_local! {
    static SEEDED: RefCell<Option<SmallRng>> = const { RefCell::new(None) };
}

/// Makes everything random on this thread follow from `seed`, for tests that run a whole cluster on one
/// thread. With `None` it is random again.
pub fn seed_this_thread(seed: Option<u64>) {
    SEEDED.with_borrow_mut(|seeded| *seeded = seed.map(SmallRng::seed_from_u64));
}

/// A generator of its own, which follows from the seed of this thread where it has one.
pub(crate) fn generator() -> SmallRng {
    let seed = SEEDED.with_borrow_mut(|seeded| match seeded {
        Some(seeded) => seeded.random(),
        None => rand::rng().random(),
    });
    SmallRng::seed_from_u64(seed)
}

/// A number that no two requests share.
pub(crate) fn request_id() -> u128 {
    SEEDED.with_borrow_mut(|seeded| match seeded {
        Some(seeded) => seeded.random(),
        None => rand::rng().random(),
    })
}

/// tokio, for openraft.
#[derive(Debug)]
pub(crate) struct Runtime(TokioRuntime);

// === impl Runtime ===

impl AsyncRuntime for Runtime {
    type JoinError = tokio::task::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = tokio::task::JoinHandle<T>;
    type Sleep = tokio::time::Sleep;
    type Instant = TokioInstant;
    type TimeoutError = tokio::time::error::Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = tokio::time::Timeout<T>;
    type ThreadLocalRng = SmallRng;
    type Mpsc = TokioMpsc;
    type Watch = OrderedWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        tokio::spawn(future)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        join_error.is_panic()
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        generator()
    }

    fn new(threads: usize) -> Self {
        Self(TokioRuntime::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_what_openraft_expects_of_a_runtime() {
        openraft_rt::testing::Suite::<Runtime>::test_all();
    }

    #[test]
    fn one_seed_gives_the_same_numbers() {
        let drawn = |seed| {
            seed_this_thread(Some(seed));
            let drawn = (generator().random::<u64>(), request_id());
            seed_this_thread(None);
            drawn
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }
}

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;

/// Whether a waiter has been woken.
fn is_woken(waiter: &mut Waiter<&'static str>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    pin!(waiter.changed())
        .as_mut()
        .poll(&mut context)
        .is_ready()
}

#[test]
fn exactly_those_are_woken_who_wait_for_what_changed() {
    let hub = WatchHub::new();
    let mut web = hub.register(0, ["web"]);
    let mut api = hub.register(0, ["api"]);
    let mut both = hub.register(0, ["api", "web"]);
    hub.notify(1, &["web", "db"]);
    assert!(is_woken(&mut web) && is_woken(&mut both) && !is_woken(&mut api));
    assert!(is_woken(&mut web), "and stay so");
    assert_eq!(hub.waiters(), 1);
    drop(api);
    assert_eq!(hub.waiters(), 0);
    assert!(lock(&hub.inner).waiting.is_empty());
}

#[test]
fn a_change_between_reading_and_registering_is_not_missed() {
    let hub = WatchHub::new();
    hub.notify(5, &["web"]);
    hub.notify(6, &["api"]);
    assert!(is_woken(&mut hub.register(4, ["web"])));
    assert!(
        !is_woken(&mut hub.register(5, ["web"])),
        "it was read with that change"
    );
    assert!(is_woken(&mut hub.register(5, ["api"])));
    assert!(!is_woken(&mut hub.register(4, ["db"])));
}

#[test]
fn who_read_before_all_that_is_remembered_is_woken_at_once() {
    let hub = WatchHub::new();
    hub.notify(1, &["web"]);
    let many: Vec<&str> = std::iter::repeat_n("x", REMEMBERED_KEYS).collect();
    hub.notify(2, &many);
    assert!(is_woken(&mut hub.register(0, ["db"])));
    assert!(!is_woken(&mut hub.register(1, ["db"])));
    assert!(lock(&hub.inner).recent_keys <= REMEMBERED_KEYS);
}

#[test]
fn a_change_of_everything_wakes_everybody_who_read_before_it() {
    let hub = WatchHub::new();
    hub.notify(3, &["api"]);
    let mut waiters = [hub.register(3, ["web"]), hub.register(3, ["api", "db"])];
    hub.notify_all(5);
    assert!(waiters.iter_mut().all(is_woken));
    assert!(is_woken(&mut hub.register(4, ["other"])));
    assert!(!is_woken(&mut hub.register(5, ["other"])));
    assert_eq!(hub.waiters(), 0);
}

#[test]
fn a_change_of_nothing_wakes_nobody() {
    let hub = WatchHub::new();
    let mut waiter = hub.register(0, ["web"]);
    hub.notify(1, &[]);
    assert!(!is_woken(&mut waiter));
}

#[test]
fn twenty_thousand_waiters_are_not_touched_by_a_change_of_something_else() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let woken = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    let hub = WatchHub::new();
    let mut waiters: Vec<Waiter<usize>> = (0..20_000)
        .map(|key| hub.register(0, [key % 10_000]))
        .collect();
    for waiter in &mut waiters {
        let mut context = Context::from_waker(&waker);
        assert_eq!(
            pin!(waiter.changed()).as_mut().poll(&mut context),
            Poll::Pending
        );
    }
    hub.notify(1, &[7, 8]);
    assert_eq!(
        (woken.0.load(Ordering::Relaxed), hub.waiters()),
        (4, 19_996)
    );
}

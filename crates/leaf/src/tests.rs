//! Leaves over days of paused time, with an authority that can be made to fail, lag and be slow.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::rand::SystemRandom;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Instant, advance, sleep};
use tribune_ca::{Authority, KeyPair, Params, Signer, Ttls};
use tribune_types::{ServiceName, Token};

use crate::entry::pause;
use crate::*;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const TEN_SECONDS: Duration = Duration::from_secs(10);

/// An authority in the process, with switches.
struct Fixture {
    now: Now,
    local: LocalIssuer,
    signer: watch::Sender<Option<Arc<dyn Signer>>>,
    issued: AtomicUsize,
    failing: Mutex<bool>,
    delay: Duration,
}

impl Fixture {
    /// A fixture whose certificates live for `ttl`, and a manager over it.
    fn new(ttl: Duration) -> (Arc<Self>, Manager) {
        Self::with_delay(ttl, Duration::ZERO)
    }

    fn with_delay(ttl: Duration, delay: Duration) -> (Arc<Self>, Manager) {
        let started = Instant::now();
        let now: Now =
            Arc::new(move || UNIX_EPOCH + Duration::from_secs(1_760_000_000) + started.elapsed());
        let signer = watch::Sender::new(None);
        let fixture = Arc::new(Self {
            local: LocalIssuer::new(signer.subscribe(), Arc::clone(&now)),
            now: Arc::clone(&now),
            signer,
            issued: AtomicUsize::new(0),
            failing: Mutex::new(false),
            delay,
        });
        fixture.rotate(ttl);
        let manager = Manager::new(fixture.clone(), now);
        (fixture, manager)
    }

    /// Signs with a new root from now on; returns its signing key ID.
    fn rotate(&self, ttl: Duration) -> String {
        let params = Params {
            cluster_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            datacenter: "dc1".to_owned(),
            ttls: Ttls {
                leaf: ttl,
                ..Ttls::default()
            },
        };
        let authority = Authority::generate(&params, self.now(), &SystemRandom::new()).unwrap();
        let key_id = authority.root().signing_key_id();
        self.signer.send_replace(Some(Arc::new(authority)));
        key_id
    }

    fn now(&self) -> SystemTime {
        (self.now)()
    }

    fn issued(&self) -> usize {
        self.issued.load(Ordering::Relaxed)
    }

    fn fail(&self, failing: bool) {
        *self.failing.lock().unwrap() = failing;
    }
}

impl Issuer for Fixture {
    fn issue<'a>(&'a self, subject: &'a Subject, key: &'a KeyPair) -> Issuing<'a> {
        Box::pin(async move {
            self.issued.fetch_add(1, Ordering::Relaxed);
            if !self.delay.is_zero() {
                sleep(self.delay).await;
            }
            if *self.failing.lock().unwrap() {
                return Err(IssueError::RateLimited);
            }
            self.local.issue(subject, key).await
        })
    }
}

fn service(name: &str) -> Subject {
    Subject::service(&ServiceName::new(name), "dc1", Token::default())
}

#[tokio::test(start_paused = true)]
async fn five_thousand_proxies_of_twenty_services_share_twenty_leaves() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    let subject = |proxy: usize| service(&format!("service-{}", proxy % 20));
    let mut held: Vec<Subscription> = (0..5_000).map(|n| manager.subscribe(&subject(n))).collect();
    for subscription in &mut held {
        subscription.ready().await.unwrap();
    }
    assert_eq!(fixture.issued(), 20);
    for (first, other) in held.iter().zip(&held[20..]) {
        assert!(Arc::ptr_eq(
            &first.current().unwrap(),
            &other.current().unwrap()
        ));
    }
    let http = manager.leaf(&subject(0)).await.unwrap();
    assert!(Arc::ptr_eq(&http, &held[0].current().unwrap()));
    // One task for each live entry, none for each holder.
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(tasks, 20);
    drop(held);
    tokio::task::yield_now().await;
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(tasks, 0);
}

/// Follows one leaf for a while: it is always valid, and renewed within its window.
async fn follow(ttl: Duration, span: Duration) {
    let (fixture, manager) = Fixture::new(ttl);
    let end = fixture.now() + span;
    let mut subscription = manager.subscribe(&service("web"));
    let mut held = subscription.next().await;
    let mut renewals = 0;
    while fixture.now() < end {
        let newer = subscription.next().await;
        let (from, to) = (held.certificate().not_before, held.certificate().not_after);
        let age = fixture.now().duration_since(from).unwrap();
        let part = age.as_secs_f64() / to.duration_since(from).unwrap().as_secs_f64();
        assert!((0.6..0.91).contains(&part), "renewed at {part}");
        assert_ne!(newer.key_pem(), held.key_pem());
        assert!(newer.index() > held.index());
        held = newer;
        renewals += 1;
    }
    let expected = |part: f64| (span.as_secs_f64() / ttl.mul_f64(part).as_secs_f64()) as usize;
    assert!((expected(0.95)..=expected(0.5)).contains(&renewals));
    assert_eq!(fixture.issued(), renewals + 1);
}

#[tokio::test(start_paused = true)]
async fn a_leaf_of_ten_seconds_is_renewed_in_time() {
    follow(TEN_SECONDS, Duration::from_secs(600)).await;
}

#[tokio::test(start_paused = true)]
async fn a_leaf_of_72_hours_is_renewed_in_time() {
    follow(72 * HOUR, 60 * DAY).await;
}

#[tokio::test(start_paused = true)]
async fn leaves_issued_together_are_not_renewed_together() {
    let (_fixture, manager) = Fixture::new(72 * HOUR);
    let mut times = std::collections::BTreeSet::new();
    for n in 0..20 {
        let leaf = manager.leaf(&service(&format!("s{n}"))).await.unwrap();
        times.insert(leaf.renew_at());
    }
    assert_eq!(times.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_nobody_holds_is_kept_but_not_renewed() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    let first = manager.leaf(&service("web")).await.unwrap();
    sleep(40 * HOUR).await;
    let again = manager.leaf(&service("web")).await.unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    sleep(30 * DAY).await;
    assert_eq!(fixture.issued(), 1);
    let newer = manager.leaf(&service("web")).await.unwrap();
    assert!(newer.certificate().not_before > first.certificate().not_after);
}

#[tokio::test(start_paused = true)]
async fn renewal_ends_with_the_last_subscription() {
    let (fixture, manager) = Fixture::new(TEN_SECONDS);
    let mut one = manager.subscribe(&service("web"));
    let two = manager.subscribe(&service("web"));
    one.ready().await.unwrap();
    drop(one);
    sleep(Duration::from_secs(60)).await;
    let renewed = fixture.issued();
    assert!(renewed > 5);
    drop(two);
    sleep(HOUR).await;
    assert_eq!(fixture.issued(), renewed);
    let mut three = manager.subscribe(&service("web"));
    let leaf = three.newer_than(renewed as u64).await;
    assert!(leaf.certificate().not_after > fixture.now());
}

#[tokio::test(start_paused = true)]
async fn readers_who_come_together_share_one_issuance() {
    let (fixture, manager) = Fixture::with_delay(72 * HOUR, Duration::from_secs(2));
    let read = || {
        let manager = manager.clone();
        tokio::spawn(async move { manager.leaf(&service("web")).await })
    };
    let (one, two, three) = (read(), read(), read());
    let one = one.await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&one, &two.await.unwrap().unwrap()));
    assert!(Arc::ptr_eq(&one, &three.await.unwrap().unwrap()));
    assert_eq!(fixture.issued(), 1);

    fixture.fail(true);
    let read = || {
        let manager = manager.clone();
        tokio::spawn(async move { manager.leaf(&service("api")).await })
    };
    let (one, two) = (read(), read());
    let problem = one.await.unwrap().unwrap_err();
    assert!(Arc::ptr_eq(&problem, &two.await.unwrap().unwrap_err()));
    assert_eq!(fixture.issued(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_was_refused_may_try_again_at_once() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    fixture.fail(true);
    let problem = manager.leaf(&service("web")).await.unwrap_err();
    assert!(matches!(problem.error, IssueError::RateLimited));
    fixture.fail(false);
    manager.leaf(&service("web")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failing_issuer_takes_nothing_away_and_is_asked_ever_less_often() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    let mut subscription = manager.subscribe(&service("web"));
    let held = subscription.next().await;
    fixture.fail(true);
    sleep(66 * HOUR).await;
    assert!(Arc::ptr_eq(&subscription.current().unwrap(), &held));
    let reader = manager.leaf(&service("web")).await.unwrap();
    assert!(Arc::ptr_eq(&reader, &held));
    let problem = subscription.problem().unwrap();
    assert!(problem.failures > 10);
    assert!(problem.retry_at > fixture.now());
    let attempts = fixture.issued();
    sleep(HOUR).await;
    assert!((60..=120).contains(&(fixture.issued() - attempts)));

    fixture.fail(false);
    let newer = subscription.next().await;
    assert!(newer.index() > held.index());
    assert!(subscription.problem().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_without_a_first_leaf_says_why_and_gets_it_later() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    fixture.fail(true);
    let mut subscription = manager.subscribe(&service("web"));
    let problem = subscription.ready().await.unwrap_err();
    assert_eq!(
        problem.error.to_string(),
        "Rate limit reached, try again later"
    );
    assert!(subscription.current().is_none());
    fixture.fail(false);
    subscription.next().await;
    assert!(fixture.issued() < 5);
}

#[tokio::test(start_paused = true)]
async fn an_expired_leaf_is_not_given_out_by_request() {
    let (fixture, manager) = Fixture::new(TEN_SECONDS);
    manager.leaf(&service("web")).await.unwrap();
    fixture.fail(true);
    sleep(Duration::from_secs(11)).await;
    assert!(manager.leaf(&service("web")).await.is_err());
    // Nor is it while the next attempt is still some time off.
    assert!(manager.leaf(&service("web")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn another_active_root_renews_every_leaf_at_once() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    let mut subscription = manager.subscribe(&service("web"));
    let first = subscription.next().await;
    manager.handle_roots(&first.certificate().signing_key_id);
    let idle = manager.leaf(&service("api")).await.unwrap();
    assert_eq!(fixture.issued(), 2);

    let before = Instant::now();
    let key_id = fixture.rotate(72 * HOUR);
    manager.handle_roots(&key_id);
    let second = subscription.next().await;
    assert_eq!(*second.certificate().signing_key_id, *key_id);
    let idle_again = manager.leaf(&service("api")).await.unwrap();
    assert!(idle_again.index() > idle.index());
    assert!(before.elapsed() < Duration::from_millis(10));
    manager.handle_roots(&key_id);
    sleep(HOUR).await;
    assert_eq!(fixture.issued(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_lags_behind_the_roots_is_not_pressed() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    let mut subscription = manager.subscribe(&service("web"));
    let first = subscription.next().await;
    manager.handle_roots("aa:bb");
    sleep(HOUR).await;
    assert!((60..=140).contains(&fixture.issued()));
    let problem = subscription.problem().unwrap();
    assert!(matches!(problem.error, IssueError::InactiveRoot));
    // The roots catch up: nothing is wrong any more, and nothing more is issued.
    let issued = fixture.issued();
    manager.handle_roots(&first.certificate().signing_key_id);
    sleep(HOUR).await;
    assert_eq!(fixture.issued(), issued);
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_comes_late_is_used_at_once() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    let authority = fixture.signer.send_replace(None);
    let mut subscription = manager.subscribe(&service("web"));
    let problem = subscription.ready().await.unwrap_err();
    assert!(matches!(problem.error, IssueError::NotReady));
    let before = Instant::now();
    fixture.signer.send_replace(authority);
    manager.handle_roots("aa:bb");
    subscription.next().await;
    assert!(before.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_forward_is_noticed() {
    let (fixture, _) = Fixture::new(72 * HOUR);
    let offset = Arc::new(Mutex::new(Duration::ZERO));
    let (base, shared) = (Arc::clone(&fixture.now), Arc::clone(&offset));
    let now: Now = Arc::new(move || base() + *shared.lock().unwrap());
    let issuer = LocalIssuer::new(fixture.signer.subscribe(), Arc::clone(&now));
    let manager = Manager::new(Arc::new(issuer), now);
    let mut subscription = manager.subscribe(&service("web"));
    subscription.next().await;
    *offset.lock().unwrap() = 70 * HOUR;
    let before = Instant::now();
    subscription.next().await;
    assert!(before.elapsed() <= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_whose_clock_is_behind_is_not_pressed() {
    let (fixture, _) = Fixture::new(72 * HOUR);
    let base = Arc::clone(&fixture.now);
    let ahead: Now = Arc::new(move || base() + 100 * HOUR);
    let manager = Manager::new(fixture.clone(), ahead);
    let mut subscription = manager.subscribe(&service("web"));
    subscription.next().await;
    sleep(DAY).await;
    assert!((6..=8).contains(&fixture.issued()));
}

#[tokio::test(start_paused = true)]
async fn other_tokens_and_other_spellings_have_their_own_leaves() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    let upper = manager.leaf(&service("Web")).await.unwrap();
    let lower = manager.leaf(&service("web")).await.unwrap();
    assert!(upper.certificate().id.to_string().ends_with("/svc/Web"));
    assert!(lower.certificate().id.to_string().ends_with("/svc/web"));
    let mut other = service("web");
    other.token = Token::from("s3cret");
    manager.leaf(&other).await.unwrap();
    assert_eq!(fixture.issued(), 3);
}

#[tokio::test(start_paused = true)]
async fn leaves_that_nobody_holds_are_bounded_in_number() {
    let (fixture, manager) = Fixture::new(72 * HOUR);
    let held = manager.subscribe(&service("held"));
    manager.leaf(&service("often")).await.unwrap();
    for n in 0..6_000 {
        manager.leaf(&service(&format!("s{n}"))).await.unwrap();
        manager.leaf(&service("often")).await.unwrap();
    }
    assert!(
        format!("{manager:?}").contains("entries: 4097"),
        "{manager:?}"
    );
    // What is held or asked for often stays.
    assert_eq!(fixture.issued(), 6_002);
    let leaf = manager.leaf(&service("held")).await.unwrap();
    assert!(Arc::ptr_eq(&leaf, &held.current().unwrap()));

    // Expired ones go as others come.
    sleep(10 * DAY).await;
    for n in 0..2_000 {
        manager.leaf(&service(&format!("t{n}"))).await.unwrap();
    }
    let entries = format!("{manager:?}");
    assert!(entries.contains("entries: 2001"), "{entries}");
}

#[tokio::test(start_paused = true)]
async fn the_key_belongs_to_the_certificate() {
    let (_fixture, manager) = Fixture::new(72 * HOUR);
    let leaf = manager.leaf(&service("web")).await.unwrap();
    let chain = CertificateDer::pem_slice_iter(leaf.certificate().chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(leaf.key_pem().as_bytes()).unwrap();
    CertifiedKey::from_der(chain, key, &default_provider())
        .unwrap()
        .keys_match()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_private_key_is_never_printed() {
    let (_fixture, manager) = Fixture::new(72 * HOUR);
    let mut subscription = manager.subscribe(&service("web"));
    let leaf = subscription.next().await;
    let body = leaf.key_pem().lines().nth(1).unwrap().to_owned();
    for printed in [
        format!("{leaf:?}"),
        format!("{subscription:?}"),
        format!("{manager:?}"),
    ] {
        assert!(!printed.contains(&body) && !printed.contains("PRIVATE"));
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_make_no_identity_are_a_problem_and_no_panic() {
    let (_fixture, manager) = Fixture::new(72 * HOUR);
    for name in ["", "with/slash", &"x".repeat(10_000)] {
        let problem = manager.leaf(&service(name)).await.unwrap_err();
        assert!(matches!(problem.error, IssueError::Request(_)));
    }
}

#[test]
fn pauses_double_up_to_a_minute() {
    assert_eq!(pause(1, 1.0), Duration::from_millis(500));
    assert_eq!(pause(1, 0.0), Duration::from_millis(250));
    assert_eq!(pause(4, 1.0), Duration::from_secs(4));
    assert_eq!(pause(9, 1.0), Duration::from_secs(60));
    assert_eq!(pause(u32::MAX, 1.0), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_newer_leaf_may_be_given_up_and_taken_up_again() {
    let (_fixture, manager) = Fixture::new(TEN_SECONDS);
    let mut subscription = manager.subscribe(&service("web"));
    let first = subscription.next().await;
    let wait = subscription.newer_than(first.index());
    let given_up = tokio::time::timeout(Duration::from_secs(1), wait).await;
    assert!(given_up.is_err());
    advance(Duration::from_secs(1)).await;
    let second = subscription.newer_than(first.index()).await;
    assert!(second.index() > first.index());
}

//! The scheduler under a clock that only moves when nothing else can.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tribune_local::ProbeTarget;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
/// When the target `late` comes up.
const LATE: Duration = Duration::from_millis(2000);

/// A scheduler whose probes take as long as their timeout says and report their target.
struct Rig {
    scheduler: Scheduler,
    results: mpsc::Receiver<(Name, ProbeResult)>,
    task: JoinHandle<()>,
    most_at_once: Arc<AtomicUsize>,
    start: Instant,
}

impl Rig {
    fn new() -> Self {
        let (sender, results) = mpsc::channel(1);
        let (scheduler, runner) = Scheduler::new(sender);
        let running = Arc::new(AtomicUsize::new(0));
        let most_at_once = Arc::new(AtomicUsize::new(0));
        let most = Arc::clone(&most_at_once);
        let start = Instant::now();
        let ask = move |probe: Probe| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(probe.timeout).await;
                running.fetch_sub(1, Ordering::SeqCst);
                let status = match &probe.target {
                    ProbeTarget::Tcp(target) if target == "down" => Status::Critical,
                    ProbeTarget::Tcp(target) if target == "late" && start.elapsed() < LATE => {
                        Status::Critical
                    }
                    _ => Status::Passing,
                };
                ProbeResult {
                    status,
                    output: format!("{:?}", probe.target),
                }
            }
        };
        let task = tokio::spawn(runner.run_with(ask));
        Self {
            scheduler,
            results,
            task,
            most_at_once,
            start: Instant::now(),
        }
    }

    /// The next result: whose, when, and what it says.
    async fn next(&mut self) -> (String, Duration, String) {
        let (name, result) = self.results.recv().await.unwrap();
        (name.to_string(), self.start.elapsed(), result.output)
    }
}

fn tcp(name: &str, target: &str, takes: Duration) -> (Name, Probe) {
    let target = ProbeTarget::Tcp(target.to_owned());
    (
        name.into(),
        Probe {
            target,
            interval: 10 * SECOND,
            timeout: takes,
            output_limit: 64,
        },
    )
}

#[tokio::test(start_paused = true)]
async fn the_first_probe_runs_at_once_and_later_ones_by_the_interval() {
    let mut rig = Rig::new();
    rig.scheduler.set(vec![tcp("a", "a:1", Duration::ZERO)]);
    let (name, first, output) = rig.next().await;
    assert_eq!((name.as_str(), output.as_str()), ("a", "Tcp(\"a:1\")"));
    assert!(first < SECOND, "{first:?}");
    let second = rig.next().await.1 - first;
    assert!(
        (5 * SECOND..=10 * SECOND + SECOND).contains(&second),
        "{second:?}"
    );
    let third = rig.next().await.1 - first - second;
    assert!((10 * SECOND..11 * SECOND).contains(&third), "{third:?}");
}

#[tokio::test(start_paused = true)]
async fn checks_that_were_registered_together_do_not_go_on_in_step() {
    let mut rig = Rig::new();
    let names: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    rig.scheduler.set(
        names
            .iter()
            .map(|name| tcp(name, "a:1", Duration::ZERO))
            .collect(),
    );
    for _ in 0..20 {
        assert!(rig.next().await.1 < SECOND);
    }
    let mut seconds = BTreeMap::<u128, usize>::new();
    for _ in 0..20 {
        *seconds
            .entry(rig.next().await.1.as_millis() / 100)
            .or_default() += 1;
    }
    assert!(seconds.len() > 5, "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_as_before_goes_on_and_what_has_changed_starts_anew() {
    let mut rig = Rig::new();
    let same = tcp("same", "a:1", Duration::ZERO);
    rig.scheduler
        .set(vec![same.clone(), tcp("other", "b:1", Duration::ZERO)]);
    for _ in 0..2 {
        rig.next().await;
    }
    rig.scheduler
        .set(vec![same, tcp("other", "b:2", Duration::ZERO)]);
    let (name, at, output) = rig.next().await;
    assert_eq!((name.as_str(), output.as_str()), ("other", "Tcp(\"b:2\")"));
    assert!(at < SECOND, "{at:?}");
    assert!(rig.next().await.1 >= 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_no_longer_wanted_is_stopped_and_reports_nothing() {
    let mut rig = Rig::new();
    rig.scheduler.set(vec![tcp("slow", "a:1", 5 * SECOND)]);
    sleep(SECOND).await;
    rig.scheduler.set(vec![tcp("slow", "a:2", 7 * SECOND)]);
    let (_, at, output) = rig.next().await;
    assert_eq!(output, "Tcp(\"a:2\")");
    assert!((8 * SECOND..9 * SECOND).contains(&at), "{at:?}");
    rig.scheduler.set(Vec::new());
    sleep(60 * SECOND).await;
    assert!(rig.results.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_bounded_number_of_probes_runs_at_once_and_each_gets_its_turn() {
    let mut rig = Rig::new();
    let probes = (0..AT_ONCE + 10)
        .map(|n| tcp(&n.to_string(), "a:1", SECOND))
        .collect();
    rig.scheduler.set(probes);
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..AT_ONCE + 10 {
        names.insert(rig.next().await.0);
    }
    assert_eq!(names.len(), AT_ONCE + 10);
    assert_eq!(rig.most_at_once.load(Ordering::SeqCst), AT_ONCE);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_probed_says_so_after_an_interval() {
    let mut rig = Rig::new();
    let (name, probe) = tcp("a", "", Duration::ZERO);
    rig.scheduler.set(vec![(
        name,
        Probe {
            target: ProbeTarget::Unsupported("UDP"),
            ..probe
        },
    )]);
    assert!(rig.next().await.1 >= 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_scheduler_or_its_reader() {
    let rig = Rig::new();
    drop(rig.scheduler);
    rig.task.await.unwrap();
    let rig = Rig::new();
    rig.scheduler.set(vec![tcp("slow", "a:1", 500 * SECOND)]);
    drop(rig.results);
    rig.task.await.unwrap();
    assert!(rig.start.elapsed() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_comes_up_late_is_noticed_soon() {
    let mut rig = Rig::new();
    rig.scheduler.set(vec![tcp("a", "late", Duration::ZERO)]);
    assert!(rig.next().await.1 < SECOND);
    let noticed = rig.next().await.1;
    assert!((LATE..2 * LATE).contains(&noticed), "{noticed:?}");
    let later = rig.next().await.1 - noticed;
    assert!((5 * SECOND..11 * SECOND).contains(&later), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn asking_again_soon_does_not_report_more_failures() {
    let mut rig = Rig::new();
    rig.scheduler.set(vec![tcp("a", "down", Duration::ZERO)]);
    let mut last = rig.next().await.1;
    assert!(last < SECOND);
    for _ in 0..5 {
        let next = rig.next().await.1;
        assert!(
            (5 * SECOND..23 * SECOND).contains(&(next - last)),
            "{:?}",
            next - last
        );
        last = next;
    }
}

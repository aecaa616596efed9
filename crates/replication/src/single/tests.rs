use std::sync::atomic::{AtomicBool, Ordering};

use tribune_state::{Changes, Key, Operation, Registration, WatchSet};
use tribune_types::{Node, NodeName};

use super::*;

pub(crate) fn register(node: &str) -> Operation {
    let node = Node {
        node: NodeName::new(node),
        address: "10.0.0.1".to_owned(),
        ..Node::default()
    };
    Operation::Register(Box::new(Registration {
        node,
        ..Registration::default()
    }))
}

fn quiet() -> Arc<dyn Observer> {
    Arc::new(|_: &Snapshot, _: &Changes| {})
}

fn nodes(snapshot: &Snapshot) -> usize {
    snapshot.nodes(&mut WatchSet::ignore()).value.len()
}

#[tokio::test]
async fn a_proposal_is_answered_after_it_can_be_read_and_the_observer_has_heard_of_it() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let heard = Arc::clone(&heard);
        move |snapshot: &Snapshot, changes: &Changes| {
            heard.lock().unwrap().push((
                snapshot.index(),
                nodes(snapshot),
                changes.contains(&Key::Nodes),
            ));
        }
    };
    let handle = single(Store::new(), Settings::default(), Arc::new(observer));
    assert_eq!(
        handle.propose(register("n1").into()).await,
        Ok((1, Outcome::Done))
    );
    assert_eq!(
        (nodes(&handle.snapshot()), *handle.applied().borrow()),
        (1, 1)
    );
    assert_eq!(
        handle.propose(register("n1").into()).await,
        Ok((2, Outcome::Done))
    );
    assert_eq!(*heard.lock().unwrap(), [(1, 1, true), (2, 1, false)]);
    assert!(handle.leadership().borrow().is_here());
    assert_eq!(handle.read_barrier(Consistency::Consistent).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proposals_of_many_tasks_are_all_applied_each_at_its_own_index() {
    let last = Mutex::new(0);
    let observer = move |_: &Snapshot, changes: &Changes| {
        let mut last = last.lock().unwrap();
        assert!(*last < changes.index, "in order");
        *last = changes.index;
    };
    let handle = single(Store::new(), Settings::default(), Arc::new(observer));
    let proposals: Vec<_> = (0..500)
        .map(|at| {
            let handle = handle.clone();
            tokio::spawn(async move { handle.propose(register(&format!("n{at}")).into()).await })
        })
        .collect();
    let mut indexes = Vec::new();
    for proposal in proposals {
        let (index, outcome) = proposal.await.unwrap().unwrap();
        assert_eq!(outcome, Outcome::Done);
        indexes.push(index);
    }
    indexes.sort_unstable();
    assert_eq!(indexes, (1..=500).collect::<Vec<_>>());
    assert_eq!(nodes(&handle.snapshot()), 500);
}

#[tokio::test]
async fn a_command_that_is_too_large_is_refused_before_anything_happens() {
    let handle = single(
        Store::new(),
        Settings {
            largest_command: 1000,
        },
        quiet(),
    );
    let error = handle
        .propose(register(&"n".repeat(1001)).into())
        .await
        .unwrap_err();
    assert!(matches!(error, ProposeError::TooLarge { size, limit: 1000 } if size > 1000));
    assert_eq!(handle.snapshot().index(), 0);
    let batch = Operation::Batch(vec![register(&"n".repeat(600)), register(&"m".repeat(600))]);
    assert!(matches!(
        handle.propose(batch.into()).await,
        Err(ProposeError::TooLarge { .. })
    ));
    assert!(handle.propose(register("n").into()).await.is_ok());
}

#[tokio::test]
async fn an_observer_that_panics_leaves_the_log_working() {
    let doomed = AtomicBool::new(true);
    let observer = move |_: &Snapshot, _: &Changes| {
        assert!(!doomed.swap(false, Ordering::Relaxed), "on purpose");
    };
    let handle = single(Store::new(), Settings::default(), Arc::new(observer));
    let first = tokio::spawn({
        let handle = handle.clone();
        async move { handle.propose(register("n1").into()).await }
    });
    assert!(first.await.is_err());
    assert_eq!(
        handle.propose(register("n2").into()).await,
        Ok((2, Outcome::Done))
    );
    assert_eq!(nodes(&handle.snapshot()), 2);
}

#[tokio::test]
async fn a_proposal_that_was_given_up_before_its_turn_is_not_applied() {
    let log = Single {
        settings: Settings::default(),
        pending: Mutex::default(),
        snapshot: ArcSwap::default(),
        applied: watch::Sender::new(0),
        leadership: watch::Sender::new(Leadership {
            term: 1,
            leader: Leader::This,
        }),
        owner: TurnLock::new(Owner {
            store: Store::new(),
            observer: quiet(),
        }),
    };
    let turn = log.owner.lock().await;
    let mut given_up = Box::pin(log.propose(register("n1").into()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(given_up.as_mut().poll(&mut context).is_pending());
    drop(given_up);
    drop(turn);
    assert_eq!(
        log.propose(register("n2").into()).await,
        Ok((1, Outcome::Done))
    );
    assert_eq!(nodes(&Log::snapshot(&log)), 1);
}

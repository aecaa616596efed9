use tribune_state::{Changes, Operation, Outcome, Registration, Store, WatchSet};
use tribune_types::{Node, NodeName};

use super::*;
use crate::single::{Settings, single};

const PATIENCE: Duration = Duration::from_secs(60);

fn start() -> (Handle, Faults) {
    faulty(single(
        Store::new(),
        Settings::default(),
        Arc::new(|_: &Snapshot, _: &Changes| {}),
    ))
}

fn register(node: &str) -> Operation {
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

fn nodes(handle: &Handle) -> usize {
    handle.snapshot().nodes(&mut WatchSet::ignore()).value.len()
}

/// A plan that begins with these fates and goes on without faults.
fn fates(
    fates: impl IntoIterator<Item = Fate, IntoIter: Send + 'static>,
) -> impl FnMut() -> Fault + Send {
    let mut fates = fates.into_iter();
    move || Fault {
        fate: fates.next().unwrap_or_default(),
        ..Fault::default()
    }
}

#[tokio::test]
async fn an_answer_is_lost_with_or_without_its_proposal() {
    let (handle, faults) = start();
    faults.plan(fates([Fate::LoseProposal, Fate::LoseAnswer, Fate::Refuse]));
    assert_eq!(
        handle.propose(register("n1").into()).await,
        Err(ProposeError::Unknown)
    );
    assert_eq!(nodes(&handle), 0);
    assert_eq!(
        handle.propose(register("n1").into()).await,
        Err(ProposeError::Unknown)
    );
    assert_eq!(nodes(&handle), 1);
    assert_eq!(
        handle.propose(register("n2").into()).await,
        Err(ProposeError::Unavailable)
    );
    assert_eq!((nodes(&handle), *handle.applied().borrow()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_named_request_is_proposed_until_it_is_answered_and_applied_once() {
    let (handle, faults) = start();
    faults.plan(fates([Fate::LoseAnswer, Fate::Refuse, Fate::LoseProposal]));
    let done = handle
        .propose_with_retry(Command::with_id(1, register("n1")), PATIENCE)
        .await;
    assert_eq!(done, Ok((1, Outcome::Done)), "the index of the first time");
    assert_eq!(nodes(&handle), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_name_is_proposed_again_only_where_nobody_took_it() {
    let (handle, faults) = start();
    faults.plan(fates([Fate::Refuse, Fate::LoseAnswer]));
    let lost = handle
        .propose_with_retry(register("n1").into(), PATIENCE)
        .await;
    assert_eq!(lost, Err(ProposeError::Unknown));
    faults.plan(fates([Fate::Refuse; 3]));
    assert!(
        handle
            .propose_with_retry(register("n2").into(), PATIENCE)
            .await
            .is_ok()
    );
    let large = handle
        .propose_with_retry(register(&"n".repeat(2 << 20)).into(), PATIENCE)
        .await;
    assert!(matches!(large, Err(ProposeError::TooLarge { .. })));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_proposed_when_patience_is_over() {
    let (handle, faults) = start();
    faults.plan(|| Fault {
        fate: Fate::Refuse,
        ..Fault::default()
    });
    let begun = tokio::time::Instant::now();
    let refused = handle
        .propose_with_retry(register("n1").into(), PATIENCE)
        .await;
    assert_eq!(refused, Err(ProposeError::Unavailable));
    assert!(begun.elapsed() <= PATIENCE);
    faults.plan(|| Fault {
        before: PATIENCE * 2,
        ..Fault::default()
    });
    let late = handle
        .propose_with_retry(register("n1").into(), PATIENCE)
        .await;
    assert_eq!(late, Err(ProposeError::Unknown));
}

#[tokio::test(start_paused = true)]
async fn another_leader_is_named_and_its_end_is_noticed_at_once() {
    let (handle, faults) = start();
    faults.elect(Leader::Other("10.0.0.2:8300".to_owned()));
    let hint = Some("10.0.0.2:8300".to_owned());
    let refused = handle.propose(register("n1").into()).await;
    assert_eq!(refused, Err(ProposeError::NotLeader { hint: hint.clone() }));
    assert_eq!(
        handle.read_barrier(Consistency::Default).await,
        Err(ReadError::NotLeader { hint })
    );
    assert_eq!(handle.read_barrier(Consistency::Stale).await, Ok(()));
    let proposal = tokio::spawn({
        let handle = handle.clone();
        async move {
            handle
                .propose_with_retry(register("n1").into(), PATIENCE)
                .await
        }
    });
    tokio::task::yield_now().await;
    let begun = tokio::time::Instant::now();
    faults.elect(Leader::This);
    assert_eq!(proposal.await.unwrap(), Ok((1, Outcome::Done)));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(handle.leadership().borrow().term, 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_when_leadership_moves_is_answered_as_lost() {
    let (handle, faults) = start();
    faults.plan(|| Fault {
        after: Duration::from_secs(1),
        ..Fault::default()
    });
    let proposal = tokio::spawn({
        let handle = handle.clone();
        async move { handle.propose(register("n1").into()).await }
    });
    tokio::task::yield_now().await;
    faults.elect(Leader::None);
    assert_eq!(proposal.await.unwrap(), Err(ProposeError::Unknown));
}

#[tokio::test(start_paused = true)]
async fn under_random_faults_every_named_request_is_applied_exactly_once() {
    for seed in 0..20 {
        let (handle, faults) = start();
        faults.plan_at_random(seed, Duration::from_millis(100));
        for request in 0..50 {
            let command = Command::with_id(request, register(&format!("n{request}")));
            let (index, outcome) = handle.propose_with_retry(command, PATIENCE).await.unwrap();
            assert_eq!(outcome, Outcome::Done);
            let found = handle.snapshot().node(
                &NodeName::new(format!("n{request}")),
                &mut WatchSet::ignore(),
            );
            assert_eq!(
                found.value.map(|node| node.create_index),
                Some(index),
                "seed {seed}"
            );
        }
    }
}

use std::sync::{Arc, Mutex};

use tribune_state::{Changes, Operation, Registration, Snapshot, WatchSet};
use tribune_types::{Node, NodeName};

use super::*;
use crate::{Fault, Observer};

/// Remembers what it was told.
#[derive(Default)]
struct Told(Mutex<Vec<(Index, usize)>>);

impl Observer for Told {
    fn applied(&self, snapshot: &Snapshot, changes: &Changes) {
        let nodes = snapshot.nodes(&mut WatchSet::ignore()).value.len();
        self.0.lock().unwrap().push((changes.index, nodes));
    }
}

fn register(name: &str, request_id: Option<u128>) -> Command {
    let node = Node {
        node: NodeName::new(name),
        address: "10.0.0.1".to_owned(),
        ..Node::default()
    };
    let operation = Operation::Register(Box::new(Registration {
        node,
        ..Registration::default()
    }));
    Command {
        request_id,
        operation,
    }
}

fn nodes(handle: &Handle) -> usize {
    handle.snapshot().nodes(&mut WatchSet::ignore()).value.len()
}

#[tokio::test]
async fn observers_are_told_in_order_and_before_the_proposer() {
    let told = Arc::new(Told::default());
    let handle = Handle::open(told.clone());
    for n in 1..=3 {
        let (index, outcome) = handle
            .propose(register(&format!("n{n}"), None))
            .await
            .unwrap();
        assert!(outcome.is_done());
        assert_eq!(told.0.lock().unwrap().last(), Some(&(index, n)));
        assert_eq!(*handle.applied().borrow(), index);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_answer_was_lost_is_applied_once() {
    let told = Arc::new(Told::default());
    let lose_first = |number| {
        if number == 0 {
            Fault::LoseAnswer
        } else {
            Fault::None
        }
    };
    let handle = Handle::with_faults(told.clone(), lose_first);
    let (index, outcome) = propose_with_retry(&handle, register("n1", Some(7)))
        .await
        .unwrap();
    assert!(outcome.is_done());
    assert_eq!(index, 1, "the answer is that of the first try");
    assert_eq!(told.0.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_lost_is_made_again_only_if_it_can_be_known_again() {
    let lose_first = |number| {
        if number == 0 {
            Fault::LoseRequest
        } else {
            Fault::None
        }
    };
    let handle = Handle::with_faults(Arc::new(Told::default()), lose_first);
    assert_eq!(
        propose_with_retry(&handle, register("n1", None)).await,
        Err(ProposeError::Unknown)
    );
    assert_eq!(nodes(&handle), 0);
    propose_with_retry(&handle, register("n1", Some(1)))
        .await
        .unwrap();
    assert_eq!(nodes(&handle), 1);
}

#[tokio::test(start_paused = true)]
async fn an_election_is_waited_for() {
    let elect = |number| match number {
        0 => Fault::NotLeader(Some("10.0.0.2:8300".to_owned())),
        1 => Fault::Unavailable,
        2 => Fault::Delay(Duration::from_secs(1)),
        _ => Fault::None,
    };
    let handle = Handle::with_faults(Arc::new(Told::default()), elect);
    propose_with_retry(&handle, register("n1", None))
        .await
        .unwrap();
    assert_eq!(nodes(&handle), 1);
}

#[tokio::test]
async fn a_server_that_does_not_lead_takes_no_writes_and_no_fresh_reads() {
    let handle = Handle::open(Arc::new(Told::default()));
    let mut leadership = handle.leadership();
    let before = leadership.borrow_and_update().term;
    handle.lead(false);
    assert!(leadership.borrow_and_update().term > before);
    assert_eq!(
        handle.propose(register("n1", None)).await,
        Err(ProposeError::Unavailable)
    );
    let read = |consistency| handle.read_barrier(consistency);
    assert!(read(crate::Consistency::Stale).await.is_ok());
    assert!(read(crate::Consistency::Default).await.is_err());
    assert!(read(crate::Consistency::Consistent).await.is_err());
    handle.lead(true);
    assert!(handle.propose(register("n1", None)).await.is_ok());
}

#[tokio::test]
async fn a_command_that_is_too_large_is_refused_whole() {
    let handle = Handle::open(Arc::new(Told::default()));
    let huge = register(&"x".repeat(1 << 20), None);
    assert!(matches!(
        handle.propose(huge).await,
        Err(ProposeError::TooLarge { .. })
    ));
    assert_eq!(nodes(&handle), 0);
}

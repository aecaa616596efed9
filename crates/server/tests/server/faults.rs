//! A log that delays, loses proposals and answers, and moves leadership.

use std::time::Duration;

use tokio::task::JoinSet;
use tribune_replication::{Fate, Fault, Leader};
use tribune_types::call::{CallError, Consistency, Options, Query};

use crate::support::{instance, protocol, query, server, write};

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_is_there_once_whatever_the_log_did() {
    for seed in 0..20 {
        let (server, faults) = server().await;
        faults.plan_at_random(seed, Duration::from_millis(20));
        let mut writers = JoinSet::new();
        for n in 0..16 {
            let server = server.clone();
            writers.spawn(async move { (n, write(&server, instance("db", n)).await.is_ok()) });
        }
        let mut acknowledged = Vec::new();
        while let Some(written) = writers.join_next().await {
            let (n, ok) = written.unwrap();
            acknowledged.extend(ok.then(|| format!("\"ServiceID\":\"db-{n}\"")));
        }
        faults.plan(Fault::default);
        let instances = tribune_types::call::Instances {
            service: tribune_types::ServiceName::new("db"),
            ..Default::default()
        };
        let (_, rows) = query(&server, Query::ServiceNodes(instances), &Options::default()).await;
        assert!(!acknowledged.is_empty(), "seed {seed}");
        for row in acknowledged {
            assert_eq!(rows.matches(&row).count(), 1, "seed {seed}: {row}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_writers_of_config_entries_do_not_refuse_each_other() {
    let (server, faults) = server().await;
    faults.plan(|| Fault {
        before: Duration::from_millis(1),
        ..Fault::default()
    });
    let mut writers = JoinSet::new();
    for n in 0..64 {
        let server = server.clone();
        writers.spawn(async move { write(&server, protocol(&format!("s{n}"), "http")).await });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_waits_for_an_election_and_is_then_made() {
    let (server, faults) = server().await;
    faults.elect(Leader::None);
    let writing = tokio::spawn({
        let server = server.clone();
        async move { write(&server, instance("db", 1)).await }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!writing.is_finished());
    faults.elect(Leader::This);
    writing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_write_that_nobody_takes_says_so_and_stale_reads_go_on() {
    let (server, faults) = server().await;
    write(&server, instance("db", 1)).await.unwrap();
    faults.elect(Leader::None);
    let refused = write(&server, instance("db", 2)).await.unwrap_err();
    assert!(matches!(refused, CallError::Unavailable(_)), "{refused:?}");
    let stale = Options {
        consistency: Consistency::Stale,
        ..Options::default()
    };
    let (_, nodes) = query(&server, Query::Nodes, &stale).await;
    assert!(nodes.contains("db-1") && !nodes.contains("db-2"), "{nodes}");
    let fresh = server
        .query(
            &Query::Nodes,
            &Options::default(),
            &tribune_acl::Authorizer::allow_all(),
        )
        .await;
    assert!(matches!(fresh, Err(CallError::Unavailable(_))), "{fresh:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_made_once() {
    let (server, faults) = server().await;
    let mut lost = false;
    faults.plan(move || Fault {
        fate: if std::mem::replace(&mut lost, true) {
            Fate::Answer
        } else {
            Fate::LoseAnswer
        },
        ..Fault::default()
    });
    write(&server, instance("db", 1)).await.unwrap();
    let (index, _) = query(&server, Query::Nodes, &Options::default()).await;
    write(&server, instance("db", 1)).await.unwrap();
    let (again, _) = query(&server, Query::Nodes, &Options::default()).await;
    assert_eq!(
        index, again,
        "an identical registration changes nothing, so the first was made"
    );
}

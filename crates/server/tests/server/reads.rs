//! Reads that wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tribune_server::Server;
use tribune_types::ServiceName;
use tribune_types::call::{ChainQuery, Instances, Options, Query};

use crate::support::{instance, intention, protocol, query, server, write};

fn instances_of(service: &str) -> Query {
    Query::CheckServiceNodes(Instances {
        service: ServiceName::new(service),
        ..Instances::default()
    })
}

/// A read that has begun to wait, or is about to answer.
async fn waiting(
    server: &Arc<Server>,
    asked: Query,
    min_index: u64,
) -> tokio::task::JoinHandle<(u64, String)> {
    let options = Options {
        min_index,
        wait: Some(Duration::from_secs(60)),
        ..Options::default()
    };
    let server = server.clone();
    let read = tokio::spawn(async move { query(&server, asked, &options).await });
    // it runs until it waits before this task runs again
    tokio::task::yield_now().await;
    read
}

#[tokio::test(start_paused = true)]
async fn a_read_wakes_at_its_own_change_and_at_no_other() {
    let (server, _) = server().await;
    write(&server, instance("db", 1)).await.unwrap();
    let (index, _) = query(&server, instances_of("db"), &Options::default()).await;
    let read = waiting(&server, instances_of("db"), index).await;
    write(&server, instance("web", 1)).await.unwrap();
    write(&server, protocol("db", "http")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        !read.is_finished(),
        "other services are none of its business"
    );
    write(&server, instance("db", 2)).await.unwrap();
    let (later, rows) = read.await.unwrap();
    assert!(later > index);
    assert!(rows.contains("db-2"));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_waited_in_vain_answers_with_its_old_index() {
    let (server, _) = server().await;
    write(&server, instance("db", 1)).await.unwrap();
    let (index, rows) = query(&server, instances_of("db"), &Options::default()).await;
    let began = Instant::now();
    let (same, again) = waiting(&server, instances_of("db"), index)
        .await
        .await
        .unwrap();
    assert_eq!((same, again), (index, rows));
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(60), "{waited:?}");
    assert!(
        waited <= Duration::from_secs(64),
        "jitter is a sixteenth at most: {waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_behind_does_not_wait() {
    let (server, _) = server().await;
    write(&server, instance("db", 1)).await.unwrap();
    let began = Instant::now();
    waiting(&server, instances_of("db"), 1).await.await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_chain_that_comes_out_the_same_wakes_nobody() {
    let (server, _) = server().await;
    let chain = || {
        Query::DiscoveryChain(ChainQuery {
            service: ServiceName::new("db"),
            ..ChainQuery::default()
        })
    };
    write(&server, protocol("db", "http")).await.unwrap();
    let (index, _) = query(&server, chain(), &Options::default()).await;
    let read = waiting(&server, chain(), index).await;
    write(&server, intention("web", "other", "deny"))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!read.is_finished());
    write(&server, protocol("db", "grpc")).await.unwrap();
    assert!(read.await.unwrap().1.contains("\"grpc\""));
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_as_long_as_the_settings_say_where_it_does_not() {
    let (server, _) = server().await;
    let waits = |wait: Option<u64>| {
        let wait = wait.map(Duration::from_secs);
        server.wait_of(&Options {
            wait,
            ..Options::default()
        })
    };
    let seconds = |low: u64| Duration::from_secs(low)..=Duration::from_secs(low + low / 16 + 1);
    assert!(seconds(300).contains(&waits(None)));
    assert!(seconds(600).contains(&waits(Some(86_400))));
    assert!(seconds(5).contains(&waits(Some(5))));
}

//! Real sockets of this machine.

use tribune_runtime::{Shutdown, Tasks};

use super::sim::settings;
use crate::*;

async fn start(number: u8) -> (Membership, Tasks) {
    let tasks = Tasks::new(Shutdown::new());
    let mut settings = settings(number, "127.0.0.1:0".parse().unwrap());
    settings.timing = Timing::local();
    (Membership::start(settings, &tasks).await.unwrap(), tasks)
}

/// Waits until a member sees so many others in a status.
async fn wait(membership: &Membership, count: usize, status: Status) {
    let mut changes = membership.changes();
    let enough = async {
        while membership
            .members()
            .iter()
            .filter(|member| member.status == status)
            .count()
            < count
        {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), enough)
        .await
        .unwrap();
}

#[tokio::test]
async fn members_meet_talk_and_part_over_sockets() {
    let (one, tasks_one) = start(1).await;
    let (two, tasks_two) = start(2).await;
    let (three, tasks_three) = start(3).await;
    let address = one.address().to_string();
    two.join(std::slice::from_ref(&address)).await.unwrap();
    three.join(&[address]).await.unwrap();
    for member in [&one, &two, &three] {
        wait(member, 3, Status::Alive).await;
    }
    let mut events = two.events();
    three.user_event("hello", b"there", false).unwrap();
    loop {
        if let Event::User(event) = events.recv().await.unwrap() {
            assert_eq!(
                (event.name.as_str(), &event.payload[..]),
                ("hello", &b"there"[..])
            );
            break;
        }
    }
    let report = two.list_keys(false).await;
    assert_eq!((report.members, report.errors.len()), (3, 0));
    three.leave().await;
    wait(&one, 1, Status::Left).await;
    tasks_three
        .end(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    // without a word
    tasks_two
        .end(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    wait(&one, 1, Status::Failed).await;
    tasks_one
        .end(std::time::Duration::from_secs(5))
        .await
        .unwrap();
}

#[tokio::test]
async fn who_has_another_key_hears_so_over_sockets() {
    let (one, _tasks) = start(1).await;
    let tasks = Tasks::new(Shutdown::new());
    let mut settings = settings(2, "127.0.0.1:0".parse().unwrap());
    settings.encryption = super::encryption(&[2]);
    let two = Membership::start(settings, &tasks).await.unwrap();
    let error = two
        .join(&[one.address().to_string()])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("it holds no gossip key that is used here"),
        "{error}"
    );
}

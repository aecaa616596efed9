//! Keys that change while everybody talks.

use super::sim::{Net, Node, cluster, encryption, pass, until};
use crate::keyring::tests::key;
use crate::message::KeyOperation;
use crate::*;

fn none_failed(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| {
        node.membership
            .members()
            .iter()
            .all(|member| member.status == Status::Alive)
    })
}

#[tokio::test(start_paused = true)]
async fn a_key_is_rotated_without_anybody_getting_lost() {
    let net = Net::new(40);
    let nodes = cluster(&net, 4).await;
    let (old, new) = (key(1), key(2));
    let (old, new) = (old.reveal(), new.reveal());
    let installed = nodes[1].membership.install_key(new).await.unwrap();
    assert_eq!(
        (installed.members, installed.keys[old], installed.keys[new]),
        (4, 4, 4)
    );
    assert_eq!(installed.primary[old], 4);
    assert!(installed.errors.is_empty());
    pass(60).await;
    let used = nodes[2].membership.use_key(new).await.unwrap();
    assert_eq!(used.primary[new], 4);
    pass(60).await;
    let removed = nodes[3].membership.remove_key(old).await.unwrap();
    assert_eq!((removed.keys.len(), removed.keys[new]), (1, 4));
    pass(120).await;
    assert!(none_failed(&nodes));
    let late = net.start(9, |_| {});
    let error = late.join(&nodes[0]).await.unwrap_err().to_string();
    assert!(
        error.contains("no gossip key that is used here"),
        "the old key is refused: {error}"
    );
    let late = net.start(8, |settings| settings.encryption = encryption(&[2]));
    late.join(&nodes[0]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn half_a_rotation_splits_nobody() {
    let net = Net::new(41);
    let nodes = cluster(&net, 4).await;
    nodes[0]
        .membership
        .install_key(key(2).reveal())
        .await
        .unwrap();
    // two of four use the new key already
    for node in &nodes[..2] {
        node.membership
            .shared
            .lock()
            .change_keys(KeyOperation::Use(key(2)))
            .unwrap();
    }
    pass(300).await;
    assert!(none_failed(&nodes));
    let listed = nodes[3].membership.list_keys(false).await;
    assert_eq!(
        (
            listed.primary[key(1).reveal()],
            listed.primary[key(2).reveal()]
        ),
        (2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn what_single_members_cannot_do_is_reported_by_name() {
    let net = Net::new(42);
    let mut nodes = cluster(&net, 3).await;
    let (one, two) = (key(1), key(2));
    let locally = |node: &Node, operation| {
        node.membership
            .shared
            .lock()
            .change_keys(operation)
            .unwrap()
    };
    locally(&nodes[1], KeyOperation::Install(two.clone()));
    let used = nodes[0].membership.use_key(two.reveal()).await.unwrap();
    assert_eq!(
        used.errors.len(),
        1,
        "who asks for what it cannot do asks nobody: {used:?}"
    );
    let used = nodes[1].membership.use_key(two.reveal()).await.unwrap();
    assert_eq!(used.errors.keys().collect::<Vec<_>>(), ["node-1", "node-3"]);
    assert!(
        used.errors["node-1"].contains("not in the keyring"),
        "{used:?}"
    );
    locally(&nodes[1], KeyOperation::Use(one.clone()));
    let removed = nodes[0].membership.remove_key(one.reveal()).await.unwrap();
    assert_eq!(
        removed.errors["node-1"],
        "removing the primary key is not allowed"
    );
    assert!(matches!(
        nodes[0].membership.install_key("no key").await,
        Err(KeyError::Encoding(_))
    ));
    nodes.pop().unwrap().kill().await;
    let listed = nodes[0].membership.list_keys(false).await;
    assert!(
        listed.errors["node-3"].contains("cannot connect"),
        "{listed:?}"
    );
    let local = nodes[0].membership.list_keys(true).await;
    assert_eq!((local.members, local.keys.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_encryption_there_are_no_keys() {
    let net = Net::new(43);
    let node = net.start(1, |settings| settings.encryption = encryption(&[]));
    let listed = node.membership.list_keys(false).await;
    assert_eq!(
        listed.errors["node-1"],
        "Keyring is empty (encryption not enabled)"
    );
}

#[tokio::test(start_paused = true)]
async fn encryption_is_turned_on_without_an_outage() {
    let net = Net::new(44);
    let stage = |keys: &'static [u8], incoming, outgoing| {
        move |settings: &mut Settings| {
            settings.encryption = encryption(keys);
            settings.encryption.verify_incoming = incoming;
            settings.encryption.verify_outgoing = outgoing;
        }
    };
    // one not yet, one that reads both and writes plain, one that reads both and writes sealed
    let plain = net.start(1, stage(&[], true, true));
    let reads = net.start(2, stage(&[1], false, false));
    let writes = net.start(3, stage(&[1], false, true));
    reads.join(&plain).await.unwrap();
    writes.join(&reads).await.unwrap();
    until("known", || {
        reads.membership.members().len() == 3 && writes.membership.members().len() == 3
    })
    .await;
    pass(5).await;
    assert_eq!(reads.sees(1), Some(Status::Alive));
    assert_eq!(reads.sees(3), Some(Status::Alive));
    assert_eq!(writes.sees(2), Some(Status::Alive));
}

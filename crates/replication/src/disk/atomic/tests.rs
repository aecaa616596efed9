//! Tests of the small files: the vote, and whose directory it is.

use std::sync::Arc;

use crate::disk::memory::{Fault, Memory, Operation};
use crate::disk::{Files, Identity, IdentityError, OpenError, VoteFile, WriteError};

fn vote(memory: &Memory) -> Option<Vec<u8>> {
    VoteFile::open(Arc::new(memory.clone())).unwrap().1
}

fn voted(memory: &Memory, says: &[u8]) -> VoteFile<Memory> {
    let (mut file, _) = VoteFile::open(Arc::new(memory.clone())).unwrap();
    file.write(says).unwrap();
    file
}

fn identity(cluster: &str, server: &str) -> Identity {
    Identity {
        cluster: cluster.to_owned(),
        server: server.to_owned(),
    }
}

#[test]
fn f01_a_vote_that_was_written_is_there_after_any_crash() {
    let memory = Memory::new();
    assert_eq!(vote(&memory), None);
    let mut file = voted(&memory, b"one");
    assert_eq!(vote(&memory.crash(|_| 0)).as_deref(), Some(&b"one"[..]));
    file.write(b"two").unwrap();
    assert_eq!(vote(&memory.crash(|_| 0)).as_deref(), Some(&b"two"[..]));
}

#[test]
fn f01_after_a_crash_at_any_call_the_vote_is_the_old_one_or_the_new_one() {
    for kept in [0, 1] {
        for call in 0..12 {
            let memory = Memory::new();
            let mut file = voted(&memory, b"one");
            let failing = memory.calls() + call;
            memory.fail(move |made| (made.number >= failing).then_some(Fault::Half));
            let written = file.write(b"two");
            let found = vote(&memory.crash(|count| (count - 1) * kept)).unwrap();
            assert!(found == b"one" || found == b"two", "call {call}");
            assert!(written.is_err() || found == b"two", "call {call}");
        }
    }
}

#[test]
fn f04_after_a_failed_sync_no_vote_is_written() {
    let memory = Memory::new();
    let mut file = voted(&memory, b"one");
    memory.fail(|call| (call.operation == Operation::Sync).then_some(Fault::IO));
    assert!(matches!(
        file.write(b"two"),
        Err(WriteError::Poisoned { .. })
    ));
    memory.heal();
    assert!(matches!(
        file.write(b"two"),
        Err(WriteError::Poisoned { .. })
    ));
    assert_eq!(vote(&memory).as_deref(), Some(&b"one"[..]));
}

#[test]
fn f05_a_full_disk_keeps_the_old_vote_and_heals() {
    let memory = Memory::new();
    let mut file = voted(&memory, b"one");
    memory.set_capacity(Some(30));
    assert!(matches!(
        file.write(b"two"),
        Err(WriteError::NoSpace { .. })
    ));
    assert_eq!(vote(&memory).as_deref(), Some(&b"one"[..]));
    memory.set_capacity(None);
    file.write(b"two").unwrap();
    assert_eq!(vote(&memory).as_deref(), Some(&b"two"[..]));
}

#[test]
fn f06_every_bit_that_turns_in_a_vote_is_refused() {
    let memory = Memory::new();
    voted(&memory, b"a vote");
    let len = memory.content("vote").unwrap().len() as u64;
    for bit in 0..len * 8 {
        memory.flip("vote", bit);
        let refused = VoteFile::open(Arc::new(memory.clone())).unwrap_err();
        assert!(
            matches!(refused, OpenError::Damaged(_)),
            "bit {bit}: {refused}"
        );
        memory.flip("vote", bit);
    }
}

#[test]
fn f08_the_directory_of_another_server_or_cluster_is_refused() {
    let memory = Memory::new();
    identity("c1", "s1").claim(&memory).unwrap();
    identity("c1", "s1").claim(&memory).unwrap();
    for other in [identity("c1", "s2"), identity("c2", "s1")] {
        let refused = other.claim(&memory).unwrap_err();
        assert!(matches!(refused, IdentityError::Other { .. }), "{refused}");
        let text = refused.to_string();
        assert!(
            text.contains("belongs to server s1 of cluster c1"),
            "{text}"
        );
        assert!(text.contains(&other.server), "{text}");
    }
    assert_eq!(Identity::read(&memory).unwrap(), Some(identity("c1", "s1")));
}

#[test]
fn f08_data_that_does_not_say_whose_it_is_is_refused() {
    let memory = Memory::new();
    voted(&memory, b"one");
    memory.create("lost+found").unwrap();
    let refused = identity("c1", "s1").claim(&memory).unwrap_err();
    assert!(matches!(refused, IdentityError::Unmarked { file } if file == "vote"));
    assert_eq!(Identity::read(&memory).unwrap(), None);
}

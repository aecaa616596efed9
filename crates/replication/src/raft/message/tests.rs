use openraft::EntryPayload;
use proptest::prelude::*;

use super::*;
use crate::raft::Server;
use crate::raft::codec::{encode_payload, payload};
use crate::raft::types::{Entry, Membership, Payload, StoredMembership, log_id, vote};

fn membership() -> Membership {
    let server = |id: &str| Server {
        id: id.to_owned(),
        name: format!("{id}-name"),
        address: format!("{id}:8300"),
    };
    let nodes = [(1, server("a")), (2, server("b"))];
    Membership::new(
        vec![[1].into(), [1, 2].into()],
        std::collections::BTreeMap::from(nodes),
    )
    .unwrap()
}

fn entries() -> Vec<Entry> {
    let payloads = [
        Payload::Blank,
        Payload::Membership(membership()),
        Payload::Normal(Data::check(Bytes::from_static(b"\x01command")).unwrap()),
    ];
    let entry = |(at, payload): (usize, Payload)| Entry {
        log_id: log_id(2, 5 + at as u64),
        payload,
    };
    payloads.into_iter().enumerate().map(entry).collect()
}

fn requests() -> Vec<Request> {
    let last = Some(log_id(2, 9));
    let mut asked = VoteRequest::new(vote(3, 1, false), last);
    asked.leadership_transfer = true;
    vec![
        Request::Append(AppendEntriesRequest {
            vote: vote(3, 1, true),
            prev_log_id: Some(log_id(1, 4)),
            entries: entries(),
            leader_commit: None,
        }),
        Request::Vote(asked.clone()),
        Request::PreVote(asked),
        Request::Transfer(TransferLeaderRequest::new(vote(3, 1, true), 2, last)),
        Request::Chunk(Chunk {
            vote: vote(3, 1, true),
            meta: SnapshotMeta {
                last_log_id: last,
                last_membership: StoredMembership::new(Some(log_id(1, 0)), membership()),
            },
            transfer: 7,
            offset: 10,
            total: 20,
            bytes: Bytes::from_static(b"0123456789"),
        }),
        Request::Propose(Propose {
            since: 4,
            commands: vec![Data::check(Bytes::from_static(b"\x01command")).unwrap()],
        }),
        Request::ReadIndex { confirmed: true },
    ]
}

fn message(request: Request) -> Bytes {
    Envelope {
        from: "a".to_owned(),
        to: "b".to_owned(),
        request,
    }
    .encode("cluster")
}

#[test]
fn requests_arrive_as_they_were_sent() {
    for request in requests() {
        let sent = format!("{request:?}");
        let envelope = Envelope::decode(message(request), "cluster").unwrap();
        assert_eq!((envelope.from.as_str(), envelope.to.as_str()), ("a", "b"));
        assert_eq!(format!("{:?}", envelope.request), sent);
    }
}

#[test]
fn responses_arrive_as_they_were_sent() {
    let last = Some(log_id(2, 9));
    let not = NotLeading {
        hint: Some("a:8300".to_owned()),
    };
    let fates = vec![Fate::Applied(7), Fate::Refused, Fate::Full, Fate::Unknown];
    let expected = vote(3, 1, true);
    let responses = [
        Response::Append(AppendEntriesResponse::Success),
        Response::Append(AppendEntriesResponse::PartialSuccess(last)),
        Response::Append(AppendEntriesResponse::Conflict),
        Response::Append(AppendEntriesResponse::HigherVote(expected)),
        Response::Vote(VoteResponse::new(expected, last, true)),
        Response::Transfer(Ok(())),
        Response::Transfer(Err(TransferLeaderError::VoteChanged {
            expected,
            actual: expected,
        })),
        Response::Transfer(Err(TransferLeaderError::LogNotFlushed {
            expected: last,
            actual: None,
        })),
        Response::Chunk(ChunkAnswer::Next(5)),
        Response::Chunk(ChunkAnswer::Installed(expected)),
        Response::Propose(ProposeAnswer::Each(fates)),
        Response::Propose(ProposeAnswer::TooOld(9)),
        Response::Propose(ProposeAnswer::NotLeading(not.clone())),
        Response::ReadIndex(Ok(9)),
        Response::ReadIndex(Err(not)),
    ];
    for response in responses {
        let received = Response::decode(response.encode()).unwrap();
        assert_eq!(format!("{received:?}"), format!("{response:?}"));
    }
}

#[test]
fn messages_of_others_are_refused_by_what_they_are() {
    let read = || Request::ReadIndex { confirmed: false };
    let other = Envelope::decode(message(read()), "another");
    assert_eq!(other.unwrap_err(), HandleError::OtherCluster);
    let mut newer = message(read()).to_vec();
    newer[0] = VERSION + 1;
    let newer = Envelope::decode(newer.into(), "cluster");
    assert!(matches!(
        newer,
        Err(HandleError::Version {
            version: 2,
            ours: 1
        })
    ));
    let mut damaged = message(read()).to_vec();
    damaged[6] ^= 1;
    let damaged = Envelope::decode(damaged.into(), "cluster");
    assert!(matches!(damaged, Err(HandleError::Malformed { .. })));
}

#[test]
fn entries_that_do_not_follow_each_other_are_refused() {
    for (at, index) in [(0, 7), (1, 5), (2, 9)] {
        let mut entries = entries();
        entries[at].log_id = log_id(2, index);
        let append = Request::Append(AppendEntriesRequest {
            vote: vote(3, 1, true),
            prev_log_id: Some(log_id(1, 4)),
            entries,
            leader_commit: None,
        });
        let refused = Envelope::decode(message(append), "cluster");
        assert!(
            matches!(refused, Err(HandleError::Malformed { .. })),
            "{at}"
        );
    }
}

#[test]
fn what_an_entry_holds_is_the_same_in_the_log() {
    for entry in entries() {
        let again = payload(encode_payload(&entry.payload)).unwrap();
        assert_eq!(format!("{again:?}"), format!("{:?}", entry.payload));
        if let EntryPayload::Normal(data) = again {
            assert_eq!(data.bytes, Bytes::from_static(b"\x01command"));
        }
    }
}

proptest! {
    /// Bytes with a right checksum, so that what is behind it is reached.
    #[test]
    fn no_bytes_panic(at in 0usize..200, put in any::<u8>(), cut in 0usize..200, which in 0usize..7) {
        let request = requests().remove(which);
        let mut bytes = message(request).to_vec();
        bytes.truncate(bytes.len() - CHECKSUM);
        let end = bytes.len();
        bytes[at % end] = put;
        bytes.truncate(end - cut % end);
        let mut body = BytesMut::from(&bytes[..]);
        body.put_u64_le(xxh3_64(&bytes));
        let _: Result<_, _> = Envelope::decode(body.clone().freeze(), "cluster");
        let _: Result<_, _> = Response::decode(body.freeze());
    }
}

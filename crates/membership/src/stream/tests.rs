use super::*;
use crate::gate::Gate;
use crate::keyring::Keyring;
use crate::keyring::tests::key;
use crate::keyring_file::KeyringFile;
use crate::settings::Encryption;

use proptest::prelude::*;

impl Frames for Gate {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        Self::seal(self, context, plain)
    }

    fn open(&self, context: &[u8], frame: &[u8]) -> Result<Vec<u8>, Refusal> {
        Self::open(self, context, frame)
    }
}

fn gate(byte: u8) -> Gate {
    Gate::new(Encryption {
        keyring: KeyringFile::in_memory(Keyring::new(key(byte))),
        verify_incoming: true,
        verify_outgoing: true,
    })
}

const LIMIT: usize = 1 << 20;

async fn written(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let place = ([7; 16], Direction::Request);
    write_message(&mut bytes, &gate(1), place, message)
        .await
        .unwrap();
    bytes
}

async fn read(mut bytes: &[u8], direction: Direction) -> Result<Vec<u8>, StreamError> {
    read_message(&mut bytes, &gate(1), ([7; 16], direction), LIMIT).await
}

#[tokio::test]
async fn messages_of_any_size_come_out_as_they_went_in() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK] {
        let message = vec![9; length];
        let bytes = written(&message).await;
        assert_eq!(read(&bytes, Direction::Request).await.unwrap(), message);
    }
}

#[tokio::test]
async fn records_out_of_place_are_refused() {
    let bytes = written(&vec![9; 2 * CHUNK]).await;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let refused = |outcome: Result<Vec<u8>, StreamError>| {
        matches!(
            outcome,
            Err(StreamError::Refused {
                refusal: Refusal::WrongKey,
                there: false
            })
        )
    };
    assert!(
        refused(read(&bytes, Direction::Reply).await),
        "the other way"
    );
    assert!(
        refused(read(second, Direction::Request).await),
        "the second one first"
    );
    assert!(
        refused(read(&[first, first].concat(), Direction::Request).await),
        "twice"
    );
    assert!(
        matches!(
            read(first, Direction::Request).await,
            Err(StreamError::Io(_))
        ),
        "cut short"
    );
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_given_up() {
    let bytes = written(&vec![9; LIMIT + 1]).await;
    assert!(matches!(
        read(&bytes, Direction::Request).await,
        Err(StreamError::Long)
    ));
}

#[tokio::test]
async fn who_is_refused_reads_why() {
    let (mut here, mut there) = tokio::io::duplex(64);
    let refusing = async {
        let place = ([7; 16], Direction::Request);
        let read = read_message(&mut there, &gate(2), place, LIMIT).await;
        let Err(StreamError::Refused {
            refusal,
            there: false,
        }) = read
        else {
            panic!("{read:?}");
        };
        write_refusal(&mut there, &refusal).await.unwrap();
    };
    let asking = async {
        let place = ([7; 16], Direction::Request);
        write_message(&mut here, &gate(1), place, b"hello")
            .await
            .unwrap();
        let place = ([7; 16], Direction::Reply);
        let answer = read_message(&mut here, &gate(1), place, LIMIT).await;
        drop(here);
        answer
    };
    let ((), answer) = tokio::join!(refusing, asking);
    let expected = matches!(
        answer,
        Err(StreamError::Refused {
            refusal: Refusal::WrongKey,
            there: true
        })
    );
    assert!(expected, "{answer:?}");
}

proptest! {
    #[test]
    fn no_stream_hurts(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(read(&bytes, Direction::Request)).is_err());
    }
}

//! The state of the cluster, there and back.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use tribune_rpc::Chunks;
use tribune_rpc::tls::Tls;
use tribune_types::Token;
use tribune_types::call::CallError;

use crate::world::{Fake, Running, client};

async fn all(mut chunks: Chunks) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.map_err(|failure| failure.error)?);
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_snapshot_arrives_whole() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let token = Token::default();
    let snapshot = client.snapshot_save(&token, false).await.unwrap();
    assert_eq!(snapshot.index, 42);
    let bytes = all(snapshot.chunks).await.unwrap();
    assert_eq!(bytes.len(), 3_600_000);
    assert_eq!(bytes.last(), Some(&8));
    let chunks = stream::iter([Ok(Bytes::from(bytes.clone()))]).boxed();
    client.snapshot_restore(&token, chunks).await.unwrap();
    assert_eq!(*fake.restored.lock().unwrap(), bytes);
}

#[tokio::test]
async fn a_snapshot_that_breaks_off_is_none() {
    let (fake, _waits) = Fake::new("one");
    let server = Running::start(&fake, &Tls::plaintext()).await;
    let client = client(&[&server], &Tls::plaintext());
    let token = Token::default();
    let snapshot = client.snapshot_save(&token, true).await.unwrap();
    let error = all(snapshot.chunks).await.unwrap_err();
    assert_eq!(error, CallError::Unavailable("the disk broke".into()));
    let broken = Err(CallError::Unavailable("the file ended".into()).into());
    let chunks = stream::iter([Ok(Bytes::from_static(b"half")), broken]).boxed();
    let error = client.snapshot_restore(&token, chunks).await.unwrap_err();
    assert!(error.to_string().contains("not complete"), "{error}");
    assert!(fake.restored.lock().unwrap().is_empty());
}

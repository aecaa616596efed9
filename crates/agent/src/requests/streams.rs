//! What goes by piece by piece.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tribune_acl::{Access, Permission};
use tribune_archive::Meta;
use tribune_http::{Chunks, Streamed};
use tribune_types::call::{Answer, CallError, LogLevel, StreamRequest};

use crate::agent::Agent;
use crate::api::Caller;
use crate::cluster::State;
use crate::log;

/// Bytes of a piece of an archive.
const PIECE: usize = 256 << 10;

pub(crate) async fn answer(
    agent: &Arc<Agent>,
    caller: &Caller<'_>,
    request: StreamRequest,
    body: Chunks,
) -> Result<Streamed, CallError> {
    match request {
        StreamRequest::Monitor { level, json } => {
            caller.require(Permission::Agent(agent.node_name(), Access::Read))?;
            Ok(monitor(agent.clone(), level, json))
        }
        StreamRequest::SaveSnapshot => {
            caller.require(Permission::Snapshot)?;
            save(caller).await
        }
        StreamRequest::RestoreSnapshot => {
            caller.require(Permission::Snapshot)?;
            restore(caller, body).await?;
            Ok(Answer::default().into())
        }
    }
}

/// The log until the agent ends or the caller goes away.
fn monitor(agent: Arc<Agent>, level: LogLevel, json: bool) -> Streamed {
    let follower = log::tap().follow(level, json);
    let lines = stream::unfold((agent, follower), |(agent, mut follower)| async move {
        let line = agent.shutdown.unless(follower.next()).await?;
        Some((Ok(Bytes::from(line)), (agent, follower)))
    });
    Streamed {
        answer: Answer::default(),
        content_type: "text/plain; charset=utf-8",
        chunks: Some(Box::pin(lines)),
    }
}

/// An archive of what the servers keep. It is written to a nameless file before the first byte of it goes out,
/// so that what cannot be saved is answered with a reason.
async fn save(caller: &Caller<'_>) -> Result<Streamed, CallError> {
    let state = caller.agent.cluster.save_snapshot(caller.options).await?;
    let index = state.index;
    let archive = blocking(move || {
        let mut file = tempfile::tempfile()?;
        let meta = Meta::new(state.id, state.index, state.term, state.size);
        let mut out = io::BufWriter::with_capacity(PIECE, &mut file);
        tribune_archive::write(&mut out, &meta, state.bytes)?;
        out.flush()?;
        drop(out);
        file.rewind()?;
        Ok(file)
    });
    let archive = archive
        .await
        .map_err(|error| CallError::Refused(format!("the snapshot cannot be written: {error}")))?;
    Ok(Streamed {
        answer: Answer {
            index: Some(index),
            ..Answer::default()
        },
        content_type: "application/x-gzip",
        chunks: Some(pieces(archive)),
    })
}

fn pieces(file: File) -> Chunks {
    let next = |mut file: File| async move {
        let read = blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok((Bytes::from(piece), file))
        });
        match read.await {
            Ok((piece, _)) if piece.is_empty() => Ok(None),
            Ok(read) => Ok(Some(read)),
            Err(error) => Err(error),
        }
    };
    Box::pin(stream::try_unfold(file, next))
}

/// Puts an archive in the place of what the servers keep, after all of it has come and is as it was written.
async fn restore(caller: &Caller<'_>, mut body: Chunks) -> Result<(), CallError> {
    let failed = |error: &dyn std::fmt::Display| {
        CallError::Refused(format!("the snapshot cannot be read: {error}"))
    };
    let mut archive = blocking(tempfile::tempfile)
        .await
        .map_err(|error| failed(&error))?;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| failed(&error))?;
        archive = blocking(move || archive.write_all(&piece).map(|()| archive))
            .await
            .map_err(|error| failed(&error))?;
    }
    let read = blocking(move || {
        archive.rewind()?;
        let mut state = tempfile::tempfile()?;
        let meta = tribune_archive::read(archive, &state).map_err(io::Error::other)?;
        state.rewind()?;
        Ok((meta, state))
    });
    let (meta, state) = read.await.map_err(|error| failed(&error))?;
    let state = State {
        id: meta.id,
        index: meta.index,
        term: meta.term,
        size: meta.size,
        bytes: Box::new(state),
    };
    let restored = caller.agent.cluster.restore_snapshot(state, caller.options);
    restored.await?;
    tracing::warn!(index = meta.index, "a snapshot was restored");
    Ok(())
}

/// Does something with files where nobody has to wait for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

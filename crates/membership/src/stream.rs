//! Messages over a stream: records of bounded size, each encrypted and tied to its place.
//!
//! Whoever begins a stream names it with random bytes. A record is encrypted for that name, its
//! direction and its number, so none is taken out, put elsewhere or played again.
//!
//! Invariant: before one record has proved that its sender holds a key, no more than it is kept.

use std::io;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::Refusal;
use crate::gate::{is_refusal, refuse};
use crate::key::OVERHEAD;

/// The name of a stream.
pub(crate) type StreamId = [u8; 16];

/// Bytes of a message in one record.
const CHUNK: usize = 16 << 10;
/// Bytes that one record may take.
const RECORD: usize = CHUNK + OVERHEAD + 2;

/// Which way a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Reply,
}

/// Closes and opens frames for a stream.
pub(crate) trait Frames {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8>;
    fn open(&self, context: &[u8], frame: &[u8]) -> Result<Vec<u8>, Refusal>;
}

/// Why no message comes out of a stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is refused, here or at the other end.
    #[error("{refusal}")]
    Refused { refusal: Refusal, there: bool },
    #[error("a record or a message in it is too long")]
    Long,
}

/// A new name.
pub(crate) fn new_id() -> StreamId {
    let mut id = StreamId::default();
    SystemRandom::new()
        .fill(&mut id)
        .expect("the system has random bytes");
    id
}

/// Writes one message.
pub(crate) async fn write_message(
    stream: &mut (impl AsyncWrite + Unpin),
    frames: &impl Frames,
    (id, direction): (StreamId, Direction),
    message: &[u8],
) -> io::Result<()> {
    let mut chunks = message.chunks(CHUNK).peekable();
    let mut number = 0;
    loop {
        let chunk = chunks.next().unwrap_or_default();
        let is_last = chunks.peek().is_none();
        let mut plain = Vec::with_capacity(chunk.len() + 1);
        plain.push(is_last.into());
        plain.extend_from_slice(chunk);
        let frame = frames.seal(&context(id, direction, number), &plain);
        write_record(stream, &frame).await?;
        if is_last {
            return stream.flush().await;
        }
        number += 1;
    }
}

/// Reads one message of up to `limit` bytes.
pub(crate) async fn read_message(
    stream: &mut (impl AsyncRead + Unpin),
    frames: &impl Frames,
    (id, direction): (StreamId, Direction),
    limit: usize,
) -> Result<Vec<u8>, StreamError> {
    let mut message = Vec::new();
    let mut number = 0;
    loop {
        let frame = read_record(stream).await?;
        let plain = frames
            .open(&context(id, direction, number), &frame)
            .map_err(|refusal| StreamError::Refused {
                refusal,
                there: is_refusal(&frame),
            })?;
        let (is_last, chunk) = plain.split_first().ok_or(StreamError::Long)?;
        if message.len() + chunk.len() > limit {
            return Err(StreamError::Long);
        }
        message.extend_from_slice(chunk);
        match is_last {
            0 if !chunk.is_empty() => number += 1,
            1 => return Ok(message),
            _ => return Err(StreamError::Long),
        }
    }
}

/// Tells the other end that it is refused, and lets it finish what it is saying.
pub(crate) async fn write_refusal(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    refusal: &Refusal,
) -> io::Result<()> {
    write_record(stream, &refuse(refusal)).await?;
    stream.shutdown().await?;
    // closed with bytes unread, a connection is reset, and the refusal lost with it
    let mut rest = stream.take(RECORD as u64 * 4);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

async fn write_record(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> io::Result<()> {
    let length = u16::try_from(frame.len()).expect("a record is shorter than 64 KiB");
    stream.write_u16(length).await?;
    stream.write_all(frame).await?;
    stream.flush().await
}

async fn read_record(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, StreamError> {
    let length = usize::from(stream.read_u16().await?);
    if length > RECORD {
        return Err(StreamError::Long);
    }
    // grows with what comes, not with what is announced
    let mut frame = Vec::new();
    stream.take(length as u64).read_to_end(&mut frame).await?;
    if frame.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(frame)
}

fn context(id: StreamId, direction: Direction, number: u32) -> Vec<u8> {
    let way = match direction {
        Direction::Request => 0,
        Direction::Reply => 1,
    };
    let mut context = b"tribune gossip 1 stream ".to_vec();
    context.extend_from_slice(&id);
    context.push(way);
    context.extend_from_slice(&number.to_be_bytes());
    context
}

#[cfg(test)]
mod tests;

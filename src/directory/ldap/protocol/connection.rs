//! Messages over a connection: bounded in size and in patience.

use std::{io, time::Duration};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::ber::{self, Malformed};

/// The largest message that is taken, in bytes. One entry is one message, so this bounds a group: about a million
/// members with DNs of 60 characters.
pub const MESSAGE_LIMIT: usize = 64 << 20;

/// How many bytes are asked of the kernel at once.
const CHUNK: usize = 128 << 10;

/// What a connection runs over: TCP, or TLS on TCP.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Why no more messages come.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Reading or writing failed.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The server closed the connection where an answer was due.
    #[error("the server closed the connection before its answer was complete")]
    Closed,
    /// The server said that it is about to close the connection (RFC 4511 §4.4.1).
    #[error("the server ended the connection: {0}")]
    Disconnected(String),
    /// Nothing came, or nothing could be sent, for this long.
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// A message is larger than [`MESSAGE_LIMIT`].
    #[error("the server sent a message of more than {} MiB", MESSAGE_LIMIT >> 20)]
    TooLarge,
    /// What came is not LDAP.
    #[error("the answer is not LDAP: {0}")]
    Malformed(#[from] Malformed),
}

/// A connection, and what has been received but not read.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    received: BytesMut,
    last_id: i32,
    patience: Duration,
}

impl<S: Stream> Connection<S> {
    /// Speaks LDAP over `stream`. `patience` is how long the server may be silent while an answer is due.
    pub fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            received: BytesMut::new(),
            last_id: 0,
            patience,
        }
    }

    /// Sends the request that `encode` makes for the id that it is given, and returns that id.
    pub async fn send(&mut self, encode: impl FnOnce(i32) -> Vec<u8>) -> Result<i32, ConnectionError> {
        // Ids are never reused while their request is under way: only one is.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let request = encode(self.last_id);
        let write = async {
            self.stream.write_all(&request).await?;
            self.stream.flush().await
        };
        timeout(self.patience, write)
            .await
            .map_err(|_| ConnectionError::Silent(self.patience))?
            .map_err(ConnectionError::Broken)?;
        Ok(self.last_id)
    }

    /// Waits until a whole message has been received, and returns its length. It stays there until [`Self::consume`].
    pub async fn receive(&mut self) -> Result<usize, ConnectionError> {
        loop {
            if let Some(header) = ber::header(&self.received)? {
                if header.tag != ber::SEQUENCE {
                    return Err(Malformed("a message that is no sequence").into());
                }
                if header.content > MESSAGE_LIMIT {
                    return Err(ConnectionError::TooLarge);
                }
                let length = header.length + header.content;
                if self.received.len() >= length {
                    return Ok(length);
                }
            }
            self.fill().await?;
        }
    }

    /// The first `length` bytes that have been received.
    pub fn message(&self, length: usize) -> &[u8] {
        self.received.get(..length).unwrap_or_default()
    }

    /// Drops the first `length` bytes that have been received.
    pub fn consume(&mut self, length: usize) {
        self.received.advance(length.min(self.received.len()));
    }

    async fn fill(&mut self) -> Result<(), ConnectionError> {
        self.received.reserve(CHUNK);
        match timeout(self.patience, self.stream.read_buf(&mut self.received)).await {
            Err(_) => Err(ConnectionError::Silent(self.patience)),
            Ok(Ok(0)) => Err(ConnectionError::Closed),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(ConnectionError::Broken(error)),
        }
    }

    /// Gives the stream back, to begin TLS on it. Bytes that came unasked before TLS may be forged, so they are refused.
    pub fn into_stream(self) -> Result<S, ConnectionError> {
        if self.received.is_empty() {
            Ok(self.stream)
        } else {
            Err(Malformed("bytes between the answer to StartTLS and TLS itself").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::message::{Answer, Message, tests as server, unbind},
        *,
    };

    const PATIENCE: Duration = Duration::from_secs(5);

    async fn error_of(bytes: &[u8]) -> ConnectionError {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        server.write_all(bytes).await.unwrap();
        drop(server);
        Connection::new(client, PATIENCE).receive().await.unwrap_err()
    }

    #[tokio::test]
    async fn messages_are_found_however_the_bytes_are_cut() {
        let mut bytes = server::entry(1, "uid=a,dc=b", &[("cn", &[&[b'x'; 300]])]);
        bytes.extend(server::search_done(1, 0, &[]));
        let (client, mut peer) = tokio::io::duplex(7);
        let writer = tokio::spawn(async move { peer.write_all(&bytes).await.unwrap() });
        let mut connection = Connection::new(client, PATIENCE);
        let length = connection.receive().await.unwrap();
        let first = Message::decode(connection.message(length)).unwrap();
        assert!(matches!(first.answer, Answer::Entry(_)));
        connection.consume(length);
        let length = connection.receive().await.unwrap();
        let second = Message::decode(connection.message(length)).unwrap();
        assert!(matches!(second.answer, Answer::SearchDone(_)));
        connection.consume(length);
        writer.await.unwrap();
        assert!(matches!(connection.receive().await, Err(ConnectionError::Closed)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_not_waited_for_without_end() {
        let (client, _server) = tokio::io::duplex(64);
        let error = Connection::new(client, PATIENCE).receive().await.unwrap_err();
        assert_eq!(error.to_string(), "no answer within 5 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_reads_nothing_is_not_waited_for_without_end() {
        let (client, _server) = tokio::io::duplex(4);
        let error = Connection::new(client, PATIENCE).send(unbind).await.unwrap_err();
        assert!(matches!(error, ConnectionError::Silent(PATIENCE)));
    }

    #[tokio::test]
    async fn an_answer_that_is_not_ldap_is_named() {
        assert!(matches!(
            error_of(b"HTTP/1.1 400 Bad Request\r\n\r\n").await,
            ConnectionError::Malformed(_)
        ));
        assert!(matches!(error_of(&[0x30, 0x80]).await, ConnectionError::Malformed(_)));
        assert!(matches!(
            error_of(&[0x30, 0x84, 0x05, 0, 0, 0]).await,
            ConnectionError::TooLarge
        ));
        assert!(matches!(error_of(&[0x30, 0x05, 0x02]).await, ConnectionError::Closed));
    }

    #[tokio::test]
    async fn plain_bytes_after_the_answer_to_starttls_are_refused() {
        let (client, mut peer) = tokio::io::duplex(1 << 10);
        let mut bytes = server::extended(1, 0, "");
        bytes.extend(server::search_done(2, 0, &[]));
        peer.write_all(&bytes).await.unwrap();
        let mut connection = Connection::new(client, PATIENCE);
        let length = connection.receive().await.unwrap();
        connection.consume(length);
        assert!(matches!(connection.into_stream(), Err(ConnectionError::Malformed(_))));
    }
}

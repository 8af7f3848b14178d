//! The listening socket, with a string on every connection that can be pulled to reset it.
//!
//! A cut connection is reset (RST), as when a machine dies or a balancer gives up: the client reads an error, not an
//! end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::traffic::{OnTheWay, Traffic};

/// Largest body the sandbox reads, above Mastodon's largest video.
pub(crate) const BODY_MAX: usize = 110 * 1024 * 1024;

/// Accepts connections.
#[derive(Debug)]
pub(crate) struct Doors(pub(crate) TcpListener, pub(crate) Traffic);

impl Listener for Doors {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Without it small answers wait for acknowledgements; a failure only costs time.
        drop(stream.set_nodelay(true));
        let cutter = Cutter { cut: Arc::new(AtomicBool::new(false)), unheard: Arc::new(self.1.begin()) };
        (Wire { stream, cutter }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Resets one connection.
#[derive(Clone, Debug)]
pub(crate) struct Cutter {
    cut: Arc<AtomicBool>,
    /// Until its first request was read, or it is gone.
    unheard: Arc<OnTheWay>,
}

impl Cutter {
    /// From now on the connection fails; whatever is written next resets it.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// A request was read from this connection.
    pub(crate) fn heard(&self) {
        self.unheard.end();
    }
}

impl Connected<IncomingStream<'_, Doors>> for Cutter {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        stream.io().cutter.clone()
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    cutter: Cutter,
}

impl Wire {
    fn check(&self) -> io::Result<()> {
        if self.cutter.cut.load(Ordering::SeqCst) {
            // Dropping the socket then sends a reset; if the option fails, an end is sent instead.
            drop(self.stream.set_zero_linger());
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

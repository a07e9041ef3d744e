//! The bytes' way: TCP, TCP encrypted, or a unix socket. Each read and write ends after a [`TICK`] at the latest.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::sockopt;
use rustls::{ClientConnection, StreamOwned};

use crate::options::Place;
use crate::packets::TICK;

/// How long one address may take to answer.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long nothing is heard before the other side is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A connected socket.
pub(crate) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// It has been closed.
    Gone,
}

impl Socket {
    pub(crate) fn connect(place: &Place) -> io::Result<Self> {
        match place {
            Place::Socket(path) => {
                let socket = UnixStream::connect(path)?;
                socket.set_read_timeout(Some(TICK))?;
                socket.set_write_timeout(Some(TICK))?;
                Ok(Self::Unix(socket))
            }
            Place::Tcp(host, port) => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, CONNECT_TIME) {
                        Ok(socket) => {
                            socket.set_nodelay(true)?;
                            sockopt::set_socket_keepalive(&socket, true)?;
                            sockopt::set_tcp_keepidle(&socket, KEEP_ALIVE)?;
                            socket.set_read_timeout(Some(TICK))?;
                            socket.set_write_timeout(Some(TICK))?;
                            return Ok(Self::Tcp(socket));
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    /// From here on everything is encrypted, if it goes through a network at all.
    pub(crate) fn encrypt(&mut self, tls: ClientConnection) {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Tcp(socket) => Self::Tls(Box::new(StreamOwned::new(tls, socket))),
            other => other,
        };
    }

    /// Whether nobody can listen: a password may be sent.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self, Self::Unix(_) | Self::Tls(_))
    }

    /// The server notices.
    pub(crate) fn close(&mut self) {
        // There is nothing to do about a socket that does not want to be closed.
        let _ = match std::mem::replace(self, Self::Gone) {
            Self::Unix(socket) => socket.shutdown(Shutdown::Both),
            Self::Tcp(socket) => socket.shutdown(Shutdown::Both),
            Self::Tls(mut stream) => {
                stream.conn.send_close_notify();
                let _ = stream.conn.complete_io(&mut stream.sock);
                stream.sock.shutdown(Shutdown::Both)
            }
            Self::Gone => Ok(()),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.read(bytes),
            Self::Tcp(socket) => socket.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.write(bytes),
            Self::Tcp(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(socket) => socket.flush(),
            Self::Tcp(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

//! A listener that shares its port with those of the other cores.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;
/// A client that takes nothing of its answer for so long, or is no longer there, is let go: nothing else would
/// notice, as an answer that cannot be written is not asked for its next piece.
#[cfg(target_os = "linux")]
const TAKEN_WITHIN: std::time::Duration = std::time::Duration::from_mins(1);

/// Opens so many listeners on one port; the kernel spreads connections over them. Fails where somebody else listens
/// there already: sharing the port with another process would split clients between the two, and nobody would be
/// told. (Port 0 is never taken.)
pub(crate) fn open(mut address: SocketAddr, count: usize) -> io::Result<Vec<std::net::TcpListener>> {
    bind(address, false).map(drop)?;
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count {
        let listener = bind(address, true)?;
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn bind(address: SocketAddr, share: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    // Connections inherit both.
    socket.set_keepalive(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(TAKEN_WITHIN))?;
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    socket.bind(&address.into()).map_err(named)?;
    socket.listen(BACKLOG).map_err(named)?;
    Ok(socket.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpStream;

    use socket2::SockRef;

    use super::{TAKEN_WITHIN, open};

    #[test]
    fn clients_that_take_nothing_are_let_go() {
        let listener = open("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let accepted = SockRef::from(&accepted);
        assert_eq!(accepted.tcp_user_timeout().unwrap(), Some(TAKEN_WITHIN));
        assert!(accepted.keepalive().unwrap());
    }
}

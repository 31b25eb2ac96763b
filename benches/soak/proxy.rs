//! The wire between receiver and Postgres: a TCP port that leads to Postgres's socket, and can be broken.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// How the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Whole,
    /// What is sent waits, and nobody is told.
    Stalled,
    /// Connections end, and no new one comes about.
    Cut,
    /// Postgres hears everything and is not heard: what it commits, nobody learns of.
    Deaf,
}

/// The wire; it is cut for good when this is dropped.
pub struct Proxy {
    wire: watch::Sender<Wire>,
    address: SocketAddr,
}

impl Proxy {
    /// Listens on a free port of this machine.
    pub async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = watch::Sender::new(Wire::Whole);
        tokio::spawn(serve(listener, socket, wire.subscribe()));
        Self { wire, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks or mends the wire.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn serve(listener: TcpListener, socket: PathBuf, mut wire: watch::Receiver<Wire>) {
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            () = ended(wire.clone()) => return,
        };
        if *wire.borrow_and_update() != Wire::Cut {
            tokio::spawn(connect(client, socket.clone(), wire.clone()));
        }
    }
}

/// Ends when nobody can mend the wire any more.
async fn ended(mut wire: watch::Receiver<Wire>) {
    while wire.changed().await.is_ok() {}
}

/// One connection, until either end closes it or the wire is cut.
async fn connect(client: TcpStream, socket: PathBuf, mut wire: watch::Receiver<Wire>) {
    let Ok(server) = UnixStream::connect(socket).await else {
        return;
    };
    // An error only means that the connection has ended.
    let _ = client.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let questions = pump(from_client, to_server, wire.clone(), false);
    let answers = pump(from_server, to_client, wire.clone(), true);
    tokio::select! {
        _ = questions => {}
        _ = answers => {}
        _ = wire.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

/// Passes on what comes, as far as the wire does.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut wire: watch::Receiver<Wire>,
    are_answers: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut lost = false;
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let state = wire.wait_for(|wire| *wire != Wire::Stalled).await;
        let state = state.map_err(io::Error::other)?.to_owned();
        if are_answers && state == Wire::Deaf {
            lost = true;
        } else if lost {
            // Half an answer would be worse than none.
            return Ok(());
        } else {
            to.write_all(&buffer[..read]).await?;
        }
    }
}

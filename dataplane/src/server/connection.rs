//! Connections of clients: accepted, served, and ended without cutting anything off.

use std::{
    cell::Cell, convert::Infallible, error::Error, future::poll_fn, io::ErrorKind, pin::pin, rc::Rc,
    task::Poll, time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::Instant,
};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};

use super::Ending;
use crate::{
    gateway::{self, ReplyBody},
    percore::{Core, Live},
};

/// A client that has not sent a request's head by then is let go. The time runs while a connection is idle, too:
/// longer than load balancers usually keep theirs, so that they close first and no request crosses our closing.
const HEAD_WITHIN: Duration = Duration::from_secs(75);
/// At the end, a connection that has not said anything yet may have its first request on the way.
const FIRST_WORD: Duration = Duration::from_secs(1);
/// For all of a TLS handshake: a few round trips, on any line.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors left), before the next.
const BREATHER: Duration = Duration::from_millis(50);

type Closing = watch::Receiver<Option<Ending>>;

/// Who answers what comes on the connections of one thread.
pub(crate) trait Answers: 'static {
    /// What answers are made of.
    type Body: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static;

    /// Answers a request. Never fails: what goes wrong is an answer too.
    fn answer(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + 'static;

    /// What must end before the thread may.
    fn live(&self) -> &Live;

    /// A connection was accepted.
    fn opened(&self) {}

    /// It has ended.
    fn closed(&self) {}
}

impl Answers for Core {
    type Body = ReplyBody;

    fn answer(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<ReplyBody>> + 'static {
        gateway::handle(self, request)
    }

    fn live(&self) -> &Live {
        &self.live
    }

    fn opened(&self) {
        self.metrics.connection_opened();
    }

    fn closed(&self) {
        self.metrics.connection_closed();
    }
}

/// Accepts until the process is about to end, then what waits already. Returns when open requests must have ended.
pub(crate) async fn accept<A: Answers>(
    core: &Rc<A>,
    listener: TcpListener,
    tls: Option<&TlsAcceptor>,
    closing: Closing,
) -> Instant {
    let mut spare = closing.clone();
    let deadline = {
        let mut told = pin!(spare.wait_for(Option::is_some));
        loop {
            tokio::select! {
                biased;
                ending = &mut told => break ending.ok().and_then(|ending| *ending).map(|ending| ending.deadline),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => serve(core, stream, tls, closing.clone()),
                    Err(error) => {
                        tracing::error!(%error, "a connection could not be accepted");
                        tokio::time::sleep(BREATHER).await;
                    }
                },
            }
        }
    };
    backlog(core, listener, tls, &closing);
    deadline.unwrap_or_else(Instant::now)
}

/// Serves what the kernel has accepted already. The system is asked itself: the runtime knows of a connection only
/// after its next turn, and what is left in the backlog when the listener closes is reset.
fn backlog<A: Answers>(core: &Rc<A>, listener: TcpListener, tls: Option<&TlsAcceptor>, closing: &Closing) {
    let listener = match listener.into_std() {
        Ok(listener) => listener,
        Err(error) => return tracing::warn!(%error, "the backlog could not be emptied"),
    };
    loop {
        let accepted = listener.accept().and_then(|(stream, _)| {
            stream.set_nonblocking(true)?;
            TcpStream::from_std(stream)
        });
        match accepted {
            Ok(stream) => serve(core, stream, tls, closing.clone()),
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
            Err(_) => return,
        }
    }
}

fn serve<A: Answers>(core: &Rc<A>, stream: TcpStream, tls: Option<&TlsAcceptor>, closing: Closing) {
    // Small writes must not wait for acknowledgements.
    if let Err(error) = stream.set_nodelay(true) {
        return tracing::debug!(%error, "a connection ended before it was served");
    }
    let open = Open::new(Rc::clone(core));
    match tls {
        None => {
            tokio::task::spawn_local(async move { run(&open.0, stream, closing).await });
        }
        Some(tls) => {
            let handshake = tls.accept(stream);
            tokio::task::spawn_local(async move {
                if let Some(stream) = shaken(handshake, closing.clone()).await {
                    run(&open.0, stream, closing).await;
                }
            });
        }
    }
}

/// The connection, once both sides agree on how to speak. Who does not begin, or speaks something else, is let go.
async fn shaken(handshake: Accept<TcpStream>, mut closing: Closing) -> Option<TlsStream<TcpStream>> {
    let within = async {
        tokio::time::sleep(HANDSHAKE_WITHIN).await;
    };
    let end = async {
        let _ = closing.wait_for(Option::is_some).await;
        tokio::time::sleep(FIRST_WORD).await;
    };
    tokio::select! {
        biased;
        done = handshake => done
            .inspect_err(|error| tracing::debug!(%error, "a client does not agree on TLS"))
            .ok(),
        () = within => {
            tracing::debug!("a client does not finish the TLS handshake");
            None
        }
        () = end => None,
    }
}

/// Counts a connection until it ends, also by a panic.
struct Open<A: Answers>(Rc<A>);

impl<A: Answers> Open<A> {
    fn new(core: Rc<A>) -> Self {
        core.live().enter();
        core.opened();
        Self(core)
    }
}

impl<A: Answers> Drop for Open<A> {
    fn drop(&mut self) {
        self.0.closed();
        self.0.live().leave();
    }
}

async fn run<A, S>(core: &Rc<A>, stream: S, mut closing: Closing)
where
    A: Answers,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let spoken = Cell::new(false);
    let service = service_fn(|request| {
        spoken.set(true);
        let core = Rc::clone(core);
        async move { Ok::<_, Infallible>(core.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        // One write of one buffer is cheaper here than a vectored one. (Flattening through `pipeline_flush` would
        // buffer without bound for a client that reads slowly, and hold a stream back behind a pipelined request.)
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        patient = told(&mut closing) => if patient {
            // Who speaks is answered, and told by the answer that this was the last one.
            connection.await
        } else {
            // A request that was sent before the end is answered, though it may not have been read yet.
            let begun = poll_fn(|context| match connection.as_mut().poll(context) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending if spoken.get() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            if let Ok(Some(ended)) = tokio::time::timeout(FIRST_WORD, begun).await {
                ended
            } else {
                // What is being answered is answered; nothing further is read.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection ended");
    }
}

/// Waits until the process is about to end. Returns whether idle connections are left to their clients.
async fn told(closing: &mut Closing) -> bool {
    closing
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|ending| *ending)
        .is_some_and(|ending| ending.patient)
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, rc::Rc};

    use aigne_hub_crds::config::ProviderType;
    use tokio::{net::TcpListener, sync::watch, task::LocalSet, time::Instant};

    use super::{Ending, accept};
    use crate::gateway::testing::{KEY, Rig, SOON, Upstream, answer, connect};

    #[test]
    fn requests_that_wait_in_the_backlog_are_answered_at_the_end() {
        let rig = Rig::start(ProviderType::OpenAI, &Upstream::start(|_, _, _| false), |_| {});
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let mut client = connect(listener.local_addr().unwrap());
                let head = format!(
                    "GET /v1/models HTTP/1.1\r\nhost: h\r\nx-api-key: {KEY}\r\nconnection: close\r\n\r\n"
                );
                client.write_all(head.as_bytes()).unwrap();
                client
            })
            .collect();
        let (_closing, closed) =
            watch::channel(Some(Ending { deadline: Instant::now() + SOON, patient: false }));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let core = Rc::new(rig.core());
            let deadline = accept(&core, TcpListener::from_std(listener).unwrap(), None, closed).await;
            tokio::time::timeout_at(deadline, core.live.none_left()).await.unwrap();
        });
        for client in clients {
            assert!(answer(client).starts_with("HTTP/1.1 200 OK"));
        }
    }
}

//! Connections of clients: accepted, served, and ended without cutting anything off.

use std::{convert::Infallible, pin::pin, rc::Rc, time::Duration};

use futures::FutureExt as _;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::Instant,
};

use crate::{gateway, percore::Core};

/// A client that has not sent a request's head by then is let go.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// After a failed accept (no file descriptors left), before the next.
const BREATHER: Duration = Duration::from_millis(50);

type Closing = watch::Receiver<Option<Instant>>;

/// Accepts until the process is about to end, then what waits already. Returns when open requests must have ended.
pub(super) async fn accept(core: &Rc<Core>, listener: TcpListener, mut closing: Closing) -> Instant {
    let mut spare = closing.clone();
    let deadline = {
        let mut told = pin!(spare.wait_for(Option::is_some));
        loop {
            tokio::select! {
                biased;
                deadline = &mut told => break deadline.ok().and_then(|deadline| *deadline),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => serve(core, stream, closing.clone()),
                    Err(error) => {
                        tracing::error!(%error, "a connection could not be accepted");
                        tokio::time::sleep(BREATHER).await;
                    }
                },
            }
        }
    };
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        serve(core, stream, closing.clone());
    }
    closing.mark_unchanged();
    deadline.unwrap_or_else(Instant::now)
}

fn serve(core: &Rc<Core>, stream: TcpStream, closing: Closing) {
    // Small writes must not wait for acknowledgements.
    if let Err(error) = stream.set_nodelay(true) {
        return tracing::debug!(%error, "a connection ended before it was served");
    }
    let core = Rc::clone(core);
    core.live.enter();
    core.metrics.connection_opened();
    tokio::task::spawn_local(async move {
        run(&core, stream, closing).await;
        core.metrics.connection_closed();
        core.live.leave();
    });
}

async fn run(core: &Rc<Core>, stream: TcpStream, mut closing: Closing) {
    let service = service_fn(|request| {
        let core = Rc::clone(core);
        async move { Ok::<_, Infallible>(gateway::handle(core, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        _ = closing.wait_for(Option::is_some) => {
            // The request that is being answered is answered; no further one is read.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection ended");
    }
}

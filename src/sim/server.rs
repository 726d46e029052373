//! The simulator over HTTP/1.1 on loopback, and its instances' applications on 127.x.y.z.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request as HttpRequest, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::wire::Request;
use super::world::Life;
use super::{Outcome, Simulator};

/// How often the applications' listeners follow the world.
const TICK: Duration = Duration::from_millis(50);

/// Serves the simulator until `shutdown` resolves: AWS's wire on `listener`, and, when its
/// instances have loopback addresses, their applications there.
///
/// # Errors
/// When the listener breaks. An application's address that can't be bound is left out.
pub async fn serve(
    simulator: Simulator,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    let mut doors = Doors::default();
    let mut tick = tokio::time::interval(TICK);
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                connections.spawn(converse(simulator.clone(), stream));
            }
            _ = tick.tick() => doors.follow(&simulator).await,
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers requests on a connection until the peer goes away.
async fn converse(simulator: Simulator, stream: TcpStream) {
    let service = service_fn(|request| answer(&simulator, request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(simulator: &Simulator, request: HttpRequest<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let header = |name: &str| head.headers.get(name)?.to_str().ok().map(str::to_owned);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    match simulator.call(&Request::new(head.method.as_str(), path, header, body.to_vec())) {
        Outcome::Answered(reply) => {
            let response = Response::builder().status(reply.status);
            let response =
                reply.headers.into_iter().fold(response, |to, (name, value)| to.header(name, value));
            response.body(Full::from(reply.body)).map_err(io::Error::other)
        }
        // An error here makes hyper close the connection without an answer.
        Outcome::Broken => Err(io::ErrorKind::ConnectionReset.into()),
        Outcome::Silence => std::future::pending().await,
    }
}

/// The listeners of the applications, one an address and port.
#[derive(Debug, Default)]
struct Doors {
    open: BTreeMap<(Ipv4Addr, u16), JoinSet<()>>,
    /// Those that can't be bound: said once, and tried no more.
    stuck: BTreeSet<(Ipv4Addr, u16)>,
}

impl Doors {
    /// Opens what is new, and closes what is gone.
    async fn follow(&mut self, simulator: &Simulator) {
        let wanted = simulator.inspect(|world| {
            let mut wanted = BTreeSet::new();
            for group in world.groups.values() {
                // Booting instances refuse by having no listener.
                let up = |life| !matches!(life, Life::Pending | Life::ReplacingRoot);
                for instance in group.members().filter(|instance| up(instance.life)) {
                    wanted.extend(group.apps.iter().map(|app| (instance.address, app.port)));
                }
            }
            wanted
        });
        self.open.retain(|door, _| wanted.contains(door));
        for (address, port) in wanted {
            let door = (address, port);
            if address.is_loopback() && !self.open.contains_key(&door) && !self.stuck.contains(&door) {
                self.try_open(simulator, address, port).await;
            }
        }
    }

    async fn try_open(&mut self, simulator: &Simulator, address: Ipv4Addr, port: u16) {
        match TcpListener::bind((address, port)).await {
            Ok(listener) => {
                let mut tasks = JoinSet::new();
                tasks.spawn(welcome(simulator.clone(), listener, address, port));
                self.open.insert((address, port), tasks);
            }
            Err(error) => {
                tracing::warn!(%address, port, %error, "an application's address can't be bound");
                self.stuck.insert((address, port));
            }
        }
    }
}

/// Serves an application's connections; dropping it hangs up on them all.
async fn welcome(simulator: Simulator, listener: TcpListener, address: Ipv4Addr, port: u16) {
    let applications = simulator.applications();
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let applications = applications.clone();
        connections.spawn(async move { applications.serve(address, port, stream).await });
        while connections.try_join_next().is_some() {}
    }
}

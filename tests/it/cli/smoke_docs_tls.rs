//! The examples of docs/smoke-tests.md over TLS: each as it stands there, but for the address, asked by
//! the program itself of servers on loopback that are well and of such as are not.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};
use tokio_rustls::server::TlsStream;

use super::place::Place;
use super::simulator::Simulator;
use crate::smoke_docs::{blocks, whole};

/// The simulator's clock begins in November 2026: a certificate that ends then ends in less than a month.
const SOON: (i32, u8, u8) = (2026, 12, 10);
const FAR: (i32, u8, u8) = (2090, 1, 1);

/// An example: where it asks, the name it asks for, and what makes a server ill that it must find.
pub(crate) struct OverTls {
    pub(crate) name: &'static str,
    /// What stands for the address in the document, and what leads to the server instead.
    address: [(&'static str, &'static str); 2],
    server: &'static str,
    ill: &'static [(Ill, &'static str)],
}

/// What is wrong with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ill {
    /// Its certificate ends soon.
    Ending,
    /// Its certificate is of another CA.
    Stranger,
    /// Its certificate is for another name.
    Misnamed,
    /// It knows clients of another CA only.
    Picky,
    /// It speaks HTTP/1.1 only.
    Old,
    /// It answers something else.
    Wrong,
}

const HTTP: [(&str, &str); 2] = [("{private_ip}:8443", "127.0.0.1:PORT"), ("https://", "https://")];
const TCP: [(&str, &str); 2] = [("\"{private_ip}\"", "127.0.0.1"), ("6380", "PORT")];

/// A row for each example.
pub(crate) const OVER_TLS: [OverTls; 4] = [
    OverTls {
        name: "tls",
        address: HTTP,
        server: "orders.example.com",
        ill: &[
            (Ill::Ending, "expected at least 30 days from now"),
            (Ill::Stranger, "self-signed, or of a CA that is not trusted here"),
            (Ill::Misnamed, "not for orders.example.com"),
            (Ill::Wrong, "status 503, expected 200"),
        ],
    },
    OverTls {
        name: "client-certificate",
        address: HTTP,
        server: "orders.example.com",
        ill: &[(Ill::Picky, "does not accept the client certificate")],
    },
    OverTls {
        name: "http2",
        address: HTTP,
        server: "orders.example.com",
        ill: &[(Ill::Old, "does not speak")],
    },
    OverTls {
        name: "tcp-tls",
        address: TCP,
        server: "cache.example.com",
        ill: &[(Ill::Wrong, "-ERR"), (Ill::Misnamed, "not for cache.example.com")],
    },
];

/// A CA of our own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for a name that ends on that day, and its key.
    fn signs(&self, name: &str, (year, month, day): (i32, u8, u8)) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, month, day);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

/// Two CAs: the one that the example trusts, and another.
struct Authorities {
    ours: Authority,
    others: Authority,
}

impl Authorities {
    /// Writes the files that the examples name.
    fn write(&self, place: &Place) {
        let (certificate, key) = self.ours.signs("smoke", FAR);
        place.write("tls/ca.pem", &self.ours.0.pem());
        place.write("tls/smoke.pem", &certificate.pem());
        place.write("tls/smoke-key.pem", &key.serialize_pem());
    }

    fn config(&self, example: &OverTls, ill: Option<Ill>) -> ServerConfig {
        let signer = if ill == Some(Ill::Stranger) { &self.others } else { &self.ours };
        let name = if ill == Some(Ill::Misnamed) { "other.example.com" } else { example.server };
        let (certificate, key) = signer.signs(name, if ill == Some(Ill::Ending) { SOON } else { FAR });
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if example.name == "client-certificate" {
            let clients = if ill == Some(Ill::Picky) { &self.others } else { &self.ours };
            let roots = Arc::new(clients.roots());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![certificate.der().clone(), signer.0.der().clone()];
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        let spoken: &[&str] = if ill == Some(Ill::Old) { &["http/1.1"] } else { &["h2", "http/1.1"] };
        config.alpn_protocols = spoken.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

/// Serves in a thread of its own until the test is over; where.
fn serve(config: ServerConfig, speaks_http: bool, ill: Option<Ill>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(acceptor.clone(), stream, speaks_http, ill));
            }
        });
    });
    address
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream, speaks_http: bool, ill: Option<Ill>) {
    // A client that does not trust us is gone.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    if speaks_http { over_http(stream, ill).await } else { over_tcp(stream, ill).await }
}

async fn over_http(stream: TlsStream<TcpStream>, ill: Option<Ill>) {
    let service = service_fn(move |_: Request<Incoming>| async move {
        let status = if ill == Some(Ill::Wrong) { 503 } else { 200 };
        Ok::<_, Infallible>(Response::builder().status(status).body(Full::<Bytes>::from("UP")).unwrap())
    });
    let is_two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = TokioIo::new(stream);
    // How it ends is the client's affair.
    if is_two {
        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await;
    } else {
        let _ = http1::Builder::new().serve_connection(stream, service).await;
    }
}

/// Says its word to whoever says the right one.
async fn over_tcp(mut stream: TlsStream<TcpStream>, ill: Option<Ill>) {
    let mut said = [0; 6];
    if stream.read_exact(&mut said).await.is_ok() && &said == b"PING\r\n" {
        let answer: &[u8] = if ill == Some(Ill::Wrong) { b"-ERR not today\r\n" } else { b"+PONG\r\n" };
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    }
}

/// The example as a configuration whose check asks that server.
fn configuration(example: &OverTls, server: SocketAddr) -> String {
    let block = blocks()[example.name];
    let port = server.port().to_string();
    let replaced = example.address.iter().fold(block.to_owned(), |block, (there, here)| {
        assert!(block.contains(there), "{}: no {there} in {block}", example.name);
        block.replace(there, here)
    });
    // What is ill stays so: it need not be asked for five minutes, as by default.
    format!("{}    retry: {{ for: 3s, every: 1s }}\n", whole(&replaced.replace("PORT", &port)))
}

/// Asks a server by the example, with the exit code that it must end with.
fn asked(example: &OverTls, ill: Option<Ill>, exit: i32, says: &[&str]) {
    let both = Authorities { ours: Authority::new("ours"), others: Authority::new("others") };
    let server = serve(both.config(example, ill), example.address == HTTP, ill);
    let mut place = Place::new();
    both.write(&place);
    place.write("environments.yaml", &configuration(example, server));
    let _simulator = Simulator::start(&mut place, 1, "");
    let words = ["smoke", "--env", "dev", "--group", "orders-dev"];
    let told = format!("{} with {ill:?}", example.name);
    let ran = place.run_with(&words);
    assert_eq!(ran.code, exit, "{told}\n--- out\n{}\n--- err\n{}", ran.out, ran.err);
    let page = format!("{}{}{}", ran.out, ran.err, place.read("reports/journal.jsonl"));
    for part in says {
        assert!(page.contains(part), "{told}: {part:?} is not said in\n{page}");
    }
}

#[test]
fn every_example_over_tls_passes_where_all_is_well() {
    for example in &OVER_TLS {
        asked(example, None, 0, &["\"status\":\"passed\""]);
    }
}

#[test]
fn every_example_over_tls_finds_what_it_is_for() {
    for example in &OVER_TLS {
        for (ill, says) in example.ill {
            asked(example, Some(*ill), 5, &[says]);
        }
    }
}

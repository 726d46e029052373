//! Certificates: whom a check trusts, what it shows of itself, how long they last; HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use ::http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use regex::Regex;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

use super::http::asked_with;
use super::network::server;
use super::*;
use crate::config::{HttpVersion, Identity, TlsSettings};
use crate::event::Probe;

/// A CA of our own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate's chain and its key.
type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        // Of two of one name, a signature by one is taken for a broken one by the other.
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        params.distinguished_name.push(DnType::CommonName, format!("CA {number}"));
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for a name that ends on that day.
    fn signs(&self, name: &str, (year, month, day): (i32, u8, u8)) -> Pair {
        let (params, key) = (params(name, (year, month, day)), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (vec![certificate.der().clone(), self.der()], private(&key))
    }

    fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).unwrap();
        roots
    }

    /// Trusts this CA alone.
    fn trusted(&self) -> TlsSettings {
        TlsSettings { ca: Some(Arc::new(vec![self.der()])), ..TlsSettings::default() }
    }
}

fn params(name: &str, (year, month, day): (i32, u8, u8)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_after = date_time_ymd(year, month, day);
    params
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

const FAR: (i32, u8, u8) = (2090, 1, 1);

/// What a server over TLS is like.
struct Site {
    pair: Pair,
    /// Whose clients it serves; anybody when `None`.
    clients: Option<RootCertStore>,
    alpn: &'static [&'static str],
}

impl Site {
    fn of(pair: Pair) -> Self {
        Self { pair, clients: None, alpn: &[] }
    }

    /// Answers with the HTTP version that it was asked in.
    async fn start(self) -> SocketAddr {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match self.clients {
            Some(roots) => {
                let provider = Arc::new(ring::default_provider());
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(self.pair.0, self.pair.1).unwrap();
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        server(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request: Request<_>| async move {
                    let _: &hyper::body::Incoming = request.body();
                    let said = format!("asked in {:?} of {}", request.version(), request.uri());
                    Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from(said)))
                });
                let stream = TokioIo::new(stream);
                if stream.inner().get_ref().1.alpn_protocol() == Some(b"h2") {
                    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(stream, service)
                        .await;
                } else {
                    let _ =
                        hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
                }
            }
        })
        .await
    }
}

fn over(address: SocketAddr, tls: TlsSettings) -> HttpCheck {
    HttpCheck { tls: Arc::new(tls), ..get(&format!("https://localhost:{}/x", address.port())) }
}

async fn asked(http: HttpCheck) -> Probe {
    let untrusting = Runner { tls: Tls::trusting(RootCertStore::empty()), ..runner() };
    asked_with(&untrusting, http).await
}

async fn errs(http: HttpCheck, why: &str) {
    let probe = asked(http).await;
    assert_eq!(probe.status, Status::Errored, "{probe:?}");
    assert!(probe.message.contains(why), "{why:?} is not in {probe:?}");
}

#[tokio::test]
async fn a_ca_file_is_trusted_and_nothing_else() {
    let ours = Authority::new();
    let address = Site::of(ours.signs("localhost", FAR)).start().await;
    assert_eq!(asked(over(address, ours.trusted())).await.status, Status::Passed);
    errs(over(address, Authority::new().trusted()), "self-signed, or of a CA that is not trusted here").await;
    errs(over(address, TlsSettings::default()), "name its file in `tls.ca`").await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_taken_only_when_nothing_is_verified() {
    let key = KeyPair::generate().unwrap();
    let own = params("localhost", FAR).self_signed(&key).unwrap();
    let address = Site::of((vec![own.der().clone()], private(&key))).start().await;
    errs(over(address, Authority::new().trusted()), "self-signed").await;
    let anybody = TlsSettings { verify: false, ..TlsSettings::default() };
    assert_eq!(asked(over(address, anybody)).await.status, Status::Passed);
}

#[tokio::test]
async fn an_expired_certificate_says_since_when() {
    let ours = Authority::new();
    let address = Site::of(ours.signs("localhost", (2020, 2, 1))).start().await;
    errs(over(address, ours.trusted()), "the server's certificate expired at 2020-02-01T00:00:00Z").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_says_for_which_and_can_be_asked_for_by_it() {
    let ours = Authority::new();
    let address = Site::of(ours.signs("app.example", FAR)).start().await;
    errs(over(address, ours.trusted()), "app.example").await;
    errs(over(address, ours.trusted()), "not for localhost").await;
    let named = TlsSettings { server_name: Some("app.example".to_owned()), ..ours.trusted() };
    assert_eq!(asked(over(address, named)).await.status, Status::Passed);
}

#[tokio::test]
async fn a_client_shows_its_certificate_where_it_has_one() {
    let ours = Authority::new();
    let site = Site { clients: Some(ours.roots()), ..Site::of(ours.signs("localhost", FAR)) };
    let address = site.start().await;
    errs(over(address, ours.trusted()), "the server asks for a client certificate").await;
    let shows = |(chain, key): Pair| {
        let identity = Some(Arc::new(Identity { chain, key }));
        TlsSettings { identity, ..ours.trusted() }
    };
    let known = shows(ours.signs("smoke", FAR));
    assert_eq!(asked(over(address, known)).await.status, Status::Passed);
    let stranger = shows(Authority::new().signs("smoke", FAR));
    errs(over(address, stranger), "does not accept the client certificate").await;
}

#[tokio::test]
async fn a_certificate_must_last_as_long_as_is_asked() {
    let ours = Authority::new();
    // The clock of these tests stands at 2026-11-22, 19:00.
    let address = Site::of(ours.signs("localhost", (2026, 12, 10))).start().await;
    let lasting = |days: u64| HttpCheck {
        certificate_valid: Some(Duration::from_secs(days * 86_400)),
        ..over(address, TlsSettings { verify: false, ..TlsSettings::default() })
    };
    assert_eq!(asked(lasting(17)).await.status, Status::Passed);
    let probe = asked(lasting(30)).await;
    let expected = "the certificate of \"CN=localhost\" ends in 17 days, on 2026-12-10T00:00:00Z, \
                    expected at least 30 days from now";
    assert_eq!((probe.status, probe.message.as_str()), (Status::Failed, expected));
    let gone = Site::of(ours.signs("localhost", (2026, 11, 1))).start().await;
    let probe = asked(HttpCheck { url: format!("https://{gone}/"), ..lasting(1) }).await;
    assert!(probe.message.contains("has ended, on 2026-11-01"), "{probe:?}");
}

#[tokio::test]
async fn the_http_version_is_agreed_on_in_the_handshake() {
    let ours = Authority::new();
    let both: &[&str] = &["h2", "http/1.1"];
    for (alpn, wanted, spoken) in [
        (both, HttpVersion::Auto, "HTTP/2.0"),
        (both, HttpVersion::Two, "HTTP/2.0"),
        (both, HttpVersion::One, "HTTP/1.1"),
        (&["http/1.1"], HttpVersion::Auto, "HTTP/1.1"),
        (&[], HttpVersion::Auto, "HTTP/1.1"),
    ] {
        let address = Site { alpn, ..Site::of(ours.signs("localhost", FAR)) }.start().await;
        let probe = asked(HttpCheck { version: wanted, ..over(address, ours.trusted()) }).await;
        assert_eq!(probe.status, Status::Passed, "{alpn:?} {wanted:?}: {probe:?}");
        assert!(
            probe.evidence.starts_with(&format!("{spoken} 200 OK\n\nasked in {spoken} of ")),
            "{probe:?}"
        );
    }
    let silent = Site::of(ours.signs("localhost", FAR)).start().await;
    let two = HttpCheck { version: HttpVersion::Two, ..over(silent, ours.trusted()) };
    errs(two, "localhost does not speak HTTP/2").await;
    let other = Site { alpn: &["http/1.1"], ..Site::of(ours.signs("localhost", FAR)) }.start().await;
    let two = HttpCheck { version: HttpVersion::Two, ..over(other, ours.trusted()) };
    errs(two, "does not speak the HTTP version that is asked for").await;
}

#[tokio::test]
async fn http_2_is_spoken_from_the_first_byte_without_tls() {
    let address = server(|stream| async move {
        let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
            let said = format!("{} {:?}", request.uri(), request.version());
            Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from(said)))
        });
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = served.serve_connection(TokioIo::new(stream), service).await;
    })
    .await;
    let http = HttpCheck { version: HttpVersion::Two, ..get(&format!("http://{address}/x?y")) };
    let probe = asked(http).await;
    assert_eq!(probe.evidence, format!("HTTP/2.0 200 OK\n\nhttp://{address}/x?y HTTP/2.0"));
}

#[tokio::test]
async fn a_tcp_check_speaks_tls_and_says_its_text() {
    let ours = Authority::new();
    let (chain, key) = ours.signs("localhost", (2026, 12, 10));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut said = [0; 6];
            if tokio::io::AsyncReadExt::read_exact(&mut stream, &mut said).await.is_ok() {
                let _ = stream.write_all(&[b"you said ", said.as_slice()].concat()).await;
            }
        }
    })
    .await;
    let tcp = |tls: TlsSettings, days: u64| TcpCheck {
        host: "localhost".to_owned(),
        port: address.port(),
        tls: Some(Arc::new(tls)),
        certificate_valid: Some(Duration::from_secs(days * 86_400)),
        send: Some("is {group}".to_owned()),
        banner: Some(Regex::new("^you said is web$").unwrap()),
        within: Duration::from_secs(100),
    };
    let run = |tcp| async {
        let one = check("port", CheckKind::Tcp(tcp), Scope::Group, once());
        let result = run_one(&runner(), calls(|_| Err(throttled())), &one).await;
        (result.status, result.message)
    };
    let anybody = || TlsSettings { verify: false, ..TlsSettings::default() };
    let (status, message) = run(tcp(anybody(), 1)).await;
    assert_eq!(status, Status::Passed, "{message}");
    let (status, message) = run(tcp(anybody(), 30)).await;
    assert_eq!(status, Status::Failed, "{message}");
    assert!(message.contains("ends in 17 days"), "{message}");
    let (status, message) = run(tcp(Authority::new().trusted(), 1)).await;
    assert_eq!(status, Status::Errored, "{message}");
    assert!(message.contains("self-signed"), "{message}");
}

#[tokio::test]
async fn a_tcp_check_without_a_banner_is_refused_by_who_wants_to_know_us() {
    let (server, clients) = (Authority::new(), Authority::new());
    let tcp = |address: SocketAddr| TcpCheck {
        host: "localhost".to_owned(),
        port: address.port(),
        tls: Some(Arc::new(server.trusted())),
        certificate_valid: None,
        send: None,
        banner: None,
        within: Duration::from_secs(5),
    };
    // The moment in which a server may refuse is of the real clock.
    let runner =
        Runner::new(Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), 1.0), Network::Sockets);
    let run = async |address| {
        let one = check("port", CheckKind::Tcp(tcp(address)), Scope::Group, once());
        run_one(&runner, calls(|_| Err(throttled())), &one).await
    };
    let open = Site::of(server.signs("localhost", FAR)).start().await;
    assert_eq!(run(open).await.status, Status::Passed);
    let closed = Site { clients: Some(clients.roots()), ..Site::of(server.signs("localhost", FAR)) };
    let result = run(closed.start().await).await;
    assert_eq!(result.status, Status::Errored, "{result:?}");
    assert!(result.message.contains("TLS was refused after the handshake"), "{result:?}");
}

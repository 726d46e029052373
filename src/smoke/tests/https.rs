//! The `http` check over TLS, with a certificate for `localhost` of our own.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

use super::http::asked_with;
use super::network::{answer, server};
use super::*;

fn pem(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/src/smoke/testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Answers 200 over TLS as `localhost`.
async fn tls_server() -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(&pem("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&pem("localhost-key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(answer("200 OK", "over TLS").as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await
}

fn trusting_localhost() -> Runner {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem("localhost.pem")).unwrap()).unwrap();
    Runner { tls: Tls::trusting(roots), ..runner() }
}

#[tokio::test]
async fn https_is_asked_of_whom_the_roots_vouch_for() {
    let address = tls_server().await;
    for host in ["localhost", "127.0.0.1"] {
        let probe =
            asked_with(&trusting_localhost(), get(&format!("https://{host}:{}/", address.port()))).await;
        assert_eq!(probe.status, Status::Passed, "{probe:?}");
        assert!(probe.evidence.ends_with("over TLS"), "{probe:?}");
    }
}

#[tokio::test]
async fn https_with_a_wrong_certificate_or_without_tls_is_an_error() {
    let untrusted = Runner { tls: Tls::trusting(RootCertStore::empty()), ..runner() };
    let probe = asked_with(&untrusted, get(&format!("https://{}/", tls_server().await))).await;
    assert_eq!(probe.status, Status::Errored, "{probe:?}");
    assert!(probe.message.contains("certificate"), "{probe:?}");
    let plain = server(|mut stream| async move {
        let _ = stream.write_all(answer("200 OK", "").as_bytes()).await;
    })
    .await;
    let probe = asked_with(&trusting_localhost(), get(&format!("https://{plain}/"))).await;
    assert_eq!(probe.status, Status::Errored, "{probe:?}");
    assert!(probe.message.starts_with("TLS with 127.0.0.1 failed: "), "{probe:?}");
}

//! The SDK's HTTP client that is the simulator itself: no socket, no thread.

use std::io;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use super::wire::{Reply, Request};
use super::{Outcome, Simulator};

pub(super) fn client(simulator: Simulator) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(simulator));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector(Simulator);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let simulator = self.0.clone();
        HttpConnectorFuture::new(async move {
            match simulator.call(&read(&request)) {
                Outcome::Answered(reply) => respond(reply),
                Outcome::Broken => {
                    Err(ConnectorError::io(Box::new(io::Error::from(io::ErrorKind::ConnectionReset))))
                }
                Outcome::Silence => std::future::pending().await,
            }
        })
    }
}

fn read(request: &HttpRequest) -> Request {
    let body = request.body().bytes().unwrap_or_default();
    // The SDK names a whole address, or the path alone.
    let uri = request.uri();
    let after_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
    let header = |name: &str| request.headers().get(name).map(str::to_owned);
    Request::new(request.method(), path, header, body.to_vec())
}

fn respond(reply: Reply) -> Result<HttpResponse, ConnectorError> {
    let response = http::Response::builder().status(reply.status);
    let response = reply.headers.into_iter().fold(response, |to, (name, value)| to.header(name, value));
    let response = response
        .body(SdkBody::from(reply.body))
        .map_err(|error| ConnectorError::other(Box::new(error), None))?;
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(Box::new(error), None))
}

//! The SDK's HTTP client that is the simulator itself: no socket, no thread.

use std::io;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use super::wire::Request;
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
                Outcome::Answered(reply) => respond(reply.status, reply.body),
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
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    Request {
        authorization: request.headers().get("authorization").map(str::to_owned),
        form: if body.is_empty() { query.as_bytes().to_vec() } else { body.to_vec() },
    }
}

fn respond(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let response = http::Response::builder()
        .status(status)
        .header("content-type", "text/xml;charset=UTF-8")
        .body(SdkBody::from(body))
        .map_err(|error| ConnectorError::other(Box::new(error), None))?;
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(Box::new(error), None))
}

//! Reads `tcp` checks: where to connect, what to say, and what must be said.

use super::checks::{answer_time, regex, transpose};
use super::fleet::Scope;
use super::network::TcpCheck;
use super::reader::Node;
use super::template;
use super::tls;

pub(super) fn tcp(node: Node<'_>, on: Scope) -> Option<TcpCheck> {
    let mut map = node.map()?;
    let host = map.required("host").and_then(|node| template::host(node, on));
    let port = map.required("port").and_then(|node| node.whole(1, 65_535));
    let tls = map.optional("tls").map(tls::tls);
    let send = map.optional("send").map(|node| template::text(node, on));
    let banner = map.optional("banner").map(regex);
    let within = answer_time(&mut map);
    map.finish();
    let tls = transpose(tls)?;
    Some(TcpCheck {
        host: host?,
        port: port?,
        certificate_valid: tls.as_ref().and_then(|tls| tls.certificate_valid),
        tls: tls.map(|tls| tls.settings),
        send: transpose(send)?,
        banner: transpose(banner)?,
        within: within?,
    })
}

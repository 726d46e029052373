//! Where redirects led: how far they are followed, and the chain of them for people.

use http::header::LOCATION;
use http::{Method, StatusCode};

use super::Ended;
use super::request::Prepared;
use crate::smoke::assertions::Heard;

/// The redirects of one asking, in order.
#[derive(Debug, Default)]
pub(super) struct Trail {
    hops: Vec<Hop>,
}

#[derive(Debug)]
struct Hop {
    method: Method,
    /// The whole URL, to know it again; never shown.
    url: String,
    shown: String,
    status: StatusCode,
}

impl Trail {
    /// Turns the request into the next one, if the answer redirects and redirects are followed.
    ///
    /// # Errors
    /// When there are more than `most`, they go in a circle, or lead nowhere.
    pub(super) fn follow(&mut self, most: u32, asked: &mut Prepared, heard: &Heard) -> Result<bool, Ended> {
        let Some((status, location)) = redirect(heard).filter(|_| most > 0) else { return Ok(false) };
        let place = asked.place.clone();
        let hop = Hop { method: asked.method.clone(), url: place.url(), shown: place.shown(), status };
        self.hops.push(hop);
        let next = match location {
            Ok(location) => place.towards(location),
            Err(()) => Err("not a URL that can be asked: it is not text".to_owned()),
        };
        let next =
            next.map_err(|why| Ended::Failed(format!("{}: the redirect leads to {why}", self.chain())))?;
        asked.redirect(status, next).map_err(Ended::Errored)?;
        let (url, shown) = (asked.place.url(), asked.place.shown());
        let again = self.hops.iter().any(|hop| hop.url == url && hop.method == asked.method);
        let whole = |trail: &Self| format!("{} -> {} {shown}", trail.chain(), asked.method);
        if again {
            return Err(Ended::Failed(format!("redirected in a circle: {}", whole(self))));
        }
        if self.hops.len() > usize::try_from(most).unwrap_or(usize::MAX) {
            let many = if most == 1 { "redirect" } else { "redirects" };
            return Err(Ended::Failed(format!("more than {most} {many}: {}", whole(self))));
        }
        Ok(true)
    }

    /// `GET http://a/x 302 -> GET http://a/y 301`.
    fn chain(&self) -> String {
        let hop = |hop: &Hop| format!("{} {} {}", hop.method, hop.shown, hop.status.as_u16());
        self.hops.iter().map(hop).collect::<Vec<_>>().join(" -> ")
    }

    /// Whether nothing was redirected.
    pub(super) fn is_empty(&self) -> bool {
        self.hops.is_empty()
    }

    /// A message about what came behind the redirects.
    pub(super) fn behind(&self, message: String) -> String {
        if self.hops.is_empty() { message } else { format!("{message}, behind {}", self.chain()) }
    }

    /// A line per redirect, and an empty one; nothing when there were none.
    pub(super) fn evidence(&self) -> String {
        if self.hops.is_empty() {
            String::new()
        } else {
            format!("{}\n\n", self.chain().replace(" -> ", "\n"))
        }
    }
}

/// The status and the address of a redirect that can be followed.
fn redirect(heard: &Heard) -> Option<(StatusCode, Result<&str, ()>)> {
    let status = heard.status.filter(|status| matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308))?;
    // Bytes beyond ASCII are written by some servers, as UTF-8.
    let location = std::str::from_utf8(heard.headers.get(LOCATION)?.as_bytes()).map_err(|_| ());
    Some((status, location))
}

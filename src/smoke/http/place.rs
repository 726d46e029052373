//! Where a request goes, and where a redirect leads. Pure.

use http::Uri;

use super::super::reach::joined;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// What the `Host` header says.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Place {
    pub(super) fn read(url: &str) -> Result<Self, String> {
        // The URL itself is not shown: it may hold a password or a token.
        let invalid = |why: &str| format!("not a URL that can be asked: {why}");
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
        let (tls, standard) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            Some(_) | None => return Err(invalid("it begins with neither http:// nor https://")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("it names no host"))?.as_str();
        // A user name is nobody's business but the server's; none is sent.
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(invalid("it names no host"));
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(standard),
            authority: authority.to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    pub(super) fn address(&self) -> String {
        joined(&self.host, self.port)
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// The whole URL, a fragment aside.
    pub(super) fn url(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority, self.path)
    }

    /// The URL for people. What is behind `?` is not shown: it may be secret.
    pub(super) fn shown(&self) -> String {
        const LONGEST: usize = 200;
        let (path, query) = match self.path.split_once('?') {
            Some((path, _)) => (path, "?…"),
            None => (self.path.as_str(), ""),
        };
        let whole = format!("{}://{}{path}{query}", self.scheme(), self.authority);
        match whole.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &whole[..end]),
            None => whole,
        }
    }

    /// Whether both are of one origin: what is secret to one is no secret to the other.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        self.tls == other.tls && self.port == other.port && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// Where a `Location` header of an answer from here leads (RFC 3986, 5.2).
    pub(super) fn towards(&self, location: &str) -> Result<Self, String> {
        let location = location.split('#').next().unwrap_or_default().trim();
        if has_scheme(location) {
            return Self::read(location);
        }
        if location.starts_with("//") {
            return Self::read(&format!("{}:{location}", self.scheme()));
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let target = match location.as_bytes().first() {
            None => self.path.clone(),
            Some(b'/') => without_dots(location),
            Some(b'?') => format!("{path}{location}"),
            Some(_) => {
                let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
                without_dots(&format!("{folder}{location}"))
            }
        };
        Self::read(&format!("{}://{}{target}", self.scheme(), self.authority))
    }
}

fn has_scheme(location: &str) -> bool {
    let Some((scheme, _)) = location.split_once(':') else { return false };
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(fits)
}

/// The path without its `.` and `..` (RFC 3986, 5.2.4); the query is left as it is.
fn without_dots(target: &str) -> String {
    let (path, query) = target.find('?').map_or((target, ""), |at| target.split_at(at));
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let last = segments.len().saturating_sub(1);
    for (index, segment) in segments.into_iter().enumerate() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if index == last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to_go() {
        let place = Place::read("http://10.0.0.1:8080/health?deep=1").unwrap();
        assert_eq!((place.tls, place.host.as_str(), place.port), (false, "10.0.0.1", 8080));
        assert_eq!((place.authority.as_str(), place.path.as_str()), ("10.0.0.1:8080", "/health?deep=1"));
        let place = Place::read("https://app.example").unwrap();
        assert_eq!((place.tls, place.port, place.path.as_str()), (true, 443, "/"));
    }

    #[test]
    fn an_ipv6_literal_keeps_its_brackets_in_the_header_only() {
        let place = Place::read("http://[fd00::1]:81/x").unwrap();
        assert_eq!(
            (place.host.as_str(), place.port, place.authority.as_str()),
            ("fd00::1", 81, "[fd00::1]:81")
        );
        assert_eq!(place.address(), "[fd00::1]:81");
    }

    #[test]
    fn a_user_name_is_not_sent() {
        assert_eq!(Place::read("http://me:secret@app/").unwrap().authority, "app");
    }

    #[test]
    fn what_is_no_url_is_said() {
        for url in
            ["", "app/health", "ftp://app/", "http://", "http:///x", "http://a b/", "http://:80/", "/x"]
        {
            assert!(Place::read(url).is_err_and(|why| why.contains("not a URL")), "{url}");
        }
    }

    #[test]
    fn a_location_is_taken_from_where_it_was_said() {
        let from = Place::read("https://a.example:8443/b/c/d?q=1").unwrap();
        for (location, url) in [
            ("http://other/x#part", "http://other/x"),
            ("//other/x", "https://other/x"),
            ("/x", "https://a.example:8443/x"),
            ("x?y=../z", "https://a.example:8443/b/c/x?y=../z"),
            ("?y", "https://a.example:8443/b/c/d?y"),
            ("", "https://a.example:8443/b/c/d?q=1"),
            ("../x", "https://a.example:8443/b/x"),
            ("../../../x/./y/..", "https://a.example:8443/x/"),
            ("./", "https://a.example:8443/b/c/"),
            ("/login?next=http://b/", "https://a.example:8443/login?next=http://b/"),
        ] {
            assert_eq!(from.towards(location).map(|place| place.url()), Ok(url.to_owned()), "{location}");
        }
        for location in ["ftp://x/", "javascript:alert(1)", "http://", "/a b"] {
            assert!(from.towards(location).is_err(), "{location}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let place = |url| Place::read(url).unwrap();
        let from = place("http://a.example/x");
        assert!(from.same_origin(&place("http://A.example:80/y")));
        for other in ["https://a.example/x", "http://a.example:81/x", "http://b.example/x"] {
            assert!(!from.same_origin(&place(other)), "{other}");
        }
    }

    #[test]
    fn what_may_be_secret_in_a_url_is_not_shown() {
        assert_eq!(Place::read("http://u:p@a/x?token=1").unwrap().shown(), "http://a/x?…");
        let long = Place::read(&format!("http://a/{}", "x".repeat(5000))).unwrap().shown();
        assert_eq!((long.chars().count(), long.ends_with("x…")), (201, true));
    }
}

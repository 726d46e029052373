//! What a rehearsal would send, as files: a line for programs, a block for people.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;

use super::post::{Answer, Request, locked};

/// The file with a JSON object per request.
const LINES: &str = "messages.jsonl";
/// The file with what people would read.
const TEXTS: &str = crate::report::MESSAGES;

/// The two files, begun anew by the first request.
pub(super) struct Files {
    directory: PathBuf,
    zone: TimeZone,
    open: Mutex<Option<(File, File)>>,
}

/// A request, without what is secret.
#[derive(Serialize)]
struct Line<'a> {
    time: Timestamp,
    sink: &'a str,
    what: &'a str,
    method: &'static str,
    /// Scheme and host; `-` for what is no web address.
    url: String,
    headers: Vec<&'a str>,
    /// As JSON when it is JSON, else as text; `null` for none.
    body: Value,
}

impl Files {
    pub(super) fn new(directory: PathBuf, zone: TimeZone) -> Self {
        Self { directory, zone, open: Mutex::new(None) }
    }

    /// Adds the request, and gives what the rehearsal takes for its answer.
    ///
    /// # Errors
    /// Which file could not be written, and why.
    pub(super) fn write(&self, at: Timestamp, request: &Request) -> Result<Answer, String> {
        let mut open = locked(&self.open);
        let begun = match open.take() {
            Some(files) => Ok(files),
            None => self.begin(),
        };
        let told = |error: io::Error| {
            format!("failed to write {LINES} and {TEXTS} in {}: {error}", self.directory.display())
        };
        let (lines, texts) = open.insert(begun.map_err(told)?);
        let written = serde_json::to_string(&line(at, request)).map_err(io::Error::from).and_then(|line| {
            writeln!(lines, "{line}")?;
            texts.write_all(self.block(at, request).as_bytes())
        });
        written.map_err(told)?;
        Ok(Answer { status: 200, body: request.rehearsed.clone().into_bytes() })
    }

    fn begin(&self) -> io::Result<(File, File)> {
        fs::create_dir_all(&self.directory)?;
        let begin = |name: &str| File::create(Path::new(&self.directory).join(name));
        Ok((begin(LINES)?, begin(TEXTS)?))
    }

    /// `Sun 22 Nov 19:00  slack #payments-alerts`, and the text under it.
    fn block(&self, at: Timestamp, request: &Request) -> String {
        let mut block = String::new();
        if request.text.is_empty() {
            return block;
        }
        let time = at.to_zoned(self.zone.clone()).strftime("%a %d %b %H:%M").to_string();
        // Writing to memory does not fail.
        let _ = writeln!(block, "{time}  {}", request.sink);
        for line in request.text.lines() {
            let _ = writeln!(block, "{}", format!("    {line}").trim_end());
        }
        block.push('\n');
        block
    }
}

fn line(time: Timestamp, request: &Request) -> Line<'_> {
    let text = || Value::String(String::from_utf8_lossy(&request.body).into_owned());
    let body = if request.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&request.body).unwrap_or_else(|_| text())
    };
    Line {
        time,
        sink: &request.sink,
        what: &request.what,
        method: request.method.as_str(),
        url: shown(request.url.expose_secret()),
        headers: request.headers.iter().map(|(name, _)| name.as_str()).collect(),
        body,
    }
}

/// As much of an address as is no secret.
fn shown(url: &str) -> String {
    let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let host = parsed.as_ref().and_then(|url| url.host_str().map(|host| (url.scheme(), host)));
    host.map_or_else(|| "-".to_owned(), |(scheme, host)| format!("{scheme}://{host}"))
}

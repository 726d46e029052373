//! The `tcp` check: it connects, and says what it should if anything is expected.

use std::time::Duration;

use regex::Regex;
use tokio::io::AsyncReadExt;

use super::Runner;
use super::answer::{Answer, millis, quoted};
use super::http::{connect, io_words, joined};
use super::variables::Variables;
use crate::config::TcpCheck;
use crate::net::Stream;

/// How much of what the server says is kept, in bytes.
const LARGEST: usize = 4 * 1024;

/// How listening ended, if not with a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Closed,
    Full,
    Late,
}

/// The address that is connected to.
///
/// # Errors
/// When a variable has no value here.
pub(super) fn address(check: &TcpCheck, variables: &Variables<'_>) -> Result<String, String> {
    Ok(joined(&variables.in_host(&check.host)?, check.port))
}

/// Asks once: connects, and listens for the banner, all within the check's time.
pub(super) async fn ask(runner: &Runner, check: &TcpCheck, variables: &Variables<'_>) -> Answer {
    let host = match variables.in_host(&check.host) {
        Ok(host) => host,
        Err(why) => return Answer::errored(why),
    };
    let _permit = runner.permit().await;
    let began = runner.clock.now();
    let deadline = tokio::time::Instant::now() + runner.clock.real(check.within);
    let mut said = Vec::new();
    let stream = tokio::time::timeout_at(deadline, connect(runner, &host, check.port)).await;
    let answer = match (stream, &check.banner) {
        (Err(_), _) => {
            let address = joined(&host, check.port);
            Answer::errored(format!("failed to connect to {address} within {:?}", check.within))
        }
        (Ok(Err(why)), _) => Answer::errored(why),
        (Ok(Ok(_)), None) => Answer::passed(format!("connected in {} ms", millis(runner.clock.since(began)))),
        (Ok(Ok(stream)), Some(banner)) => {
            let listening = listen(stream, banner, &mut said);
            let ended = tokio::time::timeout_at(deadline, listening).await.unwrap_or(Ok(Some(Ended::Late)));
            judge(ended, banner, &said, check.within, runner.clock.since(began))
        }
    };
    let said: String = String::from_utf8_lossy(&said).into_owned();
    answer.with_evidence(said).in_time(runner.clock.since(began))
}

/// Reads until the regular expression matches (`None`) or there is no more to read.
async fn listen(mut stream: Stream, banner: &Regex, said: &mut Vec<u8>) -> Result<Option<Ended>, String> {
    let mut buffer = [0; 1024];
    loop {
        if banner.is_match(&String::from_utf8_lossy(said)) {
            return Ok(None);
        }
        let room = LARGEST.saturating_sub(said.len()).min(buffer.len());
        if room == 0 {
            return Ok(Some(Ended::Full));
        }
        match stream.read(&mut buffer[..room]).await {
            Ok(0) => return Ok(Some(Ended::Closed)),
            Ok(read) => said.extend_from_slice(&buffer[..read]),
            Err(error) => return Err(format!("failed to read the banner: {}", io_words(&error))),
        }
    }
}

fn judge(
    ended: Result<Option<Ended>, String>,
    banner: &Regex,
    said: &[u8],
    within: Duration,
    took: Duration,
) -> Answer {
    let how = match ended {
        Ok(None) => {
            return Answer::passed(format!("connected, and the banner matched in {} ms", millis(took)));
        }
        Err(why) => return Answer::errored(why),
        Ok(Some(Ended::Closed)) => "before the server closed".to_owned(),
        Ok(Some(Ended::Full)) => format!("in its first {LARGEST} bytes"),
        Ok(Some(Ended::Late)) => format!("within {within:?}"),
    };
    let expected = quoted(banner.as_str());
    if said.is_empty() {
        return Answer::failed(format!("sent nothing {how}, expected a match of {expected}"));
    }
    let said = String::from_utf8_lossy(said);
    Answer::failed(format!("banner was {} {how}, expected a match of {expected}", quoted(said.trim_end())))
}

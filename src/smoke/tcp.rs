//! The `tcp` check: it connects, and says what it should if anything is expected.

use std::io;
use std::time::Duration;

use regex::Regex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Runner;
use super::answer::{Answer, millis, quoted};
use super::reach::{Stage, Way, io_words, joined};
use super::tls::{self, Alpn};
use super::variables::Variables;
use crate::config::TcpCheck;
use crate::event::Status;
use crate::net::Stream;

/// How much of what the server says is kept, in bytes.
const LARGEST: usize = 4 * 1024;

/// For how long a server that need not say anything may refuse us after the handshake.
const MOMENT: Duration = Duration::from_millis(300);

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

/// Asks once: connects, says what it should, and listens for the banner, all within the check's time.
pub(super) async fn ask(runner: &Runner, check: &TcpCheck, variables: &Variables<'_>) -> Answer {
    runner.turns.take(|| ask_now(runner, check, variables)).await
}

async fn ask_now(runner: &Runner, check: &TcpCheck, variables: &Variables<'_>) -> Answer {
    let sent = check.send.as_ref().map(|text| variables.in_host(text)).transpose();
    let (host, sent) = match variables.in_host(&check.host).and_then(|host| Ok((host, sent?))) {
        Ok(both) => both,
        Err(why) => return Answer::errored(why),
    };
    let way = Way { host: &host, port: check.port, tls: check.tls.as_ref().map(|tls| (tls, Alpn::Silent)) };
    let began = runner.clock.now();
    let deadline = tokio::time::Instant::now() + runner.clock.real(check.within);
    let (mut said, mut stage) = (Vec::new(), Stage::default());
    let opening = tokio::time::timeout_at(deadline, way.open(runner, &mut stage)).await;
    let mut took = None;
    let answer = match opening {
        Err(_) => Answer::errored(way.late(stage, check.within)),
        Ok(Err(why)) => Answer::errored(why),
        Ok(Ok(opened)) => {
            let ending = check.certificate_valid.and_then(|least| {
                tls::ending(&opened.certificates, runner.clock.now(), least).map(Answer::failed)
            });
            let mut stream = opened.stream;
            let talking = talk(&mut stream, sent.as_deref(), check.banner.as_ref(), &mut said);
            let ended = tokio::time::timeout_at(deadline, talking).await.unwrap_or(Ok(Some(Ended::Late)));
            let spoken = *took.insert(runner.clock.since(began));
            let moment = tokio::time::Instant::now() + runner.clock.real(MOMENT);
            let ended = match ended {
                Ok(None) if check.tls.is_some() && check.banner.is_none() => {
                    accepted(&mut stream, moment.min(deadline)).await.map(|()| None)
                }
                ended => ended,
            };
            let judged = judge(ended, check, &said, spoken);
            ending.filter(|_| judged.status == Status::Passed).unwrap_or(judged)
        }
    };
    let said: String = String::from_utf8_lossy(&said).into_owned();
    let took = took.unwrap_or_else(|| runner.clock.since(began));
    answer.with_evidence(said).in_time(took).refused(stage == Stage::Refused && variables.is_own(&host))
}

/// Sends the text, then reads until the regular expression matches (`None`).
async fn talk(
    stream: &mut Stream,
    sent: Option<&str>,
    banner: Option<&Regex>,
    said: &mut Vec<u8>,
) -> Result<Option<Ended>, String> {
    if let Some(sent) = sent {
        let written = async {
            stream.write_all(sent.as_bytes()).await?;
            stream.flush().await
        };
        written.await.map_err(|error| format!("failed to send the text: {}", io_words(&error)))?;
    }
    match banner {
        Some(banner) => listen(stream, banner, said).await,
        None => Ok(None),
    }
}

/// Waits for a moment whether the server refuses what the handshake showed it: with TLS 1.3 it says
/// only then what it thinks of our certificate.
async fn accepted(stream: &mut Stream, until: tokio::time::Instant) -> Result<(), String> {
    match tokio::time::timeout_at(until, stream.read(&mut [0])).await {
        // Some close without a word of goodbye.
        Ok(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Err(format!("TLS was refused after the handshake: {}", io_words(&error)))
        }
        _ => Ok(()),
    }
}

/// Reads until the regular expression matches (`None`) or there is no more to read.
async fn listen(stream: &mut Stream, banner: &Regex, said: &mut Vec<u8>) -> Result<Option<Ended>, String> {
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

fn judge(ended: Result<Option<Ended>, String>, check: &TcpCheck, said: &[u8], took: Duration) -> Answer {
    let how = match (ended, &check.banner) {
        (Ok(None), Some(_)) => {
            return Answer::passed(format!("connected, and the banner matched in {} ms", millis(took)));
        }
        (Ok(None), None) => return Answer::passed(format!("connected in {} ms", millis(took))),
        (Err(why), _) => return Answer::errored(why),
        (Ok(Some(Ended::Late)), None) => {
            return Answer::errored(format!("the text could not be sent within {:?}", check.within));
        }
        (Ok(Some(Ended::Closed)), _) => "before the server closed".to_owned(),
        (Ok(Some(Ended::Full)), _) => format!("in its first {LARGEST} bytes"),
        (Ok(Some(Ended::Late)), Some(_)) => format!("within {:?}", check.within),
    };
    let expected = quoted(check.banner.as_ref().map_or("", Regex::as_str));
    if said.is_empty() {
        return Answer::failed(format!("sent nothing {how}, expected a match of {expected}"));
    }
    let said = String::from_utf8_lossy(said);
    Answer::failed(format!("banner was {} {how}, expected a match of {expected}", quoted(said.trim_end())))
}

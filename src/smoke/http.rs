//! The `http` check: asks, follows redirects where it may, and hears a bounded answer out.
//!
//! [`super::assertions`] judges. What was sent in secret is in nothing that is told.

mod connection;
mod place;
mod pool;
mod redirects;
mod request;

use std::time::Duration;

use self::connection::Connection;
use self::place::Place;
use self::pool::Key;
pub(super) use self::pool::Pool;
use self::redirects::Trail;
use self::request::Prepared;
use super::Runner;
use super::answer::Answer;
use super::assertions::{self, Heard};
use super::captured;
use super::reach::{Stage, Way};
use super::secrets::Secrets;
use super::tls::{self, Alpn};
use super::variables::Variables;
use crate::config::{HttpCheck, HttpVersion};

/// Why there is no answer to judge.
#[derive(Debug)]
enum Ended {
    /// It could not be asked.
    Errored(String),
    /// It was answered, by no end of redirects.
    Failed(String),
}

impl From<String> for Ended {
    fn from(why: String) -> Self {
        Self::Errored(why)
    }
}

/// The address that the request goes to.
///
/// # Errors
/// When the URL is not one.
pub(super) fn address(check: &HttpCheck, variables: &Variables<'_>) -> Result<String, String> {
    let place = Place::read(&variables.in_url(&check.url)?)?;
    Ok(place.address())
}

/// Asks once, within the check's time from connecting to the last byte.
pub(super) async fn ask(runner: &Runner, check: &HttpCheck, variables: &Variables<'_>) -> Answer {
    ask_and_hear(runner, check, variables).await.0
}

/// The same, with what was heard for whoever wants more of it than the answer says.
///
/// [`Heard`] holds the last answer's status, headers and body as they came, secrets included.
pub(super) async fn ask_and_hear(
    runner: &Runner,
    check: &HttpCheck,
    variables: &Variables<'_>,
) -> (Answer, Heard) {
    runner.turns.take(|| ask_now(runner, check, variables)).await
}

async fn ask_now(runner: &Runner, check: &HttpCheck, variables: &Variables<'_>) -> (Answer, Heard) {
    let mut secrets = Secrets::default();
    let mut prepared = match Prepared::new(check, variables, &mut secrets) {
        Ok(prepared) => prepared,
        Err(why) => return (Answer::errored(secrets.masked(why)), Heard::default()),
    };
    let began = runner.clock.now();
    let (mut heard, mut trail) = (Heard::default(), Trail::default());
    let limit = runner.clock.real(check.within);
    let journey = journey(runner, check, &mut prepared, &mut heard, &mut trail);
    let ended = tokio::time::timeout(limit, journey).await;
    let took = runner.clock.since(began);
    let answer = match ended {
        Ok(Ok(())) => assertions::judge(check, &heard, took),
        Ok(Err(Ended::Errored(why))) => Answer::errored(trail.behind(why)),
        Ok(Err(Ended::Failed(why))) => Answer::failed(why),
        Err(_) => Answer::errored(trail.behind(late(&prepared, &heard, check.within))),
    };
    let answer = Answer { message: secrets.masked(answer.message), ..answer };
    let evidence = secrets.masked(trail.evidence()) + &heard.evidence(&secrets);
    let answer = captured::take(&check.capture, &heard, answer.with_evidence(evidence));
    let refused = heard.stage == Stage::Refused && trail.is_empty() && variables.is_own(&prepared.place.host);
    (answer.in_time(took).refused(refused), heard)
}

fn late(prepared: &Prepared, heard: &Heard, within: Duration) -> String {
    match heard.status {
        Some(status) => {
            let bytes = heard.body.len();
            format!("the answer did not end within {within:?}: {status}, {bytes} bytes of the body")
        }
        None => way(prepared, HttpVersion::One).late(heard.stage, within),
    }
}

/// Asks, and follows redirects as far as the check says.
async fn journey(
    runner: &Runner,
    check: &HttpCheck,
    prepared: &mut Prepared,
    heard: &mut Heard,
    trail: &mut Trail,
) -> Result<(), Ended> {
    loop {
        exchange(runner, check, prepared, heard).await?;
        if !trail.follow(check.redirects, prepared, heard)? {
            return Ok(());
        }
        heard.begin_again();
    }
}

/// Asks one server once. What breaks off on a connection that was used before says nothing of
/// the server: then it is asked once more, on a connection of its own.
async fn exchange(
    runner: &Runner,
    check: &HttpCheck,
    prepared: &Prepared,
    heard: &mut Heard,
) -> Result<(), String> {
    // Others wait for a place: a connection is worth passing on.
    let keep = prepared.repeatable() && check.version == HttpVersion::One && runner.turns.is_full();
    let key = keep.then(|| Key::of(&prepared.place, &prepared.tls));
    if let Some(key) = &key
        && let Some(mut connection) = runner.pool.take(key)
    {
        heard.stage = Stage::Asked;
        if over(&mut connection, runner, check, prepared, heard, keep).await.is_ok() {
            pass_on(runner, key.clone(), connection, heard);
            return Ok(());
        }
        heard.begin_again();
    }
    let opened = way(prepared, check.version).open(runner, &mut heard.stage).await?;
    let two = opened.two || (!prepared.place.tls && check.version == HttpVersion::Two);
    let mut connection = Connection::over(opened, two).await?;
    over(&mut connection, runner, check, prepared, heard, keep).await?;
    if let Some(key) = key {
        pass_on(runner, key, connection, heard);
    }
    Ok(())
}

/// Asks over this connection, and looks at the certificates that it came with.
async fn over(
    connection: &mut Connection,
    runner: &Runner,
    check: &HttpCheck,
    prepared: &Prepared,
    heard: &mut Heard,
    keep: bool,
) -> Result<(), String> {
    let request = prepared.request(connection.two(), keep)?;
    connection.ask(request, heard).await?;
    heard.certified |= !connection.certificates.is_empty();
    if let Some(least) = check.certificate_valid {
        let wrong = tls::ending(&connection.certificates, runner.clock.now(), least);
        heard.wrong_certificates.extend(wrong);
    }
    Ok(())
}

fn pass_on(runner: &Runner, key: Key, connection: Connection, heard: &Heard) {
    if runner.turns.is_full() && connection.reusable(heard) {
        runner.pool.put(key, connection);
    }
}

fn way(prepared: &Prepared, version: HttpVersion) -> Way<'_> {
    let alpn = match version {
        HttpVersion::One => Alpn::Silent,
        HttpVersion::Two => Alpn::Two,
        HttpVersion::Auto => Alpn::Either,
    };
    let Place { host, port, .. } = &prepared.place;
    Way { host, port: *port, tls: prepared.place.tls.then_some((&prepared.tls, alpn)) }
}

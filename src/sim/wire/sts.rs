//! STS: who one is, and roles.

use super::errors::Error;
use super::xml::Xml;
use super::{Answer, Ask};
use crate::sim::fleet::RoleSpec;
use crate::sim::world::{Session, after};

/// The made-up access key of the home account. Every key that the simulator did not issue
/// itself belongs to the home account too.
pub const HOME_KEY: &str = "AKIASIMULATEDHOMEKEY";
/// Its made-up secret, which nothing verifies.
pub const HOME_SECRET: &str = "simulated-secret-that-opens-nothing";

pub(super) fn answer(ask: &mut Ask<'_>) -> Answer {
    match ask.action {
        "AssumeRole" => assume_role(ask),
        "GetCallerIdentity" => Ok(caller_identity(ask)),
        other => Err(Error::unknown_action(other)),
    }
}

fn assume_role(ask: &mut Ask<'_>) -> Answer {
    let role = ask.params.require("RoleArn")?.to_owned();
    let name = ask.params.require("RoleSessionName")?.to_owned();
    let external_id = ask.params.get("ExternalId").map(str::to_owned);
    check("RoleSessionName", &name, "_+=,.@-", 64)?;
    if let Some(external_id) = &external_id {
        check("ExternalId", external_id, "_+=,.@:/-", 1_224)?;
    }
    let seconds = ask.params.number("DurationSeconds")?.unwrap_or(3600);
    if !(900..=43_200).contains(&seconds) {
        return Err(Error::invalid("DurationSeconds must be between 900 and 43200"));
    }
    let chained = ask.world.sessions.contains_key(&ask.asker.key);
    if chained && seconds > 3_600 {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(Error::invalid(message));
    }
    let trusted = ask
        .world
        .roles
        .get(&role)
        .filter(|spec| spec.external_id.is_none() || spec.external_id == external_id);
    let Some(RoleSpec { account, longest_session, .. }) = trusted.cloned() else {
        let (who, _) = who(ask);
        // AWS does not tell which condition of the trust policy was not met.
        let message = format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}");
        return Err(Error::with_status(403, "AccessDenied", &message));
    };
    if seconds > longest_session {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Error::invalid(message));
    }
    let key = format!("ASIA{}", ask.world.dice.hex(16).to_uppercase());
    let expires = after(ask.world.now, seconds);
    let session = Session { account: account.clone(), role: role.clone(), name: name.clone(), expires };
    let mut xml = Xml::new();
    xml.node("Credentials", |xml| {
        xml.leaf("AccessKeyId", &key)
            .leaf("SecretAccessKey", format_args!("simulated-secret-{key}"))
            .leaf("SessionToken", format_args!("simulated-token-{key}"))
            .time("Expiration", expires);
    });
    xml.node("AssumedRoleUser", |xml| {
        xml.leaf("AssumedRoleId", format_args!("AROASIMULATED:{name}")).leaf("Arn", arn(&session));
    });
    ask.world.sessions.insert(key, session);
    Ok(xml)
}

fn arn(session: &Session) -> String {
    let role = session.role.rsplit('/').next().unwrap_or_default();
    format!("arn:aws:sts::{}:assumed-role/{role}/{}", session.account, session.name)
}

/// The ARN and the id of whoever asks.
fn who(ask: &Ask<'_>) -> (String, String) {
    match ask.world.sessions.get(&ask.asker.key) {
        Some(session) => (arn(session), format!("AROASIMULATED:{}", session.name)),
        None => (format!("arn:aws:iam::{}:user/simulated", ask.world.home), "AIDASIMULATED".to_owned()),
    }
}

/// Refuses text that is shorter than two, too long, or has other characters than letters,
/// digits and these.
fn check(parameter: &str, text: &str, others: &str, most: usize) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    if (2..=most).contains(&text.len()) && text.chars().all(fits) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "1 validation error detected: Value at '{parameter}' failed to satisfy constraint"
    )))
}

fn caller_identity(ask: &Ask<'_>) -> Xml {
    let mut xml = Xml::new();
    let (arn, user) = who(ask);
    xml.leaf("Arn", arn).leaf("UserId", user).leaf("Account", &ask.place.account);
    xml
}

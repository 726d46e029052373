//! STS: who one is, and roles.

use super::errors::Error;
use super::xml::Xml;
use super::{Answer, Ask};
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
    let seconds = ask.params.number("DurationSeconds")?.unwrap_or(3600);
    if !(900..=43_200).contains(&seconds) {
        return Err(Error::invalid("DurationSeconds must be between 900 and 43200"));
    }
    let Some(account) = ask.world.roles.get(&role).cloned() else {
        let who = ask.world.home.clone();
        let message = format!(
            "User: arn:aws:iam::{who}:user/simulated is not authorized to perform: sts:AssumeRole on resource: {role}"
        );
        return Err(Error::with_status(403, "AccessDenied", &message));
    };
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

fn caller_identity(ask: &Ask<'_>) -> Xml {
    let mut xml = Xml::new();
    let (arn, user) = match ask.world.sessions.get(&ask.asker.key) {
        Some(session) => (arn(session), format!("AROASIMULATED:{}", session.name)),
        None => (format!("arn:aws:iam::{}:user/simulated", ask.world.home), "AIDASIMULATED".to_owned()),
    };
    xml.leaf("Arn", arn).leaf("UserId", user).leaf("Account", &ask.place.account);
    xml
}

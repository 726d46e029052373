//! `iam-policy`: the least that a role needs, as an IAM policy. Asks nobody.

mod names;

use std::collections::BTreeSet;

use super::{Failure, Output, context};
use crate::aws::{BESIDES, CALLS, Permission};
use crate::cli::{Format, Global};
use crate::config::{Environment, ExternalId, Fleet, SecretSource};
use crate::model::Exit;
use crate::permissions::{self, Options, Policy, Statement};

/// What stands for an external id that is not printed.
const PLACEHOLDER: &str = "PUT-THE-EXTERNAL-ID-HERE";

/// Whose policy it is.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// The role that the pipeline has in the home account
    #[arg(long)]
    home: bool,

    /// The role that is assumed for this environment, and for all that share it
    #[arg(long = "env", alias = "environment", value_name = "NAME|ROLE")]
    environment: Option<String>,
}

/// Print the least that a role needs, as an IAM policy
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Made from the configuration: nobody is asked. What each statement is for is in its Sid,
why each action is there in --format text; see docs/permissions.md.

Examples:
  ami-refresh iam-policy --home
  ami-refresh iam-policy --env prod --instance-role 'web-*' > prod-policy.json
  ami-refresh iam-policy --env prod --trust arn:aws:iam::100000000000:role/jenkins > prod-trust.json")]
pub struct Args {
    #[command(flatten)]
    whose: Whose,

    /// Print instead who may assume the environment's role, with the external id: the ARN of a
    /// role, a user or a session, or an account's number
    #[arg(long, value_name = "PRINCIPAL", conflicts_with = "home", value_parser = names::principal)]
    trust: Option<String>,

    /// A glob over the names of the roles that instances have, with their paths; may be given several times
    /// [default: all roles of the account]
    #[arg(long = "instance-role", value_name = "GLOB", value_parser = names::role_glob)]
    instance_roles: Vec<String>,

    /// The ARN of an Image Builder pipeline; may be given several times [default: all pipelines]
    #[arg(long = "pipeline", value_name = "ARN", value_parser = pipeline)]
    pipelines: Vec<String>,

    /// Allow all launch templates of the account: for templates without the tags that select
    /// their groups
    #[arg(long)]
    any_template: bool,

    /// How it is printed: text says what each action is for
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Format,
}

fn pipeline(text: &str) -> Result<String, String> {
    let is_one =
        text.starts_with("arn:") && text.contains(":imagebuilder:") && text.contains(":image-pipeline/");
    if is_one { Ok(text.to_owned()) } else { Err("not the ARN of an image pipeline".to_owned()) }
}

pub(super) fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let options = Options {
        pipelines: args.pipelines.clone(),
        instance_roles: args.instance_roles.clone(),
        any_template: args.any_template,
    };
    let output = Output::new(global);
    let policy = match &args.whose.environment {
        None => permissions::home(&fleet, &options),
        Some(name) => {
            let environments = sharing(&fleet, name)?;
            match &args.trust {
                Some(principal) => permissions::trust(principal, &external_ids(&environments, output)),
                None => permissions::environment(&fleet, &environments, &options),
            }
        }
    };
    match args.format {
        Format::Json => output.json(&policy)?,
        Format::Text => output.text(&explained(&policy))?,
    }
    Ok(Exit::Done)
}

/// The environments that have the role, which is named itself or by one of them.
fn sharing<'f>(fleet: &'f Fleet, name: &str) -> Result<Vec<&'f Environment>, Failure> {
    let role = match fleet.environment(name) {
        Some(environment) => environment.role_arn.as_deref().ok_or_else(|| {
            Failure::usage(
                format!("{name} has no role of its own"),
                "the configuration names no 'role_arn' for it: the home role does its work",
                "print that one's with 'ami-refresh iam-policy --home'",
            )
        })?,
        None => name,
    };
    let environments: Vec<&Environment> =
        fleet.environments.iter().filter(|one| one.role_arn.as_deref() == Some(role)).collect();
    if environments.is_empty() {
        context::environments(fleet, &[name.to_owned()])?;
    }
    Ok(environments)
}

/// Each action, and what it is for.
fn explained(policy: &Policy) -> String {
    let line = |statement: &Statement, action: &str| {
        let is_it =
            |one: &&Permission| statement.sid.starts_with(one.part.sid()) && one.actions.contains(&action);
        let why = CALLS.iter().chain(BESIDES).find(is_it).map_or("lets it in", |one| one.why);
        format!("  {action:<46}  {why}\n")
    };
    let lines = policy.statement.iter().flat_map(|statement| {
        let head = std::iter::once(format!("{}\n", statement.sid));
        head.chain(statement.action.iter().map(move |action| line(statement, action)))
    });
    lines.collect()
}

/// The external ids that the environments' role is assumed with. One that is kept elsewhere is
/// a secret: a placeholder stands for it, with which nobody gets in.
fn external_ids(environments: &[&Environment], output: Output) -> Vec<String> {
    let ids: BTreeSet<&ExternalId> = environments.iter().filter_map(|one| one.external_id.as_ref()).collect();
    let text = |id: &ExternalId| match id {
        ExternalId::Plain(text) => text.clone(),
        ExternalId::Kept(source) => {
            let place = match source {
                SecretSource::Env(name) => format!("the environment variable {name}"),
                SecretSource::File(path) => path.display().to_string(),
            };
            output.note(&format!("put the external id in place of {PLACEHOLDER}: it is kept in {place}"));
            PLACEHOLDER.to_owned()
        }
    };
    ids.into_iter().map(text).collect()
}

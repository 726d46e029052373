//! Systems Manager: commands on instances, in JSON 1.1.

use serde_json::{Value, json};

use super::Ask;
use super::errors::Error;
use super::paging::Size;
use crate::model::InstanceId;
use crate::sim::scenario::AgentTrouble;
use crate::sim::world::{Ending, RemoteCommand, RemoteRun};

const COMMANDS: Size = Size { parameter: "MaxResults", token: "NextToken", usual: 50, most: 50 };
const INFORMATION: Size = Size { parameter: "MaxResults", token: "NextToken", usual: 10, most: 50 };
/// The most instances that a command takes by their ids.
const INSTANCES: usize = 50;
/// How long a script may run unless its `executionTimeout` says otherwise, in seconds.
const EXECUTION: u32 = 3_600;
/// The most characters of output that come with a command's state, and by themselves.
const WITH_STATE: usize = 2_500;
const OUTPUT: (usize, usize) = (24_000, 8_000);
const PLUGIN: &str = "aws:runShellScript";
/// The documents of AWS's own that the simulator has; one with another name is somebody's own.
const DOCUMENTS: [&str; 2] = ["AWS-RunShellScript", "AWS-RunPowerShellScript"];

pub(super) fn answer(ask: &mut Ask<'_>) -> Result<Value, Error> {
    match ask.action {
        "SendCommand" => send(ask),
        "ListCommandInvocations" => list(ask),
        "GetCommandInvocation" => output(ask),
        "CancelCommand" => cancel(ask),
        "DescribeInstanceInformation" => information(ask),
        other => Err(Error::unknown_action(other)),
    }
}

fn send(ask: &mut Ask<'_>) -> Result<Value, Error> {
    let document = ask.params.require("DocumentName")?.to_owned();
    if document.starts_with("AWS-") && !DOCUMENTS.contains(&document.as_str()) {
        return Err(Error::new("InvalidDocument", format!("Document with name {document} does not exist.")));
    }
    let instances: Vec<InstanceId> = ask.params.list("InstanceIds").into_iter().map(Into::into).collect();
    if instances.is_empty() || instances.len() > INSTANCES {
        return Err(Error::invalid(format!("InstanceIds takes 1 to {INSTANCES} ids in the simulator")));
    }
    let delivery = ask.params.number("TimeoutSeconds")?.unwrap_or(EXECUTION);
    if delivery < 30 {
        return Err(Error::invalid("TimeoutSeconds must be at least 30"));
    }
    // As AWS does: one that is not managed refuses the command for all.
    let absent =
        |id: &&InstanceId| matches!(ask.world.agent(&ask.place, id), None | Some(Some(AgentTrouble::Absent)));
    let absent: Vec<&str> = instances.iter().filter(absent).map(InstanceId::as_str).collect();
    if !absent.is_empty() {
        let account = &ask.place.account;
        let message =
            format!("Instances [[{}]] not in a valid state for account {account}", absent.join(", "));
        return Err(Error::new("InvalidInstanceId", message));
    }
    let lines: Vec<String> = ask.params.list("Parameters.commands").into_iter().map(str::to_owned).collect();
    if DOCUMENTS.contains(&document.as_str()) && lines.is_empty() {
        return Err(Error::new("InvalidParameters", "Parameter \"commands\" requires an input."));
    }
    let execution = ask.params.number("Parameters.executionTimeout.1")?.unwrap_or(EXECUTION);
    let command = RemoteCommand {
        place: ask.place.clone(),
        document: document.clone(),
        lines,
        comment: ask.params.get("Comment").unwrap_or_default().to_owned(),
        sent: ask.world.now,
        runs: std::collections::BTreeMap::new(),
    };
    let id = ask.world.send_command(command, &instances, (delivery, execution));
    let ids: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
    Ok(json!({ "Command": {
        "CommandId": id, "DocumentName": document, "InstanceIds": ids, "Status": "Pending",
        "StatusDetails": "Pending", "TargetCount": ids.len(), "TimeoutSeconds": delivery,
        "RequestedDateTime": ask.world.now.as_second(),
    } }))
}

fn found<'a>(ask: &'a Ask<'_>) -> Result<(&'a str, &'a RemoteCommand), Error> {
    let id = ask.params.require("CommandId")?;
    let command = ask.world.commands.get(id).filter(|command| command.place == ask.place);
    command.map(|command| (id, command)).ok_or_else(|| {
        Error::new("InvalidCommandId", format!("There is no command {id} in this account and region."))
    })
}

/// The status, its details, and the exit code: -1 before there is one.
fn state(run: &RemoteRun, now: jiff::Timestamp) -> (&'static str, &'static str, i32) {
    if run.cancelled.is_some() {
        return ("Cancelled", "Cancelled", -1);
    }
    if now >= run.ends {
        return match (run.late, run.begins) {
            (true, None) => ("TimedOut", "DeliveryTimedOut", -1),
            (true, Some(_)) => ("TimedOut", "ExecutionTimedOut", 137),
            (false, _) if run.ending.exit == 0 => ("Success", "Success", 0),
            (false, _) => ("Failed", "Failed", run.ending.exit),
        };
    }
    match run.begins.filter(|begins| now >= *begins) {
        Some(_) => ("InProgress", "InProgress", -1),
        None => ("Pending", "Pending", -1),
    }
}

fn first(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn list(ask: &mut Ask<'_>) -> Result<Value, Error> {
    let details = ask.params.flag("Details").unwrap_or(false);
    let now = ask.world.now;
    let (id, command) = found(ask)?;
    let (id, command) = (id.to_owned(), command.clone());
    let page = ask.page(command.runs.iter().collect(), COMMANDS)?;
    let told = |(instance, run): &(&InstanceId, &RemoteRun)| {
        let (status, word, code) = state(run, now);
        let mut told = json!({
            "CommandId": id, "InstanceId": instance.as_str(), "DocumentName": command.document,
            "Comment": command.comment, "RequestedDateTime": command.sent.as_second(),
            "Status": status, "StatusDetails": word, "CommandPlugins": [],
        });
        if details && run.begins.is_some_and(|begins| now >= begins) {
            let ended = now >= run.ends && !run.late;
            let mut said = if ended { run.ending.output.clone() } else { String::new() };
            if ended && !run.ending.errors.is_empty() {
                said.push_str("\n----------ERROR-------\n");
                said.push_str(&run.ending.errors);
            }
            told["CommandPlugins"] = json!([{
                "Name": PLUGIN, "Status": status, "StatusDetails": word, "ResponseCode": code,
                "Output": first(&said, WITH_STATE),
            }]);
        }
        told
    };
    let mut answer = json!({ "CommandInvocations": page.items.iter().map(told).collect::<Vec<_>>() });
    if let Some(next) = page.next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

fn output(ask: &mut Ask<'_>) -> Result<Value, Error> {
    let instance = ask.params.require("InstanceId")?;
    let (id, command) = found(ask)?;
    let Some(run) = command.runs.get(&InstanceId::new(instance)) else {
        return Err(Error::new("InvocationDoesNotExist", "There is no such command on that instance."));
    };
    if ask.params.get("PluginName").is_some_and(|name| name != PLUGIN) {
        return Err(Error::new("InvalidPluginName", "The plugin name isn't valid."));
    }
    let (status, word, code) = state(run, ask.world.now);
    let said = if ask.world.now >= run.ends && !run.late { run.ending.clone() } else { Ending::default() };
    Ok(json!({
        "CommandId": id, "InstanceId": instance, "DocumentName": command.document, "PluginName": PLUGIN,
        "Status": status, "StatusDetails": word, "ResponseCode": code,
        "StandardOutputContent": first(&said.output, OUTPUT.0), "StandardOutputUrl": "",
        "StandardErrorContent": first(&said.errors, OUTPUT.1), "StandardErrorUrl": "",
    }))
}

fn cancel(ask: &mut Ask<'_>) -> Result<Value, Error> {
    let (id, _) = found(ask)?;
    let named: Vec<InstanceId> = ask.params.list("InstanceIds").into_iter().map(Into::into).collect();
    let (id, now) = (id.to_owned(), ask.world.now);
    if let Some(command) = ask.world.commands.get_mut(&id) {
        let left = command.runs.iter_mut().filter(|(instance, run)| {
            (named.is_empty() || named.contains(instance)) && now < run.ends && run.cancelled.is_none()
        });
        left.for_each(|(_, run)| run.cancelled = Some(now));
    }
    Ok(json!({}))
}

fn information(ask: &mut Ask<'_>) -> Result<Value, Error> {
    let filters = ask.params.filters_named("Filters", "Key", "Values");
    if let Some((name, _)) = filters.0.iter().find(|(name, _)| name != "InstanceIds") {
        return Err(Error::new("InvalidFilterKey", format!("the simulator can't filter by {name}")));
    }
    let named = filters.exact("InstanceIds");
    let here = ask.world.instances_in(&ask.place).map(|instance| instance.id.clone());
    let mut ids: Vec<InstanceId> =
        here.filter(|id| named.as_ref().is_none_or(|named| named.contains(id.as_str()))).collect();
    ids.sort();
    let agents = ids.into_iter().filter_map(|id| match ask.world.agent(&ask.place, &id)? {
        None => Some((id, "Online", 0)),
        Some(AgentTrouble::Silent) => Some((id, "ConnectionLost", 3_600)),
        Some(AgentTrouble::Absent) => None,
    });
    let now = ask.world.now.as_second();
    let agents: Vec<_> = agents.collect();
    let page = ask.page(agents, INFORMATION)?;
    let told = |(id, ping, ago): &(InstanceId, &str, i64)| {
        json!({
            "InstanceId": id.as_str(), "PingStatus": ping, "LastPingDateTime": now - ago,
            "AgentVersion": "3.3.987.0", "PlatformType": "Linux", "ResourceType": "EC2Instance",
        })
    };
    let mut answer = json!({ "InstanceInformationList": page.items.iter().map(told).collect::<Vec<_>>() });
    if let Some(next) = page.next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

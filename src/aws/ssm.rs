//! Systems Manager: commands on instances, and what became of them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_ssm::types::{
    CommandInvocation, CommandInvocationStatus, CommandPlugin, CommandPluginStatus,
    InstanceInformationStringFilter,
};

use super::{Account, Error, seconds, timestamp};
use crate::model::{InstanceId, Invocation, InvocationOutput, InvocationStage, InvocationStep, Managed};

/// The most instances that one command takes by their ids.
pub const INSTANCES: usize = 50;
/// The least that the delivery of a command may be waited for.
const LEAST_DELIVERY: Duration = Duration::from_secs(30);
/// The most characters of a command's comment.
const COMMENT: usize = 100;

/// A command to be run on instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCommand {
    /// The document's name or ARN.
    pub document: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// How long the agents may take to fetch it; half a minute at least.
    pub delivery: Duration,
    /// What it is, for people who look at the account's commands.
    pub comment: String,
}

impl Account {
    /// Runs a document on at most [`INSTANCES`] instances, and gives the command's id.
    ///
    /// There is no token for it: where an answer is lost and the call made again, it runs twice.
    ///
    /// # Errors
    /// `InvalidInstanceId` for all of them when one of them is not managed.
    ///
    /// Source: `SendCommand` in the Systems Manager API reference.
    pub async fn send_command(
        &self,
        command: &RemoteCommand,
        instances: &[InstanceId],
    ) -> Result<String, Error> {
        const OPERATION: &str = "SendCommand";
        let ids = instances.iter().map(|id| id.as_str().to_owned()).collect();
        let parameters: HashMap<_, _> = command.parameters.clone().into_iter().collect();
        let request = self.ssm.send_command().document_name(&command.document).set_instance_ids(Some(ids));
        let answer = request
            .set_parameters(Some(parameters).filter(|given| !given.is_empty()))
            .timeout_seconds(seconds(command.delivery.max(LEAST_DELIVERY)))
            .comment(command.comment.chars().take(COMMENT).collect::<String>())
            // One instance on which it fails must not keep it from the others.
            .max_errors("100%")
            .max_concurrency("100%")
            .send()
            .await
            .map_err(|error| Error::from_sdk(OPERATION, error))?;
        let id = answer.command().and_then(|command| command.command_id()).map(str::to_owned);
        id.ok_or_else(|| Error::unexpected(OPERATION, "no id of the command"))
    }

    /// How far a command is on each instance. Right after it was sent, some may not be there yet.
    pub async fn invocations(&self, command: &str) -> Result<Vec<Invocation>, Error> {
        let mut found = Vec::new();
        let request = self.ssm.list_command_invocations().command_id(command).details(true);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk("ListCommandInvocations", error))?;
            found.extend(page.command_invocations().iter().map(read_invocation));
        }
        Ok(found)
    }

    /// What a step of a command said on an instance.
    pub async fn invocation_output(
        &self,
        command: &str,
        instance: &InstanceId,
        plugin: &str,
    ) -> Result<InvocationOutput, Error> {
        let request = self.ssm.get_command_invocation().command_id(command).instance_id(instance.as_str());
        let answer = request.plugin_name(plugin).send().await;
        let answer = answer.map_err(|error| Error::from_sdk("GetCommandInvocation", error))?;
        Ok(InvocationOutput {
            output: answer.standard_output_content().unwrap_or_default().to_owned(),
            errors: answer.standard_error_content().unwrap_or_default().to_owned(),
        })
    }

    /// Asks that a command be ended on these instances. AWS does what it can.
    pub async fn cancel_command(&self, command: &str, instances: &[InstanceId]) -> Result<(), Error> {
        let ids = instances.iter().map(|id| id.as_str().to_owned()).collect();
        let request = self.ssm.cancel_command().command_id(command).set_instance_ids(Some(ids));
        request.send().await.map_err(|error| Error::from_sdk("CancelCommand", error))?;
        Ok(())
    }

    /// What is known of the agents of these instances; one that never registered is left out.
    pub async fn managed(&self, instances: &[InstanceId]) -> Result<BTreeMap<InstanceId, Managed>, Error> {
        let mut found = BTreeMap::new();
        for instances in instances.chunks(INSTANCES) {
            let ids = instances.iter().map(|id| id.as_str().to_owned()).collect();
            let filter = InstanceInformationStringFilter::builder().key("InstanceIds").set_values(Some(ids));
            let filter = filter.build().map_err(|error| {
                Error::unexpected("DescribeInstanceInformation", format!("a filter: {error}"))
            })?;
            let request = self.ssm.describe_instance_information().filters(filter);
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| Error::from_sdk("DescribeInstanceInformation", error))?;
                found.extend(page.instance_information_list().iter().filter_map(|one| {
                    let ping = one.ping_status().map_or("unknown", |status| status.as_str()).to_owned();
                    let last = timestamp(one.last_ping_date_time());
                    Some((InstanceId::new(one.instance_id()?), Managed { ping, last }))
                }));
            }
        }
        Ok(found)
    }
}

fn read_invocation(invocation: &CommandInvocation) -> Invocation {
    let step = telling(invocation.command_plugins()).map(|plugin| InvocationStep {
        plugin: plugin.name().unwrap_or_default().to_owned(),
        // Before it runs, and where it never does, the code is -1.
        exit: Some(plugin.response_code()).filter(|code| *code >= 0),
        output: plugin.output().unwrap_or_default().to_owned(),
    });
    let status = invocation.status();
    let word = invocation.status_details().filter(|word| !word.is_empty());
    let word = word.or(status.map(CommandInvocationStatus::as_str)).unwrap_or("unknown").to_owned();
    Invocation {
        instance: invocation.instance_id().unwrap_or_default().into(),
        stage: stage(status, &word, step.as_ref()),
        word,
        step,
    }
}

/// The step that failed, or else the last.
fn telling(plugins: &[CommandPlugin]) -> Option<&CommandPlugin> {
    let bad = |plugin: &&CommandPlugin| {
        !matches!(
            plugin.status(),
            None | Some(
                CommandPluginStatus::Success | CommandPluginStatus::Pending | CommandPluginStatus::InProgress
            )
        )
    };
    plugins.iter().find(bad).or(plugins.last())
}

fn stage(
    status: Option<&CommandInvocationStatus>,
    word: &str,
    step: Option<&InvocationStep>,
) -> InvocationStage {
    use CommandInvocationStatus as Status;
    match status {
        Some(Status::Pending | Status::Delayed) | None => InvocationStage::Waiting,
        Some(Status::InProgress | Status::Cancelling) => InvocationStage::Running,
        Some(Status::Success) => InvocationStage::Ended,
        // `Failed` is also what becomes of a command that does not fit the instance.
        Some(Status::Failed) if word == "Failed" && step.is_some_and(|step| step.exit.is_some()) => {
            InvocationStage::Ended
        }
        Some(_) => InvocationStage::Undone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str, status: CommandPluginStatus, code: i32) -> CommandPlugin {
        CommandPlugin::builder().name(name).status(status).response_code(code).output("said").build()
    }

    fn read(status: CommandInvocationStatus, word: &str, plugins: Vec<CommandPlugin>) -> Invocation {
        let invocation = CommandInvocation::builder().instance_id("i-1").status(status).status_details(word);
        read_invocation(&invocation.set_command_plugins(Some(plugins)).build())
    }

    #[test]
    fn a_program_that_ended_is_told_from_one_that_never_ran() {
        use CommandInvocationStatus as Status;
        let ran = || vec![plugin("aws:runShellScript", CommandPluginStatus::Failed, 3)];
        let failed = read(Status::Failed, "Failed", ran());
        assert_eq!((failed.stage, failed.step.and_then(|step| step.exit)), (InvocationStage::Ended, Some(3)));
        for (status, word, stage) in [
            (Status::Pending, "Pending", InvocationStage::Waiting),
            (Status::Delayed, "Delayed", InvocationStage::Waiting),
            (Status::InProgress, "InProgress", InvocationStage::Running),
            (Status::Success, "Success", InvocationStage::Ended),
            (Status::TimedOut, "ExecutionTimedOut", InvocationStage::Undone),
            (Status::Failed, "Undeliverable", InvocationStage::Undone),
            (Status::Cancelled, "Cancelled", InvocationStage::Undone),
        ] {
            let seen = read(status, word, ran());
            assert_eq!((seen.stage, seen.word.as_str()), (stage, word));
        }
        let unheard = vec![plugin("aws:runShellScript", CommandPluginStatus::Failed, -1)];
        assert_eq!(read(Status::Failed, "Failed", unheard).stage, InvocationStage::Undone);
    }

    #[test]
    fn of_several_steps_the_one_that_failed_tells() {
        use CommandPluginStatus::{Failed, Success};
        let steps =
            vec![plugin("first", Success, 0), plugin("second", Failed, 2), plugin("third", Success, 0)];
        let seen = read(CommandInvocationStatus::Failed, "Failed", steps);
        assert_eq!(seen.step.map(|step| step.plugin), Some("second".to_owned()));
        let steps = vec![plugin("first", Success, 0), plugin("second", Success, 0)];
        let seen = read(CommandInvocationStatus::Success, "Success", steps);
        assert_eq!(seen.step.map(|step| step.plugin), Some("second".to_owned()));
    }
}

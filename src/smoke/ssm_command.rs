//! One command through Systems Manager: sent, followed on each instance, ended when it is late.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Runner;
use super::answer::Answer;
use super::look::bounded;
use super::program::{self, Ended};
use super::ssm::{Order, Parameters};
use crate::aws::{self, Account, RemoteCommand};
use crate::model::{InstanceId, Invocation, InvocationOutput, InvocationStage, Managed};

/// The pauses between looks at a command: most end soon.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3), Duration::from_secs(5)];
/// How much longer AWS is waited for than the command may take: its word of a late one is better.
const MARGIN: Duration = Duration::from_secs(5);
/// The most characters that Systems Manager keeps of output, and of error output.
const KEPT: (usize, usize) = (24_000, 8_000);
/// The most characters of output that come with the state of a command.
const WITH_STATE: usize = 2_500;
/// The parameter of the documents that run scripts which says how long one may take.
const EXECUTION_TIMEOUT: &str = "executionTimeout";

/// An instance whose answer is waited for.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) instance: InstanceId,
    pub(super) tell: oneshot::Sender<Answer>,
}

/// A command for some instances of a group.
pub(super) struct Sending<'a> {
    pub(super) order: &'a Order,
    pub(super) parameters: Parameters,
}

/// A command that was sent. When it goes away, it is cancelled where it has not ended.
struct Sent<'a> {
    account: &'a Account,
    id: String,
    at: Timestamp,
    waiting: BTreeMap<InstanceId, oneshot::Sender<Answer>>,
}

impl Sending<'_> {
    /// Runs it, and tells each instance's answer as soon as it is there.
    pub(super) async fn run(self, those: Vec<Waiting>) {
        let mut waiting: BTreeMap<_, _> = those.into_iter().map(|one| (one.instance, one.tell)).collect();
        match self.send(&mut waiting).await {
            Ok(Some(id)) => {
                let at = self.order.runner.clock.now();
                self.follow(Sent { account: &self.order.account, id, at, waiting }).await;
            }
            Ok(None) => {}
            Err(why) => tell_all(waiting, &Answer::errored(why)),
        }
    }

    /// Sends it; those that can't be reached are told so, and no longer wait.
    async fn send(
        &self,
        waiting: &mut BTreeMap<InstanceId, oneshot::Sender<Answer>>,
    ) -> Result<Option<String>, String> {
        let command = self.command();
        let send = async |ids: Vec<InstanceId>| {
            bounded(&self.order.runner, self.order.account.send_command(&command, &ids)).await
        };
        let refused = match send(waiting.keys().cloned().collect()).await? {
            Ok(id) => return Ok(Some(id)),
            Err(error) if error.is("InvalidInstanceId") => error,
            Err(error) => return Err(self.refused(&error)),
        };
        // One instance that is not managed keeps the command from all: who is it?
        let ids: Vec<InstanceId> = waiting.keys().cloned().collect();
        let managed = bounded(&self.order.runner, self.order.account.managed(&ids)).await?;
        let managed = managed.map_err(|error| error.to_string())?;
        let unmanaged = ids.iter().filter(|id| !managed.get(*id).is_some_and(Managed::is_online));
        let unmanaged: Vec<&InstanceId> = unmanaged.collect();
        if unmanaged.is_empty() {
            return Err(self.refused(&refused));
        }
        for id in unmanaged {
            if let Some(tell) = waiting.remove(id) {
                let _ = tell.send(Answer::errored(unreachable(managed.get(id))));
            }
        }
        if waiting.is_empty() {
            return Ok(None);
        }
        let again = send(waiting.keys().cloned().collect()).await?;
        again.map(Some).map_err(|error| self.refused(&error))
    }

    fn command(&self) -> RemoteCommand {
        let mut parameters = self.parameters.clone();
        if self.order.check.is_script() {
            let seconds = self.order.check.within.as_secs().max(1).to_string();
            parameters.entry(EXECUTION_TIMEOUT.to_owned()).or_insert_with(|| vec![seconds]);
        }
        RemoteCommand {
            document: self.order.check.document.clone(),
            parameters,
            delivery: self.order.check.within,
            comment: format!("ami-refresh: check {} of {}", self.order.name, self.order.group.group),
        }
    }

    fn refused(&self, error: &aws::Error) -> String {
        let next = if error.code.starts_with("AccessDenied") {
            format!(
                ": allow ssm:SendCommand, as `ami-refresh iam-policy --env {}` says",
                self.order.group.environment
            )
        } else if error.code.starts_with("InvalidDocument") {
            format!(": is there a document {} in {}?", self.order.check.document, self.order.group.region)
        } else {
            String::new()
        };
        format!("{error}{next}")
    }

    /// Looks at the command until it has ended everywhere, or its time is up.
    async fn follow(&self, mut sent: Sent<'_>) {
        let clock = self.order.runner.clock;
        let mut pauses = PAUSES.into_iter().chain(std::iter::repeat(PAUSES[PAUSES.len() - 1]));
        let mut seen: BTreeMap<InstanceId, Invocation> = BTreeMap::new();
        let mut trouble = None;
        let limit = self.order.check.within + MARGIN;
        while !sent.waiting.is_empty() && clock.since(sent.at) < limit {
            let left = limit.saturating_sub(clock.since(sent.at)).max(Duration::from_millis(1));
            clock.sleep(pauses.next().unwrap_or(left).min(left)).await;
            match bounded(&self.order.runner, self.order.account.invocations(&sent.id)).await {
                Ok(Ok(invocations)) => {
                    trouble = None;
                    for invocation in invocations {
                        self.hear(&mut sent, &invocation).await;
                        seen.insert(invocation.instance.clone(), invocation);
                    }
                }
                Ok(Err(error)) => trouble = Some(error.to_string()),
                Err(why) => trouble = Some(why),
            }
        }
        sent.cancel(&self.order.runner).await;
        for (id, tell) in std::mem::take(&mut sent.waiting) {
            let why = trouble.clone().unwrap_or_else(|| self.late(seen.get(&id)));
            let took = clock.since(sent.at);
            let _ = tell.send(Answer::errored(why).in_time(took));
        }
    }

    fn late(&self, last: Option<&Invocation>) -> String {
        let within = self.order.check.within;
        match last.map(|invocation| invocation.stage) {
            Some(InvocationStage::Running) => format!("did not end within {within:?}, and was cancelled"),
            Some(InvocationStage::Waiting | InvocationStage::Ended | InvocationStage::Undone) | None => {
                format!(
                    "its agent did not fetch the command within {within:?}: look at the agent, and whether it \
                     reaches Systems Manager"
                )
            }
        }
    }

    /// Tells the instance's answer, if the command has ended there.
    async fn hear(&self, sent: &mut Sent<'_>, invocation: &Invocation) {
        let ended = matches!(invocation.stage, InvocationStage::Ended | InvocationStage::Undone);
        if !ended || !sent.waiting.contains_key(&invocation.instance) {
            return;
        }
        let took = self.order.runner.clock.since(sent.at);
        let answer = match invocation.stage {
            InvocationStage::Ended => self.judge(&sent.id, invocation, took).await,
            InvocationStage::Undone | InvocationStage::Waiting | InvocationStage::Running => {
                self.undone(&sent.id, invocation).await
            }
        };
        // Who asked may have given up; nobody else wants to know.
        if let Some(tell) = sent.waiting.remove(&invocation.instance) {
            let _ = tell.send(answer.in_time(took));
        }
    }

    async fn judge(&self, command: &str, invocation: &Invocation, took: Duration) -> Answer {
        let Some(step) = &invocation.step else {
            return Answer::errored("Systems Manager tells nothing of the command's steps");
        };
        let end = &self.order.check.end;
        let exit = step.exit;
        let short = Ended { exit, output: step.output.clone(), ..Ended::default() };
        // What comes with the state will do when nothing is asked of it and all is well.
        let enough = end.contains.is_none() && end.matches.is_none();
        if enough
            && exit.is_some_and(|code| end.exit.contains(&code))
            && step.output.chars().count() < WITH_STATE
        {
            return program::judge(end, &short, took);
        }
        match self.output(command, &invocation.instance, &step.plugin).await {
            Ok(said) => program::judge(end, &whole(exit, said), took),
            Err(why) => {
                let answer = program::judge(end, &short, took);
                if enough { answer } else { Answer::errored(why).with_evidence(answer.evidence) }
            }
        }
    }

    /// What is said of a command that was never run, or not to its end.
    async fn undone(&self, command: &str, invocation: &Invocation) -> Answer {
        let word: String = invocation.word.chars().filter(|c| !c.is_whitespace()).collect();
        let within = self.order.check.within;
        let why = match word.as_str() {
            "ExecutionTimedOut" | "TimedOut" => format!("did not end within {within:?}, and was ended there"),
            "DeliveryTimedOut" | "Undeliverable" => self.late(None),
            "Cancelled" | "Terminated" => "somebody cancelled the command".to_owned(),
            "InvalidPlatform" => {
                format!("the document {} is not for its platform", self.order.check.document)
            }
            _ => format!("Systems Manager did not run it to its end: {}", invocation.word),
        };
        let Some(step) = &invocation.step else { return Answer::errored(why) };
        let said = self.output(command, &invocation.instance, &step.plugin).await.unwrap_or_default();
        if said == InvocationOutput::default() {
            return Answer::errored(why);
        }
        Answer::errored(why).with_evidence(program::evidence(&whole(step.exit, said)))
    }

    async fn output(
        &self,
        command: &str,
        instance: &InstanceId,
        plugin: &str,
    ) -> Result<InvocationOutput, String> {
        let said =
            bounded(&self.order.runner, self.order.account.invocation_output(command, instance, plugin))
                .await?;
        said.map_err(|error| error.to_string())
    }
}

impl Sent<'_> {
    /// Cancels it where it has not ended.
    async fn cancel(&self, runner: &Runner) {
        let left: Vec<InstanceId> = self.waiting.keys().cloned().collect();
        if !left.is_empty() {
            // It ends by itself on the instances, only later.
            let _ = bounded(runner, self.account.cancel_command(&self.id, &left)).await;
        }
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        let left: Vec<InstanceId> = std::mem::take(&mut self.waiting).into_keys().collect();
        if let (false, Ok(runtime)) = (left.is_empty(), tokio::runtime::Handle::try_current()) {
            let (account, id) = (self.account.clone(), self.id.clone());
            runtime.spawn(async move { account.cancel_command(&id, &left).await });
        }
    }
}

fn tell_all(waiting: BTreeMap<InstanceId, oneshot::Sender<Answer>>, answer: &Answer) {
    for tell in waiting.into_values() {
        let _ = tell.send(answer.clone());
    }
}

fn whole(exit: Option<i32>, said: InvocationOutput) -> Ended {
    let full = said.output.chars().count() >= KEPT.0 || said.errors.chars().count() >= KEPT.1;
    let cut = if full {
        format!("Systems Manager keeps the first {} characters of output and {} of errors", KEPT.0, KEPT.1)
    } else {
        String::new()
    };
    Ended { exit, signal: None, output: said.output, errors: said.errors, cut }
}

/// Why an instance can't be told to run anything, and what to do about it.
fn unreachable(managed: Option<&Managed>) -> String {
    match managed {
        None => "Systems Manager does not manage it: does its image run the SSM agent, does its role have \
                 AmazonSSMManagedInstanceCore, and does its network reach Systems Manager?"
            .to_owned(),
        Some(Managed { ping, last }) => {
            let last = last.map(|last| format!(", last heard of at {last:.0}")).unwrap_or_default();
            format!(
                "its SSM agent is not online ({ping}{last}): look at the agent, and whether it reaches Systems \
                 Manager"
            )
        }
    }
}

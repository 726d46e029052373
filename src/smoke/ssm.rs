//! The `ssm` check: a command on the instances, through Systems Manager.
//!
//! Each instance is asked for itself, as over the network; the [`Desk`] of a check gathers those
//! that ask at the same moment into as few commands as AWS allows, and follows each command with
//! one call for all of its instances. [`super::ssm_command`] is one such command.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, Shared, join_all, select};
use tokio::sync::oneshot;

use super::answer::Answer;
use super::ssm_command::{Sending, Waiting};
use super::variables::Variables;
use super::{Round, Runner};
use crate::aws::{Account, INSTANCES};
use crate::config::{Line, SsmCheck};
use crate::event::GroupRef;

/// For how long those are gathered that ask at about the same moment.
const GATHER: Duration = Duration::from_millis(500);
/// The characters that a shell takes for what they are.
const HARMLESS: &str = "_-.:/@%+=,";

/// A document's parameters, with their variables filled in.
pub(super) type Parameters = BTreeMap<String, Vec<String>>;

/// What all commands of a check have in common.
pub(super) struct Order {
    pub(super) runner: Runner,
    pub(super) account: Account,
    pub(super) group: GroupRef,
    /// The check's name.
    pub(super) name: String,
    pub(super) check: SsmCheck,
}

/// Where the instances of a check ask.
pub(super) struct Desk {
    order: Result<Arc<Order>, String>,
    open: Mutex<Option<Batch>>,
}

/// Those who wait, each with what its command is to be.
type Queue = Vec<(Parameters, Waiting)>;

/// Those who wait for the next commands, and what sends them.
struct Batch {
    /// `None` once it is taken: who comes later is for the next batch.
    queue: Arc<Mutex<Option<Queue>>>,
    /// Done when everybody in the queue was told.
    sending: Shared<BoxFuture<'static, ()>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Desk")
    }
}

impl Desk {
    pub(super) fn new(round: &Round<'_, '_>, name: &str, check: &SsmCheck) -> Self {
        let order = round.look.account().map(|account| {
            Arc::new(Order {
                runner: round.runner.clone(),
                account: account.clone(),
                group: round.expect.group.clone(),
                name: name.to_owned(),
                check: check.clone(),
            })
        });
        Self { order, open: Mutex::new(None) }
    }

    /// Runs the check's command on the instance once.
    pub(super) async fn ask(&self, variables: &Variables<'_>) -> Answer {
        let Some((id, _)) = variables.instance else {
            return Answer::errored("Systems Manager runs commands on instances only");
        };
        let order = match &self.order {
            Ok(order) => order,
            Err(why) => return Answer::errored(why),
        };
        let parameters = match parameters(&order.check, variables) {
            Ok(parameters) => parameters,
            Err(why) => return Answer::errored(why),
        };
        let (tell, told) = oneshot::channel();
        let sending = self.join(order, parameters, Waiting { instance: id.clone(), tell });
        let answer = match select(told, sending).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), told)) => told.await,
        };
        answer.unwrap_or_else(|_| Answer::errored("nothing was heard of the command"))
    }

    /// Gets into the open batch, or opens one.
    fn join(
        &self,
        order: &Arc<Order>,
        parameters: Parameters,
        waiting: Waiting,
    ) -> Shared<BoxFuture<'static, ()>> {
        let mut open = lock(&self.open);
        if let Some(batch) = open.as_ref()
            && let Some(queue) = lock(&batch.queue).as_mut()
        {
            queue.push((parameters, waiting));
            return batch.sending.clone();
        }
        let queue = Arc::new(Mutex::new(Some(vec![(parameters, waiting)])));
        let (order, taken) = (Arc::clone(order), Arc::clone(&queue));
        let sending = async move {
            order.runner.clock.sleep(GATHER).await;
            let those = lock(&taken).take().unwrap_or_default();
            send_all(&order, those).await;
        };
        open.insert(Batch { queue, sending: sending.boxed().shared() }).sending.clone()
    }
}

/// What is held is right whatever happened to whoever held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends as few commands as there can be.
async fn send_all(order: &Order, waiting: Queue) {
    let mut alike: BTreeMap<Parameters, Vec<Waiting>> = BTreeMap::new();
    for (parameters, one) in waiting {
        alike.entry(parameters).or_default().push(one);
    }
    let mut commands = Vec::new();
    for (parameters, mut those) in alike {
        while !those.is_empty() {
            let rest = those.split_off(those.len().min(INSTANCES));
            commands.push(Sending { order, parameters: parameters.clone() }.run(those));
            those = rest;
        }
    }
    join_all(commands).await;
}

fn parameters(check: &SsmCheck, variables: &Variables<'_>) -> Result<Parameters, String> {
    let value = |name: &str| {
        let value = variables.in_host(&format!("{{{name}}}"))?;
        let harmless = |c: char| c.is_ascii_alphanumeric() || HARMLESS.contains(c);
        if value.chars().all(harmless) {
            return Ok(value);
        }
        // A tag's value must not become a command.
        Err(format!("the value of {{{name}}} holds characters that a shell on the instance would act on"))
    };
    let lines = |lines: &Vec<Line>| lines.iter().map(|line| line.fill(value)).collect::<Result<Vec<_>, _>>();
    let one = |(name, of): (&String, &Vec<Line>)| Ok((name.clone(), lines(of)?));
    check.parameters.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Piece, ProgramEnd};
    use crate::model::InstanceId;

    #[test]
    fn a_value_that_a_shell_would_act_on_is_not_sent() {
        let line = Line(vec![Piece::Text("echo ".into()), Piece::Variable("group".into())]);
        let check = SsmCheck {
            document: "AWS-RunShellScript".into(),
            parameters: BTreeMap::from([("commands".to_owned(), vec![line])]),
            end: ProgramEnd { exit: vec![0], contains: None, matches: None },
            within: Duration::from_secs(60),
        };
        let id = InstanceId::new("i-1");
        let of = |group: &str| {
            let group =
                GroupRef { environment: "qa".into(), region: "eu-west-2".into(), group: group.into() };
            let (tags, captured) = (BTreeMap::new(), BTreeMap::new());
            let instance = Some((&id, None));
            let variables = Variables { group: &group, tags: &tags, instance, captured: &captured };
            parameters(&check, &variables)
        };
        assert_eq!(of("web-1.a").unwrap()["commands"], ["echo web-1.a"]);
        for bad in ["a;reboot", "$(reboot)", "a b", "`x`", "a\nb"] {
            assert!(of(bad).unwrap_err().contains("{group}"), "{bad}");
        }
    }
}

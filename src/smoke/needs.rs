//! What a check needs of the checks before it: waited for, or asked for again.

use std::collections::BTreeMap;

use super::captured::Wait;
use super::each::Question;
use super::retry::Retry;
use super::{Asking, Round};
use crate::config::{Check, CheckKind, Scope};
use crate::event::Status;
use crate::model::{Instance, InstanceId};

/// The captured values that a check names, by variable.
pub(super) type Needed = BTreeMap<String, String>;

impl Round<'_, '_> {
    /// Waits until the checks before it have captured what the check names, for the same instance.
    ///
    /// # Errors
    /// Why a value is not there, in one line.
    pub(super) async fn needed(
        &self,
        asking: Asking<'_>,
        instance: Option<(&InstanceId, Option<&Instance>)>,
    ) -> Result<Needed, String> {
        let mut needed = Needed::new();
        for variable in &asking.check.uses {
            let value = self.value(asking.place, variable, instance).await?;
            needed.insert(variable.clone(), value);
        }
        Ok(needed)
    }

    async fn value(
        &self,
        place: usize,
        variable: &str,
        instance: Option<(&InstanceId, Option<&Instance>)>,
    ) -> Result<String, String> {
        let suits = |check: &&Check| {
            let captures = check.kind.captures().iter().any(|capture| capture.name == variable);
            captures && (check.on == Scope::Group || instance.is_some())
        };
        let found = self.checks[..place].iter().rposition(suits);
        let by = found.ok_or_else(|| format!("no check before it captures {{{variable}}}"))?;
        let check = self.checks[by];
        let instance = instance.filter(|_| check.on == Scope::Instance);
        match self.captured.wait(by, instance.map(|(id, _)| id), variable).await {
            Wait::Value(value) => Ok(value),
            Wait::NotPassed => {
                Err(format!("not asked: check {}, which captures {{{variable}}}, did not pass", check.name))
            }
            Wait::NotAsked => Box::pin(self.asked_for(by, variable, instance)).await,
        }
    }

    /// Asks the check again, as its policy says, for an instance that came when it had ended already.
    async fn asked_for(
        &self,
        by: usize,
        variable: &str,
        instance: Option<(&InstanceId, Option<&Instance>)>,
    ) -> Result<String, String> {
        let check = self.checks[by];
        let failed = |why: &str| {
            format!("not asked: check {}, which captures {{{variable}}}, did not pass: {why}", check.name)
        };
        let question = match &check.kind {
            CheckKind::Http(http) => Question::Http(http),
            CheckKind::Tcp(tcp) => Question::Tcp(tcp),
            CheckKind::Instances
            | CheckKind::Targets
            | CheckKind::Command(_)
            | CheckKind::Ssm(_)
            | CheckKind::Alarm(_) => return Err(failed("it captures nothing")),
        };
        let progress = super::Progress::default();
        let needed = self.needed(Asking { place: by, check, progress: &progress }, instance).await?;
        let mut retry = Retry::new(self.runner.clock, &check.retry);
        let answer = loop {
            let answer = self.ask(question, by, &self.variables(instance, &needed)).await;
            if !retry.again(answer.status) {
                break answer;
            }
            retry.wait().await;
        };
        match answer.taken.into_iter().find(|taken| taken.name == variable) {
            Some(taken) if answer.status == Status::Passed => Ok(taken.value),
            Some(_) | None => Err(failed(&answer.message)),
        }
    }
}

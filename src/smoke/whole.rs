//! Asks a group as a whole: its instances and targets together, its alarms, or a question once.
//!
//! Asked again and again until all of it is as it should be, or the time is up.

use super::answer::{Answer, Asked, Subject, worst};
use super::each::Question;
use super::needs::Needed;
use super::retry::Retry;
use super::{Asking, Round, alarm, fresh, instances, targets};
use crate::config::{AlarmCheck, RetryPolicy};

/// What is asked of the group as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whole<'a> {
    Instances,
    Targets,
    Alarm(&'a AlarmCheck),
    Question(Question<'a>),
}

impl Round<'_, '_> {
    /// Asks again and again, as the policy says, and gives the last answers.
    pub(super) async fn until(&self, what: Whole<'_>, asking: Asking<'_>) -> Vec<Asked> {
        let (clock, policy) = (self.runner.clock, &asking.check.retry);
        let needed = match self.needed(asking, None).await {
            Ok(needed) => needed,
            Err(why) => {
                let (subject, answer) = self.whole(Answer::errored(why));
                return vec![Asked { subject, answer, attempts: 0 }];
            }
        };
        let mut retry = Retry::new(clock, policy);
        loop {
            let began = clock.now();
            let answers = self.ask_whole(what, asking, &needed).await;
            let took = clock.since(began);
            let keep = |(subject, answer)| (subject, asking.progress.keep(answer));
            let answers: Vec<(Subject, Answer)> = answers.into_iter().map(keep).collect();
            let status = worst(answers.iter().map(|(_, answer)| answer.status));
            if !retry.again(status) {
                self.settle(asking.place, None, status);
                let asked = |(subject, answer): (Subject, Answer)| {
                    // What measured itself knows better.
                    let took = if answer.took.is_zero() { took } else { answer.took };
                    Asked { subject, answer: answer.in_time(took), attempts: retry.attempts() }
                };
                return answers.into_iter().map(asked).collect();
            }
            asking.progress.all_answered(&answers, retry.attempts());
            retry.wait().await;
        }
    }

    async fn ask_whole(
        &self,
        what: Whole<'_>,
        asking: Asking<'_>,
        needed: &Needed,
    ) -> Vec<(Subject, Answer)> {
        let policy = &asking.check.retry;
        match what {
            Whole::Instances => self.ask_instances(policy).await,
            Whole::Targets => self.ask_targets(policy).await,
            Whole::Alarm(check) => alarm::ask(self, check, needed).await,
            Whole::Question(question) => {
                let variables = self.variables(None, needed);
                let subject = question.address(&variables).unwrap_or_else(|_| self.name());
                vec![(Subject::Whole(subject), self.ask(question, asking.place, &variables).await)]
            }
        }
    }

    async fn ask_instances(&self, policy: &RetryPolicy) -> Vec<(Subject, Answer)> {
        match self.look.sighting(fresh(policy)).await {
            Ok(sighting) => instances::judge(&sighting, self.expect),
            Err(why) => vec![self.whole(Answer::errored(why))],
        }
    }

    async fn ask_targets(&self, policy: &RetryPolicy) -> Vec<(Subject, Answer)> {
        let group = match self.look.sighting(fresh(policy)).await {
            Ok(sighting) => sighting,
            Err(why) => return vec![self.whole(Answer::errored(why))],
        };
        let group = &group.group;
        if let Some(answer) = targets::nothing_to_ask(group) {
            return vec![self.whole(answer)];
        }
        match self.look.target_health(&group.target_groups).await {
            Ok(health) => targets::judge(group, &health),
            Err(why) => vec![self.whole(Answer::errored(why))],
        }
    }
}

//! Asks every instance of a group, and follows the group when it replaces one.
//!
//! An instance that went out of service meanwhile is skipped, and the one that came in its
//! place is asked instead.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

use super::answer::{Answer, Asked, Subject};
use super::retry::Retry;
use super::variables::Variables;
use super::{Asking, Round, command, fresh, http, ssm, tcp};
use crate::config::{CommandCheck, HttpCheck, RetryPolicy, TcpCheck};
use crate::event::Status;
use crate::model::{Group, InstanceId, Sighting};

/// How many successors of one instance are asked, one after another, before it is called off.
const SUCCESSORS: u32 = 3;
/// How old a sighting may be when it is asked whether a failing instance is still there.
const STALE: Duration = Duration::from_secs(30);

/// What is asked of an instance, or of the group as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question<'a> {
    /// An HTTP request.
    Http(&'a HttpCheck),
    /// A TCP connection.
    Tcp(&'a TcpCheck),
    /// A program, for the check of that name.
    Command(&'a str, &'a CommandCheck),
    /// A command through Systems Manager.
    Ssm(&'a ssm::Desk),
}

impl Question<'_> {
    /// The address that it goes to.
    ///
    /// # Errors
    /// When a variable has no value here.
    pub(super) fn address(&self, variables: &Variables<'_>) -> Result<String, String> {
        match self {
            Self::Http(check) => http::address(check, variables),
            Self::Tcp(check) => tcp::address(check, variables),
            Self::Command(..) | Self::Ssm(_) => Ok(variables.group.group.to_string()),
        }
    }
}

/// Why no instance of the group can be asked, if none can: skipped when none is wanted.
pub(super) fn nobody(group: &Group) -> Option<Answer> {
    if group.in_service().next().is_some() {
        return None;
    }
    Some(match group.desired {
        0 => Answer::skipped("no instances in service"),
        desired => Answer::errored(format!("no instances in service, {desired} desired")),
    })
}

/// How the search for the successor of an instance ended.
enum Successor {
    Found(InstanceId),
    /// The group has as many as it wants.
    NotNeeded,
    /// None came in time: why.
    Missing(String),
}

/// The instances that somebody asks already.
type Taken = Mutex<BTreeSet<InstanceId>>;

impl Round<'_, '_> {
    /// Asks the question once, of an instance or of the group as a whole, for the check of that place.
    pub(super) async fn ask(
        &self,
        question: Question<'_>,
        place: usize,
        variables: &Variables<'_>,
    ) -> Answer {
        let answer = match question {
            Question::Http(check) => http::ask(self.runner, check, variables).await,
            Question::Tcp(check) => tcp::ask(self.runner, check, variables).await,
            // Rare, and large: nobody else's asking should be as large.
            Question::Command(name, check) => {
                Box::pin(command::ask(self.runner, name, check, variables)).await
            }
            Question::Ssm(desk) => desk.ask(variables).await,
        };
        self.captured.keep(place, variables.instance.map(|(id, _)| id), &answer);
        answer
    }

    /// Asks every in-service instance, all at once.
    pub(super) async fn each(&self, question: Question<'_>, asking: Asking<'_>) -> Vec<Asked> {
        let sighting = match self.somebody(asking).await {
            Ok(sighting) => sighting,
            Err(asked) => return vec![asked],
        };
        let first: BTreeSet<InstanceId> = sighting.group.in_service().map(|one| one.id.clone()).collect();
        let taken = &Mutex::new(first.clone());
        let follow = |id| self.follow(question, asking, id, Arc::clone(&sighting), taken);
        join_all(first.into_iter().map(follow)).await.into_iter().flatten().collect()
    }

    /// A sighting with somebody in service; otherwise what is to be said instead.
    async fn somebody(&self, asking: Asking<'_>) -> Result<Arc<Sighting>, Asked> {
        let policy = &asking.check.retry;
        let mut retry = Retry::new(self.runner.clock, policy);
        loop {
            let answer = match self.look.sighting(fresh(policy)).await {
                Ok(sighting) => match nobody(&sighting.group) {
                    None => {
                        asking.progress.forget(&Subject::Whole(self.name()));
                        return Ok(sighting);
                    }
                    Some(answer) => answer,
                },
                Err(why) => Answer::errored(why),
            };
            let again = retry.again(answer.status);
            let (subject, answer) = self.whole(answer);
            let answer = asking.progress.answered(&subject, answer, retry.attempts(), false);
            if !again {
                return Err(Asked { subject, answer, attempts: retry.attempts() });
            }
            retry.wait().await;
        }
    }

    /// Asks an instance, or whichever comes in its place.
    async fn follow(
        &self,
        question: Question<'_>,
        asking: Asking<'_>,
        mut id: InstanceId,
        mut seen: Arc<Sighting>,
        taken: &Taken,
    ) -> Vec<Asked> {
        let mut asked = Vec::new();
        for _ in 0..=SUCCESSORS {
            let subject = Subject::Instance(id.clone());
            asking.progress.begin(&subject);
            let (answer, attempts) = self.ask_one(question, asking, &id, &mut seen).await;
            let answer = asking.progress.answered(&subject, answer, attempts, true);
            self.settle(asking.place, Some(&id), answer.status);
            let left = answer.status == Status::Skipped;
            asked.push(Asked { subject, answer, attempts });
            if !left {
                return asked;
            }
            let awaited = Subject::Whole(format!("in place of {id}"));
            asking.progress.begin(&awaited);
            let successor = self.successor(&asking.check.retry, &mut seen, taken).await;
            asking.progress.forget(&awaited);
            match successor {
                Successor::Found(next) => id = next,
                Successor::NotNeeded => return asked,
                Successor::Missing(why) => {
                    asked.push(self.instead(format!("{id} left, and no other came in its place: {why}")));
                    return asked;
                }
            }
        }
        asked.push(self.instead("instances are replaced faster than they can be asked".to_owned()));
        asked
    }

    fn instead(&self, why: String) -> Asked {
        let (subject, answer) = self.whole(Answer::errored(why));
        Asked { subject, answer, attempts: 1 }
    }

    /// Asks one instance until it passes or its time is up; skipped when it has left.
    async fn ask_one(
        &self,
        question: Question<'_>,
        asking: Asking<'_>,
        id: &InstanceId,
        seen: &mut Arc<Sighting>,
    ) -> (Answer, u32) {
        let needed = self.needed(asking, Some((id, seen.instances.get(id)))).await;
        let mut retry = Retry::new(self.runner.clock, &asking.check.retry);
        loop {
            let instance = seen.instances.get(id);
            let has_address = instance.is_some_and(|instance| instance.private_ip.is_some());
            let answer = match &needed {
                Ok(needed) => {
                    let variables = self.variables(Some((id, instance)), needed);
                    self.ask(question, asking.place, &variables).await
                }
                Err(why) => Answer::errored(why.clone()),
            };
            let again = retry.again(answer.status) && needed.is_ok();
            let subject = Subject::Instance(id.clone());
            let answer = asking.progress.answered(&subject, answer, retry.attempts(), false);
            if answer.status != Status::Passed {
                // Looking costs a call: rarely while there is time, for certain at the end.
                let age = if again && has_address { STALE } else { Duration::ZERO };
                // When nobody can be seen, the answer stands.
                if let Ok(now) = self.look.sighting(age).await {
                    *seen = now;
                }
                if !serves(&seen.group, id) {
                    let left = Answer::skipped("no longer in service").in_time(answer.took);
                    return (left.with_evidence(answer.message), retry.attempts());
                }
            }
            if !again {
                return (answer, retry.attempts());
            }
            retry.wait().await;
        }
    }

    /// Waits for an instance that nobody asks yet, as long as the group wants more.
    async fn successor(&self, policy: &RetryPolicy, seen: &mut Arc<Sighting>, taken: &Taken) -> Successor {
        let mut retry = Retry::new(self.runner.clock, policy);
        loop {
            if let Some(id) = take(&seen.group, taken) {
                return Successor::Found(id);
            }
            let serving = seen.group.in_service().count();
            if serving >= usize::try_from(seen.group.desired).unwrap_or(usize::MAX) {
                return Successor::NotNeeded;
            }
            if !retry.again(Status::Errored) {
                return Successor::Missing(format!("{serving} of {} in service", seen.group.desired));
            }
            retry.wait().await;
            if let Ok(now) = self.look.sighting(fresh(policy)).await {
                *seen = now;
            }
        }
    }
}

fn serves(group: &Group, id: &InstanceId) -> bool {
    group.in_service().any(|member| member.id == *id)
}

/// The first in-service instance that nobody asks yet; from here on somebody does.
fn take(group: &Group, taken: &Taken) -> Option<InstanceId> {
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    let free = group.in_service().map(|member| &member.id).find(|id| !taken.contains(*id))?.clone();
    taken.insert(free.clone());
    Some(free)
}

//! Lifecycle hooks: an instance waits for somebody's word on its way in, and on its way out.

use jiff::Timestamp;

use super::{ActivityStatus, Around, Group, after};
use crate::model::InstanceId;
use crate::sim::fleet::{HookResult, HookSpec, Transition};

/// How far an instance is in its present life, as hooks divide it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Step {
    /// No hook has held it up.
    #[default]
    Plain,
    /// It waits for these actions.
    Waiting(Vec<Wait>),
    /// All of them are done.
    Proceeding,
}

/// A lifecycle action that somebody has to complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The hook's name.
    pub hook: String,
    /// The token of the action.
    pub token: String,
    timeout: u32,
    default: HookResult,
    /// When somebody completes it with `CONTINUE`.
    answers_at: Option<Timestamp>,
    /// When the default counts, unless somebody records a heartbeat.
    until: Timestamp,
    /// When it counts in any case.
    latest: Timestamp,
    /// What a caller has said.
    said: Option<HookResult>,
}

/// What became of an instance's waiting.
pub(super) enum Waited {
    /// It goes on.
    Still,
    /// It is over.
    Over,
    /// The launch is given up, and why.
    Abandoned(String),
}

/// For how long an instance is seen to proceed, in seconds.
const PROCEEDS: u32 = 2;
/// The longest wait, heartbeats or not, in seconds.
const LONGEST: u32 = 172_800;

impl Wait {
    fn new(hook: &HookSpec, token: String, image_is_new: bool, now: Timestamp) -> Self {
        let answers = hook.completes.filter(|_| hook.on.hits(image_is_new));
        Self {
            hook: hook.name.clone(),
            token,
            timeout: hook.timeout,
            default: hook.default,
            answers_at: answers.map(|seconds| after(now, seconds)),
            until: after(now, hook.timeout),
            latest: after(now, longest(hook.timeout)),
            said: None,
        }
    }

    fn ends(&self) -> Timestamp {
        let out = self.until.min(self.latest);
        self.answers_at.map_or(out, |answers| answers.min(out))
    }

    /// How it ended, and AWS's words if nothing was continued; `None` while it goes on.
    fn result(&self, now: Timestamp) -> Option<(HookResult, &'static str)> {
        match self.said {
            Some(said) => Some((said, "Lifecycle Action Completed with ABANDON Result")),
            None if self.answers_at.is_some_and(|at| at <= now && at <= self.until) => {
                Some((HookResult::Continue, ""))
            }
            None if self.until.min(self.latest) <= now => Some((self.default, "Heartbeat Timeout")),
            None => None,
        }
    }
}

/// For how long an instance can wait for one hook in all.
pub(crate) fn longest(timeout: u32) -> u32 {
    timeout.saturating_mul(100).min(LONGEST)
}

impl Group {
    /// Lets an instance wait for the hooks of a transition; returns whether there are any.
    pub(super) fn begin_wait(&mut self, at: usize, transition: Transition, around: &mut Around<'_>) -> bool {
        let Some(instance) = self.instances.get_mut(at) else { return false };
        let hooks = self.hooks.iter().filter(|hook| hook.transition == transition);
        let waits: Vec<Wait> = hooks
            .map(|hook| Wait::new(hook, around.dice.uuid(), instance.image_is_new, around.now))
            .collect();
        let Some(first) = waits.iter().map(Wait::ends).min() else { return false };
        instance.due = Some(first);
        instance.step = Step::Waiting(waits);
        let id = instance.id.clone();
        self.mark_activity(&id, ActivityStatus::MidLifecycleAction);
        true
    }

    /// Looks at what an instance waits for. When all is over, it proceeds for a moment.
    pub(super) fn look_at_waits(&mut self, at: usize, transition: Transition, now: Timestamp) -> Waited {
        let Some(instance) = self.instances.get_mut(at) else { return Waited::Still };
        let Step::Waiting(waits) = &mut instance.step else { return Waited::Over };
        let given_up = waits.iter().find_map(|wait| match wait.result(now) {
            Some((HookResult::Abandon, why)) => Some((wait.token.clone(), why)),
            Some((HookResult::Continue, _)) | None => None,
        });
        match (given_up, transition) {
            (Some((token, why)), Transition::Launching) => {
                return Waited::Abandoned(format!(
                    "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token {token} was \
                     abandoned: {why}"
                ));
            }
            // What leaves, leaves at once: other hooks are not waited for.
            (Some(_), Transition::Terminating) => waits.clear(),
            (None, _) => waits.retain(|wait| wait.result(now).is_none()),
        }
        if let Some(next) = waits.iter().map(Wait::ends).min() {
            instance.due = Some(next);
            return Waited::Still;
        }
        instance.step = Step::Proceeding;
        instance.due = Some(after(now, PROCEEDS));
        Waited::Over
    }

    /// Somebody speaks of a lifecycle action: completes it with a result, or records a heartbeat.
    ///
    /// Returns whether there is such an action.
    pub(crate) fn answer_hook(
        &mut self,
        hook: &str,
        token: Option<&str>,
        instance: Option<&InstanceId>,
        result: Option<HookResult>,
        now: Timestamp,
    ) -> bool {
        let named = |wait: &&mut Wait| wait.hook == hook && token.is_none_or(|token| token == wait.token);
        for found in self.instances.iter_mut().filter(|found| instance.is_none_or(|id| *id == found.id)) {
            let Step::Waiting(waits) = &mut found.step else { continue };
            let Some(wait) = waits.iter_mut().find(named) else { continue };
            match result {
                Some(_) => wait.said = result,
                None => wait.until = after(now, wait.timeout),
            }
            found.due = if result.is_some() { Some(now) } else { waits.iter().map(Wait::ends).min() };
            return true;
        }
        false
    }
}

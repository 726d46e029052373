//! How far a check is, for the moment at which its deadline is over: pure.
//!
//! Of answers it holds no more than their result can show (`room`).

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::answer::{Answer, Asked, Subject};
use super::room::Room;
use crate::event::Status;

/// Who is asked by a check, with the last answer of each.
#[derive(Debug, Default)]
pub(super) struct Progress {
    all: Mutex<Vec<Standing>>,
    room: Mutex<Room>,
}

#[derive(Debug)]
struct Standing {
    subject: Subject,
    last: Option<(Answer, u32)>,
    /// Whether it is asked no more.
    done: bool,
}

impl Progress {
    /// Somebody is to be asked.
    pub(super) fn begin(&self, subject: &Subject) {
        let mut all = lock(&self.all);
        if !all.iter().any(|one| one.subject == *subject) {
            all.push(Standing { subject: subject.clone(), last: None, done: false });
        }
    }

    /// Somebody answered; the answer with as much of it as is held.
    pub(super) fn answered(&self, subject: &Subject, answer: Answer, attempts: u32, done: bool) -> Answer {
        self.begin(subject);
        let mut all = lock(&self.all);
        let Some(one) = all.iter_mut().find(|one| one.subject == *subject) else { return answer };
        // It makes room for this one.
        one.last = None;
        let answer = self.keep(answer);
        one.last = Some((answer.clone(), attempts));
        one.done = done;
        answer
    }

    /// The answer with as much of it as is held.
    pub(super) fn keep(&self, answer: Answer) -> Answer {
        lock(&self.room).keep(answer)
    }

    /// Everybody is asked together, and answered so.
    pub(super) fn all_answered(&self, answers: &[(Subject, Answer)], attempts: u32) {
        // One that is as it should be is not blamed for another.
        let good = |answer: &Answer| matches!(answer.status, Status::Passed | Status::Skipped);
        let all_good = answers.iter().all(|(_, answer)| good(answer));
        let standing = |(subject, answer): &(Subject, Answer)| Standing {
            subject: subject.clone(),
            last: Some((answer.clone(), attempts)),
            done: good(answer) && !all_good,
        };
        *lock(&self.all) = answers.iter().map(standing).collect();
    }

    /// That one is waited for no more.
    pub(super) fn forget(&self, subject: &Subject) {
        lock(&self.all).retain(|one| one.subject != *subject);
    }

    /// What there is when `deadline` is over: last answers, with that said.
    pub(super) fn over(self, deadline: &str, whole: Subject) -> Vec<Asked> {
        let all = self.all.into_inner().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            let answer = Answer::errored(format!("nobody could be asked before {deadline} was over"));
            return vec![Asked { subject: whole, answer, attempts: 0 }];
        }
        all.into_iter().map(|one| one.over(deadline)).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Standing {
    fn over(self, deadline: &str) -> Asked {
        let Self { subject, last, done } = self;
        let Some((mut answer, attempts)) = last else {
            let answer = Answer::errored(format!("no answer before {deadline} was over"));
            return Asked { subject, answer, attempts: 0 };
        };
        if !done && answer.status == Status::Passed {
            answer.status = Status::Errored;
            answer.message = format!("{}, but not often enough before {deadline} was over", answer.message);
        } else if !done {
            answer.message = format!("{}; {deadline} was over then", answer.message);
        }
        Asked { subject, answer, attempts }
    }
}

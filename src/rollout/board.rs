//! What stands where, kept outside the futures that do the work.
//!
//! When a signal drops those, this is what is known of them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::event::GroupRef;
use crate::model::EnvironmentName;

/// Where one group stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its turn has not come.
    Waiting,
    /// Something was begun on it.
    Running {
        /// What, in words.
        what: String,
        /// Whether a refresh to the new version is active: only such a one may be rolled back.
        forward: bool,
    },
    /// Its end was told.
    Ended,
}

/// The board of one run.
#[derive(Debug, Default)]
pub struct Board {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    environment: Option<EnvironmentName>,
    finished: Vec<EnvironmentName>,
    groups: BTreeMap<GroupRef, Standing>,
    /// The environments that were gone to and wait.
    waiting: Vec<EnvironmentName>,
}

impl Standing {
    /// Something was begun, with no refresh that could be rolled back.
    pub(super) fn begun(what: impl Into<String>) -> Self {
        Self::Running { what: what.into(), forward: false }
    }
}

impl Board {
    pub(super) fn begin(&self, environment: &EnvironmentName) {
        let mut inner = self.inner.borrow_mut();
        inner.environment = Some(environment.clone());
        inner.groups.clear();
    }

    /// The environment waits: nothing there is under way.
    pub(super) fn pause(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.groups.clear();
        let waiting = inner.environment.take();
        inner.waiting.extend(waiting);
    }

    /// Whether the environment was gone to, and waits.
    pub(super) fn waits(&self, environment: &EnvironmentName) -> bool {
        self.inner.borrow().waiting.contains(environment)
    }

    pub(super) fn finish(&self, environment: &EnvironmentName) {
        let mut inner = self.inner.borrow_mut();
        inner.environment = None;
        inner.finished.push(environment.clone());
    }

    pub(super) fn stands(&self, group: &GroupRef, standing: Standing) {
        self.inner.borrow_mut().groups.insert(group.clone(), standing);
    }

    /// The environment that was under way, and its groups.
    pub(super) fn under_way(&self) -> (Option<EnvironmentName>, BTreeMap<GroupRef, Standing>) {
        let inner = self.inner.borrow();
        (inner.environment.clone(), inner.groups.clone())
    }

    /// Whether the environment's end was told.
    pub(super) fn is_finished(&self, environment: &EnvironmentName) -> bool {
        self.inner.borrow().finished.contains(environment)
    }
}

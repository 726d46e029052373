//! Where events go: stamped with the clock, in order, to one sink.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::event::{Event, GroupRef, Stamped, Status, Step};

/// The sink of a run's events; copies share it.
#[derive(Clone)]
pub struct Events {
    clock: Clock,
    sink: Rc<RefCell<dyn FnMut(Stamped)>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// Events that go to `sink`, one at a time. The sink must emit none itself.
    pub fn new(clock: Clock, sink: impl FnMut(Stamped) + 'static) -> Self {
        Self { clock, sink: Rc::new(RefCell::new(sink)) }
    }

    /// Tells what happened, now.
    pub fn emit(&self, event: Event) {
        (self.sink.borrow_mut())(Stamped { at: self.clock.now(), event });
    }

    /// Tells that a step of a group ended.
    pub(super) fn step(&self, at: &GroupRef, step: Step, since: Timestamp, end: StepEnd) {
        self.emit(Event::GroupStep {
            group: at.clone(),
            step,
            status: end.status,
            message: end.message,
            evidence: end.evidence,
            took_ms: millis(self.clock.since(since)),
        });
    }
}

/// How a step ended.
pub(super) struct StepEnd {
    status: Status,
    message: String,
    evidence: Vec<String>,
}

impl StepEnd {
    pub(super) fn passed(message: impl Into<String>) -> Self {
        Self { status: Status::Passed, message: message.into(), evidence: Vec::new() }
    }

    pub(super) fn skipped(message: impl Into<String>) -> Self {
        Self { status: Status::Skipped, message: message.into(), evidence: Vec::new() }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self { status: Status::Failed, message: message.into(), evidence: Vec::new() }
    }

    pub(super) fn errored(message: impl Into<String>) -> Self {
        Self { status: Status::Errored, message: message.into(), evidence: Vec::new() }
    }

    pub(super) fn with(mut self, evidence: Vec<String>) -> Self {
        self.evidence = evidence;
        self
    }
}

/// Whole milliseconds, as events hold them.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

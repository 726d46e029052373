//! The process group of a program, of which nothing is left behind.
//!
//! [`Processes`] asks the group to end, and kills it soon after; also when it is dropped, and at once
//! when the runtime ends meanwhile. Never reads what the processes say.

use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::Child;
use tokio::time::Instant;

/// How long a group of processes is given between being asked to end and being killed.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How often it is looked whether a group is gone.
const LOOK: Duration = Duration::from_millis(20);

/// The process group of a program. When it goes away, so does every process in it.
pub(super) struct Processes {
    /// The group's number; `None` when nothing is left to be ended.
    group: Option<Pid>,
}

impl Processes {
    /// The group that the program leads.
    pub(super) fn led_by(child: &Child) -> Self {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        Self { group: number.and_then(Pid::from_raw) }
    }

    /// Asks the group to end, and kills it when it has not after a while.
    pub(super) async fn end(mut self) {
        let Some(group) = self.group else { return };
        if is_gone(group) {
            self.group = None;
            return;
        }
        let _ = kill_process_group(group, Signal::TERM);
        until_gone(group).await;
        self.kill();
    }

    /// Kills what is left, and waits for nothing.
    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // One that is gone already is as it should be.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let Some(group) = self.group.take() else { return };
        let _ = kill_process_group(group, Signal::TERM);
        let mut left = Self { group: Some(group) };
        match tokio::runtime::Handle::try_current() {
            // When the runtime ends before the grace does, the task is dropped, and kills at once.
            Ok(runtime) => {
                let killed = Killed(left);
                runtime.spawn(async move {
                    until_gone(group).await;
                    drop(killed);
                });
            }
            Err(_) => left.kill(),
        }
    }
}

/// Kills the group when it is dropped, and waits for nothing.
struct Killed(Processes);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// Whether no process of the group is left.
fn is_gone(group: Pid) -> bool {
    test_kill_process_group(group) == Err(Errno::SRCH)
}

/// Waits until no process of the group is left, for as long as it is given at most.
async fn until_gone(group: Pid) {
    let until = Instant::now() + GRACE;
    while Instant::now() < until && !is_gone(group) {
        tokio::time::sleep(LOOK).await;
    }
}

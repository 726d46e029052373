//! Suspended processes: what a group leaves undone, and what it catches up on.

use jiff::Timestamp;

use super::{Group, Life, after};

/// Every process that can be suspended.
pub(crate) const PROCESSES: [&str; 9] = [
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
];

impl Group {
    pub(super) fn is_suspended(&self, process: &str) -> bool {
        self.suspended.iter().any(|suspended| suspended == process)
    }

    /// Suspends processes; those that are suspended stay so.
    pub(crate) fn suspend(&mut self, processes: &[&str]) {
        for process in processes {
            if !self.is_suspended(process) {
                self.suspended.push((*process).to_owned());
            }
        }
    }

    /// Resumes processes, and looks at what was left undone meanwhile.
    pub(crate) fn resume(&mut self, processes: &[&str], now: Timestamp) {
        self.suspended.retain(|suspended| !processes.contains(&suspended.as_str()));
        let checks = !self.is_suspended("HealthCheck");
        for instance in &mut self.instances {
            if matches!(instance.life, Life::InService | Life::Standby) && !instance.alive {
                instance.healthy &= !checks;
                instance.due = (!instance.healthy).then(|| after(now, super::instances::NOTICED));
            }
        }
    }

    /// Whether instances that are marked unhealthy are left where they are.
    pub(super) fn keeps_unhealthy(&self) -> bool {
        self.is_suspended("ReplaceUnhealthy") || self.is_suspended("Terminate")
    }
}

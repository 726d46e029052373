//! Where an instance is in its life, and what Auto Scaling and EC2 call that.

use super::{Instance, Step};
use crate::sim::fleet::PoolState;

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Launched, and not in service yet.
    Pending,
    /// Serving.
    InService,
    /// Set aside by somebody.
    Standby,
    /// Getting another root volume, out of service.
    ReplacingRoot,
    /// Ready in the warm pool.
    Warmed,
    /// Being terminated.
    Terminating,
    /// Gone.
    Terminated,
}

impl Life {
    /// Auto Scaling's name of the state, as far as the life alone says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InService => "InService",
            Self::Standby => "Standby",
            Self::ReplacingRoot => "ReplacingRootVolume",
            Self::Warmed => PoolState::Running.as_str(),
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }
}

impl Instance {
    /// Auto Scaling's name of its state.
    pub fn lifecycle(&self) -> String {
        let life = match (self.life, self.pool) {
            (Life::Warmed, Some(state)) => state.as_str(),
            (life, _) => life.as_str(),
        };
        let step = match (self.life, &self.step) {
            (Life::Pending | Life::ReplacingRoot | Life::Terminating, Step::Waiting(_)) => ":Wait",
            (Life::Pending | Life::ReplacingRoot | Life::Terminating, Step::Proceeding) => ":Proceed",
            (_, Step::Plain | Step::Waiting(_) | Step::Proceeding) => "",
        };
        format!("{}{life}{step}", if self.pool.is_some() { "Warmed:" } else { "" })
    }

    /// EC2's name of its state, and the code.
    pub fn ec2(&self) -> (&'static str, u8) {
        match (self.life, self.pool, &self.step) {
            (Life::Warmed, Some(PoolState::Stopped | PoolState::Hibernated), _) => ("stopped", 80),
            // Auto Scaling's Pending spans EC2's pending and the boot: EC2 says running by then, as
            // it does while a hook holds up the end.
            (Life::Pending | Life::InService | Life::Standby | Life::Warmed | Life::ReplacingRoot, ..)
            | (Life::Terminating, _, Step::Waiting(_)) => ("running", 16),
            (Life::Terminating, ..) => ("shutting-down", 32),
            (Life::Terminated, ..) => ("terminated", 48),
        }
    }
}

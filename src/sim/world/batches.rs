//! How much a refresh replaces at once: pure arithmetic.
//!
//! Everything is counted in units of capacity: without weights, one an instance.
//! Rounding and the order of steps are assumptions; `docs/simulator.md` lists them.

/// In which order instances are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Terminated and launched at the same time: no maximum is given.
    Together,
    /// Launched when the old ones are gone: the maximum is exactly 100.
    TerminateFirst,
    /// Terminated when the new ones have warmed up.
    LaunchFirst,
}

/// The bounds that a refresh keeps, in percent of the desired capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) min: u8,
    pub(super) max: Option<u8>,
}

/// What there is to replace, in units of capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// How much the group should have.
    pub(super) desired: usize,
    /// How much one instance counts at most.
    pub(super) heaviest: usize,
    /// How many serve, are healthy, and have warmed up if they are new.
    pub(super) available: usize,
    /// How many are to be replaced and can be.
    pub(super) outdated: usize,
    /// How many may be taken before the next checkpoint.
    pub(super) allowance: usize,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moves {
    /// How much of what is outdated is terminated now.
    pub(super) terminate: usize,
    /// How much there is to be beyond the desired capacity.
    pub(super) surge: usize,
}

impl Bounds {
    /// The order that the bounds ask for.
    pub(super) fn mode(self) -> Mode {
        match self.max {
            None => Mode::Together,
            // Nothing could ever be terminated first: launching first is the only way to move.
            Some(100) if self.min == 100 => Mode::LaunchFirst,
            Some(100) => Mode::TerminateFirst,
            Some(_) => Mode::LaunchFirst,
        }
    }

    /// What is done next.
    pub(super) fn moves(self, counts: Counts) -> Moves {
        let Counts { desired, heaviest, available, outdated, allowance } = counts;
        match self.mode() {
            Mode::Together | Mode::TerminateFirst => {
                // The minimum is rounded up, but one instance can always be taken, however heavy.
                let min =
                    (desired * usize::from(self.min)).div_ceil(100).min(desired.saturating_sub(heaviest));
                Moves { terminate: available.saturating_sub(min).min(outdated).min(allowance), surge: 0 }
            }
            Mode::LaunchFirst => {
                // The maximum is rounded down, but one instance can always be added, however heavy.
                let max = desired * usize::from(self.max.unwrap_or(100)) / 100;
                let surge = max.max(desired + heaviest) - desired;
                Moves {
                    terminate: available.saturating_sub(desired).min(outdated).min(allowance),
                    surge: surge.min(outdated).min(allowance),
                }
            }
        }
    }
}

/// How many of `goal` replacements make that percentage, rounded up.
pub(super) fn share(goal: usize, percent: u8) -> usize {
    (goal * usize::from(percent)).div_ceil(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(min: u8, max: Option<u8>, desired: usize, available: usize, outdated: usize) -> (usize, usize) {
        let counts = Counts { desired, heaviest: 1, available, outdated, allowance: usize::MAX };
        let Moves { terminate, surge } = Bounds { min, max }.moves(counts);
        (terminate, surge)
    }

    #[test]
    fn without_a_maximum_as_many_are_taken_as_the_minimum_leaves() {
        assert_eq!(moves(90, None, 20, 20, 20), (2, 0));
        assert_eq!(moves(90, None, 20, 18, 18), (0, 0));
        assert_eq!(moves(0, None, 20, 20, 20), (20, 0));
    }

    #[test]
    fn one_instance_can_always_be_taken_or_added() {
        assert_eq!(moves(90, None, 3, 3, 3), (1, 0));
        assert_eq!(moves(100, None, 3, 3, 3), (1, 0));
        assert_eq!(moves(90, Some(110), 3, 3, 3), (0, 1));
        assert_eq!(moves(100, Some(100), 3, 3, 3), (0, 1));
    }

    #[test]
    fn with_a_maximum_an_old_one_goes_when_a_new_one_is_there() {
        assert_eq!(moves(90, Some(150), 4, 4, 4), (0, 2));
        assert_eq!(moves(90, Some(150), 4, 6, 4), (2, 2));
        assert_eq!(moves(90, Some(150), 4, 5, 1), (1, 1));
    }

    #[test]
    fn a_maximum_of_exactly_100_terminates_first() {
        assert_eq!(Bounds { min: 50, max: Some(100) }.mode(), Mode::TerminateFirst);
        assert_eq!(moves(50, Some(100), 4, 4, 4), (2, 0));
    }

    #[test]
    fn an_instance_as_heavy_as_the_group_lets_everything_go_at_once() {
        let moves = |desired, available, outdated| {
            let counts = Counts { desired, heaviest: 4, available, outdated, allowance: usize::MAX };
            Bounds { min: 90, max: None }.moves(counts).terminate
        };
        assert_eq!(moves(4, 8, 8), 8);
        assert_eq!(moves(12, 12, 12), 4, "one instance of four units");
        let counts = Counts { desired: 12, heaviest: 4, available: 12, outdated: 12, allowance: usize::MAX };
        assert_eq!(Bounds { min: 90, max: Some(110) }.moves(counts).surge, 4);
    }

    #[test]
    fn a_checkpoint_limits_what_is_taken() {
        let counts = Counts { desired: 10, heaviest: 1, available: 10, outdated: 10, allowance: 2 };
        assert_eq!(Bounds { min: 0, max: None }.moves(counts).terminate, 2);
        assert_eq!(share(7, 20), 2);
    }
}

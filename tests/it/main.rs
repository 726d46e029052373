//! The one integration-test binary: rehearsals, sweeps, and the program as its users run it.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod cli;
mod layers;
mod rehearsal;
mod stage;
mod sweep;
mod sweep_wide;
mod truth;

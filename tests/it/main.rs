//! The one integration-test binary: rehearsals, sweeps, and the program as its users run it.

mod cli;
mod layers;
mod rehearsal;
mod stage;
mod sweep;
mod truth;

//! The simulator as the real SDK sees it.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the paths of the SDK's types are longer than the calls"
)]

mod bounds;
mod calls;
mod errors;
mod faults;
mod identity;
mod nonsense;
mod refreshes;
mod scenarios;
mod server;
mod states;
mod states_refresh;
mod support;

//! The simulator as the real SDK sees it.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the paths of the SDK's types are longer than the calls"
)]

mod alarms;
mod bounds;
mod calls;
mod errors;
mod faults;
mod hooks;
mod identity;
mod imagebuilder;
mod lives;
mod nonsense;
mod policies;
mod policy_launches;
mod policy_refreshes;
mod policy_support;
mod refreshes;
mod roots;
mod scenarios;
mod server;
mod states;
mod states_refresh;
mod support;

//! The simulator as the real SDK sees it.

mod calls;
mod errors;
mod faults;
mod identity;
mod refreshes;
mod scenarios;
mod server;
mod support;

//! The simulator as the real SDK sees it.

mod calls;
mod faults;
mod refreshes;
mod support;

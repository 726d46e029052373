//! The simulator.

mod apps;

pub use apps::Applications;

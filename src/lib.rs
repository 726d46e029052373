//! Takes a freshly built AMI through every environment, in order.
//!
//! Data goes one way:
//! `cli -> config -> candidate -> plan -> rollout (driver <-> machine) -> event -> report`.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`clock`] | what time it is, and how to wait |
//! | [`config`] | YAML in, a validated fleet out |
//! | [`event`] | every event there is |
//! | [`journal`] | every event of a run, one a line, written before anything else |
//! | [`model`] | images, templates, groups, refreshes, outcomes: types and rules |
//! | [`net`] | how probes reach the network |
//! | [`report`] | everything that is printed or written about a run |
//! | [`sim`] | the simulator: AWS's wire and the applications, for rehearsals |

pub mod aws;
pub mod clock;
pub mod config;
pub mod event;
pub mod journal;
pub mod model;
pub mod net;
pub mod report;
pub mod sim;

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
//! | [`model`] | images, templates, groups, refreshes, outcomes: types and rules |
//! | [`net`] | how probes reach the network |
//! | [`sim`] | the simulator: AWS's wire and the applications, for rehearsals |
//! | [`smoke`] | the checks: asked of instances, targets and applications, and judged |

pub mod aws;
pub mod candidate;
pub mod clock;
pub mod config;
pub mod event;
pub mod gate;
pub mod model;
pub mod net;
pub mod plan;
pub mod rollout;
pub mod sim;
pub mod smoke;

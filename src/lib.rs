//! Takes a freshly built AMI through every environment, in order.
//!
//! Data goes one way:
//! `cli -> config -> candidate -> plan -> rollout (driver <-> machine) -> event -> report`.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`announce`] | tells teams what will be refreshed when, once a window |
//! | [`aws`] | the only user of the SDK: our words in, our words out |
//! | [`candidate`] | finds the images of one build, and proves them fit |
//! | [`cli`] | the command line: arguments only |
//! | [`clock`] | what time it is, and how to wait |
//! | [`commands`] | a module per step |
//! | [`config`] | YAML in, a validated fleet out |
//! | [`event`] | every event there is |
//! | [`gate`] | the record that an image passed, and the policy that asks for it |
//! | [`journal`] | every event on disk, first and flushed |
//! | [`model`] | images, templates, groups, refreshes, outcomes: types and rules |
//! | [`net`] | how probes reach the network |
//! | [`notify`] | tells people and machines outside: Slack, webhooks, tickets |
//! | [`overview`] | what `schedule` and `status` show: pure |
//! | [`permissions`] | IAM policies with the least that a role needs: pure |
//! | [`plan`] | what would change, and what is refused: pure |
//! | [`redact`] | takes secrets out of what was answered |
//! | [`report`] | the terminal, JUnit, the summary: from events alone |
//! | [`rollout`] | the one place that acts |
//! | [`schedule`] | when a group may be refreshed: windows, freezes: pure |
//! | [`secret`] | reads what the configuration says is kept elsewhere |
//! | [`sim`] | the simulator: AWS's wire and the applications, for rehearsals |
//! | [`snapshot`] | a fleet as it was found, in a file |
//! | [`smoke`] | the checks: asked of instances, targets and applications, and judged |

pub mod announce;
pub mod aws;
pub mod candidate;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod event;
pub mod gate;
pub mod journal;
pub mod model;
pub mod net;
pub mod notify;
pub mod overview;
pub mod permissions;
pub mod plan;
pub mod redact;
pub mod report;
pub mod rollout;
pub mod schedule;
pub mod secret;
pub mod sim;
pub mod smoke;
pub mod snapshot;

//! The one integration-test binary: rehearsals, sweeps, and the program as its users run it.
// A whole rollout is one future, of futures within futures.
#![recursion_limit = "256"]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod accounts;
mod attributes;
mod baseline;
mod baseline_held;
mod baseline_record;
mod candidate_builder;
mod candidate_builder_troubles;
mod changed_meanwhile;
mod checks_remote;
mod cli;
mod layers;
mod limits;
mod many_environments;
mod mixed;
mod overrides_back;
mod overrides_killed;
mod overrides_record;
mod overrides_there;
mod permissions;
mod previous;
mod refusals;
mod refusals_access;
mod refused_starts;
mod regions;
mod rehearsal;
mod rehearsal_story;
mod rehearsal_wire;
mod resume;
mod resume_abort;
mod resume_rollback;
mod resume_steps;
mod rules;
mod rules_fleet;
mod rules_proof;
mod rules_templates;
mod smoke_docs;
mod snapshot;
mod stage;
mod states;
mod steps_in_order;
mod sweep;
mod sweep_wide;
mod templates_fail;
mod told;
mod truth;
mod went_back;
mod windows;
mod windows_edges;

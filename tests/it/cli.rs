//! The program as its users run it: real processes, in folders of their own.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on fails")]

mod abort;
mod announce;
mod bad_input;
mod bad_world;
mod candidate_builder;
mod formats;
mod gates;
mod help;
mod iam_policy;
mod notify;
mod place;
mod quarantine;
mod rehearse;
mod report;
mod rollback;
mod schedule;
mod screen;
mod secrets;
mod secrets_told;
mod simulator;
mod smoke;
pub(crate) mod smoke_docs_tls;
mod snapshot;
mod status;
mod steps;
mod terminal;
mod validate;

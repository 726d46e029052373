//! The words of the product as types: images, templates, groups, refreshes, outcomes.
//!
//! Rules that need nothing but these values live here. Never does I/O, never knows of
//! clap, the SDK or a report.

mod alarm;
mod calendar;
mod candidate;
mod group;
mod ids;
mod image;
mod image_build;
mod instance;
mod outcome;
mod policy;
mod problem;
mod refresh;
mod remote;
mod template;

pub use alarm::{AlarmReading, AlarmState};
pub use calendar::{BusinessHours, Days, Freeze, Moment, Span, Window, time_of_day};
pub use candidate::{Build, Candidate, CandidateError, CandidateImage};
pub use group::{Group, GroupTemplate, Lifecycle, Member};
pub use ids::{AccountId, EnvironmentName, GroupName, ImageId, InstanceId, RefreshId, Region, TemplateId};
pub use image::{Architecture, Image, ImageFacts, ImageState};
pub use image_build::{BuildState, BuiltImage, ImageBuild, ImagePipeline, PipelineArn};
pub use instance::{Glimpse, Instance, Sighting, TargetHealth};
pub use outcome::{Exit, Outcome, Verdict};
pub use policy::{Named, Naming, OverrideNaming, Policy, PolicyOverride};
pub use problem::{Problem, listed, once};
pub use refresh::{Launch, OverrideTarget, Refresh, RefreshStatus, Target};
pub use remote::{Invocation, InvocationOutput, InvocationStage, InvocationStep, Managed};
pub use template::{Tracking, Version};

//! Slack's messages as people and Slack get them.

mod announce;
mod calls;
mod play;
mod set;
mod texts;

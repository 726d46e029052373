//! Slack's messages as people and Slack get them.

mod play;
mod texts;

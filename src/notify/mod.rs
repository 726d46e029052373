//! Tells people and machines outside: Slack, webhooks, tickets. Never changes a verdict.
//!
//! A [`Notifier`] takes every event of a run and never makes it wait; each sink works in the
//! background, and [`Notifier::finish`] gives them until its deadline. What could not be
//! delivered is told, with why and what to do, and nothing else comes of it.

mod files;
mod hub;
mod listener;
mod post;
mod secrets;
mod slack;
mod story;
mod tally;
mod tickets;
mod webhook;

pub use hub::{Notifier, Undelivered};
pub use post::{Answer, Method, Outlet, Post, Request};
pub use secrets::Secrets;
pub(crate) use slack::Speaker;
pub(crate) use slack::channel::{Channel, resolve_audience};
pub(crate) use slack::message::{Color, Line, Message};

#[cfg(test)]
mod tests;

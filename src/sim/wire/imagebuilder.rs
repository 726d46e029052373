//! Image Builder: which action is answered where.

use serde_json::Value;

use super::Ask;
use super::errors::Error;

pub(super) fn answer(ask: &mut Ask<'_>) -> Result<Value, Error> {
    Err(Error::unknown_action(&format!("{} {}", ask.method, ask.action)))
}

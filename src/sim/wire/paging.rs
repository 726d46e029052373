//! Pages: a number of things at a time, and a token for the rest.

use super::Ask;
use super::errors::Error;

/// A page, and the token for the next one.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// The bounds of a call's page size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// The parameter that asks for it.
    pub(super) parameter: &'static str,
    /// The parameter that brings the token of the page before.
    pub(super) token: &'static str,
    /// What it is when it is not asked for.
    pub(super) usual: usize,
    /// The most that may be asked for.
    pub(super) most: usize,
}

impl Ask<'_> {
    /// Cuts the page that is asked for out of everything there is.
    pub(super) fn page<T>(&self, all: Vec<T>, size: Size) -> Result<Page<T>, Error> {
        let asked = self.params.number(size.parameter)?.map(|number| number as usize);
        let length = asked.unwrap_or(size.usual);
        if length == 0 || length > size.most {
            return Err(Error::invalid(format!("{} must be between 1 and {}", size.parameter, size.most)));
        }
        let start = match self.params.get(size.token) {
            Some(token) => self.read_token(token)?,
            None => 0,
        };
        let total = all.len();
        let items: Vec<T> = all.into_iter().skip(start).take(length).collect();
        let end = start + items.len();
        let next = (end < total).then(|| format!("{}.{end:08}", self.action));
        Ok(Page { items, next })
    }

    fn read_token(&self, token: &str) -> Result<usize, Error> {
        let number = token.strip_prefix(self.action).and_then(|rest| rest.strip_prefix('.'));
        number
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Error::new("InvalidNextToken", "The NextToken value is not valid."))
    }
}

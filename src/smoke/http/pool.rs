//! Connections that wait to be used again, for a moment and only while others queue.
//!
//! A check proves that a server takes connections, so each asking has one of its own, unless
//! more askings wait than may be under way at once. Then a connection goes from one that ended
//! to one of those. One that waits longer than [`LONGEST`] is never used, and is closed when the
//! next one comes or goes; none outlives the round of checks.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::place::Place;
use crate::config::TlsSettings;

/// How long one waits: far shorter than any server lets one wait, or a check is asked again.
const LONGEST: Duration = Duration::from_millis(500);
/// How many wait at most, all places together.
const MOST: usize = 64;

/// Which connections are alike: the place, and what TLS it is spoken to with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    tls: Option<Arc<TlsSettings>>,
    host: String,
    port: u16,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Settings are compared, but seldom: most places are spoken to in one way.
        (self.tls.is_some(), &self.host, self.port).hash(state);
    }
}

impl Key {
    pub(super) fn of(place: &Place, tls: &Arc<TlsSettings>) -> Self {
        let tls = place.tls.then(|| Arc::clone(tls));
        Self { tls, host: place.host.clone(), port: place.port }
    }
}

/// The connections that wait.
#[derive(Default)]
pub(in crate::smoke) struct Pool {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    by_key: HashMap<Key, Vec<(Instant, Connection)>>,
    count: usize,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("waiting", &self.lock().count).finish()
    }
}

/// Closes what waits when the round of checks is over, however it ends.
pub(in crate::smoke) struct Tidy<'a>(&'a Pool);

impl Drop for Tidy<'_> {
    fn drop(&mut self) {
        *self.0.lock() = Waiting::default();
    }
}

impl Pool {
    /// Until this is dropped, connections may wait.
    pub(in crate::smoke) fn tidy(&self) -> Tidy<'_> {
        Tidy(self)
    }

    /// The connection that began to wait last, if there is one that is young enough.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut waiting = self.lock();
        waiting.close_old();
        let (_, connection) = waiting.by_key.get_mut(key)?.pop()?;
        waiting.count -= 1;
        Some(connection)
    }

    /// Lets it wait, unless as many do as may; those that waited too long are closed.
    pub(super) fn put(&self, key: Key, connection: Connection) {
        let mut waiting = self.lock();
        waiting.close_old();
        if waiting.count < MOST {
            waiting.count += 1;
            waiting.by_key.entry(key).or_default().push((Instant::now(), connection));
        }
    }

    /// How many wait.
    #[cfg(test)]
    pub(in crate::smoke) fn count(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn close_old(&mut self) {
        for connections in self.by_key.values_mut() {
            connections.retain(|(since, _)| since.elapsed() <= LONGEST);
        }
        self.by_key.retain(|_, connections| !connections.is_empty());
        self.count = self.by_key.values().map(Vec::len).sum();
    }
}

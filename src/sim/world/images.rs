//! Images: who sees them, and their tags.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Place;
use crate::model::{AccountId, Architecture, ImageId, Region};

/// An image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// The region it is in.
    pub region: Region,
    /// Its architecture.
    pub architecture: Architecture,
    /// The account that owns it.
    pub owner: AccountId,
    /// EC2's name of its state.
    pub state: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is deprecated.
    pub deprecated: Option<Timestamp>,
    /// How many volumes it makes on an instance, the root volume among them.
    pub volumes: u32,
    /// The accounts that it is shared with.
    pub shared_with: Vec<AccountId>,
    /// Its tags; only the owner sees them.
    pub tags: BTreeMap<String, String>,
    /// The tags that a stale read still sees, and until when.
    pub(crate) past: Option<(Timestamp, BTreeMap<String, String>)>,
}

impl Image {
    /// Whether an account can see and launch it there.
    pub fn visible_in(&self, place: &Place) -> bool {
        self.region == place.region
            && (self.owner == place.account || self.shared_with.contains(&place.account))
    }

    /// Its tags as an account sees them: tags are not shared.
    pub(crate) fn tags_for(&self, account: &AccountId, stale: Option<Timestamp>) -> BTreeMap<String, String> {
        if self.owner != *account {
            return BTreeMap::new();
        }
        match (&self.past, stale) {
            (Some((until, tags)), Some(now)) if now < *until => tags.clone(),
            (Some(_) | None, Some(_) | None) => self.tags.clone(),
        }
    }
}

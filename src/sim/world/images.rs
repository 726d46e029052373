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
    /// Its description; empty for none.
    pub description: String,
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
    /// Its owner's tags, which only the owner sees.
    pub tags: BTreeMap<String, String>,
    /// The tags of accounts that it is shared with: each sees its own only.
    pub tags_of_others: BTreeMap<AccountId, BTreeMap<String, String>>,
    /// An account's tags that a stale read still sees, and until when.
    pub(crate) past: Option<(Timestamp, AccountId, BTreeMap<String, String>)>,
}

impl Image {
    /// Whether an account can see and launch it there.
    pub fn visible_in(&self, place: &Place) -> bool {
        self.region == place.region
            && (self.owner == place.account || self.shared_with.contains(&place.account))
    }

    /// Its tags as an account sees them: each account has its own.
    pub(crate) fn tags_for(&self, account: &AccountId, stale: Option<Timestamp>) -> BTreeMap<String, String> {
        match (&self.past, stale) {
            (Some((until, whose, tags)), Some(now)) if now < *until && whose == account => tags.clone(),
            (Some(_) | None, Some(_) | None) if self.owner == *account => self.tags.clone(),
            (Some(_) | None, Some(_) | None) => self.tags_of_others.get(account).cloned().unwrap_or_default(),
        }
    }

    /// Sets an account's tags; stale reads see the old ones until then.
    pub(crate) fn set_tags(
        &mut self,
        account: &AccountId,
        tags: BTreeMap<String, String>,
        stale_until: Option<Timestamp>,
    ) {
        let own = if self.owner == *account {
            &mut self.tags
        } else {
            self.tags_of_others.entry(account.clone()).or_default()
        };
        let before = std::mem::replace(own, tags);
        self.past = stale_until.map(|until| (until, account.clone(), before));
    }
}

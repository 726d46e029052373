//! How one group is to change: a version of every template that it launches from, and every
//! image that it names beside them. Pure.

use std::collections::BTreeSet;

use super::marker::{Marker, SlotMark, Slots};
use crate::model::{
    ImageId, Launch, Named, Naming, OverrideNaming, OverrideTarget, Target, TemplateId, Tracking,
};

/// How one group is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its own template, or its mixed instances policy's.
    pub own: TemplateChange,
    /// One for each override of its policy, in order; `None` when it has no policy.
    pub overrides: Option<Vec<OverrideChange>>,
    /// The image that it had: the first that changes, where it names several.
    pub from: ImageId,
    /// The image that it gets in that one's place.
    pub to: ImageId,
}

/// How one reference to a template is to change. Where `from` is `to`, it stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateChange {
    /// The template.
    pub template: TemplateId,
    /// The version that it had when the rollout began: what it is taken back to.
    pub source: u64,
    /// How that version was named: how it will be named again at the end.
    pub tracking: Tracking,
    /// The image of that version; `None` when it names none.
    pub from: Option<ImageId>,
    /// The image that it gets.
    pub to: Option<ImageId>,
    /// The version with that image, where it exists already.
    pub existing: Option<u64>,
}

/// How one override of a policy is to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverrideChange {
    /// Its own template.
    pub template: Option<TemplateChange>,
    /// Its own image: the one that it had, and the one that it gets.
    pub image: Option<(ImageId, ImageId)>,
}

impl TemplateChange {
    /// A reference that stays as it is.
    pub fn still(template: TemplateId, source: u64, tracking: Tracking, image: Option<ImageId>) -> Self {
        Self { template, source, tracking, from: image.clone(), to: image, existing: Some(source) }
    }

    /// Whether it gets another version.
    pub fn changes(&self) -> bool {
        self.from != self.to
    }

    /// How it is named once it is on that version, or back.
    fn named(&self, version: u64) -> Named {
        let tracking = if self.tracking.floats() { self.tracking } else { Tracking::Pinned(version) };
        Named { template: self.template.clone(), tracking }
    }

    fn pinned(&self, version: u64) -> Named {
        Named { template: self.template.clone(), tracking: Tracking::Pinned(version) }
    }
}

impl Change {
    /// The change of a group with one template and no policy.
    pub fn plain(own: TemplateChange, from: ImageId, to: ImageId) -> Self {
        Self { own, overrides: None, from, to }
    }

    /// The overrides' changes, in order.
    pub fn overrides(&self) -> &[OverrideChange] {
        self.overrides.as_deref().unwrap_or_default()
    }

    /// Every reference to a template: its own first, then the overrides'.
    pub fn templates(&self) -> impl Iterator<Item = &TemplateChange> {
        std::iter::once(&self.own).chain(self.overrides().iter().filter_map(|one| one.template.as_ref()))
    }

    /// The references that get another version.
    pub fn changing(&self) -> impl Iterator<Item = &TemplateChange> {
        self.templates().filter(|one| one.changes())
    }

    /// The templates that get another version, each once.
    pub fn published(&self) -> BTreeSet<TemplateId> {
        self.changing().map(|one| one.template.clone()).collect()
    }

    /// Whether any version that it names can move without anybody changing the group.
    pub fn floats(&self) -> bool {
        self.templates().any(|one| one.tracking.floats())
    }

    /// Whether the group is only held still while a template that it follows changes.
    pub fn is_still(&self) -> bool {
        self.from == self.to
    }

    /// Every image that changes, and what it becomes; each pair once, in the order of the policy.
    pub fn images(&self) -> Vec<(ImageId, ImageId)> {
        let mut pairs: Vec<(ImageId, ImageId)> = Vec::new();
        let templates = self.changing().filter_map(|one| Some((one.from.clone()?, one.to.clone()?)));
        let images = self.overrides().iter().filter_map(|one| one.image.clone());
        for pair in templates.chain(images.filter(|(from, to)| from != to)) {
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        pairs
    }

    /// What a refresh aims at, with the versions that are there by now; `None` while one is not.
    pub fn target(&self, version_of: impl Fn(&TemplateChange) -> Option<u64>) -> Option<Target> {
        let version = |one: &TemplateChange| {
            if one.changes() { version_of(one) } else { Some(one.source) }
        };
        let one = |one: &OverrideChange| {
            let template = match &one.template {
                Some(template) => Some((template.template.clone(), version(template)?)),
                None => None,
            };
            Some(OverrideTarget { template, image: one.image.as_ref().map(|(_, to)| to.clone()) })
        };
        let overrides = self.overrides().iter().map(one).collect::<Option<Vec<_>>>()?;
        Some(Target { template: self.own.template.clone(), version: version(&self.own)?, overrides })
    }

    /// What a refresh to the new images aims at, where every version exists already.
    pub fn known_target(&self) -> Option<Target> {
        self.target(|one| one.existing)
    }

    /// What a refresh back to the old images aims at.
    pub fn back(&self) -> Target {
        let one = |one: &OverrideChange| OverrideTarget {
            template: one.template.as_ref().map(|template| (template.template.clone(), template.source)),
            image: one.image.as_ref().map(|(from, _)| from.clone()),
        };
        Target {
            template: self.own.template.clone(),
            version: self.own.source,
            overrides: self.overrides().iter().map(one).collect(),
        }
    }

    /// Every way in which the group launches an instance when it is at that target, which is this
    /// change's or the way back.
    pub fn launches(&self, target: &Target) -> Vec<Launch> {
        let image = |one: &TemplateChange, version: u64| {
            if version == one.source { one.from.clone() } else { one.to.clone() }
        };
        let launch = |(one, version): (&TemplateChange, u64), own: Option<&ImageId>| {
            let image = own.cloned().or_else(|| image(one, version))?;
            Some(Launch { template: one.template.clone(), version, image })
        };
        let base = (&self.own, target.version);
        let each = self.overrides().iter().zip(&target.overrides).filter_map(|(one, target)| {
            let template = one.template.as_ref().zip(target.template.as_ref());
            let at = template.map_or(base, |(one, (_, version))| (one, *version));
            launch(at, target.image.as_ref())
        });
        let mut launches: Vec<Launch> = each.collect();
        if self.overrides().is_empty() {
            launches.extend(launch(base, None));
        }
        launches.sort();
        launches.dedup();
        launches
    }

    /// The naming of a target, by numbers alone.
    pub fn pinned_to(&self, target: &Target) -> Naming {
        self.naming_of(target, TemplateChange::pinned)
    }

    /// How the group names what it had, by numbers alone.
    pub fn pinned(&self) -> Naming {
        self.pinned_to(&self.back())
    }

    /// How the group names a target when its rollout is over: as it named what it had.
    pub fn settled_at(&self, target: &Target) -> Naming {
        self.naming_of(target, TemplateChange::named)
    }

    fn naming_of(&self, target: &Target, name: impl Fn(&TemplateChange, u64) -> Named) -> Naming {
        let overrides = self.overrides.as_ref().map(|overrides| {
            let one = |(one, target): (&OverrideChange, &OverrideTarget)| OverrideNaming {
                template: one
                    .template
                    .as_ref()
                    .zip(target.template.as_ref())
                    .map(|(one, (_, version))| name(one, *version)),
                image: target.image.clone(),
            };
            overrides.iter().zip(&target.overrides).map(one).collect()
        });
        Naming { own: name(&self.own, target.version), overrides }
    }

    /// The same group left where it is, while a template that it follows changes.
    #[must_use]
    pub fn held_still(&self) -> Self {
        let still = |one: &TemplateChange| {
            TemplateChange::still(one.template.clone(), one.source, one.tracking, one.from.clone())
        };
        let one = |one: &OverrideChange| OverrideChange {
            template: one.template.as_ref().map(still),
            image: one.image.as_ref().map(|(from, _)| (from.clone(), from.clone())),
        };
        Self {
            own: still(&self.own),
            overrides: self.overrides.as_ref().map(|overrides| overrides.iter().map(one).collect()),
            from: self.from.clone(),
            to: self.from.clone(),
        }
    }

    /// The marker that is set before anything changes.
    pub fn marker(&self, checked: bool) -> Marker {
        let pairs = self.images();
        let at = |pair: Option<(ImageId, ImageId)>| {
            pair.and_then(|pair| pairs.iter().position(|known| *known == pair))
        };
        let mark = |one: Option<&TemplateChange>, image: Option<&(ImageId, ImageId)>| SlotMark {
            template: one.map(|one| (one.source, one.tracking, at(one.from.clone().zip(one.to.clone())))),
            image: at(image.cloned()),
        };
        let slots = self.overrides.as_ref().map(|overrides| Slots {
            own: mark(Some(&self.own), None),
            overrides: overrides.iter().map(|one| mark(one.template.as_ref(), one.image.as_ref())).collect(),
            pairs: pairs.clone(),
        });
        Marker {
            to: self.to.clone(),
            from: self.from.clone(),
            version: self.own.source,
            tracking: self.own.tracking,
            checked,
            told: None,
            baseline: None,
            slots,
        }
    }
}

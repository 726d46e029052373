//! What the scenario makes of a group before the world begins.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::alarms::Alarm;
use super::{Data, GroupKey, Place, World};
use crate::model::{ImageId, TemplateId};
use crate::sim::fleet::{AlarmState, GroupSpec, WarmPoolSpec};
use crate::sim::scenario::{EffectKind, Scenario};

impl World {
    /// The group as the scenario has it; `at` is its place among the groups, for what goes in turns.
    pub(super) fn as_the_scenario_has_it(
        &mut self,
        key: &GroupKey,
        spec: &GroupSpec,
        at: usize,
    ) -> GroupSpec {
        let mut spec = spec.clone();
        plain_changes(&mut spec, &self.scenario, key, at);
        let configuration = self.scenario.last(key, &spec.tags, EffectKind::launch_configuration);
        if let Some(change) = configuration {
            let name = change.name.clone().unwrap_or_else(|| format!("{}-20260930", spec.name));
            spec.configuration_image = self.image_of(key, &spec);
            spec.launch_configuration = Some(name);
        }
        let parameter = self.scenario.last(key, &spec.tags, EffectKind::parameter_image);
        if let Some(change) = parameter {
            let name = change.name.clone().unwrap_or_else(|| format!("/images/{}", spec.template));
            self.name_by_parameter(key, &spec, &name);
        }
        self.make_alarms(key, &spec);
        spec
    }

    /// The version of the group's template that it launches: the template's id, and the number.
    fn launched_version(&self, key: &GroupKey, spec: &GroupSpec) -> Option<(TemplateId, u64)> {
        let here = self.templates.iter().filter(|((place, _), _)| *place == key.place);
        let (_, template) = here.into_iter().find(|(_, template)| template.name == spec.template)?;
        Some((template.id.clone(), template.resolve(spec.tracking)))
    }

    fn image_of(&self, key: &GroupKey, spec: &GroupSpec) -> Option<ImageId> {
        let (id, number) = self.launched_version(key, spec)?;
        self.template(&key.place, &id)?.versions.get(&number)?.image()
    }

    /// Puts a parameter in the place of the image that a group's template names.
    fn name_by_parameter(&mut self, key: &GroupKey, spec: &GroupSpec, name: &str) {
        let Some((id, number)) = self.launched_version(key, spec) else { return };
        let Some(image) = self.image_of(key, spec).filter(|image| !image.as_str().starts_with(RESOLVE))
        else {
            return;
        };
        self.parameters.insert((key.place.clone(), name.to_owned()), image);
        let template = self.templates.get_mut(&(key.place.clone(), id));
        if let Some(version) = template.and_then(|template| template.versions.get_mut(&number)) {
            version.data.insert("ImageId".to_owned(), Data::Value(format!("{RESOLVE}{name}")));
        }
    }

    /// Makes the alarms that the scenario names outright, where it hits the group.
    fn make_alarms(&mut self, key: &GroupKey, spec: &GroupSpec) {
        let hits = self.scenario.effects.iter().filter(|effect| effect.hits(key, &spec.tags));
        let names = hits.filter_map(|effect| effect.kind.alarm()?.makes().map(str::to_owned));
        for name in names.collect::<Vec<_>>() {
            let at = (key.place.clone(), name.clone());
            self.alarms.entry(at).or_insert_with(|| quiet(&name, self.now));
        }
    }

    /// The image that a template names: by its id, or by a parameter that holds the id.
    pub(crate) fn resolve_image(&self, place: &Place, named: &ImageId) -> Option<ImageId> {
        resolve_image(&self.parameters, place, named.as_str()).map(ImageId::from)
    }
}

/// What stands before a parameter's name where an image's id is expected.
const RESOLVE: &str = "resolve:ssm:";

/// SSM parameters and the images in them.
pub(super) type Parameters = BTreeMap<(Place, String), ImageId>;

/// The image that is named by its id, or by a parameter that holds the id.
pub(super) fn resolve_image<'a>(
    parameters: &'a Parameters,
    place: &Place,
    named: &'a str,
) -> Option<&'a str> {
    let Some(name) = named.strip_prefix(RESOLVE) else { return Some(named) };
    // A version or a label may follow the name; there is but one value here.
    let name = name.split(':').next().unwrap_or(name);
    parameters.get(&(place.clone(), name.to_owned())).map(ImageId::as_str)
}

pub(super) fn quiet(name: &str, since: Timestamp) -> Alarm {
    let reason = "Unchecked: Initial alarm creation".to_owned();
    Alarm { name: name.to_owned(), state: AlarmState::Ok, reason, since }
}

/// The changes that concern nothing but the group itself.
fn plain_changes(spec: &mut GroupSpec, scenario: &Scenario, key: &GroupKey, at: usize) {
    let tags = spec.tags.clone();
    if let Some(change) = scenario.last(key, &tags, EffectKind::warm_pool) {
        let state = change.states.get(at % change.states.len().max(1)).copied().unwrap_or_default();
        spec.warm_pool = Some(WarmPoolSpec { min: change.min, max_prepared: change.max_prepared, state });
    }
    if let Some(change) = scenario.last(key, &tags, EffectKind::hooks) {
        spec.hooks.clone_from(&change.hooks);
    }
    if let Some(change) = scenario.last(key, &tags, EffectKind::maintenance) {
        spec.maintenance = Some((change.min, change.max));
    }
    if let Some(change) = scenario.last(key, &tags, EffectKind::standby) {
        spec.standby = change.count;
    }
    if let Some(change) = scenario.last(key, &tags, EffectKind::protected) {
        spec.protected = change.count;
    }
    if let Some(change) = scenario.last(key, &tags, EffectKind::desired) {
        let (min, _, max) = spec.capacity;
        spec.capacity = (min.min(change.count), change.count, max.max(change.count));
    }
    if let Some(change) = scenario.last(key, &tags, EffectKind::launching) {
        spec.launching = change.count;
    }
    if let Some(change) = scenario.last(key, &tags, EffectKind::suspended) {
        spec.suspended.clone_from(&change.processes);
    }
    spec.deleting |= scenario.last(key, &tags, EffectKind::deleting).is_some();
}

//! Image pipelines and the builds that they make, which go through their states by the clock.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{GroupKey, Image, Place, World, after, before};
use crate::model::{BuildState, ImageId, Region};
use crate::sim::fleet::{BuildEnd, PastBuild, PipelineSpec};
use crate::sim::scenario::EffectKind;

/// An image pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Its ARN.
    pub arn: String,
    /// Where it is.
    pub place: Place,
    /// When it was made.
    pub created: Timestamp,
    /// What it is and does; may be changed.
    pub spec: PipelineSpec,
    /// Its builds, oldest first.
    pub builds: Vec<Build>,
}

/// A build of an image.
#[derive(Debug, Clone)]
pub struct Build {
    /// Its ARN.
    pub arn: String,
    /// When it was begun.
    pub created: Timestamp,
    /// The states on the way, and until when it is in each.
    pub way: Vec<(BuildState, Timestamp)>,
    /// The state that it ends in, and why.
    pub end: (BuildState, String),
    /// Its AMIs, once it is available.
    pub images: Vec<(Region, ImageId)>,
    /// Whether its end has had its effect.
    over: bool,
}

/// Why a pipeline is not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// There is no such pipeline.
    Unknown,
    /// Nobody may use it.
    Denied,
    /// It is disabled.
    Disabled,
    /// A build of it is under way.
    InUse(String),
    /// The token was used for something else.
    Mismatch,
}

impl Build {
    /// Its state now, and why.
    pub fn state(&self, now: Timestamp) -> (&BuildState, &str) {
        match self.way.iter().find(|(_, until)| *until > now) {
            Some((state, _)) => (state, ""),
            None => (&self.end.0, &self.end.1),
        }
    }

    /// Version and number: `1.0.0/3`.
    pub(crate) fn version(&self) -> String {
        let mut parts: Vec<&str> = self.arn.rsplit('/').take(2).collect();
        parts.reverse();
        parts.join("/")
    }
}

impl Pipeline {
    fn next_arn(&self) -> String {
        let Place { account, region } = &self.place;
        let number = self.builds.len() + 1;
        format!("arn:aws:imagebuilder:{region}:{account}:image/{}/1.0.0/{number}", self.spec.recipe)
    }

    fn add_past(&mut self, past: &PastBuild) {
        let build = Build {
            arn: self.next_arn(),
            created: past.created,
            way: Vec::new(),
            end: (past.state.clone(), past.reason.clone()),
            images: past.images.clone(),
            over: true,
        };
        self.builds.push(build);
    }
}

impl World {
    /// Adds an image pipeline and returns its ARN.
    pub fn add_pipeline(&mut self, spec: &PipelineSpec) -> String {
        let arn = spec.arn();
        let place = Place { account: spec.account.clone(), region: spec.region.clone() };
        let created = before(self.now, 30 * 86_400);
        let mut pipeline =
            Pipeline { arn: arn.clone(), place, created, spec: spec.clone(), builds: Vec::new() };
        for past in &spec.past {
            pipeline.add_past(past);
        }
        self.pipelines.insert(arn.clone(), pipeline);
        arn
    }

    /// A build and its pipeline, by the build's ARN.
    pub fn build(&self, arn: &str) -> Option<(&Pipeline, &Build)> {
        self.pipelines
            .values()
            .flat_map(|pipeline| pipeline.builds.iter().map(move |build| (pipeline, build)))
            .find(|(_, build)| build.arn == arn)
    }

    /// Begins a build, or finds the one that the token began; the build's ARN.
    pub(crate) fn start_build(
        &mut self,
        place: &Place,
        arn: &str,
        token: &str,
        asked: String,
    ) -> Result<String, Denial> {
        let used = (place.clone(), token.to_owned());
        match self.build_tokens.get(&used) {
            Some((before, build)) if *before == asked => return Ok(build.clone()),
            Some(_) => return Err(Denial::Mismatch),
            None => {}
        }
        let now = self.now;
        let Self { pipelines, scenario, .. } = self;
        let pipeline = pipelines.get_mut(arn).filter(|found| found.place == *place).ok_or(Denial::Unknown)?;
        if pipeline.spec.denied {
            return Err(Denial::Denied);
        }
        if !pipeline.spec.enabled {
            return Err(Denial::Disabled);
        }
        if let Some(busy) = pipeline.builds.iter().find(|build| build.state(now).0.is_under_way()) {
            return Err(Denial::InUse(busy.arn.clone()));
        }
        let key = GroupKey { place: place.clone(), name: pipeline.spec.name.as_str().into() };
        let trouble = scenario.last(&key, &BTreeMap::new(), EffectKind::image_build);
        let ends = match trouble.and_then(|trouble| trouble.fails_at.clone().map(|at| (at, trouble))) {
            Some((at, trouble)) => {
                BuildEnd::Other { at, state: BuildState::Failed, reason: trouble.reason.clone() }
            }
            None => pipeline.spec.ends.clone(),
        };
        let building = trouble.and_then(|trouble| trouble.takes);
        let build = begin(pipeline, building, ends, now);
        let begun = build.arn.clone();
        pipeline.builds.push(build);
        self.build_tokens.insert(used, (asked, begun.clone()));
        Ok(begun)
    }

    /// Lets every build that has come to its end have its effect: its AMIs exist from then on.
    pub(super) fn end_builds(&mut self) {
        let now = self.now;
        let Self { pipelines, images, dice, .. } = self;
        for pipeline in pipelines.values_mut() {
            let Pipeline { spec, builds, .. } = pipeline;
            for build in builds.iter_mut().filter(|build| !build.over) {
                let ended = build.way.last().map_or(build.created, |(_, until)| *until);
                if ended > now {
                    continue;
                }
                build.over = true;
                if build.end.0 != BuildState::Available {
                    continue;
                }
                for output in &spec.outputs {
                    let id = ImageId::new(format!("ami-0{}", dice.hex(16)));
                    let image = made(spec, build, output, id.clone(), ended);
                    images.insert((output.region.clone(), id.clone()), image);
                    build.images.push((output.region.clone(), id));
                }
            }
        }
    }
}

/// A build that begins now; `building` is how long its building takes instead.
fn begin(pipeline: &Pipeline, building: Option<u32>, ends: BuildEnd, now: Timestamp) -> Build {
    let (last, end) = match ends {
        BuildEnd::Available => (None, (BuildState::Available, String::new())),
        BuildEnd::Other { at, state, reason } => (Some(at), (state, reason)),
    };
    let mut way = Vec::new();
    let mut until = now;
    for (state, takes) in &pipeline.spec.takes {
        let takes = building.filter(|_| *state == BuildState::Building).unwrap_or(*takes);
        until = after(until, takes);
        way.push((state.clone(), until));
        if Some(state) == last.as_ref() {
            break;
        }
    }
    Build { arn: pipeline.next_arn(), created: now, way, end, images: Vec::new(), over: false }
}

fn made(
    spec: &PipelineSpec,
    build: &Build,
    output: &crate::sim::fleet::OutputSpec,
    id: ImageId,
    created: Timestamp,
) -> Image {
    let at = created.strftime("%Y%m%d%H%M%S").to_string();
    let tags = [("CreatedBy", "EC2 Image Builder"), ("Ec2ImageBuilderArn", build.arn.as_str())];
    Image {
        id,
        name: spec.image_name.replacen('*', &at, 1).replace('*', "").replace('?', "0"),
        description: String::new(),
        region: output.region.clone(),
        architecture: output.architecture.clone(),
        owner: output.account.clone(),
        state: "available".to_owned(),
        created,
        deprecated: None,
        shared_with: output.shared_with.clone(),
        volumes: 1,
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        tags_of_others: BTreeMap::new(),
        past: None,
    }
}

//! `candidate --from-image-builder`: the images of pipelines' newest builds, or of new ones.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::super::context::World;
use super::super::{Failure, Output, signals};
use crate::aws::Identity;
use crate::candidate::image_builder::{Patience, build, build_name, newest};
use crate::candidate::{Progress, outputs};
use crate::config::{Family, Fleet, parse_duration};
use crate::model::{Build, Exit, ImageBuild, ImageId, PipelineArn, Problem, Region};
use crate::report;

/// Which pipelines, and whether they are started.
#[derive(Debug, clap::Args)]
pub(super) struct BuilderArgs {
    /// Start the image pipelines, and wait for their images; once for each build, whose page or
    /// number must be known
    #[arg(long, requires = "from_image_builder")]
    start: bool,

    /// With --start: how long to wait for the images
    #[arg(long, value_name = "DURATION", default_value = "4h", value_parser = duration, requires = "start")]
    timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "not a duration such as 90s, 45m or 4h".to_owned())
}

/// What is asked of Image Builder.
#[derive(Debug)]
pub(super) struct Asked {
    pipelines: Vec<PipelineArn>,
    /// What the pipelines are started for; `None` when they are not.
    start: Option<String>,
    timeout: Duration,
}

/// The images that builds made, for verification.
pub(super) struct Found {
    pub(super) images: Vec<(Region, ImageId)>,
    /// What they were found by, for the candidate's file.
    pub(super) by: String,
    /// What people should know, a line each.
    pub(super) notes: Vec<String>,
}

/// The last that is known of each pipeline's build: its ARN and state.
type Known = RefCell<BTreeMap<String, String>>;

impl Asked {
    /// What the arguments ask for; nothing when they name no pipeline.
    pub(super) fn read(
        pipelines: &[String],
        args: &BuilderArgs,
        build: &Build,
    ) -> Result<Option<Self>, Failure> {
        let pipelines = pipelines.iter().map(|text| pipeline(text)).collect::<Result<Vec<_>, _>>()?;
        if pipelines.is_empty() {
            if args.start {
                return Err(Failure::usage(
                    "what is --start to start?",
                    "no image pipeline is named",
                    "name one with --from-image-builder, or leave out --start",
                ));
            }
            return Ok(None);
        }
        if let Some(twice) = pipelines.iter().enumerate().find(|(at, one)| pipelines[..*at].contains(one)) {
            let what = format!("the image pipeline {} is named twice", twice.1.name);
            return Err(Failure::usage(what, "", "name each pipeline once, one for each architecture"));
        }
        let start = match (args.start, build_name(build)) {
            (false, _) => None,
            (true, Some(name)) => Some(name.to_owned()),
            (true, None) => {
                return Err(Failure::usage(
                    "for which build is the image pipeline to be started?",
                    "a pipeline is started once for each build, so that this can be run again without a second image",
                    "set BUILD_URL or BUILD_NUMBER, as Jenkins does, or give --build-number, such as --build-number \"$(date +%F)\"",
                ));
            }
        };
        Ok(Some(Self { pipelines, start, timeout: args.timeout }))
    }

    /// Finds the builds, or makes them, and says which of their images are the candidate's.
    pub(super) async fn find(
        &self,
        world: &World,
        output: Output,
        fleet: &Fleet,
        identity: &Identity,
        family: &Family,
    ) -> Result<Found, Failure> {
        self.check_account(identity)?;
        let mut notes = Vec::new();
        let mut found_by = Vec::new();
        let builds = if let Some(name) = &self.start {
            let builds = self.start_all(world, output, fleet, name).await?;
            found_by.extend(builds.iter().map(|build| build.short().to_owned()));
            builds
        } else {
            let mut builds = Vec::new();
            for pipeline in &self.pipelines {
                let found = newest(&world.cloud.home(&pipeline.region), pipeline).await?;
                let over: Vec<String> = found.passed_over.iter().map(passed_over).collect();
                notes.extend(over.iter().map(|over| format!("passed over the image build {over}")));
                let over = if over.is_empty() { String::new() } else { format!(", not {}", over.join(", ")) };
                found_by.push(format!("{}{over}", found.build.short()));
                builds.push(found.build);
            }
            builds
        };
        let chosen = outputs(fleet, &identity.account, family, &builds)?;
        notes.extend(chosen.notes);
        let notes = notes.iter().map(|note| report::one_line(note)).collect();
        let by = report::one_line(&format!("image build {}", found_by.join(" and ")));
        Ok(Found { images: chosen.images, by, notes })
    }

    /// Image Builder shows a pipeline to its own account only.
    fn check_account(&self, identity: &Identity) -> Result<(), Failure> {
        match self.pipelines.iter().find(|pipeline| pipeline.account != identity.account) {
            None => Ok(()),
            Some(pipeline) => Err(Failure::usage(
                format!("the image pipeline {} is in account {}", pipeline.name, pipeline.account),
                format!("these are the credentials of {}, in account {}", identity.arn, identity.account),
                "give the credentials of the pipeline's account, or name a pipeline of this one",
            )),
        }
    }

    /// Starts every pipeline, and waits for them all, or for a signal.
    async fn start_all(
        &self,
        world: &World,
        output: Output,
        fleet: &Fleet,
        name: &str,
    ) -> Result<Vec<ImageBuild>, Failure> {
        let known = Known::default();
        let tell = |progress: &Progress| {
            note(&known, progress);
            let at = world.clock.now().to_zoned(fleet.timezone.clone()).strftime("%a %d %b %H:%M:%S");
            output.note(&format!("{at}  {}", report::one_line(&progress.to_string())));
        };
        let signal = async {
            match signals::ended().await {
                Ok(signal) => signal,
                // Without handlers it is ended as any process, and gone on with all the same.
                Err(_) => std::future::pending().await,
            }
        };
        let home = |pipeline: &PipelineArn| (world.cloud.home(&pipeline.region), pipeline.clone());
        let pipelines: Vec<_> = self.pipelines.iter().map(home).collect();
        let patience = Patience { clock: world.clock, timeout: self.timeout };
        tokio::select! {
            biased;
            signal = signal => Err(stopped(signal, &known.borrow())),
            builds = build(&pipelines, name, patience, &tell) => Ok(builds?),
        }
    }
}

fn pipeline(text: &str) -> Result<PipelineArn, Failure> {
    PipelineArn::parse(text).ok_or_else(|| {
        Failure::usage(
            format!("{text:?} is no image pipeline's ARN"),
            "one is arn:aws:imagebuilder:REGION:ACCOUNT:image-pipeline/NAME",
            "take it from 'aws imagebuilder list-image-pipelines', or from the pipeline's page in Image Builder",
        )
    })
}

fn passed_over(build: &ImageBuild) -> String {
    format!("{}, which is {}", build.short(), build.told())
}

fn note(known: &Known, progress: &Progress) {
    let (arn, state) = match progress {
        Progress::Begun { arn, .. } => (arn, "begun".to_owned()),
        Progress::State { build, .. } => (&build.arn, build.state.to_string()),
        Progress::Trouble { .. } => return,
    };
    known.borrow_mut().insert(arn.clone(), state);
}

/// What a signal leaves behind, and how it is gone on with.
fn stopped(signal: &str, known: &BTreeMap<String, String>) -> Failure {
    let again = "run the same command again: it goes on with the same image build";
    let problem = if known.is_empty() {
        let why = "whether an image pipeline was started is not known";
        Problem::new(format!("{signal} ended it before the image build was under way"), why, again)
    } else {
        let told: Vec<String> = known.iter().map(|(arn, state)| format!("{arn} is {state}")).collect();
        let next = format!(
            "{again}; to stop an image build, 'aws imagebuilder cancel-image-creation --image-build-version-arn ARN'"
        );
        let what = format!("{signal} ended the wait for the image");
        Problem::new(what, format!("{}: it goes on in Image Builder", told.join(", ")), next)
    };
    Failure::Told(Exit::Aborted, vec![problem])
}

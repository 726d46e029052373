//! `candidate`: finds and verifies the images of one build, tags them, writes the candidate.

mod image_builder;

use std::path::PathBuf;

use super::context::{self, World};
use super::{Failure, Output};
use crate::aws::Account;
use crate::candidate::{Skipped, lookup, packer, tag, verify};
use crate::cli::{Format, Global};
use crate::config::{Family, Fleet};
use crate::model::Exit;
use crate::model::{Build, Candidate, ImageId, Problem, Region};
use crate::report;
use crate::rollout::homes;
use image_builder::{Asked, Found};

/// Where the images are found.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// Take the images of the last run in a Packer manifest
    #[arg(long, value_name = "MANIFEST")]
    from_packer: Option<PathBuf>,

    /// Take the newest available image of this image pipeline; may be given once per architecture
    #[arg(long, value_name = "PIPELINE_ARN")]
    from_image_builder: Vec<String>,

    /// Take this image; may be given once per region and architecture
    #[arg(long, value_name = "ID")]
    ami: Vec<String>,

    /// Take the newest image of the family that is not in quarantine
    #[arg(long)]
    from_lookup: bool,
}

/// Find and verify the images of one build, tag them, and write the candidate
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --start an image pipeline is started once for each build: BUILD_URL, or else BUILD_NUMBER,
tells one build from the next. The same command again goes on with the same image build.

Examples:
  ami-refresh candidate --from-packer packer-manifest.json --family base
  ami-refresh candidate --from-image-builder arn:aws:imagebuilder:…:image-pipeline/base --start
  ami-refresh candidate --ami ami-0f1e2d3c4b5a69788 --region eu-west-2")]
pub struct Args {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    builder: image_builder::BuilderArgs,

    /// The family of the images; may be left out when the configuration names only one
    #[arg(long, value_name = "NAME")]
    family: Option<String>,

    /// The region of --ami; may be left out when the configuration names only one
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// The page of the build
    #[arg(long, value_name = "URL", env = "BUILD_URL")]
    build_url: Option<String>,

    /// The number of the build
    #[arg(long, value_name = "NUMBER", env = "BUILD_NUMBER")]
    build_number: Option<String>,

    /// The commit that was built
    #[arg(long, value_name = "SHA", env = "GIT_COMMIT")]
    commit: Option<String>,

    /// How the candidate is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Args {
    /// The build; a variable that is set to nothing says nothing, or builds without a number would
    /// be one build.
    fn build(&self) -> Build {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        Build { url: said(&self.build_url), number: said(&self.build_number), commit: said(&self.commit) }
    }
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let fleet = context::fleet(global)?;
    let (name, family) = family(&fleet, args.family.as_deref())?;
    // What can't be read or written is said before AWS is asked anything.
    let from_packer = args.source.from_packer.as_deref().map(packer::read).transpose().map_err(told)?;
    let given = given(&fleet, args)?;
    let build = args.build();
    let from_builder = Asked::read(&args.source.from_image_builder, &args.builder, &build)?;
    Candidate::writable(&global.candidate)?;
    let world = World::outside("candidate").await?;
    let homes = homes(&world.cloud, &fleet);
    let identity = homes[0].identity().await?;
    let found = match (from_packer, from_builder) {
        (Some(images), _) => {
            let path = args.source.from_packer.clone().unwrap_or_default();
            Found { images, by: format!("packer manifest {}", path.display()), notes: Vec::new() }
        }
        (None, Some(asked)) => asked.find(&world, Output::new(global), &fleet, &identity, family).await?,
        (None, None) if args.source.from_lookup => {
            let found = lookup(&homes, name, family).await?;
            let notes = found.skipped.iter().map(passed_over).collect();
            Found { images: found.images, by: looked_up(name, &found.skipped), notes }
        }
        (None, None) => Found { images: given, by: "given by hand".to_owned(), notes: Vec::new() },
    };
    let images = verify(&homes, &identity, family, &found.images).await?;
    let candidate = Candidate::new(name.to_owned(), images, build, found.by);
    tag_all(&homes, &candidate).await?;
    candidate.write(&global.candidate)?;
    print(global, args, &candidate, found.notes)
}

/// What the images were found by: the file says as well what was passed over.
fn looked_up(family: &str, skipped: &[Skipped]) -> String {
    let ids: Vec<&str> = skipped.iter().map(|one| one.image.id.as_str()).collect();
    let over =
        if ids.is_empty() { String::new() } else { format!(", without {} in quarantine", ids.join(", ")) };
    format!("lookup of family {family}{over}")
}

async fn tag_all(homes: &[Account], candidate: &Candidate) -> Result<(), Failure> {
    tag(homes, candidate).await.map_err(|error| {
        let ids: Vec<&str> = candidate.images.iter().map(|image| image.id.as_str()).collect();
        Failure::Told(
            Exit::Unexpected,
            vec![Problem::new(
                format!("the images {} are fit, but could not be tagged", ids.join(", ")),
                error.to_string(),
                "allow ec2:CreateTags on images to the home credentials, and run this again",
            )],
        )
    })
}

fn print(global: &Global, args: &Args, candidate: &Candidate, notes: Vec<String>) -> Result<Exit, Failure> {
    let output = Output::new(global);
    match args.format {
        Format::Json => {
            for note in &notes {
                output.note(note);
            }
            output.json(candidate)?;
        }
        Format::Text => {
            let mut lines = notes;
            lines.push(format!("candidate of family {}, by {}", candidate.family, candidate.found_by));
            lines.extend(candidate.images.iter().map(|image| {
                format!("  {}  {}  {:<7} {}", image.region, image.id, image.architecture, image.name)
            }));
            lines.push(format!("written to {}\n", global.candidate.display()));
            output.text(&lines.join("\n"))?;
        }
    }
    Ok(Exit::Done)
}

fn passed_over(skipped: &Skipped) -> String {
    let Skipped { image, bad, quarantine } = skipped;
    let of_build = if image.id == *bad { String::new() } else { format!(" with {bad} of its build") };
    let since = quarantine.at.map_or_else(String::new, |at| format!(" since {at}"));
    report::one_line(&format!(
        "passed over {} {} ({}): it is in quarantine{of_build}{since}: {}",
        image.region, image.id, image.name, quarantine.detail
    ))
}

fn told(problem: Problem) -> Failure {
    Failure::Told(Exit::Usage, vec![problem])
}

/// The family that is named, or the only one.
pub(super) fn family<'f>(fleet: &'f Fleet, named: Option<&str>) -> Result<(&'f str, &'f Family), Failure> {
    let known = || fleet.families.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = match named {
        Some(name) => fleet.families.get_key_value(name),
        None if fleet.families.len() == 1 => fleet.families.first_key_value(),
        None => {
            return Err(Failure::usage(
                "which family is it?",
                format!("the configuration names {}", known()),
                "name it with --family",
            ));
        }
    };
    let (name, family) = found.ok_or_else(|| {
        let named = named.unwrap_or_default();
        Failure::usage(
            format!("there is no family {named}"),
            format!("the configuration names {}", known()),
            "name one of these",
        )
    })?;
    Ok((name, family))
}

/// The images given by hand, in their region.
fn given(fleet: &Fleet, args: &Args) -> Result<Vec<(Region, ImageId)>, Failure> {
    if args.source.ami.is_empty() {
        return Ok(Vec::new());
    }
    let mut regions: Vec<&Region> =
        fleet.environments.iter().flat_map(|environment| &environment.regions).collect();
    regions.sort();
    regions.dedup();
    let region = match (&args.region, regions.as_slice()) {
        (Some(region), _) => Region::new(region),
        (None, [only]) => (*only).clone(),
        (None, several) => {
            let several: Vec<&str> = several.iter().map(|region| region.as_str()).collect();
            let why = format!("the configuration names {}", several.join(", "));
            return Err(Failure::usage("in which region is the image?", why, "name it with --region"));
        }
    };
    let mut images = Vec::new();
    for id in &args.source.ami {
        let id = ImageId::new(id);
        if !id.is_well_formed() {
            let what = format!("{:?} is no image id", id.as_str());
            return Err(Failure::usage(
                what,
                "one is ami- and 8 or 17 hexadecimal digits",
                "look at the build's output",
            ));
        }
        images.push((region.clone(), id));
    }
    Ok(images)
}

//! Image Builder: pipelines, their executions, and the images that come of them.

use serde_json::{Value, json};

use super::Ask;
use super::errors::Error;
use super::paging::Size;
use super::query::Filters;
use crate::model::{BuildState, PipelineArn};
use crate::sim::world::{Build, Denial, Pipeline};

type Document = Result<Value, Error>;

pub(super) fn answer(ask: &mut Ask<'_>) -> Document {
    match (ask.method, ask.action) {
        ("PUT", "StartImagePipelineExecution") => start(ask),
        ("GET", "GetImage") => get_image(ask),
        ("GET", "GetImagePipeline") => get_pipeline(ask),
        ("POST", "ListImagePipelines") => list_pipelines(ask),
        ("POST", "ListImagePipelineImages") => list_pipeline_images(ask),
        ("POST", "ListImages") => list_images(ask),
        (method, action) => {
            let message = format!("the simulator does not answer {method} /{action} of Image Builder");
            Err(Error::with_status(404, "UnknownOperationException", &message))
        }
    }
}

fn start(ask: &mut Ask<'_>) -> Document {
    let arn = ask.params.require("imagePipelineArn")?.to_owned();
    let token = ask.params.require("clientToken")?.to_owned();
    if token.is_empty() || token.len() > 64 {
        return Err(Error::invalid("clientToken has 1 to 64 characters"));
    }
    check_place(ask, &arn)?;
    let asked = ask.params.fingerprint("clientToken");
    let place = ask.place.clone();
    let build = ask.world.start_build(&place, &arn, &token, asked).map_err(|denial| deny(denial, &arn))?;
    Ok(json!({ "requestId": ask.world.dice.uuid(), "clientToken": token, "imageBuildVersionArn": build }))
}

fn deny(denial: Denial, arn: &str) -> Error {
    match denial {
        Denial::Unknown => not_found(arn),
        Denial::Denied => denied(arn),
        Denial::Disabled => {
            Error::new("InvalidRequestException", format!("The image pipeline '{arn}' is disabled."))
        }
        Denial::InUse(build) => Error::new(
            "ResourceInUseException",
            format!("The image pipeline '{arn}' has an execution in progress: {build}."),
        ),
        Denial::Mismatch => Error::new(
            "IdempotentParameterMismatchException",
            "The client token was used before with other parameters.",
        ),
    }
}

fn not_found(arn: &str) -> Error {
    let message = format!("The resource with ARN '{arn}' cannot be found.");
    Error::with_status(404, "ResourceNotFoundException", &message)
}

fn denied(arn: &str) -> Error {
    let message = format!("The caller is not authorized to use the resource {arn}");
    Error::with_status(403, "AccessDeniedException", &message)
}

/// Refuses what is no pipeline's ARN, and a pipeline of another account.
fn check_place(ask: &Ask<'_>, arn: &str) -> Result<(), Error> {
    let parsed = PipelineArn::parse(arn).ok_or_else(|| {
        Error::invalid(format!("The value supplied for parameter 'imagePipelineArn' is not valid: {arn}"))
    })?;
    if parsed.account == ask.place.account { Ok(()) } else { Err(denied(arn)) }
}

/// The pipeline that a call is about.
fn pipeline<'a>(ask: &'a Ask<'_>) -> Result<&'a Pipeline, Error> {
    let arn = ask.params.require("imagePipelineArn")?;
    check_place(ask, arn)?;
    let found = ask.world.pipelines.get(arn).filter(|found| found.place == ask.place);
    let pipeline = found.ok_or_else(|| not_found(arn))?;
    if pipeline.spec.denied { Err(denied(arn)) } else { Ok(pipeline) }
}

/// The pipelines here that may be used.
fn pipelines<'a>(ask: &'a Ask<'_>) -> impl Iterator<Item = &'a Pipeline> {
    ask.world.pipelines.values().filter(|found| found.place == ask.place && !found.spec.denied)
}

fn get_pipeline(ask: &mut Ask<'_>) -> Document {
    let document = write_pipeline(ask, pipeline(ask)?);
    Ok(json!({ "requestId": ask.world.dice.uuid(), "imagePipeline": document }))
}

fn get_image(ask: &mut Ask<'_>) -> Document {
    let arn = ask.params.require("imageBuildVersionArn")?;
    let found = ask.world.build(arn).filter(|(pipeline, _)| pipeline.place == ask.place);
    let (pipeline, build) = found.ok_or_else(|| not_found(arn))?;
    if pipeline.spec.denied {
        return Err(denied(arn));
    }
    let mut document = write_build(ask, pipeline, build);
    document["sourcePipelineArn"] = json!(pipeline.arn);
    document["sourcePipelineName"] = json!(pipeline.spec.name);
    Ok(json!({ "requestId": ask.world.dice.uuid(), "image": document }))
}

fn list_pipelines(ask: &mut Ask<'_>) -> Document {
    let filters = filters(ask, &["description", "imageRecipeArn", "name", "status"])?;
    let passes = |pipeline: &Pipeline| {
        passes(&filters, |name| match name {
            "name" => Some(pipeline.spec.name.clone()),
            "status" => Some(status(pipeline).to_owned()),
            "imageRecipeArn" => Some(recipe_arn(pipeline)),
            _ => None,
        })
    };
    let all: Vec<Value> =
        pipelines(ask).filter(|one| passes(one)).map(|one| write_pipeline(ask, one)).collect();
    list(ask, "imagePipelineList", all)
}

fn list_pipeline_images(ask: &mut Ask<'_>) -> Document {
    let filters = filters(ask, &["name", "version"])?;
    let pipeline = pipeline(ask)?;
    let passes = |build: &&Build| {
        passes(&filters, |name| match name {
            "name" => Some(pipeline.spec.recipe.clone()),
            "version" => Some(build.version()),
            _ => None,
        })
    };
    let all = pipeline.builds.iter().filter(passes).map(|build| {
        let mut document = write_build(ask, pipeline, build);
        document["owner"] = json!(pipeline.place.account.as_str());
        document
    });
    let all = all.collect();
    list(ask, "imageSummaryList", all)
}

/// The versions of images: one for each recipe that was built, whatever the number of builds.
fn list_images(ask: &mut Ask<'_>) -> Document {
    let filters = filters(ask, &["name", "osVersion", "platform", "type", "version"])?;
    let own = ask.params.get("owner").is_none_or(|owner| owner == "Self");
    let passes = |pipeline: &&Pipeline| {
        passes(&filters, |name| match name {
            "name" => Some(pipeline.spec.recipe.clone()),
            "platform" => Some("Linux".to_owned()),
            "osVersion" => Some("Amazon Linux 2023".to_owned()),
            "type" => Some("AMI".to_owned()),
            "version" => Some("1.0.0".to_owned()),
            _ => None,
        })
    };
    let all = pipelines(ask).filter(|one| own && !one.builds.is_empty()).filter(passes).map(|pipeline| {
        let place = &pipeline.place;
        let recipe = &pipeline.spec.recipe;
        json!({
            "arn": format!("arn:aws:imagebuilder:{}:{}:image/{recipe}/1.0.0", place.region, place.account),
            "name": recipe,
            "type": "AMI",
            "version": "1.0.0",
            "platform": "Linux",
            "osVersion": "Amazon Linux 2023",
            "owner": place.account.as_str(),
            "dateCreated": time(pipeline.created),
            "buildType": "USER_INITIATED",
        })
    });
    let all = all.collect();
    list(ask, "imageVersionList", all)
}

/// One page of a list.
fn list(ask: &mut Ask<'_>, name: &str, all: Vec<Value>) -> Document {
    let size = Size { parameter: "maxResults", token: "nextToken", usual: 25, most: 100 };
    let page = ask.page(all, size)?;
    let mut document = json!({ "requestId": ask.world.dice.uuid(), name: page.items });
    if let Some(next) = page.next {
        document["nextToken"] = json!(next);
    }
    Ok(document)
}

/// The filters of a call, each of them known.
fn filters(ask: &Ask<'_>, known: &[&str]) -> Result<Vec<(String, Vec<String>)>, Error> {
    let Filters(filters) = ask.params.filters_named("filters", "name", "values");
    match filters.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(Error::invalid(format!("The filter name '{name}' is not valid"))),
        None => Ok(filters),
    }
}

fn passes(filters: &[(String, Vec<String>)], value: impl Fn(&str) -> Option<String>) -> bool {
    filters.iter().all(|(name, values)| value(name).is_some_and(|value| values.contains(&value)))
}

fn write_pipeline(ask: &Ask<'_>, pipeline: &Pipeline) -> Value {
    let mut document = json!({
        "arn": pipeline.arn,
        "name": pipeline.spec.name,
        "platform": "Linux",
        "enhancedImageMetadataEnabled": true,
        "imageRecipeArn": recipe_arn(pipeline),
        "imageTestsConfiguration": { "imageTestsEnabled": true, "timeoutMinutes": 720 },
        "status": status(pipeline),
        "dateCreated": time(pipeline.created),
        "dateUpdated": time(pipeline.created),
        "tags": {},
    });
    if let Some(last) = pipeline.builds.last() {
        document["dateLastRun"] = json!(time(last.created));
        document["lastRunStatus"] = json!(last.state(ask.world.now).0.as_str());
    }
    document
}

fn status(pipeline: &Pipeline) -> &'static str {
    if pipeline.spec.enabled { "ENABLED" } else { "DISABLED" }
}

fn recipe_arn(pipeline: &Pipeline) -> String {
    let place = &pipeline.place;
    let recipe = &pipeline.spec.recipe;
    format!("arn:aws:imagebuilder:{}:{}:image-recipe/{recipe}/1.0.0", place.region, place.account)
}

fn write_build(ask: &Ask<'_>, pipeline: &Pipeline, build: &Build) -> Value {
    let (state, reason) = build.state(ask.world.now);
    let mut told = json!({ "status": state.as_str() });
    if !reason.is_empty() {
        told["reason"] = json!(reason);
    }
    let mut document = json!({
        "arn": build.arn,
        "type": "AMI",
        "name": pipeline.spec.recipe,
        "version": build.version(),
        "platform": "Linux",
        "osVersion": "Amazon Linux 2023",
        "state": told,
        "dateCreated": time(build.created),
        "buildType": "USER_INITIATED",
        "tags": {},
    });
    // What was made stays told when the build is deprecated or disabled, not when it is deleted.
    if *state != BuildState::Deleted && !state.is_under_way() {
        document["outputResources"] = json!({ "amis": amis(ask, build) });
    }
    document
}

fn amis(ask: &Ask<'_>, build: &Build) -> Vec<Value> {
    let found = build.images.iter().filter_map(|key| ask.world.images.get(key));
    let write = |image: &crate::sim::world::Image| {
        json!({
            "region": image.region.as_str(),
            "image": image.id.as_str(),
            "name": image.name,
            "state": { "status": "AVAILABLE" },
            "accountId": image.owner.as_str(),
        })
    };
    found.map(write).collect()
}

fn time(moment: jiff::Timestamp) -> String {
    format!("{moment:.3}")
}

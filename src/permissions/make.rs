//! Makes policies.

mod commands;

use std::collections::{BTreeMap, BTreeSet};

use super::{Conditions, Policy, Statement};
use crate::aws::{Access, BESIDES, CALLS, Part, Permission};
use crate::config::{Environment, Fleet};
use crate::model::Region;

/// The keys of all tags that are set here.
const OUR_TAGS: &str = "ami-refresh:*";
/// The names of the sessions in the environments' roles.
const OUR_SESSIONS: &str = "ami-refresh-*";

/// What the configuration does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The ARNs of the Image Builder pipelines that are used; all when there is none.
    pub pipelines: Vec<String>,
    /// Globs over the names of the roles that instances have; all roles when there is none.
    pub instance_roles: Vec<String>,
    /// Whether templates carry none of the tags that select groups.
    pub any_template: bool,
}

/// The policy of the home role: with it, of every environment that has no role of its own.
pub fn home(fleet: &Fleet, options: &Options) -> Policy {
    let regions: BTreeSet<&Region> = fleet.environments.iter().flat_map(|one| &one.regions).collect();
    let partition = partition(&regions);
    let mut statements: Vec<Statement> = [Part::Look, Part::Roles, Part::Images, Part::Builds]
        .into_iter()
        .filter_map(|part| {
            let statement = Statement::of(part, "", actions(Access::Home, part)?);
            Some(match part {
                Part::Roles => {
                    let roles = fleet.environments.iter().filter_map(|one| one.role_arn.clone());
                    let roles: BTreeSet<String> = roles.collect();
                    statement.on(roles)
                }
                Part::Images => {
                    let image = |region: &&Region| format!("arn:{partition}:ec2:{region}::image/*");
                    statement.on(regions.iter().map(image)).our_tags()
                }
                Part::Builds => statement.on(builds(partition, &options.pipelines)),
                Part::Look
                | Part::Refreshes
                | Part::Groups
                | Part::Marks
                | Part::Templates
                | Part::LaunchFrom
                | Part::LaunchWith
                | Part::Profiles
                | Part::LaunchTags
                | Part::Commands
                | Part::CommandResults => statement.on(["*".to_owned()]).in_regions(&regions),
            })
        })
        .filter(|statement| !statement.resource.is_empty())
        .collect();
    let here: Vec<&Environment> = fleet.environments.iter().filter(|one| one.role_arn.is_none()).collect();
    if !here.is_empty() {
        // Reading is the same statement for both.
        let more = environment(fleet, &here, options).statement;
        for statement in more {
            match statements.iter_mut().find(|known| known.sid == statement.sid) {
                Some(known) => {
                    known.action.extend(statement.action);
                    known.action.sort();
                    known.action.dedup();
                }
                None => statements.push(statement),
            }
        }
    }
    Policy::new(statements)
}

/// The policy of the role that these environments share, or of the one that one has.
pub fn environment(fleet: &Fleet, environments: &[&Environment], options: &Options) -> Policy {
    let regions: BTreeSet<&Region> = environments.iter().flat_map(|one| &one.regions).collect();
    let look = actions(Access::Environment, Part::Look)
        .map(|actions| Statement::of(Part::Look, "", actions).on(["*".to_owned()]).in_regions(&regions));
    let several = environments.len() > 1;
    let own = environments.iter().flat_map(|one| {
        let suffix = if several { format!("Of{}", sid(one.name.as_str())) } else { String::new() };
        let commands = commands::statements(fleet, one, &suffix);
        own_parts(one, &suffix, options).into_iter().chain(commands)
    });
    let mut statements: Vec<Statement> = look.into_iter().chain(own).collect();
    // What launches touch is the same for environments of one account and its regions.
    let mut seen: Vec<Statement> = Vec::new();
    statements.retain(|statement| {
        let bare = Statement { sid: String::new(), ..statement.clone() };
        let is_new = !seen.contains(&bare);
        seen.push(bare);
        is_new
    });
    // `qa-2` and `qa2` make one name.
    for at in 1..statements.len() {
        if statements[..at].iter().any(|one| one.sid == statements[at].sid) {
            statements[at].sid = format!("{}N{at}", statements[at].sid);
        }
    }
    Policy::new(statements)
}

/// The statements that are about one environment's groups and templates.
fn own_parts(environment: &Environment, suffix: &str, options: &Options) -> Vec<Statement> {
    const PARTS: [Part; 8] = [
        Part::Refreshes,
        Part::Groups,
        Part::Marks,
        Part::Templates,
        Part::LaunchFrom,
        Part::LaunchWith,
        Part::Profiles,
        Part::LaunchTags,
    ];
    let regions: BTreeSet<&Region> = environment.regions.iter().collect();
    let (partition, account) = (partition(&regions), &environment.account);
    let each = |ending: &str| -> Vec<String> {
        regions.iter().map(|region| ending.replace("REGION", region.as_str())).collect()
    };
    let groups = each(&format!(
        "arn:{partition}:autoscaling:REGION:{account}:autoScalingGroup:*:autoScalingGroupName/*"
    ));
    let templates = each(&format!("arn:{partition}:ec2:REGION:{account}:launch-template/*"));
    let make = |part: Part| {
        let statement = Statement::of(part, suffix, actions(Access::Environment, part)?);
        let of_template = |statement: Statement| {
            let statement = statement.on(templates.clone());
            if options.any_template { statement } else { statement.tagged("ec2", environment) }
        };
        Some(match part {
            Part::Refreshes => statement.on(groups.clone()).tagged("autoscaling", environment),
            // The version alone may be changed: neither the size, nor to a launch configuration.
            Part::Groups => statement
                .on(groups.clone())
                .tagged("autoscaling", environment)
                .when("Null", "autoscaling:LaunchConfigurationName", ["true"])
                .when("Null", "autoscaling:MaxSize", ["true"])
                .when("Null", "autoscaling:MinSize", ["true"]),
            Part::Marks => statement.on(groups.clone()).tagged("autoscaling", environment).our_tags(),
            Part::Templates | Part::LaunchFrom => of_template(statement),
            Part::LaunchWith => statement.on(launch_resources(partition, account.as_str(), &regions)).when(
                "ArnLike",
                "ec2:LaunchTemplate",
                templates.iter().map(String::as_str),
            ),
            Part::Profiles => {
                let every = vec!["*".to_owned()];
                let names = if options.instance_roles.is_empty() { &every } else { &options.instance_roles };
                let role = |name: &String| format!("arn:{partition}:iam::{account}:role/{name}");
                let service =
                    if partition == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" };
                let services: BTreeSet<&str> = [service, "ec2.amazonaws.com"].into();
                statement.on(names.iter().map(role)).when("StringEquals", "iam:PassedToService", services)
            }
            Part::LaunchTags => statement
                .on(each(&format!("arn:{partition}:ec2:REGION:{account}:*/*")))
                .when("StringEquals", "ec2:CreateAction", ["RunInstances"]),
            Part::Look
            | Part::Roles
            | Part::Images
            | Part::Builds
            | Part::Commands
            | Part::CommandResults => return None,
        })
    };
    PARTS.into_iter().filter_map(make).collect()
}

/// The pipelines, and the images of their accounts and regions: an image's ARN does not say
/// which pipeline made it.
fn builds(partition: &str, pipelines: &[String]) -> BTreeSet<String> {
    const PIPELINE: &str = ":image-pipeline/";
    let any = [format!("arn:{partition}:imagebuilder:*:*{PIPELINE}*")];
    let pipelines = if pipelines.is_empty() { &any[..] } else { pipelines };
    let images = |arn: &String| arn.split_once(PIPELINE).map(|(place, _)| format!("{place}:image/*"));
    pipelines.iter().filter_map(images).chain(pipelines.iter().cloned()).collect()
}

/// What a launch touches besides its template. Images and snapshots may be another account's.
fn launch_resources(partition: &str, account: &str, regions: &BTreeSet<&Region>) -> Vec<String> {
    const SHARED: [&str; 2] = ["image", "snapshot"];
    const OWN: [&str; 8] = [
        "capacity-reservation",
        "instance",
        "key-pair",
        "network-interface",
        "placement-group",
        "security-group",
        "subnet",
        "volume",
    ];
    let mut all = Vec::new();
    for region in regions {
        let arn = |account: &str, kind: &str| format!("arn:{partition}:ec2:{region}:{account}:{kind}/*");
        all.extend(SHARED.map(|kind| arn("", kind)));
        all.extend(OWN.map(|kind| arn(account, kind)));
    }
    all
}

/// Who may assume an environment's role: the principal, for this program's sessions only, and
/// with one of the external ids where there are any.
pub fn trust(principal: &str, external_ids: &[String]) -> Policy {
    let mut statement = Statement {
        sid: "AssumeFromHome".to_owned(),
        effect: "Allow",
        principal: Some(BTreeMap::from([("AWS", vec![principal.to_owned()])])),
        action: vec!["sts:AssumeRole".to_owned()],
        resource: Vec::new(),
        condition: Conditions::new(),
    };
    statement = statement.when("StringLike", "sts:RoleSessionName", [OUR_SESSIONS]);
    if !external_ids.is_empty() {
        statement = statement.when("StringEquals", "sts:ExternalId", external_ids.iter().map(String::as_str));
    }
    Policy::new(vec![statement])
}

/// The actions of a part for a role, sorted; `None` when there are none.
fn actions(access: Access, part: Part) -> Option<Vec<String>> {
    let ours = |one: &&Permission| one.part == part && one.access.contains(&access);
    let actions = CALLS.iter().chain(BESIDES).filter(ours).flat_map(|one| one.actions);
    let actions: BTreeSet<String> = actions.map(|action| (*action).to_owned()).collect();
    (!actions.is_empty()).then(|| actions.into_iter().collect())
}

impl Part {
    /// The name of its statement: it says what for.
    pub fn sid(self) -> &'static str {
        match self {
            Self::Look => "Look",
            Self::Roles => "AssumeEnvironmentRoles",
            Self::Images => "RecordOnImages",
            Self::Builds => "BuildImages",
            Self::Refreshes => "RefreshGroups",
            Self::Groups => "NameTemplateVersions",
            Self::Marks => "MarkGroups",
            Self::Templates => "MakeTemplateVersions",
            Self::LaunchFrom => "LetGroupsLaunchFromTemplates",
            Self::LaunchWith => "LetGroupsLaunchWhatTemplatesName",
            Self::Profiles => "LetGroupsPassInstanceRoles",
            Self::LaunchTags => "LetGroupsTagAtLaunch",
            Self::Commands => "RunChecksOnInstances",
            Self::CommandResults => "FollowChecksOnInstances",
        }
    }
}

impl Statement {
    fn of(part: Part, suffix: &str, action: Vec<String>) -> Self {
        Self {
            sid: format!("{}{suffix}", part.sid()),
            effect: "Allow",
            principal: None,
            action,
            resource: Vec::new(),
            condition: Conditions::new(),
        }
    }

    fn on(mut self, resources: impl IntoIterator<Item = String>) -> Self {
        self.resource.extend(resources);
        self.resource.sort();
        self
    }

    fn when<'a>(
        mut self,
        operator: &'static str,
        key: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let values = values.into_iter().map(str::to_owned).collect();
        self.condition.entry(operator).or_default().insert(key.to_owned(), values);
        self
    }

    fn in_regions(self, regions: &BTreeSet<&Region>) -> Self {
        self.when("StringEquals", "aws:RequestedRegion", regions.iter().map(|region| region.as_str()))
    }

    fn our_tags(self) -> Self {
        // For all of none holds as well: there must be some.
        self.when("ForAllValues:StringLike", "aws:TagKeys", [OUR_TAGS]).when("Null", "aws:TagKeys", ["false"])
    }

    /// Only what carries the tags that select the environment's groups.
    fn tagged(mut self, service: &str, environment: &Environment) -> Self {
        for (key, glob) in &environment.select.tags {
            // IAM's globs are the configuration's. `${` would begin a variable.
            let operator = if glob.contains(['*', '?']) { "StringLike" } else { "StringEquals" };
            let value = glob.replace("${", "${$}{");
            self = self.when(operator, &format!("{service}:ResourceTag/{key}"), [value.as_str()]);
        }
        self
    }
}

/// The part of AWS that the regions are in.
fn partition(regions: &BTreeSet<&Region>) -> &'static str {
    match regions.first().map(|region| region.as_str().split('-').next().unwrap_or_default()) {
        Some("cn") => "aws-cn",
        Some("us") if regions.first().is_some_and(|region| region.as_str().starts_with("us-gov-")) => {
            "aws-us-gov"
        }
        Some(_) | None => "aws",
    }
}

/// A name as a statement's id takes it: `qa-2` is `Qa2`.
fn sid(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    parts
        .flat_map(|part| part.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(part.chars().skip(1)))
        .collect()
}

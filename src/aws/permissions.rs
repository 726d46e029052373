//! Every call that this module can make, and what IAM wants for it.
//!
//! A test holds the list against the source: a call that is not in it, or one in it that
//! nobody makes, fails. What a policy makes of it is in `permissions`.

/// Whose role makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// The home account's: images, gates, and the way to the environments.
    Home,
    /// An environment's: its groups and templates.
    Environment,
}

/// What a permission is for, and so how far it reaches. One statement of a policy each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Reading: IAM knows no resources there.
    Look,
    /// The environments' roles.
    Roles,
    /// Our tags on images.
    Images,
    /// Image Builder's pipelines, and the images that they make.
    Builds,
    /// Refreshes of the environment's groups.
    Refreshes,
    /// Which version of its template a group names.
    Groups,
    /// Our tags on the environment's groups.
    Marks,
    /// Versions of the environment's templates.
    Templates,
    /// Launching by a group, from the environment's templates.
    LaunchFrom,
    /// What else a launch from a template touches.
    LaunchWith,
    /// The roles of the instances.
    Profiles,
    /// Tags that templates put on what they launch.
    LaunchTags,
    /// Commands on the environment's instances; only where a check asks for it.
    Commands,
    /// Following those commands, and ending them: IAM knows no resources there.
    CommandResults,
}

/// One call, or one thing that AWS checks of whoever makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The SDK's crate after `aws_sdk_`; empty where no call of ours stands behind it.
    pub service: &'static str,
    /// The API's operation; empty likewise.
    pub operation: &'static str,
    /// The IAM actions that it takes; none for a call that everybody may make.
    pub actions: &'static [&'static str],
    /// Whose role makes it.
    pub access: &'static [Access],
    /// Whether it changes anything.
    pub changes: bool,
    /// What it is for.
    pub part: Part,
    /// Why it is needed.
    pub why: &'static str,
}

const HOME: &[Access] = &[Access::Home];
const ENVIRONMENT: &[Access] = &[Access::Environment];
const BOTH: &[Access] = &[Access::Home, Access::Environment];

const fn reads(
    service: &'static str,
    operation: &'static str,
    actions: &'static [&'static str],
    access: &'static [Access],
    why: &'static str,
) -> Permission {
    Permission { service, operation, actions, access, changes: false, part: Part::Look, why }
}

const fn changes(
    service: &'static str,
    operation: &'static str,
    actions: &'static [&'static str],
    access: &'static [Access],
    part: Part,
    why: &'static str,
) -> Permission {
    Permission { service, operation, actions, access, changes: true, part, why }
}

/// A permission that stands behind other calls.
const fn besides(actions: &'static [&'static str], part: Part, why: &'static str) -> Permission {
    Permission { service: "", operation: "", actions, access: ENVIRONMENT, changes: true, part, why }
}

/// Every call, by service and operation.
pub const CALLS: &[Permission] = &[
    changes(
        "autoscaling",
        "CancelInstanceRefresh",
        &["autoscaling:CancelInstanceRefresh"],
        ENVIRONMENT,
        Part::Refreshes,
        "ends a refresh that AWS can't roll back, before its group is taken back",
    ),
    changes(
        "autoscaling",
        "CreateOrUpdateTags",
        &["autoscaling:CreateOrUpdateTags"],
        ENVIRONMENT,
        Part::Marks,
        "notes on a group what it had, before anything changes",
    ),
    changes(
        "autoscaling",
        "DeleteTags",
        &["autoscaling:DeleteTags"],
        ENVIRONMENT,
        Part::Marks,
        "takes the note away at the end",
    ),
    reads(
        "autoscaling",
        "DescribeAutoScalingGroups",
        &["autoscaling:DescribeAutoScalingGroups"],
        ENVIRONMENT,
        "finds the groups, and follows their instances",
    ),
    reads(
        "autoscaling",
        "DescribeInstanceRefreshes",
        &["autoscaling:DescribeInstanceRefreshes"],
        ENVIRONMENT,
        "follows refreshes, and finds those that run already",
    ),
    reads(
        "autoscaling",
        "DescribeLaunchConfigurations",
        &["autoscaling:DescribeLaunchConfigurations"],
        ENVIRONMENT,
        "for snapshot",
    ),
    reads(
        "autoscaling",
        "DescribeLifecycleHooks",
        &["autoscaling:DescribeLifecycleHooks"],
        ENVIRONMENT,
        "for snapshot",
    ),
    reads(
        "autoscaling",
        "DescribeScalingActivities",
        &["autoscaling:DescribeScalingActivities"],
        ENVIRONMENT,
        "sees launches that fail",
    ),
    reads(
        "autoscaling",
        "DescribeWarmPool",
        &["autoscaling:DescribeWarmPool"],
        ENVIRONMENT,
        "proves what the instances of a warm pool run",
    ),
    changes(
        "autoscaling",
        "RollbackInstanceRefresh",
        &["autoscaling:RollbackInstanceRefresh"],
        ENVIRONMENT,
        Part::Refreshes,
        "takes a group back while its refresh is active",
    ),
    changes(
        "autoscaling",
        "StartInstanceRefresh",
        &["autoscaling:StartInstanceRefresh"],
        ENVIRONMENT,
        Part::Refreshes,
        "starts a refresh",
    ),
    changes(
        "autoscaling",
        "UpdateAutoScalingGroup",
        &["autoscaling:UpdateAutoScalingGroup"],
        ENVIRONMENT,
        Part::Groups,
        "pins a group that follows its template, and lets it follow again",
    ),
    reads(
        "cloudwatch",
        "DescribeAlarms",
        &["cloudwatch:DescribeAlarms"],
        ENVIRONMENT,
        "sees alarms that would stop a refresh, and asks those that are checks",
    ),
    changes(
        "ec2",
        "CreateLaunchTemplateVersion",
        &["ec2:CreateLaunchTemplateVersion"],
        ENVIRONMENT,
        Part::Templates,
        "makes the version with the new image",
    ),
    changes(
        "ec2",
        "CreateTags",
        &["ec2:CreateTags"],
        HOME,
        Part::Images,
        "records gates, quarantine, announcements and provenance on images",
    ),
    reads(
        "ec2",
        "DescribeImages",
        &["ec2:DescribeImages"],
        BOTH,
        "finds images, and reads the records on them",
    ),
    reads(
        "ec2",
        "DescribeInstanceStatus",
        &["ec2:DescribeInstanceStatus"],
        ENVIRONMENT,
        "proves that instances are well",
    ),
    reads(
        "ec2",
        "DescribeInstances",
        &["ec2:DescribeInstances"],
        ENVIRONMENT,
        "proves what instances run, and finds their addresses",
    ),
    reads(
        "ec2",
        "DescribeLaunchTemplateVersions",
        &["ec2:DescribeLaunchTemplateVersions"],
        ENVIRONMENT,
        "reads what groups launch, and reads new versions back",
    ),
    changes(
        "ec2",
        "ModifyLaunchTemplate",
        &["ec2:ModifyLaunchTemplate"],
        ENVIRONMENT,
        Part::Templates,
        "moves the default version for groups that follow it",
    ),
    reads(
        "elasticloadbalancingv2",
        "DescribeTargetHealth",
        &["elasticloadbalancing:DescribeTargetHealth"],
        ENVIRONMENT,
        "for checks of target groups",
    ),
    Permission {
        changes: false,
        ..changes(
            "imagebuilder",
            "GetImage",
            &["imagebuilder:GetImage"],
            HOME,
            Part::Builds,
            "follows a build, and reads what it made",
        )
    },
    Permission {
        changes: false,
        ..changes(
            "imagebuilder",
            "GetImagePipeline",
            &["imagebuilder:GetImagePipeline"],
            HOME,
            Part::Builds,
            "looks whether a pipeline can be started",
        )
    },
    Permission {
        changes: false,
        ..changes(
            "imagebuilder",
            "ListImagePipelineImages",
            &["imagebuilder:ListImagePipelineImages"],
            HOME,
            Part::Builds,
            "finds a pipeline's newest build",
        )
    },
    changes(
        "imagebuilder",
        "StartImagePipelineExecution",
        &["imagebuilder:StartImagePipelineExecution"],
        HOME,
        Part::Builds,
        "builds an image",
    ),
    changes(
        "ssm",
        "CancelCommand",
        &["ssm:CancelCommand"],
        ENVIRONMENT,
        Part::CommandResults,
        "ends a check's command that takes too long",
    ),
    Permission {
        part: Part::CommandResults,
        ..reads(
            "ssm",
            "DescribeInstanceInformation",
            &["ssm:DescribeInstanceInformation"],
            ENVIRONMENT,
            "tells which instances Systems Manager can't reach",
        )
    },
    Permission {
        part: Part::CommandResults,
        ..reads(
            "ssm",
            "GetCommandInvocation",
            &["ssm:GetCommandInvocation"],
            ENVIRONMENT,
            "reads what a check's command said",
        )
    },
    Permission {
        part: Part::CommandResults,
        ..reads(
            "ssm",
            "ListCommandInvocations",
            &["ssm:ListCommandInvocations"],
            ENVIRONMENT,
            "follows a check's command on the instances",
        )
    },
    changes(
        "ssm",
        "SendCommand",
        &["ssm:SendCommand"],
        ENVIRONMENT,
        Part::Commands,
        "runs a check's command on the instances",
    ),
    changes("sts", "AssumeRole", &["sts:AssumeRole"], HOME, Part::Roles, "the way to the environments"),
    reads("sts", "GetCallerIdentity", &[], BOTH, "whose credentials these are; AWS lets everybody ask"),
];

/// What AWS checks of the caller besides, when a group is given a template version.
///
/// Auto Scaling then tries a launch with the caller's permissions.
pub const BESIDES: &[Permission] = &[
    besides(
        &["ec2:RunInstances"],
        Part::LaunchFrom,
        "AWS checks it when a group or a refresh is given a template version",
    ),
    besides(&["ec2:RunInstances"], Part::LaunchWith, "as before, for all that a template names"),
    besides(&["iam:PassRole"], Part::Profiles, "AWS checks it where the template names an instance profile"),
    besides(&["ec2:CreateTags"], Part::LaunchTags, "AWS checks it where the template tags what it launches"),
];

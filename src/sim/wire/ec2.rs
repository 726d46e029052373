//! EC2: which action is answered where.

use super::errors::Error;
use super::{Answer, Ask, ec2_images, ec2_instances, ec2_tags, ec2_template_lives, ec2_templates};

pub(super) fn answer(ask: &mut Ask<'_>) -> Answer {
    match ask.action {
        "DescribeImages" => ec2_images::describe(ask),
        "DescribeInstances" => ec2_instances::describe(ask),
        "RunInstances" => ec2_instances::run(ask),
        "DescribeInstanceStatus" => ec2_instances::describe_status(ask),
        "DescribeLaunchTemplates" => ec2_templates::describe(ask),
        "DescribeLaunchTemplateVersions" => ec2_templates::describe_versions(ask),
        "CreateLaunchTemplateVersion" => ec2_templates::create_version(ask),
        "ModifyLaunchTemplate" => ec2_templates::modify(ask),
        "CreateLaunchTemplate" => ec2_template_lives::create(ask),
        "DeleteLaunchTemplate" => ec2_template_lives::delete(ask),
        "CreateTags" => ec2_tags::create(ask),
        "DeleteTags" => ec2_tags::delete(ask),
        "DescribeTags" => ec2_tags::describe(ask),
        other => Err(Error::unknown_action(other)),
    }
}

//! Launch templates: reading versions, making one, moving the default.

use aws_sdk_ec2::types::{LaunchTemplateVersion, RequestLaunchTemplateData, ResponseLaunchTemplateData};
use sha2::{Digest, Sha256};

use super::{Account, Error};
use crate::model::{ImageId, TemplateId, Version};

const DESCRIBE: &str = "DescribeLaunchTemplateVersions";

impl Account {
    /// The `$Latest` and the `$Default` version of every template here, in as few calls as AWS allows.
    ///
    /// Ordered by template and number. A version that is both comes once.
    pub async fn floating_versions(&self) -> Result<Vec<Version>, Error> {
        let request = self.ec2.describe_launch_template_versions();
        let request = request.versions("$Latest").versions("$Default");
        let mut versions = Vec::new();
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Error::from_sdk(DESCRIBE, error))?;
            versions.extend(page.launch_template_versions().iter().filter_map(read_version));
        }
        Ok(sorted(versions))
    }

    /// Every version of a template, ordered by number; empty when the template is gone.
    pub async fn versions(&self, template: &TemplateId) -> Result<Vec<Version>, Error> {
        let request = self.ec2.describe_launch_template_versions().launch_template_id(template.as_str());
        let mut versions = Vec::new();
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = match page.map_err(|error| Error::from_sdk(DESCRIBE, error)) {
                Ok(page) => page,
                Err(error) if error.is("InvalidLaunchTemplateId.NotFound") => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            versions.extend(page.launch_template_versions().iter().filter_map(read_version));
        }
        Ok(sorted(versions))
    }

    /// Makes a version from `source` with another image, and gives its number.
    ///
    /// The same token gives the same version again, so that a call whose answer was lost
    /// can be made again. `description` holds at most 255 characters.
    pub async fn create_version(
        &self,
        source: &Version,
        image: &ImageId,
        description: &str,
        token: &str,
    ) -> Result<u64, Error> {
        const OPERATION: &str = "CreateLaunchTemplateVersion";
        let data = RequestLaunchTemplateData::builder().image_id(image.as_str()).build();
        let request = self.ec2.create_launch_template_version().launch_template_id(source.template.as_str());
        let answer = request
            .source_version(source.number.to_string())
            .launch_template_data(data)
            .version_description(description)
            .client_token(token)
            .send()
            .await
            .map_err(|error| Error::from_sdk(OPERATION, error))?;
        let number = answer.launch_template_version().and_then(LaunchTemplateVersion::version_number);
        let number = number.and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| Error::unexpected(OPERATION, "no version number"))
    }

    /// Makes a version the template's default.
    pub async fn set_default_version(&self, template: &TemplateId, version: u64) -> Result<(), Error> {
        let request = self.ec2.modify_launch_template().launch_template_id(template.as_str());
        let answer = request.default_version(version.to_string()).send().await;
        answer.map(drop).map_err(|error| Error::from_sdk("ModifyLaunchTemplate", error))
    }
}

/// AWS promises no order, and a page boundary may repeat a version.
fn sorted(mut versions: Vec<Version>) -> Vec<Version> {
    versions.sort_by(|a, b| (&a.template, a.number).cmp(&(&b.template, b.number)));
    versions.dedup_by(|a, b| a.template == b.template && a.number == b.number);
    versions
}

fn read_version(version: &LaunchTemplateVersion) -> Option<Version> {
    let data = version.launch_template_data();
    Some(Version {
        template: version.launch_template_id()?.into(),
        template_name: version.launch_template_name().unwrap_or_default().to_owned(),
        number: u64::try_from(version.version_number()?).ok()?,
        is_default: version.default_version().unwrap_or(false),
        description: version.version_description().unwrap_or_default().to_owned(),
        image: data.and_then(|data| data.image_id()).map(ImageId::from),
        fields: data.map(read_fields).unwrap_or_default(),
    })
}

/// Every field but the image, in a form that compares. Lists keep their order: AWS keeps it.
fn read_fields(data: &ResponseLaunchTemplateData) -> std::collections::BTreeMap<String, String> {
    let mut fields = std::collections::BTreeMap::new();
    let mut rest = data.clone();
    rest.image_id = None;
    // The SDK hides user data in debug output, where two that differ would look the same.
    if let Some(user_data) = rest.user_data.take() {
        let digest = Sha256::digest(user_data.as_bytes());
        fields.insert("UserData".to_owned(), super::hex(&digest));
    }
    macro_rules! take {
        ($($field:ident => $name:literal),* $(,)?) => {
            $(match rest.$field.take() {
                // EC2 leaves out a list that is empty, other servers don't.
                Some(value) if format!("{value:?}") != "[]" => {
                    fields.insert($name.to_owned(), format!("{value:?}"));
                }
                Some(_) | None => {}
            })*
        };
    }
    take! {
        kernel_id => "KernelId",
        ebs_optimized => "EbsOptimized",
        iam_instance_profile => "IamInstanceProfile",
        block_device_mappings => "BlockDeviceMappings",
        network_interfaces => "NetworkInterfaces",
        instance_type => "InstanceType",
        key_name => "KeyName",
        monitoring => "Monitoring",
        placement => "Placement",
        ram_disk_id => "RamDiskId",
        disable_api_termination => "DisableApiTermination",
        instance_initiated_shutdown_behavior => "InstanceInitiatedShutdownBehavior",
        tag_specifications => "TagSpecifications",
        security_group_ids => "SecurityGroupIds",
        security_groups => "SecurityGroups",
        instance_market_options => "InstanceMarketOptions",
        credit_specification => "CreditSpecification",
        cpu_options => "CpuOptions",
        capacity_reservation_specification => "CapacityReservationSpecification",
        license_specifications => "LicenseSpecifications",
        hibernation_options => "HibernationOptions",
        metadata_options => "MetadataOptions",
        enclave_options => "EnclaveOptions",
        instance_requirements => "InstanceRequirements",
        private_dns_name_options => "PrivateDnsNameOptions",
        maintenance_options => "MaintenanceOptions",
        disable_api_stop => "DisableApiStop",
        operator => "Operator",
        network_performance_options => "NetworkPerformanceOptions",
    }
    // What EC2 learns after this was written must not go unseen.
    let known_empty = ResponseLaunchTemplateData::builder().build();
    if rest != known_empty {
        fields.insert("(other fields)".to_owned(), format!("{rest:?}"));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> aws_sdk_ec2::types::builders::ResponseLaunchTemplateDataBuilder {
        ResponseLaunchTemplateData::builder().image_id("ami-1").key_name("ops")
    }

    #[test]
    fn user_data_that_differs_is_seen_and_never_shown() {
        let (a, b) = (
            read_fields(&data().user_data("c2VjcmV0").build()),
            read_fields(&data().user_data("b3RoZXI=").build()),
        );
        assert_ne!(a["UserData"], b["UserData"]);
        assert!(!format!("{a:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn the_image_is_no_field() {
        assert_eq!(read_fields(&data().build()), read_fields(&data().image_id("ami-2").build()));
    }

    #[test]
    fn a_field_that_has_no_name_here_is_still_compared() {
        let secondary = data().set_secondary_interfaces(Some(Vec::new())).build();
        assert_ne!(read_fields(&secondary), read_fields(&data().build()));
    }
}

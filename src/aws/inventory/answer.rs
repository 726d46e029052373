//! An answer's XML, kept whole beside what the SDK reads from it.
//!
//! A template's data has over a hundred fields, and a mixed instances policy nearly as many;
//! the SDK's types of them can't be written out. Their XML can, and fields that the SDK does
//! not know yet are in it too. Knows nothing of what the fields mean.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Keeps the text of the last answer to a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer(Arc<Mutex<String>>);

impl Answer {
    /// The answer as a tree.
    pub(super) fn tree(&self) -> Option<Element> {
        Element::parse(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "Answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        let text = String::from_utf8_lossy(body).into_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
        Ok(())
    }
}

/// An element: others, or text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn parse(xml: &str) -> Option<Self> {
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => open.push(Self::named(start.local_name().as_ref())),
                Event::Empty(empty) => {
                    open.last_mut()?.children.push(Self::named(empty.local_name().as_ref()));
                }
                Event::End(_) => {
                    let done = open.pop()?;
                    open.last_mut()?.children.push(done);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
                Event::CData(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let last = open.last_mut()?;
                    match reference.resolve_char_ref().ok()? {
                        Some(letter) => last.text.push(letter),
                        None => last.text.push_str(quick_xml::escape::resolve_predefined_entity(
                            &reference.xml10_content(),
                        )?),
                    }
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let mut root = open.pop().filter(|_| open.is_empty())?;
        root.children.pop()
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The elements of a list, found by the names that lead to it.
    pub(super) fn items(&self, path: &[&str]) -> &[Self] {
        let list = path.iter().try_fold(self, |element, name| element.child(name));
        list.map_or(&[], |list| &list.children)
    }

    /// What is in it, by the names that Auto Scaling's requests have for it.
    pub(super) fn query_fields(&self) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        self.flatten(("", ""), &mut fields, &|_, child, at| {
            if child.name == "member" { format!("member.{at}") } else { child.name.clone() }
        });
        fields
    }

    /// What is in it, by the names that EC2's requests have for a template's data: those of
    /// the answer with a large first letter, lists without `Set`. The API's model has three
    /// exceptions.
    pub(super) fn template_fields(&self) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        self.flatten(("", ""), &mut fields, &|within, child, at| {
            if child.is_item() {
                return at.to_string();
            }
            let name = if child.is_list() { child.name.trim_end_matches("Set") } else { &child.name };
            match (within, name) {
                ("networkInterfaceSet", "group") => "SecurityGroupId".to_owned(),
                ("secondaryInterfaceSet", "privateIpAddresses") => "PrivateIpAddress".to_owned(),
                ("", "license") => "LicenseSpecification".to_owned(),
                (_, name) => large(name),
            }
        });
        fields
    }

    /// Whether it is one of a list in EC2's answers.
    fn is_item(&self) -> bool {
        matches!(self.name.as_str(), "item" | "groupId")
    }

    /// Whether it is a list in EC2's answers, with something in it.
    fn is_list(&self) -> bool {
        self.name.ends_with("Set") && !self.children.is_empty() && self.children.iter().all(Self::is_item)
    }

    /// Writes down every text in it. `name` is given the name of what an element is in, past
    /// the items of lists, the element, and its place there.
    fn flatten(
        &self,
        (within, prefix): (&str, &str),
        into: &mut BTreeMap<String, String>,
        name: &impl Fn(&str, &Self, usize) -> String,
    ) {
        for (at, child) in (1..).zip(&self.children) {
            let path = format!("{prefix}{}", name(within, child, at));
            if !child.children.is_empty() {
                let within = if child.is_item() { within } else { &child.name };
                child.flatten((within, &format!("{path}.")), into, name);
            } else if !(child.name.ends_with("Set") && child.text.trim().is_empty()) {
                // A list without elements is a list that is not there.
                into.insert(path, child.text.clone());
            }
        }
    }
}

fn large(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(fields: &BTreeMap<String, String>) -> Vec<String> {
        fields.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_templates_data_has_the_names_that_requests_have() {
        let xml = r#"<?xml version="1.0"?>
            <launchTemplateData xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
              <imageId>ami-1</imageId>
              <blockDeviceMappingSet><item>
                  <deviceName>/dev/xvda</deviceName><ebs><volumeSize>30</volumeSize></ebs>
                </item><item><deviceName>/dev/b</deviceName><noDevice/></item></blockDeviceMappingSet>
              <networkInterfaceSet><item>
                  <groupSet><groupId>sg-1</groupId><groupId>sg-2</groupId></groupSet>
                  <privateIpAddressesSet><item><primary>true</primary></item></privateIpAddressesSet>
                </item></networkInterfaceSet>
              <secondaryInterfaceSet><item>
                  <privateIpAddressesSet><item><privateIpAddress>10.0.0.1</privateIpAddress></item></privateIpAddressesSet>
                </item></secondaryInterfaceSet>
              <licenseSet><item><licenseConfigurationArn>arn:l</licenseConfigurationArn></item></licenseSet>
              <securityGroupIdSet/>
              <tagSpecificationSet><item>
                  <resourceType>instance</resourceType>
                  <tagSet><item><key>Note</key><value> a &lt;b&gt; &amp; &#99; </value></item></tagSet>
                </item></tagSpecificationSet>
              <fieldOfTomorrow><inner>7</inner></fieldOfTomorrow>
            </launchTemplateData>"#;
        let fields = Element::parse(xml).expect("XML").template_fields();
        assert_eq!(
            lines(&fields),
            [
                "BlockDeviceMapping.1.DeviceName=/dev/xvda",
                "BlockDeviceMapping.1.Ebs.VolumeSize=30",
                "BlockDeviceMapping.2.DeviceName=/dev/b",
                "BlockDeviceMapping.2.NoDevice=",
                "FieldOfTomorrow.Inner=7",
                "ImageId=ami-1",
                "LicenseSpecification.1.LicenseConfigurationArn=arn:l",
                "NetworkInterface.1.PrivateIpAddresses.1.Primary=true",
                "NetworkInterface.1.SecurityGroupId.1=sg-1",
                "NetworkInterface.1.SecurityGroupId.2=sg-2",
                "SecondaryInterface.1.PrivateIpAddress.1.PrivateIpAddress=10.0.0.1",
                "TagSpecification.1.ResourceType=instance",
                "TagSpecification.1.Tag.1.Key=Note",
                "TagSpecification.1.Tag.1.Value= a <b> & c ",
            ]
        );
    }

    #[test]
    fn a_policy_has_the_names_that_requests_have() {
        let xml = "<MixedInstancesPolicy><LaunchTemplate><Overrides><member><InstanceType>m5.large</InstanceType>\
                   </member><member><ImageId>ami-2</ImageId></member></Overrides></LaunchTemplate>\
                   </MixedInstancesPolicy>";
        let fields = Element::parse(xml).expect("XML").query_fields();
        assert_eq!(
            lines(&fields),
            [
                "LaunchTemplate.Overrides.member.1.InstanceType=m5.large",
                "LaunchTemplate.Overrides.member.2.ImageId=ami-2",
            ]
        );
    }

    #[test]
    fn what_is_no_xml_is_no_tree() {
        for text in ["", "<a>", "<a></b>", "{}", "<html>&nbsp;</html>"] {
            assert_eq!(Element::parse(text), None, "{text}");
        }
    }
}

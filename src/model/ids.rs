//! Identifiers: one type a kind, so that they cannot be swapped.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps text that AWS or the validated configuration gave.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text as AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

identifier!(
    /// An AWS account number of twelve digits.
    AccountId
);
identifier!(
    /// The name of an environment, such as `qa`.
    EnvironmentName
);
identifier!(
    /// The name of an Auto Scaling group; unique in one account and region.
    GroupName
);
identifier!(
    /// An image id such as `ami-0abc1234def567890`.
    ImageId
);
identifier!(
    /// An instance id such as `i-0abc1234def567890`.
    InstanceId
);
identifier!(
    /// The id of an instance refresh, a UUID.
    RefreshId
);
identifier!(
    /// A region such as `eu-west-2`.
    Region
);
identifier!(
    /// A launch template id such as `lt-0abc1234def567890`.
    TemplateId
);

impl ImageId {
    /// Whether the text has the shape of an image id: `ami-` and 8 or 17 hexadecimal digits.
    pub fn is_well_formed(&self) -> bool {
        self.0.strip_prefix("ami-").is_some_and(|digits| {
            matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_hexdigit())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_id_has_eight_or_seventeen_hexadecimal_digits() {
        for good in ["ami-0abc1234", "ami-0abc1234def567890"] {
            assert!(ImageId::new(good).is_well_formed(), "{good}");
        }
        for bad in ["", "ami-", "ami-12345", "lt-0abc1234", "ami-0abc123g"] {
            assert!(!ImageId::new(bad).is_well_formed(), "{bad}");
        }
    }
}

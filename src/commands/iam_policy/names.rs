//! What IAM takes where the command line names a principal or roles. Pure: whether they exist,
//! AWS knows.

/// The longest name that a role has.
const LONGEST: usize = 64;

/// Who is to be let in: the ARN of a role, a user or a session, or an account's number.
pub(super) fn principal(text: &str) -> Result<String, String> {
    const FORM: &str = "give the ARN of a role, such as arn:aws:iam::100000000000:role/jenkins, of a user or a \
                        role's session, or an account's number";
    if text.contains(['*', '?']) {
        return Err(format!("IAM takes no wildcard in a principal, and * alone lets everybody in: {FORM}"));
    }
    if is_account(text) || is_principals_arn(text) { Ok(text.to_owned()) } else { Err(FORM.to_owned()) }
}

fn is_principals_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, "", account, resource] = parts[..] else { return false };
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    let is_one = match (service, kind) {
        ("iam", "root") => resource == "root",
        ("iam", "role" | "user") => is_path(name, is_plain),
        ("sts", "assumed-role") => name.matches('/').count() == 1 && is_path(name, is_plain),
        ("sts", "federated-user") => !name.contains('/') && is_path(name, is_plain),
        _ => false,
    };
    let is_partition = partition == "aws" || partition.starts_with("aws-");
    is_partition && is_account(account) && is_one
}

/// A glob over the names of roles, each with its path if it has one: `web-*`, `apps/web-?`.
pub(super) fn role_glob(text: &str) -> Result<String, String> {
    if text.starts_with("arn:") {
        let name = text.split_once(":role/").map_or("web-*", |(_, name)| name);
        return Err(format!("give the role's name without the rest of its ARN, such as {name}"));
    }
    if !is_path(text, |c| is_plain(c) || matches!(c, '*' | '?')) {
        return Err(
            "it is no role's name: IAM takes letters, digits and + = , . @ _ -, a path before it with /, \
                    and here * and ?"
                .to_owned(),
        );
    }
    let name = text.rsplit('/').next().unwrap_or(text);
    let least = name.chars().filter(|c| *c != '*').count();
    if least > LONGEST {
        return Err(format!("no role has a name of {least} characters: IAM takes {LONGEST}"));
    }
    Ok(text.to_owned())
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)
}

/// Whether the text is parts of such characters with slashes between them, none of them empty.
fn is_path(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    text.split('/').all(|part| !part.is_empty() && part.chars().all(&allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_accounts_and_arns_of_those_who_can_assume() {
        for good in [
            "100000000000",
            "arn:aws:iam::100000000000:root",
            "arn:aws:iam::100000000000:role/jenkins",
            "arn:aws-us-gov:iam::100000000000:role/ci/agents/jenkins@home",
            "arn:aws-cn:iam::100000000000:user/ci",
            "arn:aws:sts::100000000000:assumed-role/jenkins/agent-7",
            "arn:aws:sts::100000000000:federated-user/anna",
        ] {
            assert_eq!(principal(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "jenkins",
            "10000000000",
            "ec2.amazonaws.com",
            "arn:aws:iam::100000000000:role/",
            "arn:aws:iam::100000000000:role//jenkins",
            "arn:aws:iam::100000000000:role/jen kins",
            "arn:aws:iam::100000000000:rootless",
            "arn:aws:iam::100000000000:root/x",
            "arn:aws:iam::100000000000:group/ci",
            "arn:aws:iam::100000000000:instance-profile/ci",
            "arn:aws:iam::1:role/jenkins",
            "arn:aws:iam:eu-west-2:100000000000:role/jenkins",
            "arn:azure:iam::100000000000:role/jenkins",
            "arn:aws:sts::100000000000:assumed-role/jenkins",
            "arn:aws:s3:::bucket",
            "arn:aws:iam::100000000000:role/jenkins\n",
        ] {
            let why = principal(bad).expect_err(bad);
            assert!(why.contains("the ARN of a role"), "{bad}: {why}");
        }
        for wild in ["*", "arn:aws:iam::100000000000:role/*", "arn:aws:iam::100000000000:role/ci-?"] {
            assert!(principal(wild).is_err_and(|why| why.contains("no wildcard")), "{wild}");
        }
    }

    #[test]
    fn roles_are_names_or_globs_over_them() {
        for good in ["web", "web-*", "*", "apps/web-?", "a+b=c,d.e@f_g", &"x".repeat(64)] {
            assert_eq!(role_glob(good), Ok(good.to_owned()));
        }
        for (bad, says) in [
            ("", "no role's name"),
            ("web role", "no role's name"),
            ("/web", "no role's name"),
            ("apps/", "no role's name"),
            ("web:admin", "no role's name"),
            ("${aws:username}", "no role's name"),
            ("arn:aws:iam::111111111111:role/web", "without the rest of its ARN, such as web"),
            ("arn:aws:iam::111111111111:instance-profile/web", "without the rest of its ARN, such as web-*"),
            (&"x".repeat(65), "no role has a name of 65 characters"),
        ] {
            let why = role_glob(bad).expect_err(bad);
            assert!(why.contains(says), "{bad}: {why}");
        }
    }
}

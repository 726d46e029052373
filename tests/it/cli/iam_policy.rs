//! `iam-policy` as a process: it asks nobody.

use super::place::Place;

/// The small configuration with an external id for sandbox, and one that is kept elsewhere for dev.
fn place() -> Place {
    let place = Place::new();
    let text = place.read("environments.yaml");
    let role = |account: &str| format!("    role_arn: arn:aws:iam::{account}:role/ami-refresh\n");
    let text = text
        .replace(&role("111111111111"), &format!("{}    external_id: our-own-id\n", role("111111111111")));
    let text = text.replace(
        &role("222222222222"),
        &format!("{}    external_id: {{ env: DEV_EXTERNAL_ID }}\n", role("222222222222")),
    );
    place.write("environments.yaml", &text);
    place.without_aws()
}

#[test]
fn a_policy_is_one_document_that_iam_takes() {
    let place = place();
    let home = place.run("iam-policy --home").exits(0).json();
    assert_eq!(home["Version"], "2012-10-17");
    let roles = home["Statement"].as_array().expect("statements").iter();
    let roles =
        roles.clone().find(|statement| statement["Sid"] == "AssumeEnvironmentRoles").expect("the roles");
    assert_eq!(
        roles["Resource"],
        serde_json::json!([
            "arn:aws:iam::111111111111:role/ami-refresh",
            "arn:aws:iam::222222222222:role/ami-refresh"
        ])
    );
    let by_name = place.run("iam-policy --env sandbox").exits(0).out;
    assert_eq!(
        by_name,
        place.run("iam-policy --env arn:aws:iam::111111111111:role/ami-refresh").exits(0).out
    );
    assert!(
        by_name.contains("\"autoscaling:ResourceTag/Environment\": [\n            \"sandbox\""),
        "{by_name}"
    );
    let narrow = place.run("iam-policy --env sandbox --instance-role web-* --any-template").exits(0).out;
    assert!(narrow.contains("role/web-*") && !narrow.contains("ec2:ResourceTag/"), "{narrow}");
}

#[test]
fn why_each_action_is_there_is_said_as_text() {
    let place = place();
    place.run("iam-policy --env sandbox --format text").exits(0).says(&[
        "RefreshGroups\n",
        "  autoscaling:StartInstanceRefresh                starts a refresh\n",
        "  iam:PassRole                                    AWS checks it where the template names an instance profile\n",
    ]);
    let home = place.run("iam-policy --home --format text").exits(0).out;
    assert!(home.contains("  imagebuilder:StartImagePipelineExecution        builds an image\n"), "{home}");
}

#[test]
fn the_trust_policy_holds_the_external_id_unless_it_is_a_secret() {
    let mut place = place();
    place.set("DEV_EXTERNAL_ID", "plan7ed");
    let principal = "arn:aws:iam::100000000000:role/jenkins";
    let open =
        place.run(&format!("iam-policy --env sandbox --trust {principal}")).exits(0).says(&["our-own-id"]);
    assert_eq!(open.json()["Statement"][0]["Principal"]["AWS"][0], principal);
    let kept = place.run(&format!("iam-policy --env dev --trust {principal}")).exits(0).says(&[
        "\"PUT-THE-EXTERNAL-ID-HERE\"",
        "put the external id in place of PUT-THE-EXTERNAL-ID-HERE: it is kept in the environment variable DEV_EXTERNAL_ID",
    ]);
    assert!(!format!("{}{}", kept.out, kept.err).contains("plan7ed"));
}

#[test]
fn what_cannot_be_printed_is_said() {
    let place = Place::new();
    place.run("iam-policy").exits(2).says(&["--home", "--env <NAME|ROLE>"]);
    place.run("iam-policy --home --trust 100000000000").exits(2).says(&["cannot be used with"]);
    let trust =
        |principal: &str| place.run(&format!("iam-policy --env sandbox --trust {principal}")).exits(2);
    trust("jenkins").says(&[
        "invalid value 'jenkins' for '--trust <PRINCIPAL>'",
        "arn:aws:iam::100000000000:role/jenkins",
    ]);
    trust("*").says(&["IAM takes no wildcard in a principal"]);
    let role = |glob: &str| place.run(&format!("iam-policy --env sandbox --instance-role {glob}")).exits(2);
    role("arn:aws:iam::111111111111:role/web").says(&["'--instance-role <GLOB>'", "such as web"]);
    role("web:admin").says(&["it is no role's name"]);
    place.run("iam-policy --env nowhere").exits(2).says(&["there is no environment nowhere"]);
    place.run("iam-policy --home --pipeline base").exits(2).says(&["not the ARN of an image pipeline"]);
    let text = place.read("environments.yaml");
    let text = text.replace("    role_arn: arn:aws:iam::111111111111:role/ami-refresh\n", "");
    place.write("environments.yaml", &text);
    place.run("iam-policy --env sandbox").exits(2).says(&[
        "sandbox has no role of its own",
        "next: print that one's with 'ami-refresh iam-policy --home'",
    ]);
    let home = place.run("iam-policy --home").exits(0).out;
    assert!(home.contains("\"autoscaling:StartInstanceRefresh\""), "{home}");
}

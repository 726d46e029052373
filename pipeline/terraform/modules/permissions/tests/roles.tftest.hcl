# The roles as they would be made. No AWS: the provider is a stand-in.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::999999999999:role/ami-refresh"
    }
  }
}

variables {
  home_role_arn = "arn:aws:iam::100000000000:role/ami-refresh-pipeline"
  home_trust    = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}"
}

run "the_home_role_may_assume_the_environments_roles" {
  variables {
    role_name        = "ami-refresh-pipeline"
    instance_profile = true
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy) == jsondecode(file("policies/home.json"))
    error_message = aws_iam_role_policy.this.policy
  }

  assert {
    condition     = contains(flatten(jsondecode(output.policy).Statement[*].Resource), "arn:aws:iam::999999999999:role/ami-refresh")
    error_message = output.policy
  }

  assert {
    condition     = aws_iam_role.this.assume_role_policy == var.home_trust && output.instance_profile == "ami-refresh-pipeline"
    error_message = nonsensitive(aws_iam_role.this.assume_role_policy)
  }
}

run "an_environments_role_has_its_policy_and_trusts_the_home_role" {
  variables {
    environment = "prod"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy) == jsondecode(file("policies/prod.json"))
    error_message = aws_iam_role_policy.this.policy
  }

  assert {
    condition     = aws_iam_role.this.name == "ami-refresh" && aws_iam_role_policy.this.role == "ami-refresh"
    error_message = aws_iam_role.this.name
  }

  assert {
    condition     = jsondecode(nonsensitive(aws_iam_role.this.assume_role_policy)).Statement[0].Principal.AWS == [var.home_role_arn]
    error_message = nonsensitive(aws_iam_role.this.assume_role_policy)
  }

  assert {
    condition     = output.instance_profile == null
    error_message = "an instance profile that nobody asked for"
  }
}

run "an_external_id_that_is_kept_elsewhere_is_put_into_the_trust" {
  variables {
    environment = "prod"
    policies    = "tests/kept"
    external_id = "our-own-id"
  }

  assert {
    condition     = jsondecode(nonsensitive(aws_iam_role.this.assume_role_policy)).Statement[0].Condition.StringEquals["sts:ExternalId"] == ["our-own-id"]
    error_message = nonsensitive(aws_iam_role.this.assume_role_policy)
  }
}

# What is refused before a role exists that would not work.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::999999999999:role/ami-refresh"
    }
  }
}

variables {
  environment   = "prod"
  home_role_arn = "arn:aws:iam::100000000000:role/ami-refresh-pipeline"
}

run "an_unknown_environment" {
  command = plan

  variables {
    environment = "prd"
  }

  expect_failures = [var.environment]
}

run "policies_that_are_not_there" {
  command = plan

  variables {
    policies = "nowhere"
  }

  expect_failures = [var.policies]
}

run "an_environments_role_that_nobody_assumes" {
  command = plan

  variables {
    home_role_arn = null
  }

  expect_failures = [var.home_role_arn]
}

run "a_home_role_that_is_no_role" {
  command = plan

  variables {
    home_role_arn = "100000000000"
  }

  expect_failures = [var.home_role_arn]
}

run "a_home_role_that_nobody_has" {
  command = plan

  variables {
    environment = null
  }

  expect_failures = [var.home_trust]
}

run "a_missing_external_id" {
  command = plan

  variables {
    policies = "tests/kept"
  }

  expect_failures = [aws_iam_role.this]
}

run "an_external_id_with_a_blank" {
  command = plan

  variables {
    policies    = "tests/kept"
    external_id = "our own id"
  }

  expect_failures = [var.external_id]
}

run "a_role_in_another_account" {
  override_resource {
    target = aws_iam_role.this
    values = {
      # One of the roles that environments.yaml names, and not prod's.
      arn = "arn:aws:iam::888888888888:role/ami-refresh"
    }
  }

  expect_failures = [aws_iam_role.this]
}

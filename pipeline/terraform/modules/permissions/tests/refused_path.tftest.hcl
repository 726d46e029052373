# As refused.tftest.hcl, in a state of its own: the role exists when it is refused.

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

run "a_role_that_the_pipeline_would_not_find" {
  override_resource {
    target = aws_iam_role.this
    values = {
      arn = "arn:aws:iam::999999999999:role/teams/ami-refresh"
    }
  }

  expect_failures = [aws_iam_role.this]
}

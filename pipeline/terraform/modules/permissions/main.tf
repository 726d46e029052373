# The home role, or an environment's role, with the policy that 'ami-refresh iam-policy' prints for it.
#
# The documents in policies/ are made by 'generate' and are not to be edited: what they allow is
# what the program does, and a test compares the two.

locals {
  directory = coalesce(var.policies, "${path.module}/policies")
  document  = jsondecode(file("${local.directory}/${coalesce(var.environment, "home")}.json"))
  policy    = jsonencode(local.document)

  # The roles that the home role may assume: those that environments.yaml names.
  known_roles = flatten([
    for statement in jsondecode(file("${local.directory}/home.json")).Statement : statement.Resource
    if statement.Sid == "AssumeEnvironmentRoles"
  ])

  # What stands for an external id that environments.yaml keeps elsewhere.
  placeholder = "PUT-THE-EXTERNAL-ID-HERE"
  environment_trust = var.environment == null ? null : replace(
    templatefile("${local.directory}/${var.environment}-trust.json.tftpl", { home_role_arn = var.home_role_arn }),
    local.placeholder,
    coalesce(var.external_id, local.placeholder),
  )
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  path               = var.role_path
  description        = var.environment == null ? "The pipeline's role for ami-refresh" : "Refreshes the groups of ${var.environment}"
  assume_role_policy = var.environment == null ? var.home_trust : local.environment_trust
  # The pipeline's own sessions last as long as a rollout; those of an environment are renewed from them.
  max_session_duration = var.environment == null ? 21600 : 3600
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = var.environment == null ? true : !strcontains(nonsensitive(local.environment_trust), local.placeholder)
      error_message = "${coalesce(var.environment, "home")} has an external id that environments.yaml keeps elsewhere: give it as 'external_id'."
    }

    precondition {
      # Inline policies of a role have 10,240 characters together, without blanks.
      condition     = length(replace(local.policy, " ", "")) <= 10240
      error_message = "The policy of ${coalesce(var.environment, "home")} has ${length(local.policy)} characters, and IAM takes 10240: give environments that share the role roles of their own."
    }

    postcondition {
      condition     = var.environment == null || contains(local.known_roles, self.arn)
      error_message = "The pipeline would not find ${self.arn}: environments.yaml names ${join(", ", local.known_roles)}. Set 'role_name' and 'role_path' as there, and use the account's own provider."
    }

    postcondition {
      # The policy names the account of its environment: the provider may be another account's.
      condition     = var.environment == null || strcontains(local.policy, ":${try(split(":", self.arn)[4], "")}:")
      error_message = "The policy of ${coalesce(var.environment, "home")} is for another account than that of ${self.arn}: use the account's own provider."
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "ami-refresh"
  role   = aws_iam_role.this.name
  policy = local.policy
}

resource "aws_iam_instance_profile" "this" {
  count = var.instance_profile ? 1 : 0

  name = var.role_name
  path = var.role_path
  role = aws_iam_role.this.name
  tags = var.tags
}

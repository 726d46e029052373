# What drifts, and why the example is written otherwise: none of these is to be copied.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {}

variable "image_id" {
  type = string
}

locals {
  # The service's name, and which of the template's attributes names the version of its group.
  services = {
    plain    = "$Latest"
    newest   = "latest"
    failing  = "latest"
    standard = "default"
  }
}

# Only the first takes no care of what ami-refresh changes in a template.
resource "aws_launch_template" "plain" {
  name          = "plain-dev"
  image_id      = var.image_id
  instance_type = "m5.large"
}

resource "aws_launch_template" "careful" {
  for_each = toset(["newest", "failing", "standard"])

  name          = "${each.key}-dev"
  image_id      = var.image_id
  instance_type = "m5.large"

  lifecycle {
    ignore_changes = [image_id, description]
  }
}

# None of them ignores its version.
resource "aws_autoscaling_group" "this" {
  for_each = local.services

  name                = "${each.key}-dev"
  min_size            = 1
  max_size            = 2
  vpc_zone_identifier = ["subnet-0a1b2c3d4e5f60718"]

  launch_template {
    id = each.key == "plain" ? aws_launch_template.plain.id : aws_launch_template.careful[each.key].id
    version = (
      each.value == "$Latest" ? "$Latest" :
      each.value == "latest" ? aws_launch_template.careful[each.key].latest_version :
      aws_launch_template.careful[each.key].default_version
    )
  }

  tag {
    key                 = "Environment"
    value               = "dev"
    propagate_at_launch = true
  }
}

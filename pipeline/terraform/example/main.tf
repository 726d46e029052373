# Three services of one environment, which name the version of their template in the three ways
# that there are. README.md says what each of them means, and what drifts.

locals {
  # The service's name, and the version that its group launches.
  services = {
    search   = "$Latest"
    orders   = "$Default"
    payments = "pinned"
  }
}

# When each group may be refreshed, as tags.
module "schedule" {
  source   = "../modules/refresh-schedule"
  for_each = local.services

  environment       = var.environment
  service           = each.key
  service_overrides = var.service_overrides
}

# One template a group: groups that share one can't be on two images, and ami-refresh refuses
# where the other group belongs to another environment.
resource "aws_launch_template" "this" {
  for_each = local.services

  name          = "${each.key}-${var.environment}"
  image_id      = var.image_id
  instance_type = var.instance_type

  # For the group on $Default: what Terraform changes reaches it too. ami-refresh moves the
  # default version where a group follows it, which is no drift: without 'default_version' here
  # the provider takes whatever it finds.
  update_default_version = each.value == "$Default" ? true : null

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 30
      encrypted             = true
      delete_on_termination = true
    }
  }

  monitoring {
    enabled = true
  }

  tag_specifications {
    resource_type = "instance"
    tags = {
      Name = "${each.key}-${var.environment}"
    }
  }

  # The permissions of ami-refresh are for templates with the tags that select their groups.
  tags = {
    Environment = var.environment
    Service     = each.key
  }

  lifecycle {
    # Both are those of the newest version, which ami-refresh makes: the image that is rolled
    # out, and a description that says which version it came from.
    ignore_changes = [image_id, description]
  }
}

resource "aws_autoscaling_group" "this" {
  for_each = local.services

  name                = "${each.key}-${var.environment}"
  min_size            = var.size.min
  max_size            = var.size.max
  vpc_zone_identifier = var.subnet_ids

  # No desired_capacity: it belongs to scaling policies, and to a refresh that launches first.

  health_check_type         = "EC2"
  health_check_grace_period = 120
  default_instance_warmup   = 60

  launch_template {
    id = aws_launch_template.this[each.key].id
    # A pinned group begins with the version that is there, and is moved by ami-refresh alone.
    version = each.value == "pinned" ? aws_launch_template.this[each.key].latest_version : each.value
  }

  # No instance_refresh: at any change of the template it would start a refresh of its own,
  # without gates, checks or windows, and beside the one that is under way.

  dynamic "tag" {
    for_each = concat(module.schedule[each.key].group_tags, [
      { key = "Name", value = "${each.key}-${var.environment}", propagate_at_launch = true },
      { key = "Environment", value = var.environment, propagate_at_launch = true },
      { key = "Team", value = each.key, propagate_at_launch = true },
    ])

    content {
      key                 = tag.value.key
      value               = tag.value.value
      propagate_at_launch = tag.value.propagate_at_launch
    }
  }

  lifecycle {
    # During a rollout each group is pinned to what it had, and a pinned one has another number
    # afterwards: an apply must put back neither.
    ignore_changes = [launch_template[0].version]
  }
}

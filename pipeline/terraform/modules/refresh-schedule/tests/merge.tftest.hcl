# What wins, and which tags say it.

variables {
  environment = "qa"
  service     = "payments"
}

run "the_defaults_are_the_platforms_tags" {
  command = plan

  assert {
    condition     = output.tags == tomap({ AMI_update_day = "mon", AMI_update_time = "15:00" })
    error_message = "tags: ${jsonencode(output.tags)}"
  }

  assert {
    condition     = output.day == "mon" && output.time == "15:00" && output.enabled
    error_message = "${output.day} ${output.time} ${output.enabled}"
  }
}

run "each_environment_has_its_own_default" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = output.day == "wed" && output.time == "15:00"
    error_message = "${output.day} ${output.time}"
  }
}

run "a_group_takes_the_tags_as_they_come" {
  command = plan

  assert {
    condition = jsonencode(output.group_tags) == jsonencode([
      { key = "AMI_update_day", propagate_at_launch = false, value = "mon" },
      { key = "AMI_update_time", propagate_at_launch = false, value = "15:00" },
    ])
    error_message = "group_tags: ${jsonencode(output.group_tags)}"
  }
}

run "instances_get_them_where_that_is_asked_for" {
  command = plan

  variables {
    propagate_at_launch = true
  }

  assert {
    condition     = length(output.group_tags) == 2 && alltrue([for tag in output.group_tags : tag.propagate_at_launch])
    error_message = "group_tags: ${jsonencode(output.group_tags)}"
  }
}

run "an_environments_override_is_merged_over_its_default" {
  command = plan

  variables {
    environment_overrides = { qa = { time = "16:30" }, prod = { day = "thu" } }
  }

  assert {
    condition     = output.tags == tomap({ AMI_update_day = "mon", AMI_update_time = "16:30" })
    error_message = "tags: ${jsonencode(output.tags)}"
  }
}

run "a_services_choice_stands_beside_the_platforms" {
  command = plan

  variables {
    service_overrides = { payments = { "*" = { time = "20:00" } }, orders = { "*" = { time = "21:00" } } }
  }

  assert {
    condition = output.tags == tomap({
      AMI_update_day = "mon", AMI_update_time = "15:00", AMI_refresh_time = "20:00"
    })
    error_message = "tags: ${jsonencode(output.tags)}"
  }

  assert {
    condition     = output.day == "mon" && output.time == "20:00"
    error_message = "${output.day} ${output.time}"
  }
}

run "a_services_choice_for_one_environment_goes_before_its_choice_for_all" {
  command = plan

  variables {
    service_overrides = {
      payments = {
        "*"  = { day = "tue, thu", time = "20:00" }
        qa   = { day = "Friday" }
        prod = { time = "04:00" }
      }
    }
  }

  assert {
    condition     = output.day == "Friday" && output.time == "20:00"
    error_message = "${output.day} ${output.time}"
  }

  assert {
    condition     = output.tags["AMI_refresh_day"] == "Friday" && output.tags["AMI_refresh_time"] == "20:00"
    error_message = "tags: ${jsonencode(output.tags)}"
  }
}

run "null_says_nothing" {
  command = plan

  variables {
    environment_overrides = { qa = { day = null, time = "16:00" } }
    service_overrides     = { payments = { "*" = { day = "tue" }, qa = { day = null, time = null } } }
  }

  assert {
    condition = output.tags == tomap({
      AMI_update_day = "mon", AMI_update_time = "16:00", AMI_refresh_day = "tue"
    })
    error_message = "tags: ${jsonencode(output.tags)}"
  }
}

run "a_service_can_opt_out" {
  command = plan

  variables {
    service_overrides = { payments = { qa = { enabled = "false" } } }
  }

  assert {
    condition     = !output.enabled && output.tags["AMI_refresh_enabled"] == "false"
    error_message = "tags: ${jsonencode(output.tags)}"
  }
}

run "a_group_without_a_service_has_the_platforms_schedule" {
  command = plan

  variables {
    service           = null
    service_overrides = { payments = { "*" = { time = "20:00" } } }
  }

  assert {
    condition     = length(output.tags) == 2 && output.time == "15:00"
    error_message = "tags: ${jsonencode(output.tags)}"
  }
}

run "tags_can_have_other_names" {
  command = plan

  variables {
    tag_names         = { update_day = "Patch_day", refresh_time = "ASG_refresh_time" }
    service_overrides = { payments = { "*" = { time = "20:00" } } }
  }

  assert {
    condition     = toset(keys(output.tags)) == toset(["Patch_day", "AMI_update_time", "ASG_refresh_time"])
    error_message = "tags: ${jsonencode(output.tags)}"
  }
}

run "environments_can_be_ones_own" {
  command = plan

  variables {
    environment = "canary"
    defaults    = { canary = { day = "sat,sun", time = "00:00" } }
  }

  assert {
    condition     = output.tags == tomap({ AMI_update_day = "sat,sun", AMI_update_time = "00:00" })
    error_message = "tags: ${jsonencode(output.tags)}"
  }
}

# What is refused, and by which variable.

variables {
  environment = "qa"
  service     = "payments"
}

run "an_unknown_environment" {
  command = plan

  variables {
    environment = "prd"
  }

  expect_failures = [var.environment]
}

run "a_default_of_25_00" {
  command = plan

  variables {
    defaults = { qa = { day = "mon", time = "25:00" } }
  }

  expect_failures = [var.defaults]
}

run "a_default_without_a_time" {
  command = plan

  variables {
    defaults = { qa = { day = "mon" } }
  }

  expect_failures = [var.defaults]
}

run "a_default_of_null" {
  command = plan

  variables {
    defaults = { qa = { day = "mon", time = null } }
  }

  expect_failures = [var.defaults]
}

run "a_default_with_something_else" {
  command = plan

  variables {
    defaults = { qa = { day = "mon", time = "15:00", zone = "UTC" } }
  }

  expect_failures = [var.defaults]
}

run "an_environments_day_in_two_words" {
  command = plan

  variables {
    environment_overrides = { qa = { day = "thurs day" } }
  }

  expect_failures = [var.environment_overrides]
}

run "an_environments_time_of_24_00" {
  command = plan

  variables {
    environment_overrides = { qa = { time = "24:00" } }
  }

  expect_failures = [var.environment_overrides]
}

run "a_bad_time_of_another_environment" {
  command = plan

  variables {
    environment_overrides = { prod = { time = "3pm" } }
  }

  expect_failures = [var.environment_overrides]
}

run "an_override_for_an_environment_that_is_not_there" {
  command = plan

  variables {
    environment_overrides = { prd = { time = "15:00" } }
  }

  expect_failures = [var.environment_overrides]
}

run "an_environment_that_opts_out" {
  command = plan

  variables {
    environment_overrides = { qa = { enabled = "false" } }
  }

  expect_failures = [var.environment_overrides]
}

run "a_services_time_of_25_00" {
  command = plan

  variables {
    service_overrides = { payments = { qa = { time = "25:00" } } }
  }

  expect_failures = [var.service_overrides]
}

run "a_services_day_in_two_words" {
  command = plan

  variables {
    service_overrides = { payments = { "*" = { day = "thurs day" } } }
  }

  expect_failures = [var.service_overrides]
}

run "a_bad_day_of_another_service" {
  command = plan

  variables {
    service_overrides = { orders = { "*" = { day = "mittwoch" } } }
  }

  expect_failures = [var.service_overrides]
}

run "a_list_with_a_gap" {
  command = plan

  variables {
    service_overrides = { payments = { "*" = { day = "mon,,wed" } } }
  }

  expect_failures = [var.service_overrides]
}

run "a_time_without_its_zero" {
  command = plan

  variables {
    service_overrides = { payments = { "*" = { time = "7:00" } } }
  }

  expect_failures = [var.service_overrides]
}

run "a_time_with_seconds" {
  command = plan

  variables {
    service_overrides = { payments = { "*" = { time = "07:00:00" } } }
  }

  expect_failures = [var.service_overrides]
}

run "an_empty_day" {
  command = plan

  variables {
    service_overrides = { payments = { "*" = { day = "" } } }
  }

  expect_failures = [var.service_overrides]
}

run "a_switch_that_is_neither" {
  command = plan

  variables {
    service_overrides = { payments = { "*" = { enabled = "maybe" } } }
  }

  expect_failures = [var.service_overrides]
}

run "a_key_with_a_slip" {
  command = plan

  variables {
    service_overrides = { payments = { "*" = { tme = "15:00" } } }
  }

  expect_failures = [var.service_overrides]
}

run "a_service_in_an_environment_that_is_not_there" {
  command = plan

  variables {
    service_overrides = { payments = { prd = { time = "15:00" } } }
  }

  expect_failures = [var.service_overrides]
}

run "two_tags_of_one_name" {
  command = plan

  variables {
    tag_names = { update_day = "AMI_update_time" }
  }

  expect_failures = [var.tag_names]
}

run "a_tag_of_awss_own" {
  command = plan

  variables {
    tag_names = { update_day = "aws:day" }
  }

  expect_failures = [var.tag_names]
}

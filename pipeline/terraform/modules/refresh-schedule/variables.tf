variable "environment" {
  description = "The environment that the group is in, by the name that environments.yaml gives it."
  type        = string

  validation {
    condition     = contains(keys(var.defaults), var.environment)
    error_message = "There is no environment ${var.environment}: there are ${join(", ", keys(var.defaults))}. Name one of them, or add yours to 'defaults'."
  }
}

variable "service" {
  description = "The service that the group runs, by its key in 'service_overrides'; null for a group that belongs to none."
  type        = string
  default     = null
}

variable "defaults" {
  description = "When the groups of each environment are refreshed, in local time: the same as each environment's schedule in environments.yaml."
  type        = map(map(string))
  nullable    = false
  default = {
    sandbox  = { day = "sun", time = "19:00" }
    dev      = { day = "sun", time = "19:00" }
    qa       = { day = "mon", time = "15:00" }
    test     = { day = "mon", time = "15:00" }
    training = { day = "mon", time = "15:00" }
    build    = { day = "mon", time = "15:00" }
    qa2      = { day = "tue", time = "15:00" }
    stage    = { day = "tue", time = "15:00" }
    prod     = { day = "wed", time = "15:00" }
  }

  validation {
    condition     = alltrue([for schedule in var.defaults : toset(keys(schedule)) == toset(["day", "time"])])
    error_message = "Each environment in 'defaults' needs 'day' and 'time', and nothing else."
  }

  validation {
    condition = length(flatten([for environment, schedule in var.defaults : [
      for name, value in schedule : "${name} of ${environment} is '${coalesce(value, "null")}'"
      if !can(regex(lookup(local.patterns, name, "^$"), lower(value)))
    ]])) == 0
    error_message = "In 'defaults': ${join("; ", flatten([for environment, schedule in var.defaults : [
      for name, value in schedule : "${name} of ${environment} is '${coalesce(value, "null")}'"
      if !can(regex(lookup(local.patterns, name, "^$"), lower(value)))
    ]]))}. ${local.how}"
  }
}

variable "environment_overrides" {
  description = "What the platform changes for all groups of an environment: 'day', 'time' or both, by environment."
  type        = map(map(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.environment_overrides), keys(var.defaults))) == 0
    error_message = "'environment_overrides' names environments that are not there: ${join(", ", setsubtract(keys(var.environment_overrides), keys(var.defaults)))}. There are ${join(", ", keys(var.defaults))}."
  }

  validation {
    condition     = alltrue([for schedule in var.environment_overrides : length(setsubtract(keys(schedule), ["day", "time"])) == 0])
    error_message = "An environment in 'environment_overrides' has 'day' and 'time', and nothing else."
  }

  validation {
    condition = length(flatten([for environment, schedule in var.environment_overrides : [
      for name, value in schedule : "${name} of ${environment} is '${value}'"
      if value != null && !can(regex(lookup(local.patterns, name, ".*"), lower(value)))
    ]])) == 0
    error_message = "In 'environment_overrides': ${join("; ", flatten([for environment, schedule in var.environment_overrides : [
      for name, value in schedule : "${name} of ${environment} is '${value}'"
      if value != null && !can(regex(lookup(local.patterns, name, ".*"), lower(value)))
    ]]))}. ${local.how}"
  }
}

variable "service_overrides" {
  description = "What teams choose for their services: by service, then by environment or \"*\" for all of them, any of 'day', 'time' and 'enabled'. An environment's own goes before \"*\", each value by itself."
  type        = map(map(map(string)))
  default     = {}
  nullable    = false

  validation {
    condition = length(distinct(flatten([for environments in var.service_overrides :
      tolist(setsubtract(keys(environments), concat(keys(var.defaults), ["*"])))
    ]))) == 0
    error_message = "'service_overrides' names environments that are not there: ${join(", ", distinct(flatten([for environments in var.service_overrides :
      tolist(setsubtract(keys(environments), concat(keys(var.defaults), ["*"])))
    ])))}. There are ${join(", ", keys(var.defaults))}, and \"*\" for all of them."
  }

  validation {
    condition = length(distinct(flatten([for environments in var.service_overrides : [
      for schedule in environments : tolist(setsubtract(keys(schedule), keys(local.patterns)))
    ]]))) == 0
    error_message = "'service_overrides' knows 'day', 'time' and 'enabled' for an environment, not ${join(", ", distinct(flatten([for environments in var.service_overrides : [
      for schedule in environments : tolist(setsubtract(keys(schedule), keys(local.patterns)))
    ]])))}."
  }

  validation {
    condition = length(flatten([for service, environments in var.service_overrides : [for environment, schedule in environments : [
      for name, value in schedule : "${name} of ${service} in ${environment} is '${value}'"
      if value != null && !can(regex(lookup(local.patterns, name, ".*"), lower(value)))
    ]]])) == 0
    error_message = "In 'service_overrides': ${join("; ", flatten([for service, environments in var.service_overrides : [for environment, schedule in environments : [
      for name, value in schedule : "${name} of ${service} in ${environment} is '${value}'"
      if value != null && !can(regex(lookup(local.patterns, name, ".*"), lower(value)))
    ]]]))}. ${local.how}"
  }
}

variable "tag_names" {
  description = "The keys of the tags, where environments.yaml has others under 'window_tags'."
  type = object({
    update_day      = optional(string, "AMI_update_day")
    update_time     = optional(string, "AMI_update_time")
    refresh_day     = optional(string, "AMI_refresh_day")
    refresh_time    = optional(string, "AMI_refresh_time")
    refresh_enabled = optional(string, "AMI_refresh_enabled")
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(distinct(values(var.tag_names))) == length(values(var.tag_names))
    error_message = "Two tags have the same key: ${join(", ", values(var.tag_names))}. Give each its own."
  }

  validation {
    condition     = alltrue([for key in values(var.tag_names) : can(regex("^[^[:space:]].{0,126}$", key)) && !startswith(lower(key), "aws:")])
    error_message = "A tag's key has 1 to 127 characters and does not begin with a blank or 'aws:'."
  }
}

variable "propagate_at_launch" {
  description = "Whether instances get the tags too. Nothing reads them there."
  type        = bool
  default     = false
  nullable    = false
}

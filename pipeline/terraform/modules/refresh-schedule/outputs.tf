output "tags" {
  description = "The group's tags, as a map."
  value       = local.tags
}

output "group_tags" {
  description = "The group's tags, for the 'tag' blocks of an aws_autoscaling_group: a list of { key, value, propagate_at_launch }."
  value = [for key, value in local.tags : {
    key                 = key
    value               = value
    propagate_at_launch = var.propagate_at_launch
  }]
}

output "day" {
  description = "The day or days that win: the team's, else the platform's."
  value       = try(local.team.day, local.platform.day)
}

output "time" {
  description = "The time that wins, by the clock of the environment's zone."
  value       = try(local.team.time, local.platform.time)
}

output "enabled" {
  description = "Whether the group is refreshed at all."
  value       = lower(try(local.team.enabled, "true")) == "true"
}

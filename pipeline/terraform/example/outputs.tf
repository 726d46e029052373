output "groups" {
  description = "The groups, and how each names the version of its template."
  value       = { for service, version in local.services : aws_autoscaling_group.this[service].name => version }
}

output "schedule" {
  description = "When each service's group may be refreshed, by the clock of the environment's zone."
  value       = { for service, schedule in module.schedule : service => "${schedule.day} ${schedule.time}" }
}

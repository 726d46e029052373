# A group's day and time, from the platform and from its team, and the tags that say them.
#
# What is valid here is what ami-refresh reads from tags: src/schedule/tags.rs. Asks no provider.

locals {
  day_name = "(?:mon|monday|tue|tues|tuesday|wed|weds|wednesday|thu|thur|thurs|thursday|fri|friday|sat|saturday|sun|sunday)"
  days     = "${local.day_name}(?: *- *${local.day_name})?"
  # What each value must match, in small letters, and whole.
  patterns = {
    day     = "^ *${local.days}(?: *, *${local.days})* *$"
    time    = "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"
    enabled = "^(?:true|false)$"
  }
  how = "A day is 'mon', 'thurs', 'friday', a list such as 'mon, wed' or a range such as 'mon-fri'; a time is 'HH:MM', from '00:00' to '23:59'; enabled is true or false."

  # A value that is null says nothing.
  platform = merge([for schedule in [
    try(var.defaults[var.environment], {}),
    try(var.environment_overrides[var.environment], {}),
  ] : { for name, value in schedule : name => value if value != null }]...)
  team = merge([for schedule in [
    try(var.service_overrides[var.service]["*"], {}),
    try(var.service_overrides[var.service][var.environment], {}),
  ] : { for name, value in schedule : name => value if value != null }]...)

  tags = tomap(merge(
    {
      (var.tag_names.update_day)  = try(local.platform.day, null)
      (var.tag_names.update_time) = try(local.platform.time, null)
    },
    # The team's tags stand beside the platform's, so that both can be seen.
    { for name, value in local.team : var.tag_names["refresh_${name}"] => value },
  ))
}

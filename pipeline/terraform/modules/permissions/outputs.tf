output "role_arn" {
  description = "The role's ARN."
  value       = aws_iam_role.this.arn
}

output "policy" {
  description = "The role's policy, in JSON."
  value       = local.policy
}

output "instance_profile" {
  description = "The name of the instance profile, where there is one."
  value       = one(aws_iam_instance_profile.this[*].name)
}

variable "environment" {
  description = "The environment whose role is made, in its own account; null for the home role, which the pipeline has."
  type        = string
  default     = null

  validation {
    condition     = var.environment == null ? true : fileexists("${coalesce(var.policies, "${path.module}/policies")}/${var.environment}.json")
    error_message = "There is no policy for ${coalesce(var.environment, "the home role")}: name an environment of environments.yaml that has a role, and run 'generate' after a change of that file."
  }
}

variable "policies" {
  description = "The directory that 'generate' wrote; null for the one beside this module."
  type        = string
  default     = null

  validation {
    condition     = fileexists("${coalesce(var.policies, "${path.module}/policies")}/home.json")
    error_message = "There are no policies in ${coalesce(var.policies, "${path.module}/policies")}: run 'generate' with that directory."
  }
}

variable "role_name" {
  description = "The role's name. Of an environment's role: as its 'role_arn' in environments.yaml says."
  type        = string
  default     = "ami-refresh"
  nullable    = false
}

variable "role_path" {
  description = "The role's path. Of an environment's role: as its 'role_arn' in environments.yaml says."
  type        = string
  default     = "/"
  nullable    = false
}

variable "home_role_arn" {
  description = "Who assumes an environment's role: the ARN of the home role, or of the user whose access key the pipeline has."
  type        = string
  default     = null

  validation {
    condition     = var.environment == null ? true : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$", var.home_role_arn))
    error_message = "An environment's role needs 'home_role_arn', the ARN of the role (or, with access keys, the user) that assumes it, such as arn:aws:iam::100000000000:role/ami-refresh-pipeline."
  }
}

variable "home_trust" {
  description = "Who has the home role, as a trust policy in JSON: the agents' service, or an identity provider."
  type        = string
  default     = null

  validation {
    condition     = var.environment != null ? true : can(jsondecode(var.home_trust).Statement)
    error_message = "The home role needs 'home_trust', a trust policy in JSON that says who has it."
  }
}

variable "external_id" {
  description = "The environment's external id, where environments.yaml keeps it in a variable or a file."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.external_id == null ? true : length(var.external_id) >= 2 && length(var.external_id) <= 1224 && can(regex("^[A-Za-z0-9_+=,.@:/-]+$", var.external_id))
    error_message = "An external id has 2 to 1224 letters, digits and _ + = , . @ : / -."
  }
}

variable "instance_profile" {
  description = "Whether the role can be given to EC2 instances: for agents that have the home role by it."
  type        = bool
  default     = false
  nullable    = false
}

variable "permissions_boundary" {
  description = "The ARN of the role's permissions boundary."
  type        = string
  default     = null
}

variable "tags" {
  description = "The role's tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

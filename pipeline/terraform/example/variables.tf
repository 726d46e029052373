variable "region" {
  description = "The region of the groups."
  type        = string
  default     = "eu-west-2"
}

variable "environment" {
  description = "The environment, by its name in environments.yaml, which selects groups by the tag 'Environment'."
  type        = string
  default     = "sandbox"
}

variable "image_id" {
  description = "The image that templates begin with: one of the family that the groups will run. Later ones come from ami-refresh, and a change here does nothing."
  type        = string

  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", var.image_id))
    error_message = "'${var.image_id}' is not an image's id, such as ami-0f1e2d3c4b5a69788."
  }
}

variable "instance_type" {
  description = "The type of all instances."
  type        = string
  default     = "m6i.large"
}

variable "subnet_ids" {
  description = "The subnets that instances are launched in."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "Name at least one subnet."
  }
}

variable "size" {
  description = "How many instances a group has at least and at most."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 6 }
}

variable "service_overrides" {
  description = "What teams choose for their services: see modules/refresh-schedule."
  type        = map(map(map(string)))
  default     = {}
}

# What an organisation sets, in a file of its own (`packer/our.auto.pkrvars.hcl`, which is read by itself).

# --- What is built -----------------------------------------------------------------------------

variable "family" {
  description = "The family of the images, as pipeline/environments.yaml names it."
  type        = string
  default     = "base"

  validation {
    condition     = var.family != "" && regex_replace(var.family, "^[a-z][a-z0-9-]{0,30}$", "") == ""
    error_message = "The family is a name such as base: lower case letters, digits and hyphens."
  }
}

variable "name_prefix" {
  description = "What images are named by, before the time and the architecture. The family's `previous.name` in pipeline/environments.yaml has to match it."
  type        = string
  default     = "dept-base"

  validation {
    condition     = var.name_prefix != "" && regex_replace(var.name_prefix, "^[a-z][a-z0-9-]{1,60}[a-z0-9]$", "") == ""
    error_message = "The name's prefix is lower case letters, digits and hyphens, such as dept-base."
  }
}

variable "source_owner" {
  description = "The account, or its alias, that publishes the images that are built upon."
  type        = string
  default     = "amazon"

  validation {
    condition     = var.source_owner != "" && regex_replace(var.source_owner, "^([0-9]{12}|amazon|aws-marketplace|self)$", "") == ""
    error_message = "The owner is an account of 12 digits, amazon, aws-marketplace, or self: never an image of just anybody."
  }
}

variable "source_name" {
  description = "The name of the images that are built upon, without its architecture: `-x86_64` or `-arm64` follows."
  type        = string
  default     = "al2023-ami-2023.*-kernel-6.12"

  validation {
    condition     = var.source_name != "" && regex_replace(var.source_name, "^[^*?]{4}.*$", "") == ""
    error_message = "The source's name begins with at least four characters that are no wildcards, such as al2023-ami-2023.*."
  }
}

variable "ssh_username" {
  description = "Who the source image lets in: ec2-user on Amazon Linux, admin on Debian, ubuntu on Ubuntu."
  type        = string
  default     = "ec2-user"

  validation {
    condition     = var.ssh_username != "" && regex_replace(var.ssh_username, "^[a-z_][a-z0-9_-]{0,30}$", "") == "" && var.ssh_username != "root"
    error_message = "The user is a plain name, and not root, who is not let in by ssh."
  }
}

variable "services" {
  description = "systemd services that an image is to start with; the self-test holds it to that."
  type        = list(string)
  default     = ["sshd", "chronyd", "amazon-ssm-agent"]

  validation {
    condition     = length([for name in var.services : name if regex_replace(name, "^[A-Za-z0-9@._-]+$", "") != "" || name == ""]) == 0
    error_message = "Services are names of systemd units without .service, such as chronyd."
  }
}

variable "builds" {
  description = "How many sources this run builds: 2, or 1 where -only names one. There is no candidate before all of them are there."
  type        = number
  default     = 2

  validation {
    condition     = contains([1, 2], var.builds)
    error_message = "This template has two sources: builds is 1 or 2."
  }
}

# --- Where it is built, and who gets it --------------------------------------------------------

variable "region" {
  description = "The region that the images are built in."
  type        = string
  default     = "eu-west-2"

  validation {
    condition     = var.region != "" && regex_replace(var.region, "^[a-z]{2}(-[a-z]+)+-[0-9]$", "") == ""
    error_message = "A region is a name such as eu-west-2."
  }
}

variable "ami_regions" {
  description = "Further regions that the images are copied to. The configuration has to name all of them."
  type        = list(string)
  default     = []

  validation {
    condition     = length([for name in var.ami_regions : name if regex_replace(name, "^[a-z]{2}(-[a-z]+)+-[0-9]$", "") != "" || name == ""]) == 0
    error_message = "Regions are names such as eu-west-1."
  }
}

variable "ami_users" {
  description = "The accounts of the environments. An image encrypted with the account's default key can't be shared: set kms_key_id too."
  type        = list(string)
  default     = []

  validation {
    condition     = length([for account in var.ami_users : account if regex_replace(account, "^[0-9]{12}$", "") != "" || account == ""]) == 0
    error_message = "Accounts are 12 digits each, in quotes."
  }
}

variable "kms_key_id" {
  description = "The key that root volumes are encrypted with, as an ARN or alias; empty for the account's default key."
  type        = string
  default     = ""

  validation {
    condition     = regex_replace(var.kms_key_id, "^(|alias/[A-Za-z0-9/_-]+|(mrk-)?[0-9a-f-]{32,36}|arn:aws[a-z-]*:kms:.+)$", "") == ""
    error_message = "A key is an ARN, an id, or alias/NAME."
  }
}

variable "region_kms_key_ids" {
  description = "The key for each region of ami_regions, by region; empty for default keys everywhere."
  type        = map(string)
  default     = {}
}

variable "subnet_id" {
  description = "The subnet of the build instances; empty for the default one."
  type        = string
  default     = ""

  validation {
    condition     = regex_replace(var.subnet_id, "^(|subnet-[0-9a-f]{8,17})$", "") == ""
    error_message = "A subnet is an id such as subnet-0a1b2c3d4e5f60718."
  }
}

variable "ssh_interface" {
  description = "The address that the build instances are reached by. session_manager needs iam_instance_profile, and AWS's plugin on the agent."
  type        = string
  default     = "private_ip"

  validation {
    condition     = contains(["private_ip", "public_ip", "session_manager"], var.ssh_interface)
    error_message = "The interface is private_ip, public_ip or session_manager."
  }
}

variable "ssh_from" {
  description = "The networks that may reach the build instances by ssh: the agents'."
  type        = list(string)
  default     = ["10.0.0.0/8"]

  validation {
    condition     = length(var.ssh_from) > 0 && length([for block in var.ssh_from : block if regex_replace(block, "^[0-9.]+/([89]|[12][0-9]|3[0-2])$", "") != "" || block == ""]) == 0
    error_message = "Networks are such as 10.1.0.0/16, and no wider than /8: the build instances are not for everybody to reach."
  }
}

variable "iam_instance_profile" {
  description = "The instance profile of the build instances; empty for none."
  type        = string
  default     = ""
}

# --- What is told about it ---------------------------------------------------------------------

variable "build_number" {
  description = "The number of the build, for tags; Jenkins sets BUILD_NUMBER."
  type        = string
  default     = env("BUILD_NUMBER")
}

variable "build_url" {
  description = "The page of the build, for tags; Jenkins sets BUILD_URL."
  type        = string
  default     = env("BUILD_URL")
}

variable "commit" {
  description = "The commit that is built, for tags; Jenkins sets GIT_COMMIT."
  type        = string
  default     = env("GIT_COMMIT")
}

variable "tags" {
  description = "Further tags of everything that a build makes, such as a cost centre."
  type        = map(string)
  default     = {}
}

variable "manifest" {
  description = "Where Packer notes what it built, for `ami-refresh candidate --from-packer`."
  type        = string
  default     = "packer-manifest.json"
}

variable "candidate" {
  description = "Where the hook has `ami-refresh candidate` write the candidate."
  type        = string
  default     = "candidate.json"
}

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.region

  # A rollout marks the groups that it works on. Without this, an apply meanwhile would take the
  # marks away, and with them what the rollout needs to go on or back.
  ignore_tags {
    key_prefixes = ["ami-refresh:"]
  }
}

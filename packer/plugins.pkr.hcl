# What `packer init` fetches. Packer 1.6 has the builder built in and knows no such block: leave
# this file out there.
packer {
  required_version = ">= 1.7.0"

  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.0, < 2.0.0"
    }
  }
}

# A base image for two architectures: patched, hardened, cleaned, and tested before it is made.
#
#   packer init packer && packer build packer       # from the root of the repository
#
# What to set: variables.pkr.hcl. How it works: docs/packer.md.

locals {
  # Sorts by time, and is matched by the family's `previous.name` in pipeline/environments.yaml.
  name = "${var.name_prefix}-${formatdate("YYYYMMDD-hhmmss", timestamp())}"

  # Of images and their snapshots, build instances and their volumes. `ami-refresh:` tags are not
  # set here: they say that an image was verified.
  origin = {
    Family   = var.family
    Build    = var.build_number
    BuildUrl = var.build_url
    Commit   = var.commit
    BuiltBy  = "packer"
  }
  tags = merge(var.tags, { for key, value in local.origin : key => value if value != "" })
}

source "amazon-ebs" "base-x86_64" {
  region        = var.region
  instance_type = "t3.small"

  source_ami_filter {
    owners      = [var.source_owner]
    most_recent = true
    filters = {
      name                = "${var.source_name}-x86_64"
      architecture        = "x86_64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  ami_name        = "${local.name}-x86_64"
  ami_description = "${var.family} for x86_64, from ${var.source_name}"
  tags            = merge(local.tags, { Name = "${local.name}-x86_64", Architecture = "x86_64", Source = "{{ .SourceAMI }} {{ .SourceAMIName }}" })
  run_tags        = merge(local.tags, { Name = "packer ${local.name}-x86_64" })
  run_volume_tags = merge(local.tags, { Name = "packer ${local.name}-x86_64" })

  ami_regions        = var.ami_regions
  ami_users          = var.ami_users
  encrypt_boot       = true
  kms_key_id         = var.kms_key_id
  region_kms_key_ids = var.region_kms_key_ids

  # Packer 1.7 and later {
  imds_support = "v2.0"

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  # }

  ssh_username                          = var.ssh_username
  ssh_interface                         = var.ssh_interface
  subnet_id                             = var.subnet_id
  temporary_security_group_source_cidrs = var.ssh_from
  iam_instance_profile                  = var.iam_instance_profile
}

source "amazon-ebs" "base-arm64" {
  region        = var.region
  instance_type = "t4g.small"

  source_ami_filter {
    owners      = [var.source_owner]
    most_recent = true
    filters = {
      name                = "${var.source_name}-arm64"
      architecture        = "arm64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  ami_name        = "${local.name}-arm64"
  ami_description = "${var.family} for arm64, from ${var.source_name}"
  tags            = merge(local.tags, { Name = "${local.name}-arm64", Architecture = "arm64", Source = "{{ .SourceAMI }} {{ .SourceAMIName }}" })
  run_tags        = merge(local.tags, { Name = "packer ${local.name}-arm64" })
  run_volume_tags = merge(local.tags, { Name = "packer ${local.name}-arm64" })

  ami_regions        = var.ami_regions
  ami_users          = var.ami_users
  encrypt_boot       = true
  kms_key_id         = var.kms_key_id
  region_kms_key_ids = var.region_kms_key_ids

  # Packer 1.7 and later {
  imds_support = "v2.0"

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  # }

  ssh_username                          = var.ssh_username
  ssh_interface                         = var.ssh_interface
  subnet_id                             = var.subnet_id
  temporary_security_group_source_cidrs = var.ssh_from
  iam_instance_profile                  = var.iam_instance_profile
}

build {
  sources = [
    "source.amazon-ebs.base-x86_64",
    "source.amazon-ebs.base-arm64",
  ]

  # In this order: cleaning undoes what the others leave behind, and the self-test holds the
  # result to what is promised. Where it fails there is no image.
  provisioner "shell" {
    scripts = [
      "${path.root}/scripts/update",
      "${path.root}/scripts/harden",
      "${path.root}/scripts/clean",
      "${path.root}/scripts/self-test",
    ]
    environment_vars = ["SERVICES=${join(" ", var.services)}"]
    execute_command  = "sudo -n env {{ .Vars }} sh {{ .Path }}"
  }

  # One after the other: the hook reads what the manifest says of this run.
  post-processors {
    post-processor "manifest" {
      output     = var.manifest
      strip_path = true
    }

    post-processor "shell-local" {
      script = "${path.root}/hook"
      environment_vars = [
        "FAMILY=${var.family}",
        "BUILDS=${var.builds}",
        "MANIFEST=${var.manifest}",
        "CANDIDATE=${var.candidate}",
        "BUILD_NUMBER=${var.build_number}",
        "BUILD_URL=${var.build_url}",
        "GIT_COMMIT=${var.commit}",
      ]
    }
  }
}

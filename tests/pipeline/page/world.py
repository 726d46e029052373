"""Configurations and scenarios that pages are made from, each written into a directory, whose path is given."""

import json

# An image has room for fifty tags, and each environment's gate is one.
ENVIRONMENTS = 40
# The simulator gives each environment five groups in every region: 500 of them here.
FEW = 10
REGIONS = ["eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1",
           "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1"]
HUNDREDS = FEW * len(REGIONS) * 5
# The application whose groups fail in the last of those environments.
FAILING = "orders"

ENVIRONMENT = """
  - name: {name}
    account: "{account}"
    role_arn: arn:aws:iam::{account}:role/ami-refresh
    select: {{ tags: {{ Environment: {name} }} }}
    gate: {{ requires: [{requires}] }}
    checks: [{checks}]
"""
HEAD = """version: 1
timezone: Europe/London
families:
  base:
    previous: {{ name: "dept-base-*", owners: [self] }}
defaults:
  regions: [{regions}]
  refresh: {{ min_healthy: 90, max_healthy: 110, bake: 10m, canary: 1, groups_at_once: 10, max_failures: 1 }}
environments:
"""
CHECKS = """
checks:
  app-health:
    http: {{ url: "http://{{private_ip}}:8080/health", json: {{ $.status: UP }}, within: {within} }}
    retry: {{ for: {retry}, every: 10s }}
{settings}
"""


def _configuration(directory, names, regions="eu-west-2", requires="", checks="instances", settings=None, within="2s", retry="1m"):
    """`requires` names what every environment but the first requires; without `settings` there are no checks of applications."""
    environment = [ENVIRONMENT.format(name=name, account=200000000000 + at, checks=checks, requires=requires if at else "")
                   for at, name in enumerate(names)]
    tail = "checks: {}\n" if settings is None else CHECKS.format(settings=settings, within=within, retry=retry)
    path = directory / "environments.yaml"
    path.write_text(HEAD.format(regions=regions) + "".join(environment) + tail)
    return path


def many_environments(directory):
    """Two hundred groups in forty environments."""
    return _configuration(directory, [f"e{number:03}" for number in range(1, ENVIRONMENTS + 1)])


def hundreds(directory):
    """Five hundred groups in ten environments of ten regions, whose last one is production."""
    names = [f"e{number:03}" for number in range(1, FEW)] + ["prod"]
    return _configuration(directory, names, ", ".join(REGIONS), checks="instances, app-health", settings="")


def manifest(directory):
    """A Packer manifest of one build with an image in each region."""
    images = ",".join(f"{region}:ami-{0x426b4f8f90d840000 + at:017x}" for at, region in enumerate(REGIONS))
    build = {"name": "base", "builder_type": "amazon-ebs", "build_time": 1795293341, "files": None,
             "artifact_id": images, "packer_run_uuid": "one", "custom_data": None}
    path = directory / "packer-manifest.json"
    path.write_text(json.dumps({"builds": [build], "last_run_uuid": "one"}))
    return path


def baselines(directory, allowed):
    """Two environments whose check is asked before the refresh too."""
    settings = "    baseline: true" + ("\n    allow_preexisting: true" if allowed else "")
    return _configuration(directory, ["dev", "prod"], requires="dev", checks="instances, app-health", settings=settings)


def steps(directory):
    """Two environments for steps against a simulator's fast clock, whose checks are as patient as that needs."""
    return _configuration(directory, ["dev", "prod"], requires="dev", checks="instances, app-health", settings="",
                          within="5m", retry="30m")


def always_ill(directory):
    """A scenario: one application answers 500, on whatever image."""
    return _scenario(directory, "ill-before", "an application is ill on every image",
                     f"groups: '{FAILING}-*'\n    application: {{ on: all, status: 500, body: 'no database' }}")


def ill_last(directory):
    """A scenario: one application in the last environment is ill on the new image."""
    return _scenario(directory, "ill-in-prod", "an application in prod can't bear the new image",
                     f"groups: {FAILING}-prod\n    application: {{ on: new, status: 503, body: 'no database' }}")


def _scenario(directory, name, about, effect):
    path = directory / f"{name}.yaml"
    path.write_text(f'name: {name}\nabout: "{about}"\neffects:\n  - {effect}\n')
    return path

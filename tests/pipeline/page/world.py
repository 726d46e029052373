"""A configuration of many environments: the simulator gives each of them five groups."""

# An image has room for fifty tags, and each environment's gate is one.
ENVIRONMENTS = 40

ENVIRONMENT = """
  - name: {name}
    account: "{account}"
    role_arn: arn:aws:iam::{account}:role/ami-refresh
    select: {{ tags: {{ Environment: {name} }} }}
    gate: {{ requires: [] }}
    checks: [instances]
"""
HEAD = """version: 1
timezone: Europe/London
families:
  base:
    previous: { name: "dept-base-*", owners: [self] }
defaults:
  regions: [eu-west-2]
  refresh: { min_healthy: 90, max_healthy: 110, bake: 10m, canary: 1, groups_at_once: 10 }
environments:
"""


def many_environments(directory):
    """Writes it into the directory and gives its path."""
    names = [f"e{number:03}" for number in range(1, ENVIRONMENTS + 1)]
    texts = [ENVIRONMENT.format(name=name, account=f"{200000000000 + at}") for at, name in enumerate(names)]
    path = directory / "environments.yaml"
    path.write_text(HEAD + "".join(texts) + "checks: {}\n")
    return path

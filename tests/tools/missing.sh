# Installs what the tests need and the machine lacks. Sourced, with `root` set to the repository's own.
# shellcheck shell=bash disable=SC2154

# What a step or test returns when it could not be run here.
# shellcheck disable=SC2034
cannot=77

# debian PACKAGE...: installs Debian packages where that is possible.
debian() {
  local sudo=()
  command -v apt-get >/dev/null || { echo "there is no apt-get to install $* with"; return 1; }
  if [[ $(id -u) != 0 ]]; then
    sudo=(sudo -n)
    "${sudo[@]}" true 2>/dev/null || { echo "next: apt-get install $* (as root)"; return 1; }
  fi
  echo "installing from Debian: $*"
  # Somebody else may be installing at this moment: that is waited for.
  "${sudo[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq "$@" >/dev/null
}

# command_of COMMAND PACKAGE: makes sure of a command that a Debian package has.
command_of() {
  command -v "$1" >/dev/null || debian "$2" || { echo "there is no $1, and it could not be installed"; return 1; }
}

# python_with FILE: makes sure of target/venv and of what a requirements file names.
python_with() {
  local venv=$root/target/venv stamp
  stamp=$venv/has-$(sha256sum <"$1" | cut -c 1-16)
  [[ -f $stamp ]] && return 0
  command_of python3 python3 || return 1
  if [[ ! -x $venv/bin/pip ]]; then
    mkdir -p -- "$root/target"
    if ! python3 -m venv "$venv" >/dev/null 2>&1; then
      debian python3-venv && python3 -m venv --clear "$venv" || return 1
    fi
  fi
  echo "installing from PyPI into target/venv: $(basename -- "$(dirname -- "$1")")/$(basename -- "$1")"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$1" || return 1
  touch -- "$stamp"
}
